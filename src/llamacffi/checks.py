"""What several functions ask of their arguments, and what they say of names that there are not."""

from __future__ import annotations

from collections.abc import Iterable
from operator import index
from typing import Any

from .errors import ArgumentTypeError, InvalidArgumentError


def whole(name: str, value: Any, least: int = 0) -> int:
    """A whole number that fits C's `int32_t`.

    Args:
        name: the argument's, for messages.
        value: what was given.
        least: the smallest that will do.

    Raises:
        InvalidArgumentError: it is none, smaller, or too large.
    """
    try:
        number = index(value)
    except TypeError:
        number = -1
    if not least <= number < 2**31:
        raise InvalidArgumentError(f"{name} = {value!r}: must be a whole number from {least} on")
    return number


def several(name: str, values: Any, advice: str) -> list[Any]:
    """What a function takes many of, as a list.

    Args:
        name: the argument's, for messages.
        values: what was given.
        advice: what to do with a single one.

    Raises:
        ArgumentTypeError: it is a single text, or not iterable.
    """
    if isinstance(values, (str, bytes, bytearray, memoryview)):
        raise ArgumentTypeError(f"{name}: must be several; {advice}", argument=name)
    try:
        iterator = iter(values)
    except TypeError:
        raise ArgumentTypeError(f"{name}: must be several, not {values!r}; {advice}", argument=name) from None
    return list(iterator)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """What to put behind a message that there is no such name: the names that are like it, "" if none is."""
    from difflib import get_close_matches

    close = get_close_matches(name, list(known), n=3)
    return f"; did you mean {' or '.join(close)}?" if close else ""
