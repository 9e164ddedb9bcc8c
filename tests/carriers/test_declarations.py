"""Whatever the headers declare is there, as the compiler has it: of every llama.cpp, see tools/carriers.py."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import llamacffi
from llamacffi import ffi, lib
from llamacffi.facade import _SUPPLIED
from untyped import unchecked

TABLE: dict[str, Any] = json.loads(Path(llamacffi.__file__).with_name("api.json").read_text("utf-8"))


def test_every_function_can_be_called() -> None:
    assert len(TABLE["functions"]) > 700
    for each in TABLE["functions"]:
        assert callable(getattr(lib, each["name"])), each["name"]


def test_every_function_has_parameters_and_documentation() -> None:
    for each in TABLE["functions"]:
        function = getattr(llamacffi, each["name"])
        if each["name"] in _SUPPLIED:
            continue  # one of ours
        assert function.__doc__.startswith(each["returns"].split()[0]), each["name"]
        named = [parameter["name"] for parameter in each["parameters"]]
        code = function.__code__
        assert code.co_argcount == len(named), each["name"]


def test_sizes_and_offsets() -> None:
    checked = 0
    for struct in TABLE["structs"]:
        if struct["fields"] is None:
            continue
        name = f"{struct['kind']} {struct['name']}" if struct["tagged"] else struct["name"]
        assert ffi.sizeof(name) == struct["size"], name
        for field in struct["fields"]:
            if field["name"] and field["offset"] is not None:
                assert ffi.offsetof(name, field["name"]) == field["offset"], (name, field["name"])
                checked += 1
    assert checked > 200


def test_values() -> None:
    values = [each for enum in TABLE["enums"] for each in enum["values"]]
    assert len(values) > 200
    for each in values:
        assert getattr(lib, each["name"]) == each["value"], each["name"]
    for each in TABLE["constants"]:
        if each["type"] == "int":
            assert getattr(llamacffi, each["name"]) == each["value"], each["name"]


def test_defaults_are_whole() -> None:
    found = [each["name"] for each in TABLE["functions"] if re.fullmatch(r"llama_.*_default_params", each["name"])]
    assert len(found) >= 4
    for name in found:
        assert ffi.typeof(getattr(lib, name)()).kind == "struct", name


def test_a_name_that_this_llama_cpp_lacks() -> None:
    """Whatever the release, one name is none; the message says what is missing, from what, and where it may be."""
    with pytest.raises(AttributeError) as caught:
        unchecked.llama_of_next_year()
    message = str(caught.value)
    assert "llama_of_next_year" in message
    assert llamacffi.llama_cpp_commit() in message
    another = json.loads(Path(llamacffi.__file__).with_name("manifest.json").read_text("utf-8"))["written_for"]
    assert ("LLAMACFFI_SOURCE_DIR" in message) == bool(another)
    assert another in message


def test_a_name_that_is_none_of_llama_cpps() -> None:
    with pytest.raises(AttributeError, match=r"^module 'llamacffi' has no attribute 'nonsense'$"):
        unchecked.nonsense  # noqa: B018
