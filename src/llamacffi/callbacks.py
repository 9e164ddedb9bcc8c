"""Python functions that native code calls: each kind of callback is an `extern "Python"` of the extension.

1. `callback(c_type, function)` makes a `Callback`: the C function to hand over, and the `void *` to hand over with it.
   That `void *` is a number, by which the C function has its Python function found here.
2. C holds on to it: the Callback lives until what it was given to is freed (src/native/callbacks.cpp keeps account).
3. Python raises: an exception can't cross C. It is kept here, C gets the value that makes it stop, and the call fails.
4. The call returns: `llamacffi.<name>` raises the exception, with its traceback. A caller through `lib` asks for it
   with `take_exception()`; Ctrl-C, and what else a signal's handler raises, reaches him by itself.
"""

from __future__ import annotations

import sys
from _thread import get_ident

from .native import ffi, lib, text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType
    from typing import Any, Optional

    from .types import (
        char_p,
        char_p_p,
        ggml_cgraph_p,
        ggml_context_p,
        ggml_tensor_p,
        int32_t_p,
        int64_t_p,
        llama_sampler_p,
        void_p,
    )

    Function = Callable[..., Any]
    """A Python function that C is to call."""

__all__ = ["Callback", "callback", "convert", "sampler", "take_exception"]

_live: dict[int, Callable[[], Optional[Callback]]] = {}  # by number, weakly
_held: dict[int, list[Callback]] = {}  # by native code, once for each holder
_handed_out: dict[int, Callback] = {}  # in two pieces, to be held by native code later on
_exceptions: dict[int, BaseException] = {}
_KEPT = 64  # exceptions that nobody has asked for, which are the calls' through `lib`
_next = iter(range(2, 2**62)).__next__
_LOST = -2  # an exception that could not be kept


class Callback:
    """A Python function as C takes it. It unpacks as a pair: `function, user_data = callback(...)`.

    Unpacked, it lives on without this object, until that which it was given to is freed; otherwise this object
    must be kept for as long as C may call, unless C holds it.

    Attributes:
        function: the C function, of the type that was asked for.
        user_data: what C must hand back to it, `void *`.
    """

    __slots__ = ("__weakref__", "call", "function", "number", "outlived", "user_data")

    def __init__(self, call: Any, outlived: bool = False) -> None:
        from weakref import ref

        self.call: Any = call
        self.outlived: bool = outlived  # by what it unpacks to
        number = _next()
        self.number: int = number
        self.user_data: void_p = ffi.cast("void *", number)
        self.function: Any = self.user_data
        _live[number] = ref(self, lambda _: _forget(number))

    def __iter__(self) -> Iterator[Any]:
        if self.outlived:
            _handed_out[self.number] = self
        return iter((self.function, self.user_data))


def callback(c_type: str, function: Function) -> Callback:
    """A Python function as a C function of type `c_type`, which is one of:

    | `c_type` | `function` gets | and returns |
    |---|---|---|
    | `llama_progress_callback`, `mtmd_progress_callback` | the part done, 0 to 1 | whether to go on; None does |
    | `ggml_abort_callback` | nothing | whether to stop |
    | `ggml_backend_sched_eval_callback` | tensor, ask | ask: whether to show it; else: whether to go on, None does |
    | `ggml_backend_eval_callback` | the node's number, two tensors | whether to go on; None does |
    | `ggml_custom_op_t` | dst, ith, nth | |
    | `ggml_custom1_op_t`, `…2…`, `…3…` | dst, a, b, c, ith, nth | |
    | `ggml_log_callback` | level, text: as it comes, in pieces of lines | |
    | `ggml_abort_callback_t` | the message of a failed assertion | |
    | `ggml_opt_get_optimizer_params` | the epoch, None if C does not tell | the struct, or a dict for the default |
    | `ggml_opt_epoch_callback` | as in C | |
    | `llama_opt_param_filter` | tensor | whether to train it |
    | `llama_model_set_tensor_data_t` | tensor | |
    | `gguf_reader_callback_t` | offset, a writable buffer | how many bytes it read into it |
    | `ggml_backend_meta_get_split_state_t` | tensor | the struct, or a dict of it |
    | `mtmd_bitmap_lazy_callback` | the chunk's number | a `mtmd_bitmap *`, to be freed by C; a text; None at the end |
    | `mtmd_helper_post_decode_callback` | the batch | None or 0 to go on |

    What the function raises stops the native work and is raised where the call returns.

    Raises:
        TypeError: C has no such type of callback, or `function` can't be called.
    """
    made = convert(c_type, function)
    made.outlived = True
    return made


