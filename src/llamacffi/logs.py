"""Native log lines to Python's `logging`, logger "llamacffi".

C joins the pieces to lines and asks here, once a call, from which level on they are wanted; those below never enter
Python. A program that does not use `logging` gets what `logging` would give it: warnings and errors, on standard error.
"""

from __future__ import annotations

import sys
from _thread import get_ident
from contextlib import contextmanager

from .callbacks import _py, _report
from .native import ffi, lib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

LOGGER = "llamacffi"
_WARNING = 30  # logging's
_kept: dict[int, list[str]] = {}


@contextmanager
def kept() -> Iterator[list[str]]:
    """The warnings and errors that this thread logs meanwhile: in a list, and not in the log."""
    lines = _kept[get_ident()] = []
    try:
        yield lines
    finally:
        del _kept[get_ident()]


def _logger() -> Any:
    """None if the program does not use `logging`, or is just importing it."""
    get_logger = getattr(sys.modules.get("logging"), "getLogger", None)
    return get_logger and get_logger(LOGGER)


def _log_level() -> int:
    logger = _logger()
    level = int(logger.getEffectiveLevel()) if logger else _WARNING
    return min(level, _WARNING) if get_ident() in _kept else level


def _log_line(level: int, text: ffi.CData) -> int:
    line = ffi.string(text).decode("utf-8", "replace")
    logger = _logger()
    lines = _kept.get(get_ident())
    if lines is not None and level >= _WARNING:
        lines.append(line)
    elif logger:
        logger.log(level, "%s", line)
    elif sys.stderr is not None:
        sys.stderr.write(f"{line}\n")
    return 0


_py(_log_level, _report)
_py(_log_line, _report)
lib.llamacffi_start_log()
