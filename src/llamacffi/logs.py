"""Native log lines to Python's `logging`, logger "llamacffi".

C joins the pieces to lines and asks here, once a call, from which level on they are wanted; those below never enter
Python. A program that does not use `logging` gets what `logging` would give it: warnings and errors, on standard error.
"""

from __future__ import annotations

import sys
from _thread import get_ident

from .callbacks import extern, print_or_keep
from .native import lib, text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from .types import char_p


LOGGER = "llamacffi"
"""The name of the logger that gets llama.cpp's log."""
_WARNING = 30  # logging's
_kept: dict[int, Kept] = {}  # by thread


class Kept:
    """Keeps the warnings and errors that this thread logs inside `with` from the log; one inside another has its own.

    Attributes:
        lines: level and text of each, in order.
    """

    def __init__(self) -> None:
        self.lines: list[tuple[int, str]] = []
        self._outer: Optional[Kept] = None

    def __enter__(self) -> Kept:
        self._outer = _kept.get(get_ident())
        _kept[get_ident()] = self
        return self

    def __exit__(self, *exception: object) -> None:
        if self._outer:
            _kept[get_ident()] = self._outer
        else:
            del _kept[get_ident()]

    def pass_on(self, but: Optional[str] = None) -> None:
        """To the log, after all, or to the one that keeps them now; all `but` lines with this in them."""
        for level, line in self.lines:
            if but is None or but not in line:
                _take(level, line)


def _logger() -> Any:
    """None if the program does not use `logging`, or is just importing it."""
    get_logger = getattr(sys.modules.get("logging"), "getLogger", None)
    return get_logger and get_logger(LOGGER)


def _log_level() -> int:
    logger = _logger()
    level = int(logger.getEffectiveLevel()) if logger else _WARNING
    return min(level, _WARNING) if get_ident() in _kept else level


def _log_line(level: int, text: char_p) -> int:
    _take(level, text_of(text))
    return 0


def _take(level: int, line: str) -> None:
    kept = _kept.get(get_ident())
    if kept and level >= _WARNING:
        kept.lines.append((level, line))
    else:
        _write(level, line)


def _write(level: int, line: str) -> None:
    logger = _logger()
    if logger:
        logger.log(level, "%s", line)
    elif sys.stderr is not None:
        sys.stderr.write(f"{line}\n")


extern(_log_level, print_or_keep)
extern(_log_line, print_or_keep)
lib.llamacffi_start_log()
