// Compiled into libggml: where C programs find the backends' modules.
#include "ggml-backend.h"

#ifdef _WIN32
#include <windows.h>
#else
#include <dlfcn.h>
#endif

#include <filesystem>
#include <system_error>

// Upstream's, renamed: given no folder, it looks in the program's and in the current one.
extern "C" void llamacffi_upstream_load_all_from_path(const char * folder);

// The folder of the library that this is compiled into.
static std::filesystem::path own_folder() {
#ifdef _WIN32
    HMODULE module = nullptr;
    wchar_t file[32768];
    const DWORD how = GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT;
    if (!GetModuleHandleExW(how, (LPCWSTR) &own_folder, &module)) return {};
    return std::filesystem::path(file, file + GetModuleFileNameW(module, file, 32768)).parent_path();
#else
    Dl_info info;
    std::error_code error;
    if (!dladdr((const void *) &own_folder, &info)) return {};
    return std::filesystem::absolute(info.dli_fname, error).parent_path();
#endif
}

void ggml_backend_load_all_from_path(const char * folder) {
    if (folder) return llamacffi_upstream_load_all_from_path(folder);
    // The CPU's backend comes last: where it is, all have been loaded, here or by Python, which may have chosen others.
    if (ggml_backend_reg_by_name("CPU")) return;
    const std::filesystem::path here = own_folder();
    if (!here.empty()) llamacffi_upstream_load_all_from_path(here.u8string().c_str());
}

void ggml_backend_load_all(void) { ggml_backend_load_all_from_path(nullptr); }
