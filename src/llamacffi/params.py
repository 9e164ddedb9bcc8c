"""Parameters of C from keywords: fields of a struct by their names, values of an enum by llama.cpp's short names."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from operator import index
from typing import Any, Callable, NoReturn, cast

import llamacffi

from .arguments import UNFIT, keep
from .callbacks import Callback
from .checks import did_you_mean
from .errors import ArgumentRangeError, ArgumentTypeError, InvalidArgumentError, compose
from .native import ffi
from .owner import Owner
from .types import Number

# The fields that are Python functions, and C's type of each. What C hands back to them has a field of its own.
_CALLBACKS = {
    "abort_callback": ("ggml_abort_callback", "abort_callback_data"),
    "cb_eval": ("ggml_backend_sched_eval_callback", "cb_eval_user_data"),
    "progress_callback": ("llama_progress_callback", "progress_callback_user_data"),
}


def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def padded(n_ctx: int) -> int:
    """The room of a sequence as llama.cpp rounds it where there are several; it warns if all of it is less."""
    return -(-n_ctx // 256) * 256


def field_names(struct: str) -> list[str]:
    """The names of a C struct's fields, "struct llama_context_params" for instance."""
    return [name for name, _ in ffi.typeof(struct).fields]


def fill(params: ffi.CData, values: Mapping[str, Any], function: str) -> None:
    """Set fields of a struct of parameters; None leaves a field as it is.

    Beside what cffi takes, a field takes: of an enum, the name ("mean", "q8_0", in letters of either case); of a
    callback, a Python function; of another object, the one that owns it; and of these lists, Python's own:
    `kv_overrides`, a mapping of keys to bool, int, float or str; `tensor_buft_overrides`, of patterns to devices;
    `tt_overrides`, of patterns to types; `imatrix`, of names to arrays of float32; `prune_layers`, layers' numbers;
    `samplers`, of sequences to sampler chains.

    Args:
        params: the struct as C's function for default parameters returned it. What it points to lives as long as it.
        values: the fields.
        function: whose keywords they are, for messages.

    Raises:
        InvalidArgumentError: there is no such field, the message lists those of a like name; or C can't take its value.
    """
    fields = dict(ffi.typeof(params).fields)
    for name, value in values.items():
        if name not in fields:
            raise_unknown(function, name, fields)
        if value is None:
            continue
        try:
            _set(params, name, fields[name].type, value, function)
        except InvalidArgumentError:
            raise
        except OverflowError:
            problem = f"= {value!r}: does not fit {fields[name].type.cname}"
            raise ArgumentRangeError(compose(function, name, problem), function, name) from None
        except (*UNFIT, AttributeError) as error:
            problem = f"= {value!r}: C takes {fields[name].type.cname}: {error}"
            raise ArgumentTypeError(compose(function, name, problem), function, name) from None


def _set(params: Any, name: str, type_: ffi.CType, value: Any, function: str) -> None:
    owner: Any = value
    if isinstance(value, Owner):
        value = owner.handle
    if type_.kind == "enum":
        value = enum_value(type_.cname[len("enum ") :], value, function, name)
    elif type_.kind in ("pointer", "function") and not isinstance(value, ffi.CData):
        if name in _CALLBACKS:
            c_type, user_data = _CALLBACKS[name]
            made = value if isinstance(value, Callback) else llamacffi.callback(c_type, value)
            keep(params, [made])
            value = made.function
            setattr(params, user_data, made.user_data)
        elif name in _LISTS:
            if name == "samplers":
                params.n_samplers = len(value)
            value, kept = _LISTS[name](value)
            keep(params, [value, *kept])
    setattr(params, name, value)


# --- lists ---


def _kv_overrides(values: Mapping[str, Any]) -> tuple[ffi.CData, list[Any]]:
    array = ffi.new("struct llama_model_kv_override[]", len(values) + 1)
    for each, (key, value) in zip(array, values.items()):
        each.key = key.encode()
        if isinstance(value, bool):
            each.tag, each.val_bool = llamacffi.LLAMA_KV_OVERRIDE_TYPE_BOOL, value
        elif isinstance(value, int):
            each.tag, each.val_i64 = llamacffi.LLAMA_KV_OVERRIDE_TYPE_INT, value
        elif isinstance(value, float):
            each.tag, each.val_f64 = llamacffi.LLAMA_KV_OVERRIDE_TYPE_FLOAT, value
        else:
            each.tag, each.val_str = llamacffi.LLAMA_KV_OVERRIDE_TYPE_STR, value.encode()
    return array, []


