"""`quantize`: what it writes, how far it is, and that it leaves nothing half done."""

from __future__ import annotations

import logging
import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

import tiny_models
from fixture_types import Run
from llamacffi import InvalidArgumentError, LlamaError, Model, llama_log_set, quantize
from untyped import unchecked

TESTS = Path(__file__).resolve().parent
N_TENSORS = 3 + 9 * tiny_models.N_LAYER


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.write_llama(tmp_path_factory.mktemp("source") / "f32.gguf")


@pytest.mark.parametrize(
    ("ftype", "name"),
    [("q8_0", "Q8_0"), ("Q4_0", "Q4_0"), ("LLAMA_FTYPE_MOSTLY_Q5_1", "Q5_1"), ("F16", "F16"), (7, "Q8_0")],
)
def test_types(source: Path, tmp_path: Path, ftype: Any, name: str) -> None:
    target = tmp_path / "größer.gguf"
    quantize(source, str(target), ftype)
    with Model(target) as model, Model(source) as before:
        assert model.ftype == name
        assert model.n_params == before.n_params
        assert model.size < before.size
        assert model.vocab.tokenize("some text") == before.vocab.tokenize("some text")
    assert os.listdir(tmp_path) == [target.name]


def test_parameters_of_c(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "x.gguf"
    quantize(source, target, "q8_0", output_tensor_type="f16", kv_overrides={"general.name": "nämed"}, n_threads=2)
    plain = tmp_path / "plain.gguf"
    quantize(source, plain, "q8_0", n_threads=1)
    with Model(target) as model, Model(plain) as other:
        assert model.metadata["general.name"] == "nämed"
        assert model.size - other.size == tiny_models.N_EMBD * tiny_models.N_VOCAB * (16 - 8.5) / 8
    quantize(source, plain, "q8_0", tt_overrides={"attn_q": "f16"})
    with Model(plain) as model:
        grown = tiny_models.N_LAYER * tiny_models.N_EMBD**2 * (16 - 8.5) / 8
        assert model.size - other_size(source, tmp_path) == grown
    quantize(source, target, "q8_0", prune_layers=[1])
    with Model(target) as model:
        assert model.n_layer == tiny_models.N_LAYER - 1


def other_size(source: Path, tmp_path: Path) -> int:
    target = tmp_path / "size.gguf"
    quantize(source, target, "q8_0")
    with Model(target) as model:
        return model.size


def test_weights_of_importance(tmp_path: Path) -> None:
    """Types of few bits need them: these take rows of 256."""
    names = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")
    tensors: dict[str, tuple[int, ...]] = {"token_embd.weight": (256, 512), "output_norm.weight": (256,)}
    tensors["output.weight"] = (256, 512)
    for name in names:
        tensors[f"blk.0.{name}.weight"] = (256, 256)
    tensors["blk.0.attn_norm.weight"] = tensors["blk.0.ffn_norm.weight"] = (256,)
    values: dict[str, tiny_models.Value] = {"general.architecture": "llama", **tiny_models.vocabulary("llama-spm")}
    for key, number in (
        ("vocab_size", 512),
        ("context_length", 128),
        ("embedding_length", 256),
        ("block_count", 1),
        ("feed_forward_length", 256),
        ("rope.dimension_count", 64),
        ("attention.head_count", 4),
    ):
        values[f"llama.{key}"] = number
    values["llama.attention.layer_norm_rms_epsilon"] = 1e-5
    source = tiny_models.write(tmp_path / "source.gguf", values, tensors)
    target = tmp_path / "target.gguf"
    with pytest.raises(LlamaError, match=r"could not quantize this model:\n.*importance matrix"):
        quantize(source, target, "iq2_xxs")
    weights: dict[str, Any] = {f"blk.0.{name}.weight": [1.0] * 256 for name in names}
    numpy = pytest.importorskip("numpy")
    weights["blk.0.attn_q.weight"] = numpy.ones(256, "float32")
    quantize(source, target, "iq2_xxs", imatrix=weights)
    with Model(target) as model:
        assert model.ftype == "IQ2_XXS - 2.0625 bpw"
    with pytest.raises(InvalidArgumentError, match="imatrix"):
        quantize(source, target, "iq2_xxs", imatrix={"x": ["y"]})


def test_splits_are_kept(source: Path, tmp_path: Path) -> None:
    parts = [tmp_path / f"f32-0000{number}-of-00002.gguf" for number in (1, 2)]
    tiny_models.write_splits(source, parts)
    quantize(parts[0], tmp_path / "q8", "q8_0", keep_split=True)
    written = [f"q8-0000{number}-of-00002.gguf" for number in (1, 2)]
    assert sorted(os.listdir(tmp_path)) == sorted([each.name for each in parts] + written)
    with pytest.raises(InvalidArgumentError, match="is the source"):
        quantize(parts[0], tmp_path / "f32", "q8_0", keep_split=True)
    quantize(parts[0], tmp_path / "one.gguf", "q8_0")
    with Model(tmp_path / written[0]) as model, Model(tmp_path / "one.gguf") as whole:
        assert model.n_params == whole.n_params


# --- progress -----------------------------------------------------------------------------------------------------


def test_progress(source: Path, tmp_path: Path) -> None:
    parts: list[float] = []
    quantize(source, tmp_path / "x.gguf", "q8_0", progress=parts.append)  # which returns None
    assert parts == pytest.approx([i / N_TENSORS for i in range(N_TENSORS + 1)])


def test_progress_cancels(source: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for end in (0.0, 0.5, 1.0):
        seen: list[float] = []

        def go_on(part: float, end: float = end, seen: list[float] = seen) -> bool:
            seen.append(part)
            return part < end

        with pytest.raises(LlamaError, match=r"f32.gguf: quantizing was cancelled$"):
            quantize(source, tmp_path / "x.gguf", "q8_0", progress=go_on)
        assert end <= seen[-1] <= end + 1 / N_TENSORS
        assert os.listdir(tmp_path) == []
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
    quantize(source, tmp_path / "x.gguf", "q8_0")


@pytest.mark.parametrize("kind", [KeyError, OSError])
def test_exception_in_progress(source: Path, tmp_path: Path, kind: type[Exception]) -> None:
    target = tmp_path / "x.gguf"
    target.write_bytes(b"before")

    def fail(part: float) -> None:
        if part > 0.5:
            raise kind("mine")

    with pytest.raises(kind, match="mine"):
        quantize(source, target, "q8_0", progress=fail)
    assert target.read_bytes() == b"before"
    assert os.listdir(tmp_path) == [target.name]


def test_calls_from_progress(source: Path, tmp_path: Path) -> None:
    """Another one in between, which has a progress of its own."""
    inner: list[float] = []

    def nest(part: float) -> None:
        if not inner:
            quantize(source, tmp_path / "inner.gguf", "q4_0", progress=inner.append)

    quantize(source, tmp_path / "outer.gguf", "q8_0", progress=nest)
    assert len(inner) == N_TENSORS + 1
    for name, ftype in (("inner", "Q4_0"), ("outer", "Q8_0")):
        with Model(tmp_path / f"{name}.gguf") as model:
            assert model.ftype == ftype


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_progress_that_is_no_function(source: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="progress = 5: must be a function, or None"):
        unchecked.quantize(source, tmp_path / "x.gguf", "q8_0", progress=5)
    assert not list(tmp_path.glob("x.gguf*"))


@pytest.mark.parametrize("progress", ["None", "print"])
def test_interrupt(run_python: Run, tmp_path: Path, model_path: str, progress: str) -> None:
    code = f"""
import os, signal, sys, threading, time
from llamacffi import quantize

def interrupt():
    while not any(name.endswith(".part") and os.listdir(name) for name in os.listdir(".")):
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGINT)

threading.Thread(target=interrupt).start()
try:
    # Slow enough that the signal comes before the end: some seconds on two threads.
    quantize({model_path!r}, "x.gguf", "q8_0", allow_requantize=True, n_threads=1, progress={progress})
except KeyboardInterrupt:
    print("stopped", os.listdir("."))
"""
    done = run_python("-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "stopped []"


# --- what does not work -------------------------------------------------------------------------------------------


def test_nothing_is_lost_by_a_failure(source: Path, tmp_path: Path) -> None:
    target, short = tmp_path / "x.gguf", tmp_path / "short.gguf"
    target.write_bytes(b"before")
    short.write_bytes(source.read_bytes()[:-5000])
    with pytest.raises(LlamaError, match=r"short.gguf|fname_inp"):
        quantize(short, target, "q8_0")
    quantized = tmp_path / "q8.gguf"
    quantize(source, quantized, "q8_0")
    with pytest.raises(LlamaError, match=r"allow_requantize=True allows it: .*requantizing from type q8_0"):
        quantize(quantized, target, "q4_0")
    assert target.read_bytes() == b"before"
    assert sorted(os.listdir(tmp_path)) == ["q8.gguf", "short.gguf", "x.gguf"]
    quantize(quantized, target, "q4_0", allow_requantize=True)
    with Model(target) as model:
        assert model.ftype == "Q4_0"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither")
def test_mode_and_links_are_kept(source: Path, tmp_path: Path) -> None:
    target, link = tmp_path / "x.gguf", tmp_path / "link.gguf"
    target.write_bytes(b"before")
    target.chmod(0o640)
    link.symlink_to(target.name)
    quantize(source, link, "q8_0")
    assert link.is_symlink()
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    with Model(target) as model:
        assert model.ftype == "Q8_0"
    fresh = tmp_path / "fresh.gguf"
    quantize(source, fresh, "q8_0")
    other = tmp_path / "other"
    other.touch()
    assert fresh.stat().st_mode == other.stat().st_mode


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs a limit on files")
def test_full_disk(run_python: Run, source: Path, tmp_path: Path) -> None:
    code = f"""
import os, resource, signal
from llamacffi import LlamaError, quantize
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))
try:
    quantize({str(source)!r}, "x.gguf", "q8_0")
except LlamaError as error:
    print(str(error).replace("\\n", " "), os.listdir("."))
"""
    done = run_python("-c", code)
    assert done.returncode == 0, done.stderr
    assert "could not quantize this model" in done.stdout
    assert done.stdout.endswith("[]\n")


def test_wrong_arguments(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "x.gguf"
    (tmp_path / "text").write_text("nothing")
    wrong: list[tuple[tuple[Any, ...], dict[str, Any], str]] = [
        ((source, source), {}, "target = .*: is the source"),
        ((source, target, "q4_k_n"), {}, "ftype = 'q4_k_n': must be one of .*did you mean .*q4_k_m"),
        ((source, target, 999), {}, "invalid output file type|could not quantize"),
        ((source, target), {"pur": True}, "there is no parameter 'pur'; did you mean pure"),
        ((source, target), {"output_tensor_type": "q4_9"}, "output_tensor_type = 'q4_9'"),
        ((source, tmp_path / "no" / "x.gguf"), {}, "x.gguf: can't write this file: No such file"),
        ((source, tmp_path), {}, "is a folder"),
        ((tmp_path / "missing.gguf", target), {}, "missing.gguf: No such file"),
        ((tmp_path / "text", target), {}, "text: is not a GGUF file"),
        ((source, None), {}, "target = None: is not a path"),
        ((source, "nul\0"), {}, "is not a path"),
    ]
    for arguments, params, message in wrong:
        with pytest.raises(LlamaError, match=message):
            quantize(*arguments, **params)
    assert os.listdir(tmp_path) == ["text"]


@pytest.mark.usefixtures("native_log")
def test_user_log_is_not_needed(source: Path, tmp_path: Path) -> None:
    """The progress comes out of llama.cpp's log, whoever has it."""
    lines: list[str] = []
    parts: list[float] = []
    llama_log_set(lambda level, text: lines.append(text), None)
    quantize(source, tmp_path / "x.gguf", "q8_0", progress=parts.append)
    assert len(parts) == N_TENSORS + 1
    assert any("quant" in line for line in lines)
