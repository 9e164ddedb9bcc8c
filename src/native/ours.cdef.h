/* What the Python package sees of the C in this folder, for cffi. */

/* backends.h, forwarded.h */
extern int llamacffi_backends_loaded;
void *llamacffi_module_open(const char *path);
void *llamacffi_module_symbol(void *module, const char *name);
void llamacffi_module_close(void *module);
const char *llamacffi_module_error(void);
int llamacffi_module_score(void *module);
const char *llamacffi_file_of(const void *address);
const char *llamacffi_llama_file(void);
void llamacffi_load_all(void);
ggml_backend_reg_t llamacffi_registered(size_t index);
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
    LLAMACFFI_ERROR_WORKER,
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
bool llamacffi_is_freed(const char *kind, const void *handle);
const uint32_t *llamacffi_version(const char *kind, const void *handle);
void llamacffi_end(void);

/* batches.h */
void llamacffi_batch_write(struct llama_batch *batch, int32_t at, const llama_token *tokens, int32_t n, llama_pos pos,
    const llama_seq_id *seq_ids, int32_t n_seq_ids, int outputs);

/* rpc.cpp */
void llamacffi_watch_workers(void *set_hooks);

/* measures.h */
struct llamacffi_measure {
    const char *function, *record;
    size_t size, loaded;
    ...;
};
const char *llamacffi_told(void);
bool llamacffi_differs(int index, struct llamacffi_measure *measure);

/* can_save.h */
bool llamacffi_can_save(const struct llama_model *model);

/* loop.h */
enum llamacffi_stop {
    LLAMACFFI_STOP_NONE,
    LLAMACFFI_STOP_EOG,
    LLAMACFFI_STOP_TEXT,
    LLAMACFFI_STOP_LENGTH,
    LLAMACFFI_STOP_CANCELLED,
    LLAMACFFI_STOP_DEADLINE,
    ...
};
struct llamacffi_sequence {
    const char *text;
    size_t text_size;
    const llama_token *tokens;
    size_t n_tokens;
    llama_pos pos;
    int32_t n_prompt, stop;
    int64_t prompt_us, text_us;
    ...;
};
struct llamacffi_choice {
    struct llama_sampler *sampler;
    int32_t n_members, first, k;
    int64_t callback;
    ...;
};
struct llamacffi_loop;
struct llamacffi_loop *llamacffi_loop_new(struct llama_context *ctx);
void llamacffi_loop_free(struct llamacffi_loop *loop);
struct llamacffi_sequence *llamacffi_loop_add(struct llamacffi_loop *loop, llama_seq_id seq, const llama_token *tokens,
    int32_t n_tokens, llama_pos pos, const struct llamacffi_choice *choice, int32_t n_predict, llama_pos limit,
    bool ignore_eog);
void llamacffi_loop_stop_text(struct llamacffi_sequence *sequence, const char *text, size_t size);
void llamacffi_loop_stop_token(struct llamacffi_sequence *sequence, llama_token token);
void llamacffi_loop_remove(struct llamacffi_loop *loop, struct llamacffi_sequence *sequence);
void llamacffi_loop_draft(struct llamacffi_loop *loop, struct llama_context *draft, int32_t n_draft);
int32_t llamacffi_loop_step(struct llamacffi_loop *loop, int32_t n_tokens, int64_t us);
void llamacffi_loop_cancel(struct llamacffi_loop *loop);
void llamacffi_loop_deadline(struct llamacffi_loop *loop, int64_t us);

/* files.h */
FILE *llamacffi_open_file(int descriptor, int64_t position);
void llamacffi_close_file(FILE *file);

/* tokenize.h */
int64_t llamacffi_tokenize_many(const struct llama_vocab *vocab, const char *texts, const int64_t *ends, int64_t n,
    bool add_special, bool parse_special, llama_token **tokens, int64_t *token_ends);
void llamacffi_free_tokens(llama_token *tokens);
int64_t llamacffi_join(const struct llama_vocab *vocab, const llama_token *tokens, int64_t n, char *text, int64_t room,
    bool special, bool strip);

/* quantize.h */
uint32_t llamacffi_quantize(const char *fname_inp, const char *fname_out, const llama_model_quantize_params *params,
    llama_progress_callback progress, void *user_data);

/* sampling.h */
llama_token llamacffi_sample_list(struct llama_sampler *chain, int32_t n_members, int32_t first,
    struct llama_token_data_array *candidates);
enum { LLAMACFFI_SAMPLE_TOP, ... };
llama_token llamacffi_sample_top(struct llama_sampler *chain, int32_t n_members, int32_t first, const float *logits,
    int32_t n_logits, int32_t k);

/* callbacks.cpp */
void *llamacffi_trampoline(const char *type, int64_t callback);
bool llamacffi_is_callback_type(const char *type);
void llamacffi_callback_gone(int64_t callback);
int64_t llamacffi_exception(void);
void llamacffi_raised(int64_t returned);
void llamacffi_main_thread(unsigned long long id);
struct llama_sampler *llamacffi_sampler(int64_t callback, const char *name, bool on_backend);
char *llamacffi_new_text(const char *text);

/* callbacks.py: what does not succeed returns the negative number of an exception */
extern "Python+C" int64_t llamacffi_py_progress(int64_t callback, float part);
extern "Python+C" int64_t llamacffi_py_abort(int64_t callback);
extern "Python+C" int64_t llamacffi_py_eval(int64_t callback, struct ggml_tensor *tensor, bool ask);
extern "Python+C" int64_t llamacffi_py_compare(int64_t callback, int index, struct ggml_tensor *first,
    struct ggml_tensor *second);
extern "Python+C" int64_t llamacffi_py_op(int64_t callback, int inputs, struct ggml_tensor *dst, struct ggml_tensor *a,
    struct ggml_tensor *b, struct ggml_tensor *c, int ith, int nth);
extern "Python+C" int64_t llamacffi_py_tensor(int64_t callback, struct ggml_tensor *tensor);
extern "Python+C" int64_t llamacffi_py_log(int64_t callback, int level, const char *text);
extern "Python+C" int64_t llamacffi_py_failure(int64_t callback, const char *message);
extern "Python+C" int64_t llamacffi_py_epoch(int64_t callback, bool train, void *context, void *dataset, void *result,
    int64_t batch, int64_t batches, int64_t start);
extern "Python+C" int64_t llamacffi_py_optimizer(int64_t callback, const int64_t *epoch, void *parameters);
extern "Python+C" int64_t llamacffi_py_read(int64_t callback, uint64_t offset, void *buffer, size_t size);
extern "Python+C" int64_t llamacffi_py_split(int64_t callback, struct ggml_tensor *tensor, void *state);
extern "Python+C" int64_t llamacffi_py_bitmap(int64_t callback, size_t index, void **bitmap, char **text);
extern "Python+C" int64_t llamacffi_py_decoded(int64_t callback, const void *batch, int32_t *result);
extern "Python+C" int64_t llamacffi_py_sampler(int64_t callback, int method, void *a, void *b, void *c, int64_t number);
extern "Python+C" int64_t llamacffi_py_sample(int64_t callback, int32_t row);
extern "Python+C" int64_t llamacffi_py_hold(int64_t callback);
extern "Python+C" int64_t llamacffi_py_release(int64_t callback, bool for_good);
extern "Python+C" int64_t llamacffi_py_signals(void);
extern "Python+C" int64_t llamacffi_py_print(int64_t exception);

/* log.cpp, logs.py */
void llamacffi_start_log(void);
extern "Python+C" int64_t llamacffi_py_log_level(void);
extern "Python+C" int64_t llamacffi_py_log_line(int level, const char *text);
