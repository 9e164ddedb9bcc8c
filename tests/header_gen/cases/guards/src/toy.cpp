#include "toy.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <stdexcept>
#include <vector>

#include "ggml.h"

struct toy_vocab { int size; };
struct toy_model { toy_vocab vocab; };
struct toy_context { int size; };
struct toy_object {};

static toy_sampler sampler = {7};

toy_model * toy_model_load(const char * path, void *) { return *path ? new toy_model{{3}} : nullptr; }
void toy_model_free(toy_model * model) { delete model; }
toy_context * toy_init(toy_model *, int size) { return new toy_context{size}; }
void toy_free(toy_context * ctx) { delete ctx; }
const toy_vocab * toy_get_vocab(const toy_model * model) { return &model->vocab; }
toy_sampler * toy_get_sampler(toy_context *) { return &sampler; }
toy_object * toy_get_object(void) { return nullptr; }

int toy_size(const toy_context * ctx) { return ctx->size; }
int toy_vocab_size(const toy_vocab * vocab) { return vocab->size; }
void toy_clear(toy_context * ctx) { ctx->size = 0; }
int toy_seed(const toy_sampler * sampler, toy_object *) { return sampler->seed; }

int toy_compute(toy_context * ctx, const ggml_tensor *, toy_stop stop, void * stop_data) {
    return stop && stop(stop_data) ? -2 : ctx->size;
}
void toy_compute_all(toy_context * ctx) { ctx->size++; }

enum toy_mode toy_mode(enum toy_mode mode, toy_kind) { return mode; }
int toy_any_mode(enum toy_mode mode) { return mode; }

int toy_words(int a, int b, int c, int d) { return a + b + c + d; }
void toy_result(int * result) { *result = 1; }
int toy_sum(const int32_t * numbers, size_t n) {
    int sum = 0;
    while (n) sum += numbers[--n];
    return sum;
}
toy_point toy_check(bool, uint64_t, double, toy_point point, const char *) { return point; }

int toy_print(char * buf, size_t size, const char * format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const int length = std::vsnprintf(buf, size, format, arguments);
    va_end(arguments);
    return length;
}
float toy_half(int n) { return n / 2; }
int toy_throw(int what) {
    if (what == 1) throw std::runtime_error("thrown");
    if (what == 2) throw 2;
    GGML_ASSERT(what == 0);
    return 0;
}
void toy_keep(toy_context *, const void *, size_t, int * out) { *out = 1; }

int toy_count(void) { return 1; }
void toy_load_all(void) {}

toy_params toy_default_params(void) { return {nullptr, "", true}; }
toy_params toy_params_for(int) { return {nullptr, "", true}; }
toy_params toy_params_of(const toy_model *) { return {nullptr, "", true}; }
toy_point toy_origin(void) { return {0, 0}; }

struct toy_thing { std::vector<float> values; };
toy_thing * toy_thing_new(const char *, const float * values, size_t n) { return new toy_thing{{values, values + n}}; }
toy_thing * toy_thing_clone(const toy_thing * thing) { return new toy_thing(*thing); }
void toy_thing_free(toy_thing * thing) { delete thing; }
float toy_thing_sum(const toy_thing * thing) {
    float sum = 0;
    for (float value : thing->values) sum += value;
    return sum;
}
int32_t toy_thing_copy(const toy_thing * thing, float * out, int32_t len) {
    const int32_t n = std::min(len, (int32_t) thing->values.size());
    std::copy_n(thing->values.begin(), n, out);
    return n;
}
enum toy_mode toy_thing_mode(const toy_thing *, enum toy_mode mode) { return mode; }
