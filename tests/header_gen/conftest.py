"""Runs the generator over a module's `source`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import harness


@pytest.fixture(scope="module")
def out(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of what the generator makes of the test module's own fixture `source`, a llama.cpp tree."""
    folder = tmp_path_factory.mktemp("generated")
    harness.generated(source, folder)
    return folder


@pytest.fixture(scope="module")
def table(out: Path) -> dict[str, Any]:
    """The API table in `out`."""
    return harness.read_table(out)
