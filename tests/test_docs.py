"""The examples of the README and the guides, run as they are."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Iterator

import pytest

import llamacffi
from carrier import ROOT
from llamacffi import ffi, lib

BLOCKS = [
    pytest.param(path, code, id=f"{path.name}-{number}")
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    for number, code in enumerate(
        re.findall(r"^```python\n(.*?)^```$", path.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    )
]


@pytest.fixture
def _log_as_before() -> Iterator[None]:
    logger, root = logging.getLogger("llamacffi"), logging.getLogger()
    level, handlers = logger.level, list(root.handlers)
    yield
    logger.setLevel(level)
    root.handlers[:] = handlers


@pytest.mark.usefixtures("_log_as_before")
@pytest.mark.parametrize(("path", "code"), BLOCKS)
def test_example(
    path: object,
    code: str,
    model: ffi.CData,
    model_path: str,
    make_context: Callable[..., ffi.CData],
    capsys: pytest.CaptureFixture[str],
) -> None:
    names = {
        "llamacffi": llamacffi,
        "model": model,
        "vocab": lib.llama_model_get_vocab(model),
        "ctx": make_context(),
        "stop": threading.Event(),
    }
    exec(code.replace("model.gguf", model_path), names)
    said = re.findall(r"^ *print\(.*\)  +# (.+)$", code, re.MULTILINE)  # what the guide says it prints
    assert [line for line in capsys.readouterr().out.splitlines() if line in said] == said
