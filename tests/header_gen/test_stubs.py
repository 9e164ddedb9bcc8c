"""The stubs of the cases, and of random headers, are ones that a type checker takes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

import pytest

import harness

PACKAGE = harness.ROOT / "src" / "llamacffi"
CASES = sorted(path.name for path in harness.CASES.iterdir())


@pytest.fixture(scope="module")
def complaints(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What mypy says of all cases' stubs, each a package of its own with all that is not generated."""
    pytest.importorskip("mypy", reason="mypy is not for this Python")
    folder = tmp_path_factory.mktemp("stubs")
    stubs: list[str] = []
    for case in CASES:
        harness.generated(harness.CASES / case, folder / case)
        for name in ("arguments.py", "callbacks.py", "_cffi.pyi"):
            shutil.copy(PACKAGE / name, folder / case)
        (folder / case / "__init__.py").touch()
        stubs += [f"{case}/{name}" for name in harness.STUBS]
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--python-version=3.10", *stubs]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env={**os.environ, "NO_COLOR": "1"})
    assert done.returncode in (0, 1), done.stdout + done.stderr
    # Not generated, and not here: what the package's own modules need.
    missing = re.compile(r".*Cannot find implementation|.*See https://")
    return "".join(line for line in done.stdout.splitlines(True) if ".pyi:" in line and not missing.match(line))


@pytest.mark.parametrize("case", CASES)
def test_mypy_takes_them(case: str, complaints: str) -> None:
    assert [line for line in complaints.splitlines() if line.startswith(f"{case}/")] == []
