#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct toy_model;
struct toy_context;
struct toy_vocab;
struct toy_object;  // policy.toml: no handle
struct toy_sampler { int seed; };
struct ggml_tensor;

enum toy_mode { TOY_MODE_NONE = -1, TOY_MODE_A, TOY_MODE_SAME = 0, TOY_MODE_SOFT_MAX, TOY_MODE_B, TOY_MODE_COUNT };
typedef enum { TOY_KIND_A = 1, TOY_KIND_B } toy_kind;
typedef struct { int x, y; } toy_point;
typedef bool (*toy_stop)(void * user_data);

// Handles: made, part of another, freed.
struct toy_model *       toy_model_load(const char * path, void * user_data);
void                     toy_model_free(struct toy_model * model);
struct toy_context *     toy_init(struct toy_model * model, int size);
void                     toy_free(struct toy_context * ctx);
const struct toy_vocab * toy_get_vocab(const struct toy_model * model);
struct toy_sampler *     toy_get_sampler(struct toy_context * ctx);
struct toy_object *      toy_get_object(void);

// Checked only, held on to, locked.
int  toy_size(const struct toy_context * ctx);
int  toy_vocab_size(const struct toy_vocab * vocab);
void toy_clear(struct toy_context * ctx);
int  toy_seed(const struct toy_sampler * sampler, struct toy_object * object);

// Callbacks, tensors and what computes.
int  toy_compute(struct toy_context * ctx, const struct ggml_tensor * tensor, toy_stop stop, void * stop_data);
void toy_compute_all(struct toy_context * ctx);

// Enums, one of them with the name of a function.
enum toy_mode toy_mode(enum toy_mode mode, toy_kind kind);
int           toy_any_mode(enum toy_mode mode);

// Names that C++, Python and the guards have taken, and no names at all.
#ifdef __cplusplus
int  toy_words(int, int lambda, int call, int result);
#else
int  toy_words(int class, int lambda, int call, int result);
#endif
void toy_result(int * result);
int  toy_sum(const int32_t *, size_t);

// Values of every kind that a message shows, and a struct that is returned.
toy_point toy_check(bool b, uint64_t u, double d, toy_point point, const char * text);

int   toy_print(char * buf, size_t size, const char * format, ...);
float toy_half(int n);
int   toy_throw(int what);
void  toy_keep(struct toy_context * ctx, const void * data, size_t size, int * out);

// Backends.
int  toy_count(void);
void toy_load_all(void);
int  toy_far(struct toy_context * ctx, int n);

// New upstream: policy.toml says nothing of them.
struct toy_thing;
struct toy_thing * toy_thing_new(const char * name, const float * values, size_t n_values);
struct toy_thing * toy_thing_clone(const struct toy_thing * thing);
void               toy_thing_free(struct toy_thing * thing);
float              toy_thing_sum(const struct toy_thing * thing);
int32_t            toy_thing_copy(const struct toy_thing * thing, float * out, int32_t len);
enum toy_mode      toy_thing_mode(const struct toy_thing * thing, enum toy_mode mode);

// What a struct's size can be told by: not by one that comes in registers, nor with arguments that nobody knows.
struct toy_params { void * callback; char name[40]; bool last; };
struct toy_params toy_default_params(void);
struct toy_params toy_params_for(int kind);
struct toy_params toy_params_of(const struct toy_model * model);
toy_point         toy_origin(void);

#ifdef __cplusplus
}
#endif
