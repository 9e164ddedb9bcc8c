"""printf's formats: whether the arguments of a variadic function are those that its format asks for."""

from __future__ import annotations

import re

from .errors import InvalidArgumentError, compose
from .native import ffi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_CONVERSION = re.compile(rb"%(?:%|[-+ #0']*(\*|\d*)(?:\.(\*|\d*))?(?:hh|h|ll|l|L|q|j|z|t)?(.?))", re.DOTALL)
_KINDS = {
    "diouxXc": "an integer",
    "eEfFgGaA": "a double",
    "s": "a char pointer",
    "p": "a pointer",
}


def check_format(function: str, argument: str, text: object, given: tuple[Any, ...]) -> None:
    """Check what follows a format, which C takes unseen.

    Args:
        function: the C function's name.
        argument: the name of the format's parameter.
        text: the format: bytes, a string, or a C string.
        given: the arguments behind it, C values.

    Raises:
        InvalidArgumentError: the format is none, or an argument is missing or of another kind.
    """
    if isinstance(text, str):
        text = text.encode("utf-8", "surrogateescape")
    elif isinstance(text, ffi.CData) and text:
        text = ffi.string(text)
    if not isinstance(text, bytes):
        return  # it is refused as what it is
    wanted = list(_wanted(function, argument, text))
    if len(given) < len(wanted):
        problem = f"the format wants {len(wanted)} arguments, and {len(given)} were given"
        raise InvalidArgumentError(compose(function, argument, problem), function, argument)
    for number, (kind, value) in enumerate(zip(wanted, given), 1):
        if isinstance(value, ffi.CData) and not _is(kind, ffi.typeof(value)):
            problem = f"argument {number} behind the format must be {kind}, and is {ffi.typeof(value).cname}"
            raise InvalidArgumentError(compose(function, argument, problem), function, argument)


def _wanted(function: str, argument: str, text: bytes) -> Iterator[str]:
    for found in _CONVERSION.finditer(text):
        if found[0] == b"%%":
            continue
        for width in (found[1], found[2]):
            if width == b"*":
                yield "an integer"
        letter = found[3].decode("latin-1")
        kind = next((kind for letters, kind in _KINDS.items() if letter and letter in letters), None)
        if not kind:
            problem = f"{found[0].decode('latin-1')!r} is not supported"
            raise InvalidArgumentError(compose(function, argument, problem), function, argument)
        yield kind


def _is(kind: str, type_: ffi.CType) -> bool:
    if kind == "a double":
        return type_.cname in ("float", "double")
    if kind == "an integer":
        return type_.kind == "enum" or (type_.kind == "primitive" and type_.cname not in ("float", "double"))
    pointer = type_.kind in ("pointer", "array")
    return pointer and (kind == "a pointer" or type_.item.cname in ("char", "void"))
