"""`llamacffi gguf`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from fixture_types import Run
from llamacffi import GGUF
from terminals import BARE, Terminal, plain


def test_for_people(run_command: Run, tiny_path: str) -> None:
    done = run_command("gguf", tiny_path)
    assert (done.returncode, done.stderr) == (0, "")
    lines = {line.split()[0]: line.split(None, 2)[1:] for line in done.stdout.splitlines() if line}
    assert lines["general.architecture"] == ["str", '"llama"']
    assert lines["llama.block_count"] == ["u32", "2"]
    assert lines["tokenizer.ggml.tokens"][1].endswith("… 512 in all]")
    assert len(lines["tokenizer.ggml.tokens"][1]) < 200
    assert lines["token_embd.weight"][1].split() == ["512", "x", "32", "65536"]
    with GGUF(tiny_path) as file:
        assert {*file, *file.tensors} <= {*lines}
        size = sum(each.size for each in file.tensors.values()) / 2**20
        assert done.stdout.endswith(f"\n{len(file.tensors)} tensors, {size:.2f} MiB\n")
    assert "token_embd.weight" not in run_command("gguf", tiny_path, "--no-tensors").stdout


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_at_a_terminal(run_command: Run, tiny_path: str) -> None:
    """A table, or the same plain columns as elsewhere."""
    command = ("gguf", tiny_path, "--no-tensors")
    with Terminal("-m", "llamacffi", *command) as terminal:
        assert terminal.finish() == 0
        assert "───" in plain(terminal.shown)
        assert "general.architecture" in plain(terminal.shown)
    with Terminal("-c", BARE, *command) as terminal:
        assert terminal.finish() == 0
        assert terminal.shown.decode().replace("\r\n", "\n") == run_command(*command).stdout


def test_json(run_command: Run, tiny_path: str) -> None:
    facts = json.loads(run_command("gguf", tiny_path, "--json").stdout)
    with GGUF(tiny_path) as file:
        assert (facts["version"], facts["alignment"]) == (file.version, file.alignment)
        assert [*facts["metadata"]] == [*file]
        for key, each in facts["metadata"].items():
            assert each["type"] == file.type_of(key)
        assert facts["metadata"]["tokenizer.ggml.tokens"]["value"] == file["tokenizer.ggml.tokens"]
        assert facts["metadata"]["tokenizer.ggml.token_type"]["value"] == [*file["tokenizer.ggml.token_type"]]
        for each, tensor in zip(facts["tensors"], file.tensors.values()):
            assert tuple(each.pop("shape")) == tensor.shape
            assert each == {name: getattr(tensor, name) for name in ("name", "type", "offset", "size")}


def test_one_key(run_command: Run, tiny_path: str) -> None:
    assert run_command("gguf", tiny_path, "general.name").stdout == "tiny\n"
    assert run_command("gguf", tiny_path, "llama.block_count", "--json").stdout == "2\n"
    done = run_command("gguf", tiny_path, "tokenizer.ggml.tokens")
    assert len(done.stdout.split("\n")) > 512
    done = run_command("gguf", tiny_path, "general.nam")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"llamacffi: {tiny_path}: has no key 'general.nam'; did you mean general.name?\n"


def test_numbers_that_json_lacks(run_command: Run, tmp_path: Path) -> None:
    with GGUF() as file:
        file["scores"] = [1.5, float("-inf"), float("nan")]
        file["text"] = "größer 日本"
        file.write(tmp_path / "odd.gguf")
    done = run_command("gguf", "odd.gguf", "--json", PYTHONIOENCODING="ascii")
    metadata = json.loads(done.stdout)["metadata"]
    assert metadata["scores"]["value"] == [1.5, None, None]
    assert metadata["text"]["value"] == "größer 日本"
    assert "größer ??" not in done.stdout


def test_what_is_no_gguf_file(run_command: Run, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no model")
    for name in ("text", "nowhere", "."):
        done = run_command("gguf", name)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.splitlines()[-1].startswith(f"llamacffi: {name}: ")
        assert "Traceback" not in done.stderr
