"""Each folder in cases/ is a small source tree and, in expected/, what the generator must make of it.

`python tests/header_gen/rewrite.py` rewrites the expected files; read the difference before you believe it.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import harness

NAMES = sorted(path.name for path in harness.CASES.iterdir())
# Headers that C++ does not take, and one that takes the place of ggml's.
NOT_CXX = {"arrays", "attributes", "invalid_header", "qualifiers", "records"}


@pytest.mark.parametrize("name", NAMES)
def test_output_is_as_expected(name: str, tmp_path: Path) -> None:
    harness.generated(harness.CASES / name, tmp_path)
    names = harness.expected(name)
    assert harness.comparable(tmp_path, names) == harness.comparable(harness.CASES / name / "expected", names)


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"guards"}))
def test_compiler_agrees(name: str, tmp_path: Path) -> None:
    expected = harness.CASES / name / "expected"
    built = harness.build(harness.CASES / name, expected, f"case_{name}", tmp_path)
    table = harness.read_table(expected)
    harness.check(built, table)
    harness.check_places(harness.CASES / name, table)


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"guards"} - NOT_CXX))
def test_guards_compile(name: str, tmp_path: Path) -> None:
    bare = tmp_path / "policy.toml"  # without the folder of what it says of functions
    shutil.copy(harness.ROOT / "tools" / "header_gen" / "policy.toml", bare)
    harness.generated(harness.CASES / name, tmp_path / "out", "--policy", str(bare))
    harness.check_guards(harness.CASES / name, tmp_path / "out")


def test_forwarded_calls(tmp_path: Path) -> None:
    """What lives in a module is asked for there, what needs backends has them loaded; else C's failure value."""
    source = harness.CASES / "modules"
    built = harness.build(source, source / "expected", "forwards", tmp_path)
    ffi, lib = built.ffi, built.lib

    def asked_for() -> str:
        text: str = ffi.string(lib.asked_for).decode()
        lib.asked_for[0] = b"\0"
        return text

    assert lib.ggml_backend_cuda_init(0) == ffi.NULL
    assert asked_for() == "ggml_backend_cuda_init from cuda,hip,musa"
    assert (lib.ggml_cpu_point({"x": 1, "y": 2}, [3]).x, asked_for()) == (0, "ggml_cpu_point from cpu")
    assert lib.ggml_backend_cpu_set_n_threads(ffi.NULL, 1) is None
    assert asked_for() == "ggml_backend_cpu_set_n_threads from cpu"
    assert (lib.ggml_both(), asked_for()) == (1, "")
    assert (lib.llama_supports_rpc(), asked_for()) == (False, "backends")
    lib.llamacffi_backends_loaded = 1
    assert (lib.llama_supports_rpc(), asked_for()) == (True, "")
