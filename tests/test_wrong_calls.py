"""The corpus of wrong calls: each must fail as it says, and end no process; each right one must work."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent / "wrong_calls"
sys.path.insert(0, str(HERE))

import runner  # noqa: E402

CASES = list(runner.cases())


@pytest.fixture(scope="module")
def results() -> dict[tuple[str, str], dict[str, Any]]:
    """What came of each case, by its name and tier."""
    done = subprocess.run([sys.executable, str(HERE / "runner.py")], stdout=subprocess.PIPE, encoding="utf-8")
    assert done.returncode == 0
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return {(each["case"], each["tier"]): each for each in found}


@pytest.mark.parametrize("tier", runner.TIERS)
@pytest.mark.parametrize("case", CASES)
def test_case(results: dict[tuple[str, str], dict[str, Any]], case: str, tier: str) -> None:
    result = results[case, tier]
    assert result["status"] is not None, f"hung\n{result['output']}"
    assert result["status"] >= 0, f"the process was ended by signal {-result['status']}\n{result['output']}"
    assert result["status"] == 0, result["output"]


def test_corpus_is_large_enough() -> None:
    wrong = [case for case in CASES if ".wrong_" in case]
    assert len(wrong) >= 300
    assert len(CASES) - len(wrong) >= 60
