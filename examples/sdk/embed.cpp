// A C++ program that embeds Python and shares one model with it:
// c++ embed.cpp $(python3-config --includes) $(python -m llamacffi --cflags --libs) $(python3-config --embed --ldflags) -o embed
// ./embed "$(which python)" model.gguf "Once upon a time"
#include <Python.h>

#include <cstdint>
#include <cstdio>
#include <vector>

#include "ggml-backend.h"
#include "greedy.h"

static const char * const code = R"(
import llamacffi

def backends():
    llamacffi.backends.load_backends()
    return llamacffi.ggml_backend_reg_count()

def tokens(address, prompt):
    model = llamacffi.from_address("struct llama_model *", address)
    assert llamacffi.address_of(model) == address
    with llamacffi.Model.from_handle(model) as borrowed:  # which does not free it
        generation = borrowed.generate(prompt, max_tokens=8, n_ctx=256, n_threads=2, temperature=0)
        generation.text()
        return generation.tokens
)";

static bool start(const char * python) {
    PyConfig config;
    PyConfig_InitPythonConfig(&config);
    PyStatus status = PyConfig_SetBytesString(&config, &config.program_name, python);  // whose packages are found
    if (!PyStatus_Exception(status)) status = Py_InitializeFromConfig(&config);
    PyConfig_Clear(&config);
    return !PyStatus_Exception(status);
}

static void print(const char * name, const std::vector<long> & numbers) {
    std::printf("%s", name);
    for (long number : numbers) std::printf(" %ld", number);
    std::printf("\n");
}

int main(int argc, char ** argv) {
    if (argc != 4) {
        std::fprintf(stderr, "usage: %s PYTHON MODEL PROMPT\n", argv[0]);
        return 2;
    }
    ggml_backend_load_all();
    llama_model * model = llama_model_load_from_file(argv[2], llama_model_default_params());
    if (!model || !start(argv[1])) return 1;
    const long before = (long) ggml_backend_reg_count();

    PyObject * names = PyModule_GetDict(PyImport_AddModule("__main__"));
    PyObject * ran = PyRun_String(code, Py_file_input, names, names);
    PyObject * backends = ran ? PyObject_CallFunction(PyDict_GetItemString(names, "backends"), nullptr) : nullptr;
    PyObject * found = backends ? PyObject_CallFunction(PyDict_GetItemString(names, "tokens"), "Ks",
        (unsigned long long) (uintptr_t) model, argv[3]) : nullptr;
    if (!found) {
        PyErr_Print();
        return 1;
    }
    print("backends", {before, PyLong_AsLong(backends), (long) ggml_backend_reg_count()});
    std::vector<long> numbers;
    for (Py_ssize_t i = 0; i < PyList_Size(found); i++) numbers.push_back(PyLong_AsLong(PyList_GetItem(found, i)));
    print("python", numbers);

    llama_token tokens[8];
    PyThreadState * thread = PyEval_SaveThread();  // llama.cpp's log enters Python from whichever thread writes to it
    const int n = greedy(model, argv[3], tokens, 8);  // the same model, now from here
    PyEval_RestoreThread(thread);
    print("c++", std::vector<long>(tokens, tokens + (n < 0 ? 0 : n)));
    Py_XDECREF(found);
    Py_XDECREF(backends);
    Py_XDECREF(ran);
    const bool ended = Py_FinalizeEx() == 0;
    llama_model_free(model);
    return !ended;
}
