"""What the fixtures of conftest.py are, for annotations."""

from __future__ import annotations

from collections.abc import Callable
from subprocess import CompletedProcess

from llamacffi.types import llama_context_p

Run = Callable[..., "CompletedProcess[str]"]
MakeContext = Callable[..., llama_context_p]
