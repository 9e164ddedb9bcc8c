"""The wheels in dist/, which `make wheel` builds; without them, these tests are skipped."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

DIST = HERE.parents[1] / "dist"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "wheel" in metafunc.fixturenames:
        wheels = sorted(DIST.glob("llamacffi-*.whl"))
        metafunc.parametrize("wheel", wheels, ids=[path.name for path in wheels], scope="module")