def _tensor_buft_overrides(values: Mapping[str, Any]) -> tuple[ffi.CData, list[Any]]:
    array = ffi.new("struct llama_model_tensor_buft_override[]", len(values) + 1)
    patterns = [ffi.new("char[]", pattern.encode()) for pattern in values]
    for each, pattern, value in zip(array, patterns, values.values()):
        each.pattern = pattern
        buft: Any = value
        if not isinstance(value, ffi.CData):
            (device,) = llamacffi.devices.find(value)
            buft = llamacffi.ggml_backend_dev_buffer_type(device.handle)
        each.buft = buft
    return array, patterns


def _tt_overrides(values: Mapping[str, Any]) -> tuple[ffi.CData, list[Any]]:
    array = ffi.new("struct llama_model_tensor_override[]", len(values) + 1)
    patterns = [ffi.new("char[]", pattern.encode()) for pattern in values]
    for each, pattern, value in zip(array, patterns, values.values()):
        each.pattern = pattern
        each.type = enum_value("ggml_type", value, "quantize", "tt_overrides")
    return array, patterns


def _imatrix(values: Mapping[str, Any]) -> tuple[ffi.CData, list[Any]]:
    array = ffi.new("struct llama_model_imatrix_data[]", len(values) + 1)
    names = [ffi.new("char[]", name.encode()) for name in values]
    arrays = [
        ffi.new("float[]", value) if type(value) in (list, tuple) else ffi.from_buffer("float[]", value)
        for value in values.values()
    ]
    for each, name, data in zip(array, names, arrays):
        each.name, each.data, each.size = name, data, len(data)
    return array, [*names, *arrays]


def _prune_layers(values: Sequence[int]) -> tuple[ffi.CData, list[Any]]:
    return ffi.new("int32_t[]", [*values, -1]), []


def _samplers(values: Mapping[int, Any]) -> tuple[ffi.CData, list[Any]]:
    array = ffi.new("struct llama_sampler_seq_config[]", max(1, len(values)))
    for each, (seq, sampler) in zip(array, values.items()):
        owner: Any = sampler
        each.seq_id, each.sampler = seq, owner.handle if isinstance(sampler, Owner) else owner
    return array, list(values.values())


_LISTS: dict[str, Callable[[Any], tuple[ffi.CData, list[Any]]]] = {
    "imatrix": _imatrix,
    "kv_overrides": _kv_overrides,
    "prune_layers": _prune_layers,
    "samplers": _samplers,
    "tensor_buft_overrides": _tensor_buft_overrides,
    "tt_overrides": _tt_overrides,
}


# --- enums ---


@cache
def enum_values(enum: str) -> dict[str, int]:
    """The values of a C enum by llama.cpp's short names, lower case: "llama_pooling_type" has "none", "mean", …"""
    prefix = f"{enum.upper()}_"
    values: dict[str, int] = {}
    for name, value in sorted(ffi.typeof(f"enum {enum}").relements.items(), key=lambda pair: pair[1]):
        short = name[len(prefix) :] if name.startswith(prefix) else name
        if short in ("MAX_VALUE", "COUNT", "GUESSED"):
            continue
        for kind in ("MOSTLY_", "ALL_"):  # of llama_ftype
            short = short[len(kind) :] if short.startswith(kind) else short
        values[short.lower()] = value
    return values


def enum_name(enum: str, value: int) -> str:
    """The short name of an enum's value; the number as text if the headers have no name for it."""
    return next((name for name, number in enum_values(enum).items() if number == value), str(value))


def enum_value(enum: str, value: Any, function: str, argument: str) -> int:
    """An enum's value by its name, in letters of either case, short or as C has it; or the number itself.

    Raises:
        InvalidArgumentError: the enum has no such name, the message lists its names; or it is no whole number.
    """
    if not isinstance(value, str):
        try:
            return int(cast("Number", value)) if isinstance(value, ffi.CData) else index(value)
        except TypeError:
            problem = f"= {value!r}: must be a name or a whole number, of enum {enum}"
            raise ArgumentTypeError(compose(function, argument, problem), function, argument) from None
    values = enum_values(enum)
    wanted = value.strip()
    if wanted.lower() in values:
        return values[wanted.lower()]
    full = ffi.typeof(f"enum {enum}").relements
    if wanted in full:
        return int(full[wanted])
    problem = f"= {value!r}: must be one of {', '.join(values)}{did_you_mean(wanted.lower(), values)}"
    raise InvalidArgumentError(compose(function, argument, problem), function, argument)


def raise_unknown(function: str, name: str, known: Iterable[str]) -> NoReturn:
    """Refuse a keyword that there is not."""
    raise InvalidArgumentError(f"{function}: there is no parameter {name!r}{did_you_mean(name, known)}", function, name)
