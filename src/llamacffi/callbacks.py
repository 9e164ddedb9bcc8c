"""The Python functions that native code calls: each is an `extern "Python"` of the extension.

An exception can't cross C. It is kept in the object that native code carries as its `void *user_data`; C gets the
value that makes it stop, and whoever called C raises the exception once the call has returned.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Optional

from .native import ffi


class Progress:
    """A `llama_progress_callback`.

    Args:
        report: called with the part done, 0 to 1; returning False cancels.

    Attributes:
        user_data: what C must hand back, `void *`; good for as long as this object lives.
        error: the exception that cancelled, if one did.
    """

    def __init__(self, report: Callable[[float], bool]) -> None:
        self.report = report
        self.error: Optional[BaseException] = None
        self.user_data = ffi.new_handle(self)


def _progress(part: float, user_data: ffi.CData) -> bool:
    progress: Progress = ffi.from_handle(user_data)
    try:
        return progress.report(part)
    except BaseException as error:
        progress.error = error
        return False


ffi.def_extern(name="llamacffi_progress", error=False)(_progress)
