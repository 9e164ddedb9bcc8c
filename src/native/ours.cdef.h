/* What the Python package sees of the C in this folder, for cffi. */

/* backends.h, forwarded.h */
extern int llamacffi_backends_loaded;
void *llamacffi_module_open(const char *path);
void *llamacffi_module_symbol(void *module, const char *name);
void llamacffi_module_close(void *module);
const char *llamacffi_module_error(void);
int llamacffi_module_score(void *module);
const char *llamacffi_module_of(const char *name);
extern "Python" int llamacffi_load_backends(void);
extern "Python" void *llamacffi_find(const char *module, const char *name);

/* can_save.h */
bool llamacffi_can_save(const struct llama_model *model);

/* log.h */
void llamacffi_log_problems(enum ggml_log_level level, const char *text, void *user_data);

/* callbacks.py */
extern "Python" bool llamacffi_progress(float progress, void *user_data);
