"""`llamacffi info`."""

from __future__ import annotations

import json
import platform
from pathlib import Path

import llamacffi
from fixture_types import Run


def test_info_as_json(run_python: Run) -> None:
    done = run_python("-m", "llamacffi", "info", "--json")
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["llamacffi"] == llamacffi.__version__
    assert facts["llama.cpp"] == llamacffi.llama_cpp_version()
    assert facts["commit"] == llamacffi.llama_cpp_commit()
    assert facts["libraries"] == llamacffi.get_library_dir()
    assert facts["headers"] == llamacffi.get_include()
    assert facts["python"].split() == [platform.python_implementation(), platform.python_version()]
    assert [each["name"] for each in facts["backends"]][-1] == "cpu"
    (cpu,) = [each for each in facts["devices"] if each["type"] == "CPU"]
    assert cpu["memory_total"] >= cpu["memory_free"] > 0
    for each in facts["backends"]:
        assert Path(each["path"]).is_file()


def test_info_for_people(run_python: Run) -> None:
    done = run_python("-m", "llamacffi", "info")
    assert (done.returncode, done.stderr) == (0, "")
    lines = {line.split(None, 1)[0]: line for line in done.stdout.splitlines()}
    assert llamacffi.llama_cpp_version() in lines["llama.cpp"]
    assert "backend    cpu" in done.stdout
    assert "GiB free" in lines["device"]
