"""The Python functions that native code calls: each is an `extern "Python"` of the extension.

The C side carries a handle (`ffi.new_handle`) as its `void *user_data`; whoever makes one keeps it alive for as
long as native code may call.
"""

from __future__ import annotations

from collections.abc import Callable

from .native import ffi


def _progress(progress: float, user_data: ffi.CData) -> bool:
    """`llama_progress_callback`; an exception is reported and cancels."""
    report: Callable[[float], bool] = ffi.from_handle(user_data)
    return report(progress)


ffi.def_extern(name="llamacffi_progress", error=False)(_progress)
