"""Generated from llama.cpp's headers by tools/header_gen."""

from collections.abc import Sequence
from typing import IO, Any, Final, SupportsFloat, SupportsIndex

from typing_extensions import deprecated

from . import types as t

def llama_new(n: int | SupportsIndex, /) -> int:
    """int llama_new(int n);

    The one to use.

    llama.h:10"""

@deprecated("use llama_new; (it's \"better\") instead")
def llama_old(n: int | SupportsIndex, /) -> int:
    """int llama_old(int n);

    An old one.
    behind it

    llama.h:13"""

@deprecated("use llama_new instead")
def llama_old_lines(path: t.char_p | bytes, n: int | SupportsIndex, /) -> int:
    """int llama_old_lines(const char *path, int n);

    llama.h:15"""

@deprecated("llama_old_before is deprecated in llama.h")
def llama_old_before() -> int:
    """int llama_old_before(void);

    llama.h:20"""

@deprecated("llama_old_middle is deprecated in llama.h")
def llama_old_middle(callback: t.FunctionPointer | t.Null, /) -> int:
    """int llama_old_middle(int (*callback)(int));

    llama.h:21"""

@deprecated("llama_old_more is deprecated in llama.h")
def llama_old_more() -> int:
    """int llama_old_more(void);

    llama.h:22"""

@deprecated("llama_old_pointer is deprecated in llama.h")
def llama_old_pointer(n: int | SupportsIndex, /) -> t.FunctionPointer:
    """void (*llama_old_pointer(int n))(int);

    llama.h:23"""

def llama_not_old(deprecated: int | SupportsIndex, /) -> int:
    """int llama_not_old(int deprecated);

    llama.h:24"""

def llama_last() -> int:
    """int llama_last(void);

    llama.h:32"""

LLAMA_KIND_A: Final[int]
"""enum llama_kind LLAMA_KIND_A = 3

llama.h:30"""

LLAMA_KIND_B: Final[int]
"""enum llama_kind LLAMA_KIND_B = 4

llama.h:30"""
