"""The wheels in dist/, which `make wheel` builds; without them, these tests are skipped."""

from __future__ import annotations

from pathlib import Path

import pytest

DIST = Path(__file__).resolve().parents[2] / "dist"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "wheel" in metafunc.fixturenames:
        wheels = sorted(DIST.glob("llamacffi-*.whl"))
        metafunc.parametrize("wheel", wheels, ids=[path.name for path in wheels], scope="module")