def convert(c_type: str, function: Function) -> Callback:
    """The same for a single call: whoever calls keeps the Callback until C has returned, and C what it holds on to."""
    if not callable(function):
        raise TypeError(f"{c_type}: {function!r} can't be called")
    name = c_type.encode()
    if not lib.llamacffi_is_callback_type(name):
        raise TypeError(f"{c_type} is no type of callback that a Python function can serve as")
    made = Callback(function)
    address = lib.llamacffi_trampoline(name, made.number)
    if not address:
        raise RuntimeError(f"there are too many callbacks of type {c_type}: let go of some")
    made.function = ffi.cast(c_type, address)
    return made


def take_exception() -> Optional[BaseException]:
    """The exception that a callback raised in this thread's latest call, with its traceback; None if none did.

    It is told once; `llamacffi.<name>` raises it.
    """
    return _exceptions.pop(lib.llamacffi_exception(), None)


# --- what C calls ---------------------------------------------------------------------------------------------------


def _callback(number: int) -> Callback:
    found = _live.get(number)
    alive = found() if found else None
    if alive is None:
        raise ReferenceError("this callback is gone: keep its Callback for as long as C may call it")
    return alive


def _function(number: int) -> Any:
    return _callback(number).call


def _forget(number: int) -> None:
    _live.pop(number, None)
    _held.pop(number, None)
    lib.llamacffi_callback_gone(number)


def _keep(kind: type[BaseException], error: BaseException, traceback: Optional[TracebackType]) -> int:
    """Keep an exception; its number, for C."""
    if error.__traceback__ is None:
        error.__traceback__ = traceback
    for old in list(_exceptions)[:-_KEPT]:
        _exceptions.pop(old, None)
    number = _next()
    _exceptions[number] = error
    interrupts = not isinstance(error, Exception) and _interrupt_later(number)
    return -(number * 2 + interrupts)


def fail_call(kind: type[BaseException], error: BaseException, traceback: Optional[TracebackType]) -> None:
    """Have the native call that is on its way in this thread fail with an exception, an interrupt among them."""
    lib.llamacffi_raised(_keep(kind, error, traceback))


def _keep_of_signal(kind: type[BaseException], error: BaseException, traceback: Optional[TracebackType]) -> int:
    """The same for what a signal's handler raised: the function that was interrupted must get to see it."""
    kept = -_keep(kind, error, traceback) // 2
    return -(kept * 2 + _interrupt_later(kept))


def _interrupt_later(number: int) -> bool:
    """Have an exception raised as soon as the main thread is back in Python, through `lib` as well.

    C raises SIGINT once Python is left, and this handler meets it where the native call returns.
    """
    import signal

    if get_ident() != _main_thread() or signal.getsignal(signal.SIGINT) is None:
        return False
    before = signal.getsignal(signal.SIGINT)
    if getattr(before, "raises_kept", False):
        return True

    def interrupt(*_: Any) -> None:
        signal.signal(signal.SIGINT, before)
        error = _exceptions.pop(number, None)
        if error:
            raise error

    interrupt.raises_kept = True  # type: ignore[attr-defined]
    signal.signal(signal.SIGINT, interrupt)
    return True


def _main_thread() -> int:
    threading = sys.modules.get("threading")
    return threading.main_thread().ident if threading else get_ident()


def extern(function: Function, onerror: Function = _keep) -> Function:
    """Have C's `llamacffi_py<name>` be this function: a decorator. `onerror` makes of an exception what C gets."""
    ffi.def_extern(name=f"llamacffi_py{function.__name__}", error=_LOST, onerror=onerror)(function)
    return function


@extern
def _hold(number: int) -> int:
    _held.setdefault(number, []).append(_callback(number))
    return 0


@extern
def _release(number: int, for_good: bool) -> int:
    holders = _held.get(number)
    if holders:
        holders.pop()
        if for_good and not holders:
            _handed_out.pop(number, None)
    return 0


def _signals() -> int:
    return 0  # Python's signal handlers run when Python does


extern(_signals, _keep_of_signal)


@extern
def _print(number: int) -> int:
    error = _exceptions.pop(number, None)
    if error and sys.stderr is not None:
        import traceback

        traceback.print_exception(type(error), error, error.__traceback__)
    return 0


