"""Generate the stubs of the pinned llama.cpp into src/llamacffi, where type checkers and editors find them.

A build has its own, made for what it is built from.
"""

from __future__ import annotations

import shutil
import subprocess
import sys

import vendor
from pinned import ROOT

OUT = ROOT / "build" / "stubs"


def main() -> int:
    command = [sys.executable, str(ROOT / "tools" / "header_gen"), "--source", str(vendor.obtain(ROOT))]
    command += ["--cdef", str(ROOT / "src" / "native" / "ours.cdef.h"), "--out", str(OUT)]
    done = subprocess.run(command, stdout=subprocess.DEVNULL)
    if done.returncode == 0:
        for path in OUT.glob("*.pyi"):
            fresh = ROOT / "src" / "llamacffi" / path.name
            if not fresh.exists() or fresh.read_bytes() != path.read_bytes():
                shutil.copy(path, fresh)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
