"""What is made and freed, or fails, leaves no memory behind."""

from __future__ import annotations

import sys

import pytest

import cycles
from fixture_types import Run


@pytest.mark.skipif(sys.platform != "linux", reason="looks at its memory as Linux shows it")
@pytest.mark.parametrize("kind", cycles.CYCLES)
def test_cycles(run_python: Run, kind: str) -> None:
    done = run_python(cycles.__file__, kind)
    assert (done.returncode, done.stderr) == (0, "")
    print(done.stdout)
    warm, middle, end = map(float, done.stdout.split())
    growth = 2 * min(middle - warm, end - middle)  # what leaks does so all the time, and an allocator takes more once
    assert growth < cycles.CYCLES[kind][2], f"{warm} MB, {middle} MB half-way, and {end} MB in the end"
