"""`llamacffi quantize`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from fixture_types import Run
from llamacffi import GGUF, Model
from terminals import Terminal, plain


def test_quantize(run_command: Run, tiny_path: str, tmp_path: Path) -> None:
    done = run_command("quantize", tiny_path, "small.gguf", "q8_0", "2", "--output-tensor-type", "f16")
    assert (done.returncode, done.stderr) == (0, "")
    target = tmp_path / "small.gguf"
    sizes = [path.stat().st_size / 2**20 for path in (target, Path(tiny_path))]
    assert done.stdout == f"small.gguf: {sizes[0]:.2f} MiB, of {sizes[1]:.2f}\n"
    assert sizes[0] < sizes[1]
    with GGUF(target) as file:
        types = {name: tensor.type for name, tensor in file.tensors.items()}
    assert types["output.weight"] == "f16"
    assert types["blk.0.attn_q.weight"] == "q8_0"
    with Model(target) as model:
        assert model.ftype == "Q8_0"


def test_copy(run_command: Run, tiny_path: str, tmp_path: Path) -> None:
    assert run_command("quantize", tiny_path, "copy.gguf", "COPY").returncode == 0
    with GGUF(tiny_path) as before, GGUF(tmp_path / "copy.gguf") as after:
        assert {*before.tensors} == {*after.tensors}
        for name, tensor in before.tensors.items():
            assert (after.tensors[name].type, after.tensors[name].shape) == (tensor.type, tensor.shape)


def test_warnings_are_summed_up(run_command: Run, tiny_path: str) -> None:
    """The rows are too short for K-quants, which llama.cpp says of every tensor."""
    done = run_command("quantize", tiny_path, "small.gguf")
    assert done.returncode == 0
    (line,) = done.stderr.splitlines()
    assert line.startswith("llamacffi: ")
    assert line.endswith(" warnings in all, -v shows them)")
    assert len(run_command("quantize", tiny_path, "small.gguf", "-v").stderr.splitlines()) > 10


def test_what_can_not_be_done(run_command: Run, tiny_path: str, tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("as it was")
    run_command("quantize", tiny_path, "q8.gguf", "q8_0")
    for arguments in (["nowhere", "kept"], ["q8.gguf", "kept", "q4_0"], ["q8.gguf", "nowhere/x"]):
        done = run_command("quantize", *arguments)
        assert (done.returncode, done.stdout) == (1, ""), arguments
        assert done.stderr.splitlines()[-1].startswith("llamacffi: ")
        assert "allow_requantize" not in done.stderr
    assert "--allow-requantize allows it" in run_command("quantize", "q8.gguf", "kept", "q4_0").stderr
    assert (tmp_path / "kept").read_text() == "as it was"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept", "q8.gguf"]
    assert run_command("quantize", "q8.gguf", "kept", "q4_0", "--allow-requantize").returncode == 0
    done = run_command("quantize", tiny_path, "x", "q4_k_x")
    assert (done.returncode, "q4_k_m" in done.stderr) == (2, True)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_bar(tiny_path: str, tmp_path: Path) -> None:
    command = ("-m", "llamacffi", "quantize", tiny_path, str(tmp_path / "small.gguf"), "q8_0")
    with Terminal(*command, pipe=True) as terminal:
        assert terminal.finish() == 0
        assert plain(terminal.shown).startswith("quantizing ")
