"""How this machine's compiler builds against an older Debian's libraries, so that what comes out runs there, too.

The compiler stays this machine's: the older one doesn't know the newest processors.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path


def environment(tree: Path) -> dict[str, str]:
    """Environment variables for a build against the libraries in a tree of tools/debian_tree.py, by GCC or Clang.

    `CC` and `CXX` of this process are kept, with flags added. `AUDITWHEEL_LD_LIBRARY_PATH` has auditwheel take the
    tree's libraries, too.
    """
    (gcc,) = (tree / "usr" / "lib" / "gcc").glob("*/*")
    system, version = gcc.parent.name, gcc.name
    libraries = tree / "usr" / "lib" / system
    # Before the compiler's own folders, which have this machine's libraries.
    link = [f"-L{gcc}", f"-L{libraries}"]
    root = f"--sysroot={tree}"
    headers = tree / "usr" / "include"
    cxx = ["-nostdinc++", "-isystem", f"{headers}/c++/{version}", "-isystem", f"{headers}/{system}/c++/{version}"]
    return {
        "CC": f"{os.environ.get('CC') or 'gcc'} {shlex.quote(root)}",
        "CXX": f"{os.environ.get('CXX') or 'g++'} {shlex.join([root, *cxx])}",
        "LDFLAGS": shlex.join(link),
        # Python's headers are this machine's; part of them Debian keeps among the system's. CMake does not read this.
        "CPPFLAGS": "-idirafter /usr/include",
        "AUDITWHEEL_LD_LIBRARY_PATH": str(libraries),
    }
