"""Build the wheels of GPU backends into dist/, each tagged by auditwheel on Linux.

    python tools/build_addons.py BACKEND [BACKEND …]

Each BACKEND is a folder in backends/. For Vulkan see tools/vulkan_headers.sh.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import zipfile
from pathlib import Path

from build_wheels import WheelError, run
from pinned import ROOT

# What must be one with the core's, the driver's or another package's, and not a copy in the wheel.
SHARED = ("libllamacffi-*", "libvulkan.so.*", "libcuda.so.*", "libcudart.so.*", "libcublas.so.*", "libcublasLt.so.*")


def build(backend: str, out: Path) -> Path:
    """Build one wheel; return its path in `out`.

    Raises:
        WheelError: a step failed, or the module needs a library that has no place.
    """
    work = ROOT / "build" / "addon" / backend
    shutil.rmtree(work, ignore_errors=True)
    project = str(ROOT / "backends" / backend)
    run(sys.executable, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", str(work / "plain"), project)
    (wheel,) = (work / "plain").glob("*.whl")
    if sys.platform == "linux":
        exclude = [f"--exclude={name}" for name in SHARED]
        done = str(work / "repaired")
        run(sys.executable, "-m", "auditwheel", "repair", *exclude, "--wheel-dir", done, str(wheel))
        (wheel,) = (work / "repaired").glob("*.whl")
    with zipfile.ZipFile(wheel) as content:
        copied = [name for name in content.namelist() if ".libs/" in name]
    if copied:
        raise WheelError(f"{wheel.name} would bring copies of libraries: {', '.join(copied)}")
    out.mkdir(exist_ok=True)
    return Path(shutil.copy(wheel, out))


def main() -> int:
    there = sorted(path.parent.name for path in (ROOT / "backends").glob("*/pyproject.toml"))
    parser = argparse.ArgumentParser(description="Build the wheels of GPU backends into dist/.")
    parser.add_argument("backend", nargs="+", choices=there)
    for backend in parser.parse_args().backend:
        try:
            wheel = build(backend, ROOT / "dist")
        except WheelError as error:
            print(f"build_addons.py: {error}", file=sys.stderr)
            return 1
        print(f"{wheel} ({wheel.stat().st_size / 1e6:.1f} MB)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
