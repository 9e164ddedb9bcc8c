"""`llamacffi bench`."""

from __future__ import annotations

import json
import statistics

import pytest

from fixture_types import Run
from llamacffi import Model, llama_cpp_commit


def test_table(run_command: Run, tiny_path: str) -> None:
    done = run_command("bench", "-m", tiny_path, "-p", "16,8", "-n", "4", "-r", "2", "-t", "2")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert {line.count("|") for line in lines} == {8}
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert rows[0] == ["model", "size", "params", "backend", "threads", "test", "t/s"]
    assert [row[5] for row in rows[2:]] == ["pp16", "pp8", "tg4"]
    with Model(tiny_path) as model:
        assert rows[2][:3] == [model.description, f"{model.size / 2**20:.2f} MiB", f"{model.n_params / 1e6:.2f} M"]
    for row in rows[2:]:
        speed, deviation = map(float, row[6].split(" ± "))
        assert speed > 0 <= deviation
        assert row[4] == "2"


def test_json(run_command: Run, tiny_path: str) -> None:
    arguments = ["bench", "-m", tiny_path, "-p", "20", "-n", "4", "-r", "3", "-b", "8", "-t", "2"]
    done = run_command(*arguments, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    prompt, text = json.loads(done.stdout)
    for result, n_prompt, n_gen in ((prompt, 20, 0), (text, 0, 4)):
        assert (result["n_prompt"], result["n_gen"], result["n_batch"]) == (n_prompt, n_gen, 8)
        assert result["build_commit"] == llama_cpp_commit()
        assert len(result["samples_ns"]) == 3
        speeds = [(n_prompt + n_gen) * 1e9 / sample for sample in result["samples_ns"]]
        assert result["samples_ts"] == pytest.approx(speeds)
        assert result["avg_ts"] == pytest.approx(statistics.mean(speeds))
        assert result["stddev_ts"] == pytest.approx(statistics.stdev(speeds))
    lines = run_command(*arguments, "-o", "jsonl", "--no-warmup").stdout.splitlines()
    assert [json.loads(line)["n_gen"] for line in lines] == [0, 4]


def test_one_test_alone(run_command: Run, tiny_path: str) -> None:
    done = run_command("bench", "-m", tiny_path, "-p", "0", "-n", "2", "-r", "1", "--json")
    (result,) = json.loads(done.stdout)
    assert (result["n_gen"], result["stddev_ts"]) == (2, 0)
    done = run_command("bench", "-m", tiny_path, "-p", "-1")
    assert done.returncode == 2
