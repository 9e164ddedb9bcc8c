"""Generated from llama.cpp's headers by tools/header_gen."""

from collections.abc import Sequence
from typing import IO, Any, Final, SupportsFloat, SupportsIndex

from typing_extensions import deprecated

from . import types as t

def toy_model_load(path: t.char_p | bytes, user_data: t.AnyPointer | t.Null, /) -> t.toy_model_p:
    """struct toy_model *toy_model_load(const char *path, void *user_data);

    Handles: made, part of another, freed.

    toy.h:22"""

def toy_model_free(model: t.toy_model_p | t.Null, /) -> None:
    """void toy_model_free(struct toy_model *model);

    toy.h:23"""

def toy_init(model: t.toy_model_p, size: int | SupportsIndex, /) -> t.toy_context_p:
    """struct toy_context *toy_init(struct toy_model *model, int size);

    toy.h:24"""

def toy_free(ctx: t.toy_context_p | t.Null, /) -> None:
    """void toy_free(struct toy_context *ctx);

    toy.h:25"""

def toy_get_vocab(model: t.toy_model_p, /) -> t.toy_vocab_p:
    """const struct toy_vocab *toy_get_vocab(const struct toy_model *model);

    toy.h:26"""

def toy_get_sampler(ctx: t.toy_context_p, /) -> t.toy_sampler_p:
    """struct toy_sampler *toy_get_sampler(struct toy_context *ctx);

    toy.h:27"""

def toy_get_object() -> t.toy_object_p:
    """struct toy_object *toy_get_object(void);

    toy.h:28"""

def toy_size(ctx: t.toy_context_p, /) -> int:
    """int toy_size(const struct toy_context *ctx);

    Checked only, held on to, locked.

    toy.h:31"""

def toy_vocab_size(vocab: t.toy_vocab_p, /) -> int:
    """int toy_vocab_size(const struct toy_vocab *vocab);

    toy.h:32"""

def toy_clear(ctx: t.toy_context_p, /) -> None:
    """void toy_clear(struct toy_context *ctx);

    toy.h:33"""

def toy_seed(sampler: t.toy_sampler_p | Sequence[t.toy_sampler | dict[str, Any]] | t.Null, object: t.toy_object_p | t.Null, /) -> int:
    """int toy_seed(const struct toy_sampler *sampler, struct toy_object *object);

    toy.h:34"""

def toy_compute(ctx: t.toy_context_p, tensor: t.ggml_tensor_p | t.Null, stop: t.toy_stop | t.Null, stop_data: t.AnyPointer | t.Null, /) -> int:
    """int toy_compute(struct toy_context *ctx, const struct ggml_tensor *tensor, toy_stop stop, void *stop_data);

    Callbacks, tensors and what computes.

    toy.h:37"""

def toy_compute_all(ctx: t.toy_context_p, /) -> None:
    """void toy_compute_all(struct toy_context *ctx);

    toy.h:38"""

def toy_mode(mode: t.toy_mode, kind: t.toy_kind, /) -> t.toy_mode:
    """enum toy_mode toy_mode(enum toy_mode mode, toy_kind kind);

    Enums, one of them with the name of a function.

    toy.h:41"""

def toy_any_mode(mode: t.toy_mode, /) -> int:
    """int toy_any_mode(enum toy_mode mode);

    toy.h:42"""

def toy_words(class_: int | SupportsIndex, lambda_: int | SupportsIndex, call_: int | SupportsIndex, result_: int | SupportsIndex, /) -> int:
    """int toy_words(int class, int lambda, int call, int result);

    toy.h:48"""

def toy_result(result: t.int_p, /) -> None:
    """void toy_result(int *result);

    toy.h:50"""

def toy_sum(arg0: t.int32_t_p | Sequence[int], arg1: int | SupportsIndex, /) -> int:
    """int toy_sum(const int32_t *, size_t);

    toy.h:51"""

def toy_check(b: bool, u: int | SupportsIndex, d: float | SupportsFloat, point: t.toy_point | dict[str, Any], text: t.char_p | bytes, /) -> t.toy_point:
    """toy_point toy_check(bool b, uint64_t u, double d, toy_point point, const char *text);

    Values of every kind that a message shows, and a struct that is returned.

    toy.h:54"""

