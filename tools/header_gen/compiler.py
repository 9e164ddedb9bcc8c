"""The C compiler, as the generator uses it: GCC's and Clang's command line."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

# One dialect whatever the compiler's default: in C23 `bool` would no longer be a macro over `_Bool`.
DIALECT = ["-x", "c", "-std=gnu11"]


class CompilerError(Exception):
    """No compiler, or one that rejects what it must accept."""


@dataclass(frozen=True)
class Complaint:
    """The compiler's first error: where, what, and which line of the source given to it led there."""

    source_line: int
    file: str
    line: int
    message: str


class Compiler:
    """`$CC`, or the first of cc, gcc and clang that is found, with the include path of one source tree.

    Raises:
        CompilerError: there is none.
    """

    def __init__(self, include: list[Path]) -> None:
        asked = os.environ.get("CC")
        command = shlex.split(asked, posix=os.name != "nt") if asked else []
        if not command:
            command = [found for name in ("cc", "gcc", "clang") if (found := shutil.which(name))][:1]
        if not command or not shutil.which(command[0]):
            named = f"CC={asked} is not a program that can be run" if asked else "no C compiler was found"
            raise CompilerError(
                f"{named}: install GCC or Clang (Debian: apt install g++; macOS: xcode-select --install; "
                "Windows: LLVM's clang) or set CC"
            )
        self._command = command
        self._include = [flag for path in include for flag in ("-I", str(path))]

    def _run(self, arguments: list[str], source: str) -> subprocess.CompletedProcess[str]:
        # Messages in English and paths as they are, whatever the user's locale.
        environment = {**os.environ, "LC_ALL": "C.UTF-8" if sys.platform != "darwin" else "en_US.UTF-8"}
        return subprocess.run(
            [*self._command, *DIALECT, *self._include, *arguments, "-"],
            input=source,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            env=environment,
        )

    def preprocess(self, source: str) -> str:
        """The text after preprocessing, with line markers and `#define` lines kept in place."""
        done = self._run(["-E", "-dD"], source)
        if done.returncode:
            raise CompilerError(done.stderr.strip())
        return done.stdout

    def complaint(self, source: str) -> Optional[Complaint]:
        """The compiler's first error about this source; None when it accepts it."""
        done = self._run(["-fsyntax-only", "-w"], source)
        if not done.returncode:
            return None
        error = re.search(r"^(.+?):(\d+):(?:\d+:)? (?:fatal )?error: (.*)$", done.stderr, re.MULTILINE)
        if not error:
            raise CompilerError(done.stderr.strip() or f"{self._command[0]} ended with status {done.returncode}")
        included = re.findall(r"from <stdin>:(\d+)", done.stderr[: error.start()])
        return Complaint(int(included[-1] if included else error[2]), Path(error[1]).name, int(error[2]), error[3])

    def rejected_lines(self, source: str) -> set[int]:
        """The lines of `source` itself that the compiler does not accept."""
        # Every error, each where a macro is used and not where it is defined.
        flags = ["-ferror-limit=0"] if self._is_clang() else ["-fmax-errors=0", "-ftrack-macro-expansion=0"]
        done = self._run(["-fsyntax-only", "-w", *flags], source)
        return {int(line) for line in re.findall(r"^<stdin>:(\d+):.*?error:", done.stderr, re.MULTILINE)}

    def _is_clang(self) -> bool:
        done = subprocess.run([*self._command, "--version"], capture_output=True, encoding="utf-8", errors="replace")
        return "clang" in done.stdout.lower()

    def run(self, source: str) -> str:
        """Compile and link a program, run it, and give what it printed."""
        with tempfile.TemporaryDirectory(prefix="header_gen-") as folder:
            program = str(Path(folder, "probe.exe"))
            done = self._run(["-w", "-O0", "-o", program], source)
            if done.returncode:
                raise CompilerError(done.stderr.strip())
            return subprocess.run([program], capture_output=True, encoding="ascii", check=True).stdout
