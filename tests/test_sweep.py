"""Every public function with nothing but wrong arguments: none may end the process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import sweep
from llamacffi import facade


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a process for each function is made by fork")
def test_sweep() -> None:
    done = subprocess.run([sys.executable, sweep.__file__], stdout=subprocess.PIPE, encoding="utf-8", timeout=1800)
    assert done.returncode == 0
    results = [json.loads(line) for line in done.stdout.splitlines()]
    table = json.loads(Path(facade.__file__).with_name("api.json").read_text("utf-8"))
    assert len(results) + len(sweep.LEFT_OUT) == len(table["functions"])
    ended = [result for result in results if result["status"] != 0]
    assert not ended, json.dumps(ended, indent=1)
