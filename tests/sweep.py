"""Calls every public function with nothing right: all pointers NULL, and integers 0, -1 and their type's extremes.

    python tests/sweep.py [PATTERN …]

Prints one JSON line a function: its name, the exit status of the process of its own that made the calls (null if it
hung), and the call that it was at. Functions that are not called are in LEFT_OUT.
"""

from __future__ import annotations

import fnmatch
import json
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Optional

import llamacffi
from llamacffi import ffi, lib

# Function: why it is not called.
LEFT_OUT: dict[str, str] = {}

LIMIT = 60.0  # seconds for the calls of one function
_FLOATS = (0.0, -1.0, float("inf"), float("nan"))


def values(ctype: ffi.CType, which: int) -> Any:
    """A wrong value of a type: the `which`-th of four."""
    if ctype.kind in ("pointer", "array", "function"):
        return ffi.NULL
    if ctype.kind == "struct":
        value = ffi.new(ffi.getctype(ctype, "*"))
        for name, field in ctype.fields:
            if field.type.kind in ("primitive", "enum") and field.bitshift < 0:
                setattr(value[0], name, values(field.type, which))
        return value[0]
    if ctype.cname in ("float", "double"):
        return _FLOATS[which]
    if ctype.cname == "_Bool":
        return bool(which % 2)
    size = ffi.sizeof(ctype)
    signed = ctype.kind != "enum" and int(ffi.cast(ctype, -1)) < 0
    low, high = (-(2 ** (8 * size - 1)), 2 ** (8 * size - 1) - 1) if signed else (0, 2 ** (8 * size) - 1)
    if ctype.kind == "enum":
        return int(ffi.cast("int", (0, 1, 0x7FFFFFFF, 12345)[which]))
    return (0, -1 if signed else 1, low, high)[which]


def calls(name: str) -> list[tuple[Any, ...]]:
    ctype = ffi.typeof(getattr(lib, name))
    parameters = ctype.args
    found = [tuple(values(each, which) for each in parameters) for which in range(4)]
    # And each number by itself, since the first that is wrong hides the others.
    for at, each in enumerate(parameters):
        if each.kind in ("primitive", "enum"):
            for which in range(1, 4):
                arguments = list(found[0])
                arguments[at] = values(each, which)
                found.append(tuple(arguments))
    return found


def sweep(name: str, progress: Any) -> None:
    for arguments in calls(name):
        for tier in (lib, llamacffi):
            progress.seek(0)
            progress.truncate()
            progress.write(repr((tier is lib, arguments)).encode())
            progress.flush()
            try:
                getattr(tier, name)(*arguments)
            except (llamacffi.LlamaError, TypeError, ValueError, OverflowError):
                continue


def _wait(pid: int) -> Optional[int]:
    """A child's status; None if it had to be killed, for it hung."""
    deadline = time.monotonic() + LIMIT
    while time.monotonic() < deadline:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return status
        time.sleep(0.001)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return None


def main(patterns: list[str]) -> int:
    table = json.loads(Path(llamacffi.__file__).with_name("api.json").read_text("utf-8"))
    names = [each["name"] for each in table["functions"] if each["name"] not in LEFT_OUT]
    lib.ggml_backend_dev_count()
    for name in names:
        if patterns and not any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns):
            continue
        with tempfile.TemporaryFile() as progress, tempfile.TemporaryFile() as output:
            pid = os.fork()
            if not pid:
                os.dup2(output.fileno(), 1)
                os.dup2(output.fileno(), 2)
                try:
                    sweep(name, progress)
                finally:
                    os._exit(0 if sys.exc_info()[0] is None else 1)
            status = _wait(pid)
            status = (
                None if status is None else -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
            )
            progress.seek(0)
            output.seek(0)
            call, text = (
                progress.read().decode(),
                output.read()[-2000:].decode("utf-8", "replace") if status != 0 else "",
            )
            print(json.dumps({"function": name, "status": status, "call": call, "output": text}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
