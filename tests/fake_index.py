"""A repository and a package index, both made up and local, for the tests of the tools that fetch carriers."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

TOOLS = Path(__file__).resolve().parents[1] / "tools"

# The carrier's own build backend: no build requirement, so pip needs no network. Tests steer it by the environment.
BACKEND = """
import os, pathlib, time

def prepare_metadata_for_build_wheel(folder, config_settings=None):
    if "CARRIER_LOG" in os.environ:
        with open(os.environ["CARRIER_LOG"], "a") as log:
            log.write("built\\n")
    if "CARRIER_HOLD" in os.environ:
        import fcntl
        marker = pathlib.Path(os.environ["CARRIER_HOLD"])
        with open(marker.with_suffix(".new"), "w") as note:
            fcntl.flock(note, fcntl.LOCK_EX)  # tells the test that this process lives
            note.write(str(os.getpid()))
            note.flush()
            os.replace(note.name, marker)
            time.sleep(60)
    info = pathlib.Path(folder, "fake_carrier-VERSION.dist-info")
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\\nName: fake-carrier\\nVersion: VERSION\\n")
    return info.name
"""

# Runs a tool, and stops it at one place for a signal to arrive: HELD tool.attribute nth-call marker-file
HELD = """
import importlib, pathlib, sys, time
path, count, marker = sys.argv[1:4]
parts = path.split(".")
owner = tool = importlib.import_module(parts[0])
for part in parts[1:-1]:
    owner = getattr(owner, part)
real, calls = getattr(owner, parts[-1]), []

def held(*args, **options):
    calls.append(args)
    if len(calls) == int(count):
        pathlib.Path(marker).touch()
        time.sleep(60)
    return real(*args, **options)

setattr(owner, parts[-1], held)
sys.exit(tool.main(sys.argv[4:]))
"""

# Runs a tool that, once its carrier is downloaded, may write no file of more than 64 KiB: LIMITED tool
LIMITED = """
import importlib, resource, sys
tool = importlib.import_module(sys.argv[1])
real = tool.download

def limiting(*args, **options):
    archive = real(*args, **options)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65536, resource.RLIM_INFINITY))
    return archive

tool.download = limiting
sys.exit(tool.main(sys.argv[2:]))
"""


class Project:
    """A repository to run the tools in, and an index for pip. All paths have spaces and non-ASCII letters in them."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "the repo, größer"
        self.index = folder / "index"
        self.temp = folder / "temp"
        self.marker = folder / "held"
        self.log = folder / "log"
        self.cache = folder / "the cache, größer"
        for path in self.root / "vendor", self.index, self.temp:
            path.mkdir(parents=True)
        # pip's own settings, of this user or machine, must not decide a test.
        self.env = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
        self.env.update(
            PIP_CONFIG_FILE=os.devnull,
            PIP_NO_INDEX="1",
            PIP_FIND_LINKS=self.index.as_uri(),
            TMPDIR=str(self.temp),
            TEMP=str(self.temp),
            TMP=str(self.temp),
            PYTHONPATH=str(TOOLS),
            LLAMACFFI_CACHE=str(self.cache),
        )

    def publish_sdist(
        self,
        version: str,
        files: dict[str, bytes],
        *,
        members: Sequence[tarfile.TarInfo] = (),
        requires: Sequence[str] = (),
    ) -> Path:
        """Put an sdist of fake-carrier with these files and further (empty) members into the index."""
        build = f'requires = {list(requires)}\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        files = {
            "PKG-INFO": f"Metadata-Version: 2.1\nName: fake-carrier\nVersion: {version}\n".encode(),
            "pyproject.toml": f"[build-system]\n{build}".encode(),
            "backend.py": BACKEND.replace("VERSION", version).encode(),
            **files,
        }
        path = self.index / f"fake_carrier-{version}.tar.gz"
        with tarfile.open(path, "w:gz") as sdist:
            for name, content in files.items():
                info = tarfile.TarInfo(f"fake_carrier-{version}/{name}")
                info.size = len(content)
                info.mode = 0o755 if name.endswith(".sh") else 0o644
                sdist.addfile(info, io.BytesIO(content))
            for info in members:
                sdist.addfile(info)
        return path

    def publish_wheel(self, name: str, version: str, files: dict[str, bytes]) -> Path:
        """Put a wheel with these files into the index."""
        info = f"{name}-{version}.dist-info"
        files = {
            **files,
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
            f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{info}/RECORD": b"",
        }
        path = self.index / f"{name}-{version}-py3-none-any.whl"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
            for file, content in files.items():
                wheel.writestr(file, content)
        return path

    def command(self, tool: str, *driver: str) -> list[str]:
        """Return the command that runs the tool in this repository, plainly or by one of the drivers above."""
        start = ["-c", *driver] if driver else [str(TOOLS / f"{tool}.py")]
        return [sys.executable, *start, "--root", str(self.root)]

    def run(self, tool: str, *driver: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run the tool to its end."""
        return subprocess.run(
            self.command(tool, *driver), env={**self.env, **env}, capture_output=True, text=True, check=False
        )

    def start(self, tool: str, *driver: str, **env: str) -> subprocess.Popen[str]:
        """Start the tool."""
        options: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(self.command(tool, *driver), env={**self.env, **env}, **options)

    def await_marker(self, process: subprocess.Popen[str]) -> str:
        """Wait until the process, or one it started, is at the place where it is to be held; return its note."""
        for _ in range(3000):
            if self.marker.exists() and process.poll() is None:
                return self.marker.read_text()
            time.sleep(0.01)
        process.kill()
        pytest.fail(f"never came to the place to be held at: {process.communicate()}")

    def is_held(self) -> bool:
        """Tell whether the carrier's backend still lives at the place where it is held."""
        import fcntl

        with open(self.marker, encoding="utf-8") as note:
            try:
                fcntl.flock(note, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def snapshot(folder: Path) -> dict[str, tuple[int, int, int]]:
    """What tells whether anything in the folder was touched. Lock files, empty and always there, are left out."""
    return {
        str(path.relative_to(folder)): (path.lstat().st_ino, path.lstat().st_mtime_ns, path.lstat().st_size)
        for path in sorted(folder.rglob("*"))
        if not path.name.endswith(".lock")
    }
