"""Move to another llama.cpp: `make bump VERSION=…`.

    python tools/bump.py [--keep] VERSION

VERSION is a version of the sdist that vendor/requirements.txt pins, or a folder that has llama.cpp's source: then the
pin stays, and that source is built and tested. The difference between the two APIs is printed before the build, which
takes minutes. If anything up to and with the build fails, the pin and vendor/llama.cpp are put back as they were; with
`--keep` they stay where they are, for someone who is going to mend what failed. Failing tests leave the new pin in
place: it builds, and what the tests tell has to be looked at with it.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Optional

import api_diff
import policy_fit
import vendor
from pinned import ROOT, Pin, VendorError, command_line, download, stop


def bump(version: str, root: Path, venv: str, keep: bool = False) -> None:
    """Do it.

    Args:
        version: as on the command line.
        root: the repository.
        venv: the folder of the virtual environment to install into, as its Makefile has it.
        keep: whether a new pin that does not build stays.

    Raises:
        VendorError: a step failed; the message says which one, why, how things are now and what to do.
    """
    with tempfile.TemporaryDirectory() as old_work, tempfile.TemporaryDirectory() as new_work:
        pin = vendor.read_pin(root / "vendor" / "requirements.txt")
        folder = Path(version).expanduser()
        archive = None
        with _step("obtaining the source", f"The pin is {pin}, as before."):
            old_source = vendor.obtain(root)
            if folder.is_dir():
                source, name = folder.resolve(), version
            elif version == pin.version:
                raise VendorError(f"{pin} is what is pinned already.")
            else:
                archive = _download(version, pin, Path(new_work))
                source, name = Path(new_work) / "llama.cpp", f"{pin.carrier} {version}"
                vendor.unpack(archive, source)
        with _step("generating the declarations", f"The pin is {pin}, as before."):
            old = api_diff.of_source(old_source, str(pin), Path(old_work))
            new = api_diff.of_source(source, name, Path(new_work))
            difference = api_diff.compare(old, new)
        print(f"{api_diff.told(difference)}\n", flush=True)
        if archive:
            with _moved_pin(root, pin._replace(version=version, sha256=_sha256(archive)), archive, keep):
                _build(root, venv)
        else:
            with _step("building", f"The pin is {pin}, as before."):
                _build(root, venv, LLAMACFFI_SOURCE_DIR=str(source))
        try:
            _test(root, venv, None if archive else source)
        finally:
            print(f"\n{name}, from {pin}: {api_diff.summary(difference)}", flush=True)
        _tell_what_is_left(new, archive is not None)


def _download(version: str, pin: Pin, work: Path) -> Path:
    if not api_diff.VERSION.fullmatch(version):
        raise VendorError(f"{version!r} is no folder, and no version of {pin.carrier}.")
    return download(Pin(pin.carrier, version, ""), work, form="sdist")


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


@contextlib.contextmanager
def _step(name: str, state: str) -> Generator[None, None, None]:
    """Say in an error which step it was, and how things are now."""
    try:
        yield
    except (VendorError, OSError) as error:
        raise VendorError(f"{name} failed: {error}\n{state}") from None


@contextlib.contextmanager
def _moved_pin(root: Path, pin: Pin, archive: Path, keep: bool) -> Generator[None, None, None]:
    """Pin another sdist and unpack it; put back what was there if that, or the body, fails or is interrupted."""
    path = root / "vendor" / "requirements.txt"
    tree = root / "vendor" / "llama.cpp"
    before = root / "vendor" / ".llama.cpp.before"
    shutil.rmtree(before, ignore_errors=True)  # a bump's that was killed
    old_text = path.read_text("utf-8")
    old_pin = vendor.read_pin(path)
    state = f"The pin is {old_pin}, as before."
    if keep:
        state = f"The pin is {pin} now, as --keep says: `git checkout vendor/requirements.txt` takes it back."
    with _step("moving the pin and building", state):
        try:
            lines = [line if line.startswith("#") or not line.strip() else pin.line for line in old_text.splitlines()]
            _replace(path, "\n".join(lines) + "\n")
            tree.rename(before)
            vendor.obtain(root, archive)
            yield
        except BaseException:
            if not keep:
                _replace(path, old_text)
                if before.exists():
                    shutil.rmtree(tree, ignore_errors=True)
                    before.rename(tree)
            raise
        finally:
            shutil.rmtree(before, ignore_errors=True)


def _replace(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        fresh.write_text(text, encoding="utf-8")
        os.replace(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)


def _build(root: Path, venv: str, **environment: str) -> None:
    (root / venv / "installed").unlink(missing_ok=True)  # of another source
    if _make(root, venv, f"{venv}/installed", f"{venv}/installed-test", **environment):
        raise VendorError(
            "its own message is above. Where C++ of src/native or of a guard does not compile, what it calls has "
            "changed: see the difference above, and mend the code, or the line in tools/header_gen/policy/ that the "
            "guard comes from. BUMP_ARGS=--keep leaves a new pin in place for that."
        )


def _test(root: Path, venv: str, source: Optional[Path]) -> None:
    """Run the tests; `source` is what was built, None if that is what the new pin has."""
    state = (
        "The pin is as before."
        if source
        else (
            "The new pin stays, as it builds: mend what failed, or take the pin back with "
            "`git checkout vendor/requirements.txt`."
        )
    )
    with _step("testing", state):
        try:
            if _make(root, venv, "test", **({"LLAMACFFI_SOURCE_DIR": str(source)} if source else {})):
                raise VendorError("the tests that did are listed above.")
        except KeyboardInterrupt:
            raise VendorError("interrupted.") from None
        finally:
            if source:  # the next build is to be the pinned source's again
                (root / venv / "installed").unlink(missing_ok=True)


def _make(root: Path, venv: str, *targets: str, **environment: str) -> int:
    """Run make; return its exit status. What it prints is for the user."""
    command = ["make", "-C", str(root), "--no-print-directory", f"VENV={venv}", *targets]
    clean = {
        name: value for name, value in os.environ.items() if name not in ("LLAMACFFI_SOURCE_DIR", "LLAMACFFI_PREFIX")
    }
    try:
        process = subprocess.Popen(command, env={**clean, **environment}, text=True, start_new_session=True)
    except OSError as error:
        raise VendorError(f"make can't be run: {error}") from None
    try:
        return process.wait()
    except BaseException:
        stop(process)
        raise


def _tell_what_is_left(new: api_diff.Side, pinned: bool) -> None:
    stale, needed = policy_fit.stale(new.api, new.source), policy_fit.needed(new.api)
    print("All tests passed.")
    if stale:
        print(f"\n{policy_fit.told_stale(stale)}\nTake them out, or mend them: `make check` fails with them.")
    if needed:
        print(f"\nThe policy does not say, and defaults are taken until it does:\n{policy_fit.told(needed)}")
    if pinned:
        print(
            "\nLook at `git diff`, run `make check`, and commit. See docs/upgrading.md for what else a release needs."
        )


def main(arguments: Optional[list[str]] = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(prog="make bump VERSION=…", description="Move to another llama.cpp.")
    parser.add_argument("version", metavar="VERSION", help="of the pinned sdist, or a folder with llama.cpp's source")
    parser.add_argument("--keep", action="store_true", help="keep the new pin also where the build fails")
    parser.add_argument("--venv", default=".venv", help="where to install it (default: .venv)")
    parser.add_argument("--root", type=Path, default=ROOT, help="the repository (default: the one this file is in)")
    options = parser.parse_args(arguments)
    return command_line("bump.py", lambda: bump(options.version, options.root, options.venv, options.keep))


if __name__ == "__main__":
    sys.exit(main())
