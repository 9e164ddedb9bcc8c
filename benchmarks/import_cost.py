"""What `import llamacffi` costs over a bare interpreter: time and resident memory, process by process in turns."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time

from timing import table, verdict

ROUNDS = 30
TIME_BAR, MEMORY_BAR = 10.0, 10.0
PROGRAMS = {"bare": "pass", "import llamacffi": "import llamacffi"}


def run(code: str) -> tuple[float, float]:
    """Milliseconds and MB of one interpreter that runs `code` and ends."""
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", code])
    _, status, usage = os.wait4(process.pid, 0)
    took = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{code!r} failed with status {process.returncode}")
    scale = 1 if sys.platform == "darwin" else 1024
    return took * 1e3, usage.ru_maxrss * scale / 1e6


def main() -> None:
    for code in PROGRAMS.values():
        run(code)  # warms the disk's cache and writes the byte code
    rounds = [{name: run(code) for name, code in PROGRAMS.items()} for _ in range(ROUNDS)]
    rows = [
        [name, *(f"{statistics.median(round_[name][i] for round_ in rounds):.1f}" for i in (0, 1))] for name in PROGRAMS
    ]
    print(table(["medians", "ms", "MB"], rows))
    bare, imported = PROGRAMS
    more_time, more_memory = (
        statistics.median(round_[imported][i] - round_[bare][i] for round_ in rounds) for i in (0, 1)
    )
    print(verdict("ms more", more_time, TIME_BAR, at_most=True))
    print(verdict("MB more", more_memory, MEMORY_BAR, at_most=True))


if __name__ == "__main__":
    main()
