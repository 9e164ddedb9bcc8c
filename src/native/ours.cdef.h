/* What the Python package sees of the C in this folder, for cffi. */

/* backends.h, forwarded.h */
extern int llamacffi_backends_loaded;
void *llamacffi_module_open(const char *path);
void *llamacffi_module_symbol(void *module, const char *name);
void llamacffi_module_close(void *module);
const char *llamacffi_module_error(void);
int llamacffi_module_score(void *module);
const char *llamacffi_module_of(const char *name);
extern "Python+C" int llamacffi_load_backends(void);
extern "Python+C" void *llamacffi_find(const char *module, const char *name);

/* errors.h */
enum llamacffi_error_kind {
    LLAMACFFI_ERROR_ARGUMENT,
    LLAMACFFI_ERROR_FREED,
    LLAMACFFI_ERROR_BUSY,
    LLAMACFFI_ERROR_ASSERTION,
    LLAMACFFI_ERROR_EXCEPTION,
    LLAMACFFI_ERROR_CALLBACK,
    LLAMACFFI_ERROR_BACKEND,
    LLAMACFFI_ERROR_ENDED,
    ...
};
struct llamacffi_error {
    int kind;
    const char *function, *argument, *message, *native;
    ...;
};
extern int llamacffi_pending;
bool llamacffi_failed(void);
const struct llamacffi_error *llamacffi_last_error(void);
const char *llamacffi_call_log(void);
void llamacffi_backend_missing(const char *message);
bool llamacffi_adopt(const char *kind, void *handle);
void llamacffi_end(void);

/* can_save.h */
bool llamacffi_can_save(const struct llama_model *model);

/* log.h */
void llamacffi_log_problems(enum ggml_log_level level, const char *text, void *user_data);

/* callbacks.py */
extern "Python" bool llamacffi_progress(float progress, void *user_data);
