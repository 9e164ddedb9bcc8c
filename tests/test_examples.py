"""The example programs run to their end and print what they should."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from fixture_types import Run
from llamacffi import lib
from llamacffi.types import llama_model_p
from pinned import ROOT

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


@pytest.fixture
def run_example(run_python: Run, model_path: str) -> Run:
    def run(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        done = run_python(str(ROOT / "examples" / f"{name}.py"), *arguments, MODEL=model_path)
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
        return done

    return run


@pytest.fixture
def facts(model: llama_model_p) -> dict[str, int]:
    """What the default context and the model are."""
    return {"tokens": lib.llama_context_default_params().n_ctx, "dimensions": lib.llama_model_n_embd(model)}


def test_every_example_has_a_test() -> None:
    assert len(EXAMPLES) == 6
    assert [path.stem for path in EXAMPLES if f"test_{path.stem}" not in globals()] == []


def test_basic_setup(run_example: Run, facts: dict[str, int]) -> None:
    lines = run_example("basic_setup").stdout.splitlines()
    assert lines == [f"context: {facts['tokens']} tokens", f"embedding: {facts['dimensions']} dimensions"]


def test_capabilities(run_example: Run) -> None:
    lines = run_example("capabilities").stdout.splitlines()
    answers = {"map models into memory": lib.llama_supports_mmap(), "lock them there": lib.llama_supports_mlock()}
    for what, answer in answers.items():
        assert f"{what}: {'yes' if answer else 'no'}" in lines
    assert f"devices at most: {lib.llama_max_devices()}" in lines
    assert re.fullmatch(r"adding up to 4999950000 took \d+\.\d\d ms", lines[-1])


def test_custom_parameters(run_example: Run, facts: dict[str, int]) -> None:
    assert run_example("custom_parameters").stdout.splitlines() == [
        "context: 4096 tokens, asked for 4096",
        "batch: 512 tokens, asked for 512",
        "threads: 2",
        f"embedding: {facts['dimensions']} dimensions",
    ]


def test_error_handling(run_example: Run, facts: dict[str, int], model_path: str, tmp_path: Path) -> None:
    (tmp_path / "small.gguf").write_bytes(b"GGUF")
    (tmp_path / "notes.txt").write_bytes(bytes(2000))
    (tmp_path / "damaged.gguf").write_bytes(b"GGUF" + bytes(range(256)) * 20)
    names = ["missing.gguf", "small.gguf", "notes.txt", "damaged.gguf"]
    done = run_example("error_handling", *(str(tmp_path / name) for name in names), model_path)
    assert done.stdout.splitlines() == [
        "missing.gguf: there is no such file",
        "small.gguf: 4 bytes are too few for a model",
        "notes.txt: its name is not a model's",
        "damaged.gguf: llama.cpp can't load it; its log, on standard error, has the reason",
        f"{Path(model_path).name}: ready: {facts['tokens']} tokens, {facts['dimensions']} dimensions",
    ]
    assert "gguf_init" in done.stderr


def parts(pattern: str, line: str) -> tuple[str, ...]:
    match = re.fullmatch(pattern, line)
    assert match, line
    return match.groups()


def test_memory_management(run_example: Run) -> None:
    lines = run_example("memory_management").stdout.splitlines()
    sizes = [parts(r"(.+): (\d+\.\d) MiB", line) for line in lines]
    first, model, context, another, end = (float(size) for _, size in sizes)
    assert sizes[0][0] == "at first"
    assert model > first + 20
    assert context > model + 2
    assert another < context + 5  # the earlier one is gone
    assert end < another - 50


def test_performance_monitor(run_example: Run, facts: dict[str, int]) -> None:
    lines = run_example("performance_monitor").stdout.splitlines()
    steps = [parts(r"(.+): (\d+\.\d\d) ms, [+-]\d+\.\d MiB", line) for line in lines[:3]]
    assert [name for name, _ in steps] == ["load the model", "make a context", "ask for its size"]
    assert float(steps[0][1]) > float(steps[2][1])
    assert lines[3:] == [f"{facts['tokens']} tokens, {facts['dimensions']} dimensions"]
