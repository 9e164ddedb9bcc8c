"""What a context remembers, saved and restored."""

from __future__ import annotations

from pathlib import Path

import pytest

import greedy
from fixture_types import MakeContext
from greedy import tokenize
from llamacffi import ffi, lib
from llamacffi.native import encode_path
from llamacffi.types import llama_model_p


@pytest.fixture
def tokens(model: llama_model_p) -> list[int]:
    return tokenize(lib.llama_model_get_vocab(model), "Once upon a time, in a land far away")


def test_state_in_memory(make_context: MakeContext, tokens: list[int]) -> None:
    saved = make_context()
    assert greedy.decode(saved, tokens[:-1]) == 0
    size = lib.llama_state_get_size(saved)
    data = ffi.new("uint8_t[]", size)
    assert lib.llama_state_get_data(saved, data, size) == size
    expected = greedy.continuation(saved, tokens[-1:], 12)

    restored = make_context()
    assert lib.llama_state_set_data(restored, data, size) == size
    assert lib.llama_memory_seq_pos_max(lib.llama_get_memory(restored), 0) == len(tokens) - 2
    assert greedy.continuation(restored, tokens[-1:], 12) == expected
    assert greedy.continuation(make_context(), tokens[-1:], 12) != expected  # what was restored does count


def test_state_in_a_file(make_context: MakeContext, tokens: list[int], tmp_path: Path) -> None:
    path = encode_path(str(tmp_path / "größer.state"))
    saved = make_context()
    assert greedy.decode(saved, tokens[:-1]) == 0
    assert lib.llama_state_save_file(saved, path, ffi.new("llama_token[]", tokens), len(tokens))
    expected = greedy.continuation(saved, tokens[-1:], 12)

    restored = make_context()
    room, found = ffi.new("llama_token[100]"), ffi.new("size_t *")
    assert lib.llama_state_load_file(restored, path, room, len(room), found)
    assert list(room[0 : found[0]]) == tokens
    assert greedy.continuation(restored, tokens[-1:], 12) == expected


def test_one_sequence_in_memory(make_context: MakeContext, tokens: list[int]) -> None:
    saved = make_context()
    assert greedy.decode(saved, tokens[:-1]) == 0
    size = lib.llama_state_seq_get_size(saved, 0)
    data = ffi.new("uint8_t[]", size)
    assert lib.llama_state_seq_get_data(saved, data, size, 0) == size
    expected = greedy.continuation(saved, tokens[-1:], 12)

    restored = make_context()
    assert lib.llama_state_seq_set_data(restored, data, size, 0) == size
    assert greedy.continuation(restored, tokens[-1:], 12) == expected


def test_python_bytes_hold_a_state(make_context: MakeContext, tokens: list[int]) -> None:
    saved = make_context()
    assert greedy.decode(saved, tokens[:-1]) == 0
    data = ffi.new("uint8_t[]", lib.llama_state_get_size(saved))
    lib.llama_state_get_data(saved, data, len(data))
    state = bytes(ffi.buffer(data))
    restored = make_context()
    assert lib.llama_state_set_data(restored, ffi.from_buffer("uint8_t[]", state), len(state)) == len(state)
    assert greedy.continuation(restored, tokens[-1:], 4) == greedy.continuation(saved, tokens[-1:], 4)


@pytest.mark.parametrize("content", [b"", b"no state\n" * 20])
def test_file_that_is_no_state(make_context: MakeContext, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "wrong.state"
    path.write_bytes(content)
    room, found = ffi.new("llama_token[100]"), ffi.new("size_t *")
    assert not lib.llama_state_load_file(make_context(), encode_path(str(path)), room, len(room), found)


def test_file_that_is_missing(make_context: MakeContext, tmp_path: Path) -> None:
    room, found = ffi.new("llama_token[100]"), ffi.new("size_t *")
    path = encode_path(str(tmp_path / "missing.state"))
    assert not lib.llama_state_load_file(make_context(), path, room, len(room), found)


def test_truncated_file(make_context: MakeContext, tokens: list[int], tmp_path: Path) -> None:
    path = tmp_path / "a.state"
    saved = make_context()
    assert greedy.decode(saved, tokens) == 0
    assert lib.llama_state_save_file(saved, encode_path(str(path)), ffi.new("llama_token[]", tokens), len(tokens))
    path.write_bytes(path.read_bytes()[:-1000])
    room, found = ffi.new("llama_token[100]"), ffi.new("size_t *")
    assert not lib.llama_state_load_file(make_context(), encode_path(str(path)), room, len(room), found)
