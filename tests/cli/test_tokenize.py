"""`llamacffi tokenize`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Union

import pytest

from fixture_types import Run
from llamacffi import Model

TEXT = "Grüße aus 東京! 🦙<|im_end|>"


@pytest.fixture(scope="module")
def tokens(model_path: str) -> list[int]:
    with Model(model_path, vocab_only=True) as model:
        return model.vocab.tokenize(TEXT, parse_special=True)


def test_a_token_a_line(run_command: Run, model_path: str, tokens: list[int]) -> None:
    done = run_command("tokenize", "-m", model_path, "-p", TEXT, "--show-count")
    assert (done.returncode, done.stderr) == (0, "")
    *lines, count = done.stdout.splitlines()
    assert [int(line.split()[0]) for line in lines] == tokens
    assert count == f"{len(tokens)} tokens"
    pieces = [eval(line.split(maxsplit=1)[1]) for line in lines]
    assert b"".join(each if isinstance(each, bytes) else each.encode() for each in pieces).decode() == TEXT


def test_ids_alone(run_command: Run, model_path: str, tokens: list[int]) -> None:
    done = run_command("tokenize", "-m", model_path, "-p", TEXT, "--ids")
    assert json.loads(done.stdout) == tokens


def test_json(run_command: Run, model_path: str, tokens: list[int]) -> None:
    done = run_command("tokenize", "-m", model_path, "-p", TEXT, "--json")
    found = json.loads(done.stdout)
    assert found["count"] == len(tokens)
    assert [each["id"] for each in found["tokens"]] == tokens
    pieces: list[Union[str, list[int]]] = [each["piece"] for each in found["tokens"]]
    assert any(isinstance(piece, list) for piece in pieces)  # the llama's
    assert b"".join(bytes(each) if isinstance(each, list) else each.encode() for each in pieces).decode() == TEXT
    done = run_command("tokenize", "-m", model_path, "-p", TEXT, "--json", "--ids")
    assert json.loads(done.stdout) == {"tokens": tokens, "count": len(tokens)}


def test_text_from_elsewhere(run_command: Run, model_path: str, tokens: list[int], tmp_path: Path) -> None:
    (tmp_path / "text").write_text(TEXT, "utf-8")
    for where in (["-f", "text"], ["-f", "-"], ["--stdin"]):
        done = run_command("tokenize", "-m", model_path, "--ids", *where, text=TEXT)
        assert json.loads(done.stdout) == tokens, where
    done = run_command("tokenize", "-m", model_path, "-f", "nowhere")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "llamacffi: nowhere: No such file or directory\n")


def test_tokens_that_the_model_wants(run_command: Run, tiny_path: str) -> None:
    with Model(tiny_path, vocab_only=True) as model:
        bos = model.vocab.bos
    with_bos = json.loads(run_command("tokenize", "-m", tiny_path, "-p", "a", "--ids").stdout)
    assert with_bos[0] == bos
    assert json.loads(run_command("tokenize", "-m", tiny_path, "-p", "a", "--ids", "--no-bos").stdout) == with_bos[1:]


def test_special_tokens_as_text(run_command: Run, model_path: str) -> None:
    special, text = (
        json.loads(run_command("tokenize", "-m", model_path, "-p", "<|im_end|>", "--ids", *more).stdout)
        for more in ([], ["--no-parse-special"])
    )
    assert len(special) == 1
    assert len(text) > 1
