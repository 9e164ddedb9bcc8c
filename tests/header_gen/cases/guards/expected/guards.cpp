// Generated from llama.cpp's headers by tools/header_gen.
#include <cstring>
#include "guard.hpp"
namespace llamacffi {
template <> const Kind KindOf<struct ggml_backend_buffer>::kind = {"ggml_backend_buffer", true, false};
template <> const Kind KindOf<struct ggml_context>::kind = {"ggml_context", true, false};
template <> const Kind KindOf<struct ggml_tensor>::kind = {"ggml_tensor", false, true};
template <> const Kind KindOf<struct toy_context>::kind = {"toy_context", true, false};
template <> const Kind KindOf<struct toy_model>::kind = {"toy_model", true, true};
template <> const Kind KindOf<struct toy_sampler>::kind = {"toy_sampler", false, false};
template <> const Kind KindOf<struct toy_thing>::kind = {"toy_thing", true, false};
template <> const Kind KindOf<struct toy_vocab>::kind = {"toy_vocab", true, true};
inline bool is_toy_mode(long long value) { switch (value) { case 2: case 1: case 0: case -1: return true; default: return false; } }
inline bool is_toy_kind(long long value) { switch (value) { case 2: case 1: return true; default: return false; } }
const Kind * const all_kinds[] = {&KindOf<struct ggml_backend_buffer>::kind, &KindOf<struct ggml_context>::kind, &KindOf<struct ggml_tensor>::kind, &KindOf<struct toy_context>::kind, &KindOf<struct toy_model>::kind, &KindOf<struct toy_sampler>::kind, &KindOf<struct toy_thing>::kind, &KindOf<struct toy_vocab>::kind, nullptr};
}
#include "checks/all.hpp"
using namespace llamacffi;
extern "C" {
#include "backends_c.h"
#include "forwards.h"
#include "forwarded.h"
struct toy_model *llamacffi_guard_toy_model_load(const char *path, void *user_data) {
    Call call("toy_model_load");
    struct toy_model *failed{};
    if (call.refused()) return failed;
    if (!path) { call.refuse_null("path"); return failed; }
    try {
        struct toy_model *result = toy_model_load(path, user_data);
        if (call.raised()) { if (result && !known(result)) ::toy_model_free(result); return failed; }
        made(result);
        return result;
    } catch (...) { call.caught(); }
    return failed;
}
void llamacffi_guard_toy_model_free(struct toy_model *model) {
    Call call("toy_model_free");
    if (call.refused()) return;
    try {
        if (!call.begin_free("model", model)) return;
        toy_model_free(model);
        call.end_free();
        return;
    } catch (...) { call.caught(); }
    return;
}
struct toy_context *llamacffi_guard_toy_init(struct toy_model *model, int size) {
    Call call("toy_init");
    struct toy_context *failed{};
    if (call.refused()) return failed;
    if (!model) { call.refuse_null("model"); return failed; }
    Use use_model;
    if (!use_model.pin(call, "model", model)) return failed;
    try {
        if (!(is_small(size))) { call.refuse("size", size, "a \"size\" is less than 100"); return failed; }
        if (!(size >= 0)) { call.refuse("size", size, "can't be negative"); return failed; }
        struct toy_context *result = toy_init(model, size);
        if (call.raised()) { if (result && !known(result)) ::toy_free(result); return failed; }
        made(result, blocks(model));
        return result;
    } catch (...) { call.caught(); }
    return failed;
}
void llamacffi_guard_toy_free(struct toy_context *ctx) {
    Call call("toy_free");
    if (call.refused()) return;
    try {
        if (!call.begin_free("ctx", ctx)) return;
        toy_free(ctx);
        call.end_free();
        return;
    } catch (...) { call.caught(); }
    return;
}
const struct toy_vocab *llamacffi_guard_toy_get_vocab(const struct toy_model *model) {
    Call call("toy_get_vocab");
    const struct toy_vocab *failed{};
    if (call.refused()) return failed;
    if (!model) { call.refuse_null("model"); return failed; }
    Use use_model;
    if (!use_model.pin(call, "model", model)) return failed;
    try {
        const struct toy_vocab *result = toy_get_vocab(model);
        if (result && !known(result)) made(result, part_of(model));
        return result;
    } catch (...) { call.caught(); }
    return failed;
}
struct toy_sampler *llamacffi_guard_toy_get_sampler(struct toy_context *ctx) {
    Call call("toy_get_sampler");
    struct toy_sampler *failed{};
    if (call.refused()) return failed;
    if (!ctx) { call.refuse_null("ctx"); return failed; }
    Use use_ctx;
    if (!use_ctx.lock(call, "ctx", ctx)) return failed;
    try {
        struct toy_sampler *result = toy_get_sampler(ctx);
        returned(result);
        return result;
    } catch (...) { call.caught(); }
    return failed;
}
struct toy_object *llamacffi_guard_toy_get_object(void) {
    Call call("toy_get_object");
    struct toy_object *failed{};
    if (call.refused()) return failed;
    try {
        struct toy_object *result = toy_get_object();
        return result;
    } catch (...) { call.caught(); }
    return failed;
}
int llamacffi_guard_toy_size(const struct toy_context *ctx) {
    Call call("toy_size");
    int failed = (int)(-3);
    if (call.refused()) return failed;
    if (!ctx) { call.refuse_null("ctx"); return failed; }
    if (!call.look("ctx", ctx)) return failed;
    try {
        int result = toy_size(ctx);
        return result;
    } catch (...) { call.caught(); }
    return failed;
}
int llamacffi_guard_toy_vocab_size(const struct toy_vocab *vocab) {
    Call call("toy_vocab_size");
    int failed = (int)(-1);
    if (call.refused()) return failed;
    if (!vocab) { call.refuse_null("vocab"); return failed; }
    if (!call.look("vocab", vocab)) return failed;
    try {
        int result = toy_vocab_size(vocab);
        return result;
    } catch (...) { call.caught(); }
    return failed;
}
void llamacffi_guard_toy_clear(struct toy_context *ctx) {
    Call call("toy_clear", Call::exclusive);
    if (call.refused()) return;
    if (!ctx) { call.refuse_null("ctx"); return; }
    Use use_ctx;
    if (!use_ctx.lock(call, "ctx", ctx)) return;
    try {
        toy_clear(ctx);
        return;
    } catch (...) { call.caught(); }
    return;
}
int llamacffi_guard_toy_seed(const struct toy_sampler *sampler, struct toy_object *object) {
    Call call("toy_seed");
    int failed{};
    if (call.refused()) return failed;
    Use use_sampler;
    if (sampler && !use_sampler.pin(call, "sampler", sampler)) return failed;
    try {
        int result = toy_seed(sampler, object);
        return result;
    } catch (...) { call.caught(); }
    return failed;
}
int llamacffi_guard_toy_compute(struct toy_context *ctx, const struct ggml_tensor *tensor, toy_stop stop, void *stop_data) {
    Call call("toy_compute", Call::computes);
    int failed{};
    if (call.refused()) return failed;
    if (!ctx) { call.refuse_null("ctx"); return failed; }
    Use use_ctx;
    if (!use_ctx.lock(call, "ctx", ctx)) return failed;
    if (tensor && !call.check_tensor("tensor", tensor, TensorUse::data)) return failed;
    try {
        Counted counted;
        int result{};
        call.compute([&] { result = toy_compute(ctx, tensor, stop, stop_data); });
        if (Counted::count() != 1) result = -4;
        return result;
    } catch (...) { call.caught(); }
    return failed;
}
void llamacffi_guard_toy_compute_all(struct toy_context *ctx) {
    Call call("toy_compute_all", Call::computes);
    if (call.refused()) return;
    if (!ctx) { call.refuse_null("ctx"); return; }
    Use use_ctx;
    if (!use_ctx.lock(call, "ctx", ctx)) return;
    try {
        call.compute([&] { toy_compute_all(ctx); });
        return;
    } catch (...) { call.caught(); }
    return;
}
enum toy_mode llamacffi_guard_toy_mode(enum toy_mode mode, toy_kind kind) {
    Call call("toy_mode");
    enum toy_mode failed = (enum toy_mode)(TOY_MODE_COUNT);
    if (call.refused()) return failed;
    if (!is_toy_mode((long long)mode)) { call.refuse("mode", (long long)mode, "not one of enum toy_mode"); return failed; }
    if (!is_toy_kind((long long)kind)) { call.refuse("kind", (long long)kind, "not one of toy_kind"); return failed; }
    try {
        enum toy_mode result = toy_mode(mode, kind);
        return result;
    } catch (...) { call.caught(); }
    return failed;
}
int llamacffi_guard_toy_any_mode(enum toy_mode mode) {
    Call call("toy_any_mode");
    int failed{};
    if (call.refused()) return failed;
    try {
        int result = toy_any_mode(mode);
        return result;
    } catch (...) { call.caught(); }
    return failed;
}
int llamacffi_guard_toy_words(int class_, int lambda_, int call_, int result_) {
    Call call("toy_words");
    int failed{};
    if (call.refused()) return failed;
    try {
        if (!(class_ + result_ != 13)) { call.refuse("class_", class_, "unlucky"); return failed; }
        int result = toy_words(class_, lambda_, call_, result_);
        return result;
    } catch (...) { call.caught(); }
    return failed;
}
void llamacffi_guard_toy_result(int *result) {
    Call call("toy_result");
    if (call.refused()) return;
    if (!result) { call.refuse_null("result"); return; }
    try {
        toy_result(result);
        *result += 1;
        return;
    } catch (...) { call.caught(); }
    return;
}
int llamacffi_guard_toy_sum(const int32_t *arg0, size_t arg1) {
    Call call("toy_sum");
    int failed{};
    if (call.refused()) return failed;
    if (!arg0) { call.refuse_null("arg0"); return failed; }
    try {
        if (!(readable(arg0, arg1 * sizeof *arg0))) { call.refuse("arg1", arg1, "more than there are"); return failed; }
        int result = toy_sum(arg0, arg1);
        return result;
    } catch (...) { call.caught(); }
    return failed;
}
toy_point llamacffi_guard_toy_check(bool b, uint64_t u, double d, toy_point point, const char *text) {
    Call call("toy_check");
    toy_point failed{};
    if (call.refused()) return failed;
    if (!text) { call.refuse_null("text"); return failed; }
    try {
        if (!(b)) { call.refuse("b", b, "no"); return failed; }
        if (!(u < 10)) { call.refuse("u", u, "large"); return failed; }
        if (!(d < 1)) { call.refuse("d", d, "large"); return failed; }
        if (!(point.x == 0)) { call.refuse("point", point, "x is not 0"); return failed; }
        if (!(*text)) { call.refuse("text", text, "empty"); return failed; }
        toy_point result = toy_check(b, u, d, point, text);
        return result;
    } catch (...) { call.caught(); }
    return failed;
}
int llamacffi_guard_toy_print(char *buf, size_t size, const char *format, ...) {
    Call call("toy_print");
    int failed{};
    if (call.refused()) return failed;
    if (!buf) { call.refuse_null("buf"); return failed; }
    if (!format) { call.refuse_null("format"); return failed; }
    if (buf && !has_elements(buf, size)) { call.refuse("size", size, "negative, or more than there are at buf"); return failed; }
    try {
        Formatted formatted; va_list more; va_start(more, format); const bool printed = formatted.print(format, more); va_end(more);
        if (!printed) { call.refuse("format", Nothing(), "%n is not supported"); return failed; }
        int result = toy_print(buf, size, "%s", formatted.text());
        return result;
    } catch (...) { call.caught(); }
    return failed;
}
float llamacffi_guard_toy_half(int n) {
    Call call("toy_half");
    float failed{};
    if (call.refused()) return failed;
    try {
        float result = half(n);
        return result;
    } catch (...) { call.caught(); }
    return failed;
}
int llamacffi_guard_toy_throw(int what) {
    Call call("toy_throw");
    int failed{};
    if (call.refused()) return failed;
    try {
        int result = toy_throw(what);
        return result;
    } catch (...) { call.caught(); }
    return failed;
}
void llamacffi_guard_toy_keep(struct toy_context *ctx, const void *data, size_t size, int *out) {
    Call call("toy_keep");
    if (call.refused()) return;
    if (!ctx) { call.refuse_null("ctx"); return; }
    Use use_ctx;
    if (!use_ctx.lock(call, "ctx", ctx)) return;
    if (!data) { call.refuse_null("data"); return; }
    if (!out) { call.refuse_null("out"); return; }
    try {
        toy_keep(ctx, data, size, out);
        return;
    } catch (...) { call.caught(); }
    return;
}
int llamacffi_guard_toy_count(void) {
    Call call("toy_count");
    int failed{};
    if (call.refused()) return failed;
    try {
        int result = toy_count();
        return result;
    } catch (...) { call.caught(); }
    return failed;
}
void llamacffi_guard_toy_load_all(void) {
    Call call("toy_load_all");
    if (call.refused()) return;
    try {
        toy_load_all();
        return;
    } catch (...) { call.caught(); }
    return;
}
int llamacffi_guard_toy_far(struct toy_context *ctx, int n) {
    Call call("toy_far");
    int failed{};
    if (call.refused()) return failed;
    static bool found = false;
    if (!found && !(found = llamacffi_find("cuda,hip", "toy_far") != nullptr)) return failed;
    if (!ctx) { call.refuse_null("ctx"); return failed; }
    Use use_ctx;
    if (!use_ctx.lock(call, "ctx", ctx)) return failed;
    try {
        int result = toy_far(ctx, n);
        return result;
    } catch (...) { call.caught(); }
    return failed;
}
struct toy_thing *llamacffi_guard_toy_thing_new(const char *name, const float *values, size_t n_values) {
    Call call("toy_thing_new");
    struct toy_thing *failed{};
    if (call.refused()) return failed;
    if (!name) { call.refuse_null("name"); return failed; }
    if (!values) { call.refuse_null("values"); return failed; }
    if (values && !has_elements(values, n_values)) { call.refuse("n_values", n_values, "negative, or more than there are at values"); return failed; }
    try {
        struct toy_thing *result = toy_thing_new(name, values, n_values);
        if (result && !known(result)) made(result);
        return result;
    } catch (...) { call.caught(); }
    return failed;
}
struct toy_thing *llamacffi_guard_toy_thing_clone(const struct toy_thing *thing) {
    Call call("toy_thing_clone");
    struct toy_thing *failed{};
    if (call.refused()) return failed;
    if (!thing) { call.refuse_null("thing"); return failed; }
    Use use_thing;
    if (!use_thing.pin(call, "thing", thing)) return failed;
    try {
        struct toy_thing *result = toy_thing_clone(thing);
        if (result && !known(result)) made(result, blocks(thing));
        return result;
    } catch (...) { call.caught(); }
    return failed;
}
void llamacffi_guard_toy_thing_free(struct toy_thing *thing) {
    Call call("toy_thing_free");
    if (call.refused()) return;
    if (!thing) { call.refuse_null("thing"); return; }
    try {
        if (!call.begin_free("thing", thing)) return;
        toy_thing_free(thing);
        call.end_free();
        return;
    } catch (...) { call.caught(); }
    return;
}
float llamacffi_guard_toy_thing_sum(const struct toy_thing *thing) {
    Call call("toy_thing_sum");
    float failed{};
    if (call.refused()) return failed;
    if (!thing) { call.refuse_null("thing"); return failed; }
    Use use_thing;
    if (!use_thing.pin(call, "thing", thing)) return failed;
    try {
        float result = toy_thing_sum(thing);
        return result;
    } catch (...) { call.caught(); }
    return failed;
}
int32_t llamacffi_guard_toy_thing_copy(const struct toy_thing *thing, float *out, int32_t len) {
    Call call("toy_thing_copy");
    int32_t failed{};
    if (call.refused()) return failed;
    if (!thing) { call.refuse_null("thing"); return failed; }
    Use use_thing;
    if (!use_thing.pin(call, "thing", thing)) return failed;
    if (!out) { call.refuse_null("out"); return failed; }
    if (out && !has_elements(out, len)) { call.refuse("len", len, "negative, or more than there are at out"); return failed; }
    try {
        int32_t result = toy_thing_copy(thing, out, len);
        return result;
    } catch (...) { call.caught(); }
    return failed;
}
enum toy_mode llamacffi_guard_toy_thing_mode(const struct toy_thing *thing, enum toy_mode mode) {
    Call call("toy_thing_mode");
    enum toy_mode failed{};
    if (call.refused()) return failed;
    if (!thing) { call.refuse_null("thing"); return failed; }
    Use use_thing;
    if (!use_thing.pin(call, "thing", thing)) return failed;
    if (!is_toy_mode((long long)mode)) { call.refuse("mode", (long long)mode, "not one of enum toy_mode"); return failed; }
    try {
        enum toy_mode result = toy_thing_mode(thing, mode);
        return result;
    } catch (...) { call.caught(); }
    return failed;
}
struct toy_params llamacffi_guard_toy_default_params(void) {
    Call call("toy_default_params");
    struct toy_params failed{};
    if (call.refused()) return failed;
    try {
        struct toy_params result = toy_default_params();
        return result;
    } catch (...) { call.caught(); }
    return failed;
}
struct toy_params llamacffi_guard_toy_params_for(int kind) {
    Call call("toy_params_for");
    struct toy_params failed{};
    if (call.refused()) return failed;
    try {
        struct toy_params result = toy_params_for(kind);
        return result;
    } catch (...) { call.caught(); }
    return failed;
}
struct toy_params llamacffi_guard_toy_params_of(const struct toy_model *model) {
    Call call("toy_params_of");
    struct toy_params failed{};
    if (call.refused()) return failed;
    if (!model) { call.refuse_null("model"); return failed; }
    Use use_model;
    if (!use_model.pin(call, "model", model)) return failed;
    try {
        struct toy_params result = toy_params_of(model);
        return result;
    } catch (...) { call.caught(); }
    return failed;
}
toy_point llamacffi_guard_toy_origin(void) {
    Call call("toy_origin");
    toy_point failed{};
    if (call.refused()) return failed;
    try {
        toy_point result = toy_origin();
        return result;
    } catch (...) { call.caught(); }
    return failed;
}
bool llamacffi_guard_ggml_is_empty(const struct ggml_tensor *tensor) {
    Call call("ggml_is_empty");
    bool failed{};
    if (call.refused()) return failed;
    if (!tensor) { call.refuse_null("tensor"); return failed; }
    if (!call.check_tensor("tensor", tensor, TensorUse::look)) return failed;
    try {
        bool result = ggml_is_empty(tensor);
        return result;
    } catch (...) { call.caught(); }
    return failed;
}
struct ggml_tensor *llamacffi_guard_ggml_dup_tensor(struct ggml_context *ctx, const struct ggml_tensor *src) {
    Call call("ggml_dup_tensor");
    struct ggml_tensor *failed{};
    if (call.refused()) return failed;
    if (!ctx) { call.refuse_null("ctx"); return failed; }
    Use use_ctx;
    if (!use_ctx.lock(call, "ctx", ctx)) return failed;
    if (!src) { call.refuse_null("src"); return failed; }
    if (!call.check_tensor("src", src, TensorUse::build)) return failed;
    try {
        struct ggml_tensor *result = ggml_dup_tensor(ctx, src);
        return result;
    } catch (...) { call.caught(); }
    return failed;
}
}
