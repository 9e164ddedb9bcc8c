"""`llamacffi perplexity`, against a straightforward computation."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

import tiny_models
from fixture_types import Run
from llamacffi import Model

N_CTX = 32
TEXT = "The quick brown fox jumps over the lazy dog, and then it sleeps until the sun is up. " * 12


def straightforward(path: str) -> tuple[float, float]:
    """Perplexity and its error: token by token, one chunk after another, in plain Python."""
    losses: list[float] = []
    with Model(path) as model, model.context(n_ctx=N_CTX, n_threads=2) as ctx:
        tokens, bos = model.vocab.tokenize(TEXT), model.vocab.bos
        assert bos is not None
        for start in range(0, len(tokens) - N_CTX + 1, N_CTX):
            ctx.memory.clear()
            chunk = tokens[start : start + N_CTX]
            for place, token in enumerate(chunk[:-1]):
                ctx.decode([bos if place == 0 and model.vocab.add_bos else token])
                if place >= N_CTX // 2:
                    logits: list[float] = ctx.logits().tolist()
                    total = sum(math.exp(each) for each in logits)
                    losses.append(math.log(total) - logits[chunk[place + 1]])
    mean = sum(losses) / len(losses)
    deviation = math.sqrt(sum((loss - mean) ** 2 for loss in losses) / len(losses) / (len(losses) - 1))
    return math.exp(mean), deviation * math.exp(mean)


@pytest.fixture(scope="module", params=["llama-spm", "gpt-2"])  # with and without BOS
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_models.write_llama(tmp_path_factory.mktemp("models") / "tiny.gguf", request.param))


def test_same_as_token_by_token(run_command: Run, path: str, tmp_path: Path) -> None:
    (tmp_path / "text").write_text(TEXT)
    expected, error = straightforward(path)
    # In batches smaller than a chunk, of one chunk, and of several; the rest of the chunks fills none.
    for n_batch in ("8", "32", "96", "2048"):
        done = run_command("perplexity", "-m", path, "-f", "text", "-c", str(N_CTX), "-b", n_batch, "--json")
        assert done.returncode == 0, done.stderr
        assert "divisible" not in done.stderr
        found = json.loads(done.stdout)
        assert found["perplexity"] == pytest.approx(expected, rel=1e-4), n_batch
        assert found["error"] == pytest.approx(error, rel=1e-3), n_batch
        assert found["n_tokens"] == found["n_chunks"] * (N_CTX - N_CTX // 2 - 1)


def test_running_value_and_the_last_line(run_command: Run, tiny_path: str) -> None:
    done = run_command("perplexity", "-m", tiny_path, "-p", TEXT, "-c", "32", "--chunks", "3")
    running, last = done.stdout.splitlines()
    values = running.rstrip(",").split(",")
    assert [value.split("]")[0] for value in values] == ["[1", "[2", "[3"]
    found = json.loads(
        run_command("perplexity", "-m", tiny_path, "-p", TEXT, "-c", "32", "--chunks", "3", "--json").stdout
    )
    assert values[-1] == f"[3]{found['perplexity']:.4f}"
    assert last == f"PPL = {found['perplexity']:.4f} +/- {found['error']:.5f}"


def test_without_numpy(run_command: Run, run_python: Run, tiny_path: str) -> None:
    code = """
import sys
sys.modules["numpy"] = None
from llamacffi.__main__ import main
sys.exit(main(sys.argv[1:]))
"""
    arguments = ["perplexity", "-m", tiny_path, "-p", TEXT, "-c", "32", "--chunks", "2", "-t", "2", "--json"]
    plain = json.loads(run_python("-c", code, *arguments).stdout)
    assert plain["perplexity"] == pytest.approx(json.loads(run_command(*arguments).stdout)["perplexity"], rel=1e-6)


def test_text_that_is_too_short(run_command: Run, tiny_path: str) -> None:
    done = run_command("perplexity", "-m", tiny_path, "-p", "word", "-c", "32")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("llamacffi: the text has ")
    assert done.stderr.count("\n") == 1
    assert run_command("perplexity", "-m", tiny_path, "-p", "word", "-c", "2").returncode == 2
