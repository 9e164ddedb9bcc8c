"""tools/manifest.py: the fingerprint by which the core and an add-on know that they fit."""

from __future__ import annotations

import importlib.metadata
import json
from pathlib import Path

import pytest

import llamacffi
import manifest

HEADER = "#ifndef GGML_MAX_NAME\n#   define GGML_MAX_NAME 64\n#endif\nstruct tensor { char name[GGML_MAX_NAME]; };\n"


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As much of a source tree as the fingerprint looks at."""
    for name in ("CFLAGS", "CXXFLAGS", "CMAKE_ARGS"):
        monkeypatch.delenv(name, raising=False)
    for name, text in {
        "ggml/include/ggml.h": HEADER,
        "ggml/src/ggml-impl.h": "int a;\n",
        "ggml/src/ggml.c": "1\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    return tmp_path


@pytest.mark.parametrize("name", ["ggml/include/ggml.h", "ggml/src/ggml-impl.h"])
def test_a_header_changes_it(source: Path, name: str) -> None:
    before = manifest.abi(source)
    with open(source / name, "ab") as file:
        file.write(b"int more;\n")
    assert manifest.abi(source) != before


def test_a_new_header_changes_it(source: Path) -> None:
    before = manifest.abi(source)
    source.joinpath("ggml/src/ggml-more.h").write_text("")
    assert manifest.abi(source) != before


def test_neither_a_source_file_nor_the_line_ends_change_it(source: Path) -> None:
    before = manifest.abi(source)
    source.joinpath("ggml/src/ggml.c").write_text("2\n")
    source.joinpath("ggml/include/ggml.h").write_bytes(HEADER.replace("\n", "\r\n").encode())
    assert manifest.abi(source) == before


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CFLAGS", "-O2 -DGGML_MAX_NAME=128"),
        ("CMAKE_ARGS", "-DCMAKE_C_FLAGS=-DGGML_MAX_NAME=128"),
        ("CMAKE_ARGS", "'-DCMAKE_C_FLAGS=-O2 -DGGML_MAX_NAME=128' -DGGML_CUDA=ON"),
    ],
)
def test_an_option_that_changes_a_layout_changes_it(
    source: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    before = manifest.abi(source)
    monkeypatch.setenv(variable, value)
    changed = manifest.abi(source)
    assert changed != before
    monkeypatch.setenv(variable, value.replace("128", "256"))
    assert manifest.abi(source) not in (before, changed)


def test_other_options_do_not_change_it(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = manifest.abi(source)
    monkeypatch.setenv("CMAKE_ARGS", "-DGGML_CUDA=ON -DCMAKE_CUDA_ARCHITECTURES=90 -DGGML_MAX_NAMES=3")
    assert manifest.abi(source) == before


def test_the_packages_manifest_is_that_of_its_llama_cpp() -> None:
    facts = json.loads(Path(llamacffi.__file__).with_name("manifest.json").read_text("utf-8"))
    assert facts["version"] == llamacffi.llama_cpp_version()
    assert facts["commit"] == llamacffi.llama_cpp_commit()
    assert len(facts["abi"]) == 16


def test_the_extras_are_of_the_packages_own_version() -> None:
    assert manifest.package_version() == llamacffi.__version__
    needed = importlib.metadata.requires("llamacffi") or []
    for project in ("llamacffi-vulkan", "llamacffi-cuda13"):
        assert any(line.startswith(f"{project}=={llamacffi.__version__};") for line in needed), needed
