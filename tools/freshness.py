"""Check that what people wrote still fits what llama.cpp's headers say.

Every name in policy.toml and policy/ must still mean something in the pinned source, and nothing that is generated or
vendored may be committed. What the policy should say and does not is a warning, with the line to write.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import api_diff
import policy_fit
import vendor
from pinned import ROOT

_BUILT_IN = ("lib", "include", "licenses", "cmake", "pkgconfig", "api.json", "cdef.h", "manifest.json", "reference.txt")
_STUBS = ("types.pyi", "_lib.pyi", "_ffi.pyi", "_checked.pyi")
GENERATED = ["vendor/llama.cpp", "build", "dist", *(f"src/llamacffi/{name}" for name in _BUILT_IN + _STUBS)]


def committed() -> list[str]:
    """Files under git that are generated or another's."""
    done = subprocess.run(["git", "ls-files", *GENERATED], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.split()


def main() -> int:
    with tempfile.TemporaryDirectory() as work:
        pinned = api_diff.of_source(vendor.obtain(ROOT), "the pinned source", Path(work))
    problems = [f"{each.place}: {each.why}" for each in policy_fit.stale(pinned.api, pinned.source)]
    problems += [f"{path}: is generated, and must not be committed" for path in committed()]
    for problem in problems:
        print(problem, file=sys.stderr)
    needed = policy_fit.needed(pinned.api)
    if needed:
        print(f"warning: the policy does not say\n{policy_fit.told(needed)}", file=sys.stderr)
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