def print_or_keep(kind: type[BaseException], error: BaseException, traceback: Optional[TracebackType]) -> int:
    """For `extern`, of what is called from where nothing can be stopped: an exception is printed, but no interrupt."""
    number = _keep(kind, error, traceback)
    if isinstance(error, Exception):
        _print(-number // 2)
        return 0
    return number


def _goes_on(answer: object) -> bool:
    return answer is None or bool(answer)


@extern
def _progress(number: int, part: float) -> int:
    return _goes_on(_function(number)(part))


@extern
def _abort(number: int) -> int:
    return bool(_function(number)())


@extern
def _eval(number: int, tensor: ggml_tensor_p, ask: bool) -> int:
    answer = _function(number)(tensor, ask)
    return bool(answer) if ask else _goes_on(answer)


@extern
def _compare(number: int, index: int, first: ggml_tensor_p, second: ggml_tensor_p) -> int:
    return _goes_on(_function(number)(index, first, second))


@extern
def _op(number: int, inputs: int, dst: ggml_tensor_p, *rest: Any) -> int:
    _function(number)(dst, *rest[:inputs], *rest[3:])
    return 0


@extern
def _sample(number: int, row: int) -> int:
    return int(_function(number)(row))


@extern
def _tensor(number: int, tensor: ggml_tensor_p) -> int:
    return bool(_function(number)(tensor))


def _log(number: int, level: int, text: char_p) -> int:
    _function(number)(level, text_of(text))
    return 0


def _failure(number: int, message: char_p) -> int:
    _function(number)(text_of(message))
    return 0


extern(_log, print_or_keep)
extern(_failure, print_or_keep)


@extern
def _epoch(number: int, train: bool, context: void_p, dataset: void_p, result: void_p, *counts: int) -> int:
    objects = ffi.cast("ggml_opt_context_t", context), ffi.cast("ggml_opt_dataset_t", dataset)
    _function(number)(train, *objects, ffi.cast("ggml_opt_result_t", result), *counts)
    return 0


@extern
def _optimizer(number: int, epoch: int64_t_p, parameters: void_p) -> int:
    answer = _function(number)(epoch[0] if epoch else None)
    _fill(ffi.cast("struct ggml_opt_optimizer_params *", parameters), answer)
    return 0


@extern
def _split(number: int, tensor: ggml_tensor_p, state: void_p) -> int:
    _fill(ffi.cast("struct ggml_backend_meta_split_state *", state), _function(number)(tensor))
    return 0


def _fill(struct: Any, answer: Any) -> None:
    """What a callback returns for a struct: nothing, one, or a dict, which leaves the rest of it as it is."""
    values: Any = answer
    if isinstance(answer, dict):
        for name, value in values.items():
            if isinstance(value, dict):
                _fill(ffi.addressof(struct, name), value)
            else:
                setattr(struct, name, value)
    elif answer is not None:
        struct[0] = answer


@extern
def _read(number: int, offset: int, buffer: void_p, size: int) -> int:
    read = _function(number)(offset, ffi.buffer(buffer, size))
    if not 0 <= read <= size:
        raise ValueError(f"a reader of {size} bytes returned {read}")
    return int(read)


@extern
def _bitmap(number: int, index: int, bitmap: Any, text: char_p_p) -> int:
    chunk = _function(number)(index)
    if chunk is None:
        return 1
    if isinstance(chunk, (str, bytes)):
        text[0] = lib.llamacffi_new_text(chunk.encode() if isinstance(chunk, str) else chunk)
    else:
        bitmap[0] = ffi.cast("mtmd_bitmap *", chunk)
    return 0


@extern
def _decoded(number: int, batch: void_p, result: int32_t_p) -> int:
    result[0] = _function(number)(ffi.cast("const struct mtmd_helper_embd_batch *", batch)) or 0
    return 0


# --- samplers -------------------------------------------------------------------------------------------------------


def sampler(methods: Any = None, *, name: str = "", **functions: Function) -> llama_sampler_p:
    """A sampler that is written in Python (C: `llama_sampler_init`).

    It has `apply(candidates)`, with a `llama_token_data_array *`, and as far as it needs them `accept(token)`,
    `reset()`, `clone()`, `free()`, `copy_state(source)`; to take part in the graph `backend_init(buft, n_outputs)`,
    `backend_accept(context, graph, token)`, `backend_apply(context, graph, data)`, `backend_set_input()` and
    `backend_reset()`. `clone` returns the object that is to have the methods in the copy, or a sampler; without it,
    `copy.copy` makes one.

    Args:
        methods: an object that has them.
        name: what `llama_sampler_name` says; as a rule the object's type's.
        **functions: the methods one by one, instead of an object.

    Returns:
        `struct llama_sampler *`, to be freed or put into a chain like any other.

    Raises:
        TypeError: there is no `apply`, or what there is can't be called.
    """
    unknown = functions.keys() - set(_METHODS)
    if unknown or (methods is not None and functions):
        raise TypeError(f"a sampler is an object, or functions of these names: {', '.join(_METHODS)}")
    if methods is None:
        methods = _Functions(functions)
    if not callable(getattr(methods, "apply", None)):
        raise TypeError("a sampler needs a function `apply`")
    return _sampler_of(methods, name or type(methods).__name__)


class _Functions:
    """The functions of a sampler as an object's methods."""

    def __init__(self, functions: dict[str, Function]) -> None:
        vars(self).update(functions)


def _sampler_of(methods: Any, name: str) -> llama_sampler_p:
    made = Callback((methods, name))
    _hold(made.number)
    return lib.llamacffi_sampler(made.number, name.encode(), hasattr(methods, "backend_apply"))


def _method_apply(methods: Any, a: void_p, *_: Any) -> None:
    methods.apply(ffi.cast("llama_token_data_array *", a))


def _method_accept(methods: Any, a: void_p, b: void_p, c: void_p, number: int) -> None:
    if hasattr(methods, "accept"):
        methods.accept(number)


def _method_clone(methods: Any, a: void_p, name: str) -> None:
    if hasattr(methods, "clone"):
        copy = methods.clone()
    else:
        from copy import copy as copy_of

        copy = copy_of(methods)
    made: Any = copy if isinstance(copy, ffi.CData) else _sampler_of(copy, name)
    ffi.cast("void **", a)[0] = made


def _method_backend_init(methods: Any, a: void_p, b: void_p, c: void_p, number: int) -> bool:
    buft = ffi.cast("ggml_backend_buffer_type_t", a)
    return bool(methods.backend_init(buft, number)) if hasattr(methods, "backend_init") else True


def _method_backend_accept(methods: Any, a: void_p, b: void_p, c: void_p, *_: Any) -> None:
    if hasattr(methods, "backend_accept"):
        methods.backend_accept(*_graph(a, b), ffi.cast("struct ggml_tensor *", c))


def _method_backend_apply(methods: Any, a: void_p, b: void_p, c: void_p, *_: Any) -> None:
    methods.backend_apply(*_graph(a, b), ffi.cast("struct llama_sampler_data *", c))


def _graph(context: void_p, graph: void_p) -> tuple[ggml_context_p, ggml_cgraph_p]:
    return ffi.cast("struct ggml_context *", context), ffi.cast("struct ggml_cgraph *", graph)


def _method_copy_state(methods: Any, a: void_p, b: void_p, c: void_p, number: int) -> None:
    source = _function(number)[0]
    if hasattr(methods, "copy_state"):
        methods.copy_state(source)
    else:
        state: dict[str, Any] = methods.__dict__
        state.update(source.__dict__)


def _simple(name: str) -> Function:
    def call(methods: Any, *_: Any) -> None:
        if hasattr(methods, name):
            getattr(methods, name)()

    return call


# In the order of callbacks.cpp's enum Method.
_METHODS: dict[str, Function] = {
    "apply": _method_apply,
    "accept": _method_accept,
    "reset": _simple("reset"),
    "clone": _method_clone,
    "free": _simple("free"),
    "backend_init": _method_backend_init,
    "backend_accept": _method_backend_accept,
    "backend_apply": _method_backend_apply,
    "backend_set_input": _simple("backend_set_input"),
    "backend_reset": _simple("backend_reset"),
    "copy_state": _method_copy_state,
}
_METHODS_IN_ORDER = list(_METHODS.items())


@extern
def _sampler(callback_number: int, method: int, a: void_p, b: void_p, c: void_p, number: int) -> int:
    methods, own_name = _function(callback_number)
    name, call = _METHODS_IN_ORDER[method]
    if name == "clone":
        call(methods, a, own_name)
        return 0
    return bool(call(methods, a, b, c, number))


lib.llamacffi_main_thread(_main_thread() % 2**64)
