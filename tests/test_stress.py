"""A short run of the random calls (stress.py), from another seed each time; it prints where it began."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import stress


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="looks at its memory as Linux shows it")
def test_random_calls() -> None:
    command = [sys.executable, stress.__file__, "--minutes", "0.5"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", timeout=600)
    assert done.returncode == 0, done.stdout
