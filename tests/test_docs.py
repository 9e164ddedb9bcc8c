"""The examples of the README and the guides, run as they are: those of a file after each other, as one program.

So is the code in the last column of tables whose heading there is `here`: what a cell has is one line of the program.
"""

from __future__ import annotations

import gc
import logging
import os
import re
import shutil
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import llamacffi
import tiny_models
from fixture_types import MakeContext
from guides import GUIDES, OF_HANDLES, examples
from llamacffi import ffi, lib
from llamacffi.types import llama_model_p

SAID = re.compile(r"^ *print\(.*\)  # (.+)$", re.MULTILINE)  # what the guide says that it prints

NOTES = {
    "animals.txt": "The cat sleeps on the sofa all day, and hunts mice at night.\n\nOur dog likes to swim in the lake.",
    "kitchen.txt": "Bread is baked from flour, water, salt and yeast.\n\nTea is best with water that just boils.",
    "travel.txt": "The train to Berlin leaves at nine in the morning.\n\nThe museum is closed on Mondays.",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, model_path: str, model: llama_model_p) -> Iterator[Path]:
    """The folder that the guides run in, with the files that they speak of."""
    folder = tmp_path_factory.mktemp("guides")
    for name in ("model.gguf", "small.gguf"):
        try:
            os.symlink(model_path, folder / name)
        except OSError:  # Windows lets not everybody do that
            shutil.copy(model_path, folder / name)
    (folder / "notes").mkdir()
    for name, text in NOTES.items():
        (folder / "notes" / name).write_text(text, "utf-8")
    tiny_models.write_bert(folder / "reranker.gguf", pooling=lib.LLAMA_POOLING_TYPE_RANK, n_cls_out=1)
    tiny_models.write_llama(folder / "model-f32.gguf")
    _write_adapter(folder / "adapter.gguf", model)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def _write_adapter(path: Path, model: llama_model_p) -> None:
    """A LoRA adapter for the real model: noise, which its text does not withstand."""
    n = lib.llama_model_n_embd(model)
    values: dict[str, tiny_models.Value] = {
        "general.type": "adapter",
        "general.architecture": "llama",
        "adapter.type": "lora",
        "adapter.lora.alpha": 16.0,
    }
    tensors: dict[str, tuple[int, ...]] = {
        f"blk.{layer}.attn_q.weight.lora_{part}": (n, 4) if part == "a" else (4, n) for layer in (0, 1) for part in "ab"
    }
    tiny_models.write(path, values, tensors)


@pytest.fixture
def _log_as_before() -> Iterator[None]:
    logger, root = logging.getLogger("llamacffi"), logging.getLogger()
    level, handlers = logger.level, list(root.handlers)
    function, data = ffi.new("ggml_log_callback *"), ffi.new("void **")
    lib.llama_log_get(function, data)
    yield
    lib.llama_log_set(function[0], data[0])
    logger.setLevel(level)
    root.handlers[:] = handlers


@pytest.fixture
def handles(model: llama_model_p, make_context: MakeContext) -> dict[str, Any]:
    vocab = lib.llama_model_get_vocab(model)
    return {"llamacffi": llamacffi, "model": model, "vocab": vocab, "ctx": make_context(), "stop": threading.Event()}


@pytest.mark.usefixtures("_log_as_before")
@pytest.mark.parametrize("path", [pytest.param(path, id=path.name) for path in GUIDES])
def test_examples(
    path: Path,
    folder: Path,
    handles: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(folder)
    names = {"__name__": "__main__", **(handles if path.name in OF_HANDLES else {})}
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            for code, line, is_table in examples(path):
                exec(compile("\n" * line + code, str(path), "exec"), names)  # so that a traceback has the guide's lines
                said = [line.strip() for line in capsys.readouterr().out.splitlines()]
                assert is_table or said == SAID.findall(code), f"the example from line {line + 1} on"
        finally:
            names.clear()
            gc.collect()
    assert [str(warning.message) for warning in warned] == []  # of what was not closed, among others
