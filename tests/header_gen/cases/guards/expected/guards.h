/* Generated from llama.cpp's headers by tools/header_gen. */
#ifdef __cplusplus
extern "C" {
#endif
struct toy_model *llamacffi_guard_toy_model_load(const char *path, void *user_data);
void llamacffi_guard_toy_model_free(struct toy_model *model);
struct toy_context *llamacffi_guard_toy_init(struct toy_model *model, int size);
void llamacffi_guard_toy_free(struct toy_context *ctx);
const struct toy_vocab *llamacffi_guard_toy_get_vocab(const struct toy_model *model);
struct toy_sampler *llamacffi_guard_toy_get_sampler(struct toy_context *ctx);
struct toy_object *llamacffi_guard_toy_get_object(void);
int llamacffi_guard_toy_size(const struct toy_context *ctx);
int llamacffi_guard_toy_vocab_size(const struct toy_vocab *vocab);
void llamacffi_guard_toy_clear(struct toy_context *ctx);
int llamacffi_guard_toy_seed(const struct toy_sampler *sampler, struct toy_object *object);
int llamacffi_guard_toy_compute(struct toy_context *ctx, const struct ggml_tensor *tensor, toy_stop stop, void *stop_data);
void llamacffi_guard_toy_compute_all(struct toy_context *ctx);
enum toy_mode llamacffi_guard_toy_mode(enum toy_mode mode, toy_kind kind);
int llamacffi_guard_toy_any_mode(enum toy_mode mode);
int llamacffi_guard_toy_words(int class_, int lambda_, int call_, int result_);
void llamacffi_guard_toy_result(int *result);
int llamacffi_guard_toy_sum(const int32_t *arg0, size_t arg1);
toy_point llamacffi_guard_toy_check(bool b, uint64_t u, double d, toy_point point, const char *text);
int llamacffi_guard_toy_print(char *buf, size_t size, const char *format, ...);
float llamacffi_guard_toy_half(int n);
int llamacffi_guard_toy_throw(int what);
void llamacffi_guard_toy_keep(struct toy_context *ctx, const void *data, size_t size, int *out);
int llamacffi_guard_toy_count(void);
void llamacffi_guard_toy_load_all(void);
int llamacffi_guard_toy_far(struct toy_context *ctx, int n);
struct toy_thing *llamacffi_guard_toy_thing_new(const char *name, const float *values, size_t n_values);
struct toy_thing *llamacffi_guard_toy_thing_clone(const struct toy_thing *thing);
void llamacffi_guard_toy_thing_free(struct toy_thing *thing);
float llamacffi_guard_toy_thing_sum(const struct toy_thing *thing);
int32_t llamacffi_guard_toy_thing_copy(const struct toy_thing *thing, float *out, int32_t len);
enum toy_mode llamacffi_guard_toy_thing_mode(const struct toy_thing *thing, enum toy_mode mode);
struct toy_params llamacffi_guard_toy_default_params(void);
struct toy_params llamacffi_guard_toy_params_for(int kind);
struct toy_params llamacffi_guard_toy_params_of(const struct toy_model *model);
toy_point llamacffi_guard_toy_origin(void);
bool llamacffi_guard_ggml_is_empty(const struct ggml_tensor *tensor);
struct ggml_tensor *llamacffi_guard_ggml_dup_tensor(struct ggml_context *ctx, const struct ggml_tensor *src);
#ifdef __cplusplus
}
#else
#define toy_model_load(...) llamacffi_guard_toy_model_load(__VA_ARGS__)
#define toy_model_free(...) llamacffi_guard_toy_model_free(__VA_ARGS__)
#define toy_init(...) llamacffi_guard_toy_init(__VA_ARGS__)
#define toy_free(...) llamacffi_guard_toy_free(__VA_ARGS__)
#define toy_get_vocab(...) llamacffi_guard_toy_get_vocab(__VA_ARGS__)
#define toy_get_sampler(...) llamacffi_guard_toy_get_sampler(__VA_ARGS__)
#define toy_get_object(...) llamacffi_guard_toy_get_object(__VA_ARGS__)
#define toy_size(...) llamacffi_guard_toy_size(__VA_ARGS__)
#define toy_vocab_size(...) llamacffi_guard_toy_vocab_size(__VA_ARGS__)
#define toy_clear(...) llamacffi_guard_toy_clear(__VA_ARGS__)
#define toy_seed(...) llamacffi_guard_toy_seed(__VA_ARGS__)
#define toy_compute(...) llamacffi_guard_toy_compute(__VA_ARGS__)
#define toy_compute_all(...) llamacffi_guard_toy_compute_all(__VA_ARGS__)
#define toy_mode(...) llamacffi_guard_toy_mode(__VA_ARGS__)
#define toy_any_mode(...) llamacffi_guard_toy_any_mode(__VA_ARGS__)
#define toy_words(...) llamacffi_guard_toy_words(__VA_ARGS__)
#define toy_result(...) llamacffi_guard_toy_result(__VA_ARGS__)
#define toy_sum(...) llamacffi_guard_toy_sum(__VA_ARGS__)
#define toy_check(...) llamacffi_guard_toy_check(__VA_ARGS__)
#define toy_print llamacffi_guard_toy_print
#define toy_half(...) llamacffi_guard_toy_half(__VA_ARGS__)
#define toy_throw(...) llamacffi_guard_toy_throw(__VA_ARGS__)
#define toy_keep(...) llamacffi_guard_toy_keep(__VA_ARGS__)
#define toy_count(...) llamacffi_guard_toy_count(__VA_ARGS__)
#define toy_load_all(...) llamacffi_guard_toy_load_all(__VA_ARGS__)
#define toy_far(...) llamacffi_guard_toy_far(__VA_ARGS__)
#define toy_thing_new(...) llamacffi_guard_toy_thing_new(__VA_ARGS__)
#define toy_thing_clone(...) llamacffi_guard_toy_thing_clone(__VA_ARGS__)
#define toy_thing_free(...) llamacffi_guard_toy_thing_free(__VA_ARGS__)
#define toy_thing_sum(...) llamacffi_guard_toy_thing_sum(__VA_ARGS__)
#define toy_thing_copy(...) llamacffi_guard_toy_thing_copy(__VA_ARGS__)
#define toy_thing_mode(...) llamacffi_guard_toy_thing_mode(__VA_ARGS__)
#define toy_default_params(...) llamacffi_guard_toy_default_params(__VA_ARGS__)
#define toy_params_for(...) llamacffi_guard_toy_params_for(__VA_ARGS__)
#define toy_params_of(...) llamacffi_guard_toy_params_of(__VA_ARGS__)
#define toy_origin(...) llamacffi_guard_toy_origin(__VA_ARGS__)
#define ggml_is_empty(...) llamacffi_guard_ggml_is_empty(__VA_ARGS__)
#define ggml_dup_tensor(...) llamacffi_guard_ggml_dup_tensor(__VA_ARGS__)
#endif
