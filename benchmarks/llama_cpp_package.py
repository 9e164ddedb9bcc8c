"""llama-cpp-python, the whole Python package, over the libraries that llamacffi has.

Its source distribution is the one that carries llama.cpp; it finds the libraries by an environment variable of its own,
under upstream's names. Both packages then use the same code in one process, compiled the same way.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import llamacffi

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
import llama_cpp_python
import vendor
from pinned import ROOT, download, workspace

NEEDS = ["diskcache", "jinja2", "markupsafe", "typing-extensions"]  # and NumPy, which is here


def obtain() -> Path:
    """The folder from which `llama_cpp` can be imported; made in build/, once."""
    pin = vendor.read_pin(ROOT / "vendor" / "requirements.txt")
    target = ROOT / "build" / f"{pin.carrier}-{pin.version}-package"
    with workspace(target) as work:
        if not target.exists():
            fresh = work / "fresh"
            fresh.mkdir()
            llama_cpp_python.unpack(download(pin, work, form="sdist"), fresh, "llama_cpp/*.py")
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
            subprocess.run([*pip, "--target", str(fresh), *NEEDS], check=True)
            fresh.rename(target)
    return target


def load() -> tuple[Any, tempfile.TemporaryDirectory[str]]:
    """The module `llama_cpp`, and the folder that must be kept for as long as it is used."""
    folder = tempfile.TemporaryDirectory()
    for library in Path(llamacffi.get_library_dir()).iterdir():
        for name in {library.name, library.name.replace("llamacffi-", "")}:
            os.symlink(library, Path(folder.name, name))
    os.environ["LLAMA_CPP_LIB_PATH"] = folder.name
    sys.path.insert(0, str(obtain()))
    return importlib.import_module("llama_cpp"), folder
