/* The extension's side of the backends: each is a module, loaded at run time from the package's own folder.
 *
 * Which files there are, and which of them to load, is backends.py's business; here is what needs C.
 */
#include <string.h>

#ifdef _WIN32
#include <windows.h>
#else
#include <dlfcn.h>
#endif

#ifdef _WIN32
static void *llamacffi_module_open(const char *path) {
    wchar_t wide[32768];
    if (!MultiByteToWideChar(CP_UTF8, 0, path, -1, wide, 32768)) return NULL;
    return (void *)LoadLibraryExW(wide, NULL, LOAD_WITH_ALTERED_SEARCH_PATH);
}
static void *llamacffi_module_symbol(void *module, const char *name) {
    return (void *)GetProcAddress((HMODULE)module, name);
}
static void llamacffi_module_close(void *module) { FreeLibrary((HMODULE)module); }
static const char *llamacffi_module_error(void) { return ""; }
#else
static void *llamacffi_module_open(const char *path) { return dlopen(path, RTLD_NOW | RTLD_LOCAL); }
static void *llamacffi_module_symbol(void *module, const char *name) { return dlsym(module, name); }
static void llamacffi_module_close(void *module) { dlclose(module); }
static const char *llamacffi_module_error(void) {
    const char *error = dlerror();
    return error ? error : "";
}
#endif

/* ggml's score of this module on this machine: 0 if it can't run here, 1 if it does not say. */
static int llamacffi_module_score(void *module) {
    int (*score)(void) = (int (*)(void))llamacffi_module_symbol(module, "ggml_backend_score");
    return score ? score() : 1;
}

/* The file of the library or module that has this address in it, NULL if there is none; the path as the system has it,
 * UTF-8 on Windows. */
static const char *llamacffi_file_of(const void *address) {
#ifdef _WIN32
    static char path[32768];
    wchar_t wide[32768];
    HMODULE module;
    const DWORD flags = GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT;
    if (!GetModuleHandleExW(flags, (const wchar_t *)address, &module)) return NULL;
    if (!GetModuleFileNameW(module, wide, 32768)) return NULL;
    return WideCharToMultiByte(CP_UTF8, 0, wide, -1, path, sizeof path, NULL, NULL) ? path : NULL;
#else
    Dl_info info;
    return dladdr(address, &info) ? info.dli_fname : NULL;
#endif
}
static const char *llamacffi_llama_file(void) { return llamacffi_file_of((const void *)llama_backend_init); }

/* ggml's own search for modules, which the guard's ggml_backend_load_all is not. */
static void llamacffi_load_all(void) {
#ifdef LLAMACFFI_HAS_ggml_backend_load_all /* else there are no modules */
    ggml_backend_load_all();
#endif
}

/* A backend that is registered with ggml, without loading any as the call through the guard does; NULL: no such index. */
static ggml_backend_reg_t llamacffi_registered(size_t index) {
    return index < ggml_backend_reg_count() ? ggml_backend_reg_get(index) : NULL;
}
