"""`llamacffi.llama_model_save_to_file`, which tells whether the file was written."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import greedy
from fixture_types import Run
from llamacffi import lib, llama_model_save_to_file
from llamacffi.native import encode_path
from llamacffi.types import llama_model_p

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such thing")
linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc and /dev/full")

PROMPT = "1, 2, 3, 4,"


@pytest.fixture(scope="module")
def model(model_path: str) -> Iterator[llama_model_p]:
    """The model, with weights as they are in the file: those that the processor wants otherwise can't be saved."""
    model = load_plainly(model_path)
    yield model
    lib.llama_model_free(model)


def load_plainly(path: str) -> llama_model_p:
    params = lib.llama_model_default_params()
    params.use_extra_bufts = False
    model = lib.llama_model_load_from_file(encode_path(path), params)
    assert model
    return model


def text_of(path: Path) -> str:
    """What the model in a file says."""
    model = load_plainly(str(path))
    params = lib.llama_context_default_params()
    params.n_ctx, params.n_threads, params.n_threads_batch = 64, 2, 2
    ctx = lib.llama_init_from_model(model, params)
    text = greedy.text_behind(ctx, PROMPT, 6)
    lib.llama_free(ctx)
    lib.llama_model_free(model)
    return text


def test_saved_model_is_the_same(model: llama_model_p, model_path: str, tmp_path: Path) -> None:
    path = tmp_path / "größer.gguf"
    assert llama_model_save_to_file(model, os.fsencode(path)) is True
    assert path.stat().st_size > 0.9 * os.path.getsize(model_path)
    assert text_of(path) == text_of(Path(model_path)) == " 5, 6,"
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("kind", [str, os.fsencode, Path])
def test_kinds_of_paths(model: llama_model_p, tmp_path: Path, kind: Callable[[str], Any]) -> None:
    assert llama_model_save_to_file(model, kind(str(tmp_path / "model.gguf"))) is True
    assert (tmp_path / "model.gguf").stat().st_size > 1e6


def test_relative_path_and_documented_keywords(
    model: llama_model_p, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert llama_model_save_to_file(model, b"model.gguf", anything=1) is True
    assert os.listdir() == ["model.gguf"]


def test_existing_file_is_replaced(model: llama_model_p, tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"old")
    path.chmod(0o640)
    assert llama_model_save_to_file(model, os.fsencode(path)) is True
    assert path.stat().st_size > 1e6
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o640


@posix_only
def test_new_file_is_as_the_umask_says(model: llama_model_p, tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        assert llama_model_save_to_file(model, os.fsencode(tmp_path / "model.gguf")) is True
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "model.gguf").stat().st_mode) == 0o640


@posix_only
def test_link_stays_a_link(model: llama_model_p, tmp_path: Path) -> None:
    (tmp_path / "deeper").mkdir()
    link, target = tmp_path / "link.gguf", tmp_path / "deeper" / "model.gguf"
    target.write_bytes(b"old")
    link.symlink_to(target)
    assert llama_model_save_to_file(model, os.fsencode(link)) is True
    assert link.is_symlink()
    assert target.stat().st_size > 1e6


def test_model_may_replace_the_file_it_was_loaded_from(model: llama_model_p, tmp_path: Path) -> None:
    """The loaded model's memory is that file's, mapped."""
    path = tmp_path / "model.gguf"
    assert llama_model_save_to_file(model, os.fsencode(path)) is True
    size = path.stat().st_size
    loaded = load_plainly(str(path))
    assert llama_model_save_to_file(loaded, os.fsencode(path)) is True
    lib.llama_model_free(loaded)
    assert path.stat().st_size == size
    assert text_of(path) == " 5, 6,"


def test_weights_that_the_processor_wants_otherwise(run_python: Run, model_path: str, tmp_path: Path) -> None:
    """Loaded with the default parameters: saved where the CPU backend left the weights as they were, else refused."""
    code = """
import sys
import llamacffi
model = llamacffi.llama_model_load_from_file(sys.argv[1].encode(), llamacffi.llama_model_default_params())
print(llamacffi.llama_model_save_to_file(model, sys.argv[2].encode()))
"""
    path = tmp_path / "model.gguf"
    done = run_python("-c", code, model_path, str(path))
    assert done.returncode == 0
    assert done.stdout == f"{path.exists()}\n"
    if path.exists():
        assert text_of(path) == " 5, 6,"
    else:
        assert "use_extra_bufts = false" in done.stderr
        assert os.listdir(tmp_path) == []


def test_folder_that_is_missing(model: llama_model_p, tmp_path: Path) -> None:
    assert llama_model_save_to_file(model, os.fsencode(tmp_path / "missing" / "model.gguf")) is False
    assert os.listdir(tmp_path) == []


def test_path_that_is_a_folder(model: llama_model_p, tmp_path: Path) -> None:
    (tmp_path / "model.gguf").mkdir()
    assert llama_model_save_to_file(model, os.fsencode(tmp_path / "model.gguf")) is False
    assert os.listdir(tmp_path) == ["model.gguf"]
    assert os.listdir(tmp_path / "model.gguf") == []


def test_path_through_a_file(model: llama_model_p, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old")
    assert llama_model_save_to_file(model, os.fsencode(tmp_path / "file" / "model.gguf")) is False
    assert (tmp_path / "file").read_bytes() == b"old"


def test_empty_path(model: llama_model_p, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert llama_model_save_to_file(model, b"") is False
    assert os.listdir() == []
    assert not list(tmp_path.parent.glob(f"{tmp_path.name}.*"))


@linux_only
@pytest.mark.parametrize("path", ["/proc/model.gguf", "/dev/full", "/proc/version"])
def test_where_nobody_can_write(model: llama_model_p, path: str) -> None:
    assert llama_model_save_to_file(model, os.fsencode(path)) is False
    assert os.path.exists(path) == (path != "/proc/model.gguf")


@posix_only
@pytest.mark.skipif(sys.platform != "win32" and os.geteuid() == 0, reason="root may write everywhere")
def test_folder_that_is_read_only(model: llama_model_p, tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    try:
        assert llama_model_save_to_file(model, os.fsencode(tmp_path / "model.gguf")) is False
    finally:
        tmp_path.chmod(0o755)
    assert os.listdir(tmp_path) == []


@posix_only
@pytest.mark.parametrize("limit", [0, 1000, 50_000_000])
@pytest.mark.parametrize("old", [b"old", None])
def test_full_disk(
    run_python: Run,
    model_path: str,
    tmp_path: Path,
    limit: int,
    old: bytes | None,
) -> None:
    """The system lets the process write no more than `limit` bytes to a file."""
    code = """
import resource, sys
import llamacffi
params = llamacffi.llama_model_default_params()
params.use_extra_bufts = False
model = llamacffi.llama_model_load_from_file(sys.argv[1].encode(), params)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
result = llamacffi.llama_model_save_to_file(model, sys.argv[2].encode())
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(result)
"""
    folder = tmp_path / "disk"
    folder.mkdir()
    path = folder / "model.gguf"
    if old is not None:
        path.write_bytes(old)
    done = run_python("-c", code, model_path, str(path), str(limit))
    assert done.stdout == "False\n", done.stderr
    assert os.listdir(folder) == ([] if old is None else ["model.gguf"])
    assert old is None or path.read_bytes() == old
