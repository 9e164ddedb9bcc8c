"""Views of native memory: NumPy arrays, or `memoryview`s where there is no NumPy.

The only file that imports NumPy, and only when the first array is asked for.
"""

from __future__ import annotations

from functools import cache
from typing import Any


@cache
def numpy() -> Any:
    """The module, None if it is not installed."""
    try:
        import numpy as module
    except ImportError:
        return None
    return module