def toy_print(buf: t.char_p, size: int | SupportsIndex, format: t.char_p | bytes, /, *args: Any) -> int:
    """int toy_print(char *buf, size_t size, const char *format, ...);

    toy.h:56"""

def toy_half(n: int | SupportsIndex, /) -> float:
    """float toy_half(int n);

    toy.h:57"""

def toy_throw(what: int | SupportsIndex, /) -> int:
    """int toy_throw(int what);

    toy.h:58"""

def toy_keep(ctx: t.toy_context_p, data: t.AnyPointer | bytes, size: int | SupportsIndex, out: t.int_p, /) -> None:
    """void toy_keep(struct toy_context *ctx, const void *data, size_t size, int *out);

    toy.h:59"""

def toy_count() -> int:
    """int toy_count(void);

    Backends.

    toy.h:62"""

def toy_load_all() -> None:
    """void toy_load_all(void);

    toy.h:63"""

def toy_far(ctx: t.toy_context_p, n: int | SupportsIndex, /) -> int:
    """int toy_far(struct toy_context *ctx, int n);

    toy.h:64"""

def toy_thing_new(name: t.char_p | bytes, values: t.float_p | Sequence[float], n_values: int | SupportsIndex, /) -> t.toy_thing_p:
    """struct toy_thing *toy_thing_new(const char *name, const float *values, size_t n_values);

    toy.h:68"""

def toy_thing_clone(thing: t.toy_thing_p, /) -> t.toy_thing_p:
    """struct toy_thing *toy_thing_clone(const struct toy_thing *thing);

    toy.h:69"""

def toy_thing_free(thing: t.toy_thing_p, /) -> None:
    """void toy_thing_free(struct toy_thing *thing);

    toy.h:70"""

def toy_thing_sum(thing: t.toy_thing_p, /) -> float:
    """float toy_thing_sum(const struct toy_thing *thing);

    toy.h:71"""

def toy_thing_copy(thing: t.toy_thing_p, out: t.float_p, len: int | SupportsIndex, /) -> int:
    """int32_t toy_thing_copy(const struct toy_thing *thing, float *out, int32_t len);

    toy.h:72"""

def toy_thing_mode(thing: t.toy_thing_p, mode: t.toy_mode, /) -> t.toy_mode:
    """enum toy_mode toy_thing_mode(const struct toy_thing *thing, enum toy_mode mode);

    toy.h:73"""

def toy_default_params() -> t.toy_params:
    """struct toy_params toy_default_params(void);

    toy.h:77"""

def toy_params_for(kind: int | SupportsIndex, /) -> t.toy_params:
    """struct toy_params toy_params_for(int kind);

    toy.h:78"""

def toy_params_of(model: t.toy_model_p, /) -> t.toy_params:
    """struct toy_params toy_params_of(const struct toy_model *model);

    toy.h:79"""

def toy_origin() -> t.toy_point:
    """toy_point toy_origin(void);

    toy.h:80"""

def ggml_is_empty(tensor: t.ggml_tensor_p, /) -> bool:
    """bool ggml_is_empty(const struct ggml_tensor *tensor);

    ggml.h:8"""

def ggml_dup_tensor(ctx: t.ggml_context_p, src: t.ggml_tensor_p, /) -> t.ggml_tensor_p:
    """struct ggml_tensor *ggml_dup_tensor(struct ggml_context *ctx, const struct ggml_tensor *src);

    ggml.h:9"""

TOY_MODE_NONE: Final[int]
"""enum toy_mode TOY_MODE_NONE = -1

toy.h:16"""

TOY_MODE_A: Final[int]
"""enum toy_mode TOY_MODE_A = 0

toy.h:16"""

TOY_MODE_SAME: Final[int]
"""enum toy_mode TOY_MODE_SAME = 0

toy.h:16"""

TOY_MODE_SOFT_MAX: Final[int]
"""enum toy_mode TOY_MODE_SOFT_MAX = 1

toy.h:16"""

TOY_MODE_B: Final[int]
"""enum toy_mode TOY_MODE_B = 2

toy.h:16"""

TOY_MODE_COUNT: Final[int]
"""enum toy_mode TOY_MODE_COUNT = 3

toy.h:16"""

TOY_KIND_A: Final[int]
"""enum toy_kind TOY_KIND_A = 1

toy.h:17"""

TOY_KIND_B: Final[int]
"""enum toy_kind TOY_KIND_B = 2

toy.h:17"""
