"""What the tests of the commands share."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import tiny_models
from fixture_types import Run


@pytest.fixture
def run_command(tmp_path: Path) -> Run:
    """A function that runs `llamacffi` with these arguments in an empty folder, with this text as standard input."""

    def run(*arguments: str, text: str = "", **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "llamacffi", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONIOENCODING": "utf-8", **env},
            input=text,
            capture_output=True,
            encoding="utf-8",
            timeout=300,
        )

    return run


@pytest.fixture(scope="session")
def tiny_path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A tiny model with a BOS token, for as many tokens as llama.cpp makes of a small context."""
    return str(tiny_models.write_llama(tmp_path_factory.mktemp("models") / "tiny.gguf", context_length=512))
