"""`llamacffi embed`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fixture_types import Run
from llamacffi import Model

TEXTS = ["a word", "another word, and more of them"]
MEAN = ["--pooling", "mean", "-t", "2"]


@pytest.fixture(scope="module")
def expected(tiny_path: str) -> list[list[float]]:
    with Model(tiny_path) as model:
        return [list(row) for row in model.embed(TEXTS, pooling_type="mean", n_threads=2).tolist()]


def test_a_text_a_line(run_command: Run, tiny_path: str, tmp_path: Path, expected: list[list[float]]) -> None:
    (tmp_path / "texts").write_bytes("\r\n".join(TEXTS).encode())
    for where in (TEXTS, ["-f", "texts"], ["-f", "-"], [TEXTS[0], "-f", "-"]):
        text = "\n".join(TEXTS[1:] if where[0] == TEXTS[0] else TEXTS) + "\n"
        done = run_command("embed", "-m", tiny_path, *where, *MEAN, text=text)
        assert done.returncode == 0, done.stderr
        found = [[float(number) for number in line.split()] for line in done.stdout.splitlines()]
        assert len(found) == 2
        for row, other in zip(found, expected):
            assert row == pytest.approx(other, rel=1e-4, abs=1e-6)


def test_json_and_normalize(run_command: Run, tiny_path: str, expected: list[list[float]]) -> None:
    done = run_command("embed", "-m", tiny_path, *TEXTS, *MEAN, "--normalize", "--json")
    found = json.loads(done.stdout)
    assert (found["n_embd"], found["pooled"]) == (32, True)
    for row, other in zip(found["embeddings"], expected):
        length = sum(number**2 for number in other) ** 0.5
        assert row == pytest.approx([number / length for number in other], rel=1e-4, abs=1e-6)


def test_of_each_token(run_command: Run, tiny_path: str) -> None:
    with Model(tiny_path, vocab_only=True) as model:
        counts = [len(model.vocab.tokenize(text)) for text in TEXTS]
    done = run_command("embed", "-m", tiny_path, *TEXTS, "--json")
    found = json.loads(done.stdout)
    assert not found["pooled"]
    assert [len(each) for each in found["embeddings"]] == counts
    assert len(run_command("embed", "-m", tiny_path, *TEXTS).stdout.splitlines()) == sum(counts)


def test_numpy_file(run_command: Run, tiny_path: str, tmp_path: Path, expected: list[list[float]]) -> None:
    numpy = pytest.importorskip("numpy")
    done = run_command("embed", "-m", tiny_path, *TEXTS, *MEAN, "-o", "vectors")
    assert (done.returncode, done.stdout) == (0, "")
    found = numpy.load(tmp_path / "vectors")
    assert (found.dtype, found.shape) == ("float32", (2, 32))
    assert numpy.allclose(found, expected, rtol=1e-4, atol=1e-6)
    done = run_command("embed", "-m", tiny_path, "a", "-o", "nowhere/vectors", *MEAN)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1].startswith("llamacffi: nowhere/vectors: can't write this file")
    done = run_command("embed", "-m", tiny_path, "a", "-o", "vectors")
    assert "--pooling mean" in done.stderr


def test_without_numpy(run_python: Run, tiny_path: str, expected: list[list[float]]) -> None:
    code = """
import sys
sys.modules["numpy"] = None
from llamacffi.__main__ import main
sys.exit(main(sys.argv[1:]))
"""
    done = run_python("-c", code, "embed", "-m", tiny_path, *TEXTS, *MEAN, "--json")
    for row, other in zip(json.loads(done.stdout)["embeddings"], expected):
        assert row == pytest.approx(other, rel=1e-4, abs=1e-6)
    done = run_python("-c", code, "embed", "-m", tiny_path, *TEXTS, "-o", "x")
    assert (done.returncode, done.stderr) == (1, "llamacffi: --output needs NumPy: pip install 'llamacffi[numpy]'\n")


def test_no_text(run_command: Run, tiny_path: str) -> None:
    done = run_command("embed", "-m", tiny_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "-f/--file" in done.stderr
