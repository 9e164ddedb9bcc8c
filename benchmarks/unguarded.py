"""The same functions without a guard: a cffi module over llama.cpp's headers and the package's own libraries.

It is built once, in build/, and again when something that it is made of has changed.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from cffi import FFI

import llamacffi
from llamacffi import ffi, lib

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
import vendor
from loading import load_module
from pinned import ROOT

MODULE = "_unguarded"
GENERATOR = ROOT / "tools" / "header_gen"
C_FLAGS = ["-O1", "-g0", "-w"]  # setup.py's

# What forwards.h needs: the package has loaded the backends by then, and functions of their modules are not called.
STAND_INS = """
#include <string.h>
struct llamacffi_forward { const char *name, *module; };
static int llamacffi_backends_loaded = 1;
static int llamacffi_load_backends(void) { return 1; }
static void *llamacffi_find(const char *module, const char *name) { return NULL; }
#include "forwards.h"
"""


def load() -> Any:
    """The module; its `ffi` and `lib` know nothing of the package's."""
    lib.ggml_backend_dev_count()  # loads the backends
    source = vendor.obtain(ROOT)
    folder = ROOT / "build" / f"unguarded-{str(sysconfig.get_config_var('EXT_SUFFIX')).split('.')[1]}"
    stamp, inputs = folder / "inputs", _inputs(source)
    if not stamp.is_file() or stamp.read_text("ascii") != inputs:
        stamp.unlink(missing_ok=True)
        _build(source, folder)
        stamp.write_text(inputs, "ascii")
    (library,) = (path for path in folder.glob(f"{MODULE}.*") if path.suffix not in (".c", ".o"))
    return load_module(MODULE, library)


def _inputs(source: Path) -> str:
    """A digest of what the module is made of."""
    libraries = Path(llamacffi.get_library_dir())
    digest = hashlib.sha256(f"{sys.version}\n{libraries}\n{sorted(libraries.iterdir())}".encode())
    files = [Path(__file__), source / vendor.STAMP, *GENERATOR.rglob("*.py"), *GENERATOR.rglob("*.toml")]
    for path in sorted(files):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _build(source: Path, folder: Path) -> None:
    command = [sys.executable, str(GENERATOR), "--source", str(source), "--out", str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    headers = json.loads((folder / "api.json").read_text("utf-8"))["headers"]
    libraries = llamacffi.get_library_dir()
    builder = FFI()
    builder.cdef((folder / "cdef.h").read_text("utf-8"))
    builder.set_source(
        MODULE,
        "".join(f'#include "{name}"\n' for name in headers) + STAND_INS,
        include_dirs=[llamacffi.get_include(), str(folder)],
        library_dirs=[libraries],
        libraries=sorted({path.stem.replace("lib", "", 1) for path in Path(libraries).glob("*llamacffi-*")}),
        extra_compile_args=C_FLAGS,
        extra_link_args=[f"-Wl,-rpath,{libraries}"],
    )
    builder.compile(tmpdir=str(folder))


def moved(value: Any, module: Any) -> Any:
    """A value of the package's `ffi` as one of the module's, a handle or an array by its address."""
    if not isinstance(value, ffi.CData):
        return value
    type_ = ffi.typeof(value)
    name = type_.cname if type_.kind == "pointer" else f"{type_.item.cname} *"
    return module.ffi.cast(name, int(ffi.cast("uintptr_t", value)))
