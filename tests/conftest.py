"""What the tests share: the real model, contexts over it, and Python programs run in an interpreter of their own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tools")]

# Threads that wait without spinning: on busy processors, all else takes many times as long. Read once, at loading.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
# Ignored in what a shell runs in the background, and then in the programs that the tests start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

import demo_model  # noqa: E402
import tiny_models  # noqa: E402
from fixture_types import MakeContext, Run  # noqa: E402
from llamacffi import Model, ffi, lib  # noqa: E402
from llamacffi.native import encode_path  # noqa: E402
from llamacffi.types import llama_context_p, llama_model_p  # noqa: E402


@pytest.fixture
def tmp_path(tmp_path: Path) -> Iterator[Path]:
    """pytest's own, removed at once: models and copies of the package would fill the disk."""
    yield tmp_path
    shutil.rmtree(tmp_path, ignore_errors=True)


@pytest.fixture(scope="session")
def model_path() -> str:
    return str(demo_model.obtain())


@pytest.fixture(scope="session")
def model(model_path: str) -> Iterator[llama_model_p]:
    model = lib.llama_model_load_from_file(encode_path(model_path), lib.llama_model_default_params())
    assert model
    yield model
    lib.llama_model_free(model)


@pytest.fixture(scope="session")
def owner(model: llama_model_p) -> Iterator[Model]:
    """The same as an object of the package's, which does not free it."""
    with Model.from_handle(model) as owner:
        yield owner


@pytest.fixture(scope="session")
def tiny_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model, for as many tokens as tiny_models.N_CTX."""
    return tiny_models.write_llama(tmp_path_factory.mktemp("tiny") / "tiny.gguf")


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Model]:
    """A tiny model for long texts."""
    with Model(tiny_models.write_llama(tmp_path_factory.mktemp("tiny") / "tiny.gguf", context_length=4096)) as model:
        yield model


@pytest.fixture
def make_context(model: llama_model_p) -> Iterator[MakeContext]:
    """A function that makes a context with these parameters; it is freed when the test ends."""
    made: list[llama_context_p] = []

    def make(**fields: Any) -> llama_context_p:
        params = lib.llama_context_default_params()
        params.n_ctx = 256
        params.n_threads = params.n_threads_batch = 2
        for name, value in fields.items():
            setattr(params, name, value)
        ctx = lib.llama_init_from_model(model, params)
        assert ctx
        made.append(ctx)
        return ctx

    yield make
    for ctx in made:
        lib.llama_free(ctx)


@pytest.fixture
def native_log() -> Iterator[list[object]]:
    """The native code's log callback is as before when the test ends; what is put into the list lives until then."""
    function, user_data = ffi.new("ggml_log_callback *"), ffi.new("void **")
    lib.llama_log_get(function, user_data)
    kept: list[object] = []
    yield kept
    lib.llama_log_set(function[0], user_data[0])


@pytest.fixture
def run_python(tmp_path: Path) -> Run:
    """A function that runs this interpreter, in an empty folder, with these arguments and environment variables."""

    def run(*arguments: str, cwd: Path = tmp_path, **env: str) -> subprocess.CompletedProcess[str]:
        ours = ("LLAMACFFI_B", "LLAMACFFI_CPU_VARIANT", "GGML_")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=cwd,
            env={**inherited, "PYTHONIOENCODING": "utf-8", **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=300,
        )

    return run
