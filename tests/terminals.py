"""A program in a terminal, as a person would run it."""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
import time

# Runs the command line as on a machine that has none of the libraries for the terminal.
BARE = """
import sys
sys.modules["rich"] = sys.modules["prompt_toolkit"] = None
from llamacffi.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


class Terminal:
    """A pseudo-terminal with a Python program in it.

    Args:
        arguments: the interpreter's.
        pipe: leave standard output out of the terminal: it is in `stdout` then.
        env: more environment variables.
    """

    def __init__(self, *arguments: str, pipe: bool = False, **env: str) -> None:
        import pty

        self.ours, theirs = pty.openpty()
        self.shown = b""
        self.stdout = b""
        self.process = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=theirs,
            stdout=subprocess.PIPE if pipe else theirs,
            stderr=theirs,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "40", "PYTHONIOENCODING": "utf-8", **env},
            start_new_session=True,
            preexec_fn=_take_terminal,
        )
        os.close(theirs)

    def type(self, keys: str) -> None:
        """Press keys: "\\x03" is Ctrl-C, "\\x04" Ctrl-D, "\\r" Enter, "\\x1b\\r" Alt-Enter."""
        os.write(self.ours, keys.encode())

    def read_until(self, text: str, timeout: float = 60) -> str:
        """Read until this is shown; all that was shown until then, and not returned before."""
        wanted = text.encode()
        end = time.monotonic() + timeout
        while wanted not in self.shown:
            assert time.monotonic() < end, f"no {text!r} in {self.shown!r}"
            if not self._read(end - time.monotonic()):
                raise AssertionError(f"ended without {text!r}: {self.shown!r}")
        until = self.shown.index(wanted) + len(wanted)
        part, self.shown = self.shown[:until], self.shown[until:]
        return plain(part)

    def finish(self, timeout: float = 60) -> int:
        """Read to the end, and wait for it; the exit status."""
        end = time.monotonic() + timeout
        while self._read(max(0.0, end - time.monotonic())):
            pass
        self.stdout, _ = self.process.communicate(timeout=timeout) if self.process.stdout else (b"", None)
        return self.process.wait(timeout)

    def _read(self, timeout: float) -> bool:
        if not select.select([self.ours], [], [], timeout)[0]:
            return False
        try:
            part = os.read(self.ours, 4096)
        except OSError:  # Linux's way to tell that the other side is closed
            return False
        self.shown += part
        return bool(part)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.ours)


def _take_terminal() -> None:
    """Make standard input the session's terminal, so that Ctrl-C there is a signal."""
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def plain(shown: bytes) -> str:
    """What a terminal was sent, without the sequences that move, colour and wipe."""
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[=>78]", "", shown.decode("utf-8", "replace"))
