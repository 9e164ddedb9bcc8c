"""Generated from llama.cpp's headers by tools/header_gen."""

from collections.abc import Sequence
from typing import IO, Any, Final, SupportsFloat, SupportsIndex

from typing_extensions import deprecated

from . import types as t

def llama_log_set(callback: t.llama_log_callback | t.Null, user_data: t.AnyPointer | t.Null, /) -> None:
    """void llama_log_set(llama_log_callback callback, void *user_data);

    llama.h:24"""

def llama_run(check: t.llama_check | t.Null, data: t.AnyPointer | bytes, size: int | SupportsIndex, /) -> bool:
    """bool llama_run(llama_check check, const void *data, size_t size);

    llama.h:25"""

def llama_sort(values: t.int_p, n: int | SupportsIndex, compare: t.FunctionPointer | t.Null, /) -> int:
    """int llama_sort(int *values, size_t n, int (*compare)(const void *a, const void *b));

    llama.h:26"""

def llama_apply(function: t.FunctionPointer | t.Null, x: int | SupportsIndex, /) -> int:
    """int llama_apply(int (*function)(int x), int x);

    llama.h:27"""

def llama_handler(signal: int | SupportsIndex, /) -> t.FunctionPointer:
    """void (*llama_handler(int signal))(int signal);

    llama.h:28"""

def llama_comparer() -> t.llama_compare:
    """llama_compare llama_comparer(void);

    llama.h:29"""

def llama_finder() -> t.FunctionPointer:
    """int (*(*llama_finder(void))(const char *))(int, ...);

    llama.h:30"""
