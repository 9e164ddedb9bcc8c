"""The cffi builder: what is compiled into the extension `llamacffi._llamacffi`.

The declarations are generated from llama.cpp's headers by tools/header_gen; the C that we write is in src/native.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Optional

from cffi import FFI

ROOT = Path(__file__).resolve().parent
NATIVE = ROOT / "src" / "native"
MODULE = "llamacffi._llamacffi"
# The part of src/native/internal_*.cpp that stands for those that libllama lacks.
UNKNOWN = "unknown"


def builder(generated: Path) -> FFI:
    """The builder over header_gen's output.

    Args:
        generated: the folder that has header_gen's output.
    """
    # C, then the guards whose macros take the place of the C names in all that follows: cffi's own calls.
    ours = ["backends_c", "backends", "batches", "can_save", "errors", "callbacks", "files", "loop", "measures"]
    ours += ["quantize", "sampling", "tokenize", "guards"]
    ffi = FFI()
    ffi.cdef((generated / "cdef.h").read_text("utf-8"))
    declarations = (NATIVE / "ours.cdef.h").read_text("utf-8")
    if "llama_vocab" not in [each["name"] for each in _table(generated)["structs"]]:  # see llamacffi-earlier.h
        declarations = declarations.replace("struct llama_vocab ", "struct llama_model ")
    ffi.cdef(declarations)
    ffi.set_source(MODULE, "".join(f'#include "{name}.h"\n' for name in ["api", *ours]))
    return ffi


def _table(generated: Path) -> dict[str, Any]:
    table: dict[str, Any] = json.loads((generated / "api.json").read_text("utf-8"))
    return table


def include_all(generated: Path) -> str:
    """C that includes each of llama.cpp's headers; it is shipped as `llamacffi.h`."""
    headers = _table(generated)["headers"]
    return "".join(f"#include <{name}>\n" for name in headers)  # not those beside it, where libllama is the user's own


def cxx_sources(generated: Path, internal: Optional[Iterable[str]] = None) -> list[Path]:
    """The C++ that is compiled into the extension: the generated guards, and what they are made of.

    Args:
        generated: the folder that has header_gen's output.
        internal: the parts of internal_*.cpp that libllama has; None, all of them.
    """
    names = ["guard", "handles", "tensors", "memory", "callbacks", "log", "measures", "rpc"]
    names += ["batches", "files", "loop", "quantize", "sampling", "tokenize"]
    sources = [generated / "guards.cpp", *(NATIVE / f"{name}.cpp" for name in names)]
    parts = {path.stem.replace("internal_", "", 1) for path in NATIVE.glob("internal_*.cpp")} - {UNKNOWN}
    if internal is not None and parts - set(internal):
        sources.append(NATIVE / f"internal_{UNKNOWN}.cpp")
    return sources


def emit(generated: Path, code: Path) -> None:
    """Write the extension's C file, `code`."""
    builder(generated).emit_c_code(str(code))
    # A struct may be given as a dict; cffi then leaves the members that it does not name as they lie on the stack.
    structs = re.compile(r"^(  (?:struct|union) \w+ x\d+);$", re.MULTILINE)
    code.write_text(structs.sub(r"\1 = {0};", code.read_text("utf-8")), "utf-8")
