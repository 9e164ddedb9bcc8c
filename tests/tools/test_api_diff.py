"""tools/api_diff.py between made-up llama.cpp trees, and between a carrier of the index and a folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fake_index import TOOLS, Project
from fake_trees import NEW, OLD, publish, tree


def run(*arguments: object, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(TOOLS / "api_diff.py"), *map(str, arguments)]
    env = {**os.environ, "PYTHONIOENCODING": "utf-8", **env}
    return subprocess.run(command, env=env, capture_output=True, encoding="utf-8")


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("zwei Bäume")
    return tree(folder / "old", OLD), tree(folder / "new", NEW, "void ggml_moves(void);\n")


@pytest.fixture(scope="module")
def difference(trees: tuple[Path, Path]) -> dict[str, Any]:
    done = run("--json", *trees)
    assert (done.returncode, done.stderr) == (1, "")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


# What must be found: kind, name, change; and of these what else is told.
CHANGES: dict[tuple[str, str, str], dict[str, str]] = {
    ("function", "llama_came_new", "came"): {
        "new": "struct llama_came *llama_came_new(const char *path, const float *data, size_t n_data)",
        "place": "llama.h",
    },
    ("function", "llama_set_adapters", "came"): {},
    ("function", "llama_apply_adapters", "went"): {"note": "now llama_set_adapters?"},
    ("function", "llama_nothing_like_it", "went"): {"note": ""},
    ("function", "llama_parameter", "changed"): {
        "old": "int llama_parameter(int a)",
        "new": "int llama_parameter(int b)",
    },
    ("function", "llama_type", "changed"): {
        "old": "int llama_type(const struct llama_model *model, int a)",
        "new": "int llama_type(const struct llama_model *model, long a)",
    },
    ("function", "ggml_moves", "moved"): {"old": "llama.h", "new": "ggml.h"},
    ("function", "llama_old", "deprecated"): {},
    ("function", "llama_forgiven", "no longer deprecated"): {},
    ("struct", "struct llama_gone", "went"): {},
    ("struct", "struct llama_came", "came"): {"new": "struct llama_came { int a; char b[4]; }"},
    ("struct", "struct llama_order", "changed"): {
        "old": "struct llama_order { a, b }",
        "new": "struct llama_order { b, a }",
    },
    ("field", "struct llama_gone.a", "went"): {"owner": "struct llama_gone"},
    ("field", "struct llama_came.a", "came"): {"owner": "struct llama_came"},
    ("field", "struct llama_came.b", "came"): {"owner": "struct llama_came"},
    ("field", "struct llama_params.n", "changed"): {"old": "int n", "new": "long n"},
    ("field", "struct llama_params.use_it", "went"): {"old": "bool use_it", "owner": "", "note": ""},
    ("field", "struct llama_params.more", "came"): {"new": "int more"},
    ("field", "struct llama_params.in.b", "came"): {"new": "int b"},
    ("enum", "enum llama_mode", "came"): {"new": "enum llama_mode { LLAMA_MODE_A = 7 }"},
    ("enum value", "LLAMA_MODE_A", "came"): {"owner": "enum llama_mode", "new": "7"},
    ("enum value", "LLAMA_KIND_NEW", "came"): {"new": "1", "place": "llama.h, enum llama_kind"},
    ("enum value", "LLAMA_KIND_OLD", "went"): {"old": "2"},
    ("enum value", "LLAMA_KIND_B", "changed"): {"old": "1", "new": "2"},
    ("constant", "LLAMA_SIZE", "changed"): {"old": "1", "new": "2"},
    ("constant", "LLAMA_OLD", "went"): {"old": '"text"'},
    ("constant", "LLAMA_NEW", "came"): {"new": "0.5"},
    ("typedef", "llama_number", "changed"): {"old": "typedef int llama_number", "new": "typedef long llama_number"},
}


def test_all_changes_are_found(difference: dict[str, Any]) -> None:
    found = {(each["kind"], each["name"], each["change"]): each for each in difference["changes"]}
    assert found.keys() == CHANGES.keys()
    for key, facts in CHANGES.items():
        assert {name: found[key][name] for name in facts} == facts


def test_lines_that_the_policy_now_needs(difference: dict[str, Any]) -> None:
    """Not of what was there before; and nothing of the real policy applies to one tree and not to the other."""
    assert difference["stale"] == []
    lines = {(each["table"], each["line"]) for each in difference["needed"]}
    assert lines == {
        ("sizes", 'llama_came_new = { data = "n_data" }'),
        ("paths", 'llama_came_new = ["path"]'),
    }


def test_text_tells_the_same(trees: tuple[Path, Path]) -> None:
    done = run(*trees)
    assert done.returncode == 1
    for _, name, _ in CHANGES:
        assert name.rpartition(".")[2] in done.stdout
    assert "  LLAMA_KIND_B: 1 -> 2\n" in done.stdout
    assert 'llama_came_new = { data = "n_data" }' in done.stdout
    assert "functions: 2 came, 2 went, 1 moved, 2 changed, 1 deprecated, 1 no longer deprecated; " in done.stdout


def test_same(trees: tuple[Path, Path]) -> None:
    done = run(trees[0], trees[0])
    assert done.returncode == 0
    assert "The APIs are the same." in done.stdout


def test_a_function_that_is_no_longer_defined(tmp_path: Path) -> None:
    header = "void llama_a(void);\nvoid llama_undefined(void);\n"
    old, new = tree(tmp_path / "old", header), tree(tmp_path / "new", header)
    (old / "src" / "more.cpp").write_text("void llama_undefined(void) {}\n")
    (change,) = json.loads(run("--json", old, new).stdout)["changes"]
    assert (change["name"], change["change"]) == ("llama_undefined", "went")
    assert "defined nowhere" in change["note"]


def test_versions_folders_and_tables(project: Project, trees: tuple[Path, Path], tmp_path: Path) -> None:
    """One is as good as the other: a version that pip downloads, the pinned one, a folder, an api.json."""
    publish(project, "1.0", OLD)
    publish(project, "1.1", NEW)
    table = tmp_path / "api.json"
    header_gen = [sys.executable, str(TOOLS / "header_gen"), "--source", str(trees[0]), "--out", str(tmp_path)]
    subprocess.run(header_gen, check=True, capture_output=True)
    found = [run("--json", "--root", project.root, old, "1.1", **project.env) for old in ("1.0", trees[0], table)]
    assert [done.returncode for done in found] == [1, 1, 1], found[0].stderr
    contents = [json.loads(done.stdout) for done in found]
    assert [each["old"] for each in contents] == ["fake-carrier 1.0", str(trees[0]), str(table)]
    assert contents[0]["new"] == "fake-carrier 1.1"
    assert contents[0]["changes"] == contents[1]["changes"] == contents[2]["changes"]
    assert contents[0]["needed"] == contents[1]["needed"] == contents[2]["needed"]


def test_trouble(project: Project, trees: tuple[Path, Path], tmp_path: Path) -> None:
    """One message, that says what is wrong; status 2, as diff's."""
    publish(project, "1.0", OLD)
    empty, wrong, text = (
        tmp_path / "empty",
        tree(tmp_path / "wrong", "int llama_bad(unknown_t x);\n"),
        tmp_path / "text",
    )
    empty.mkdir()
    text.write_text("[]")
    for side, words in {
        "9.9": "the package index has no fake-carrier 9.9; the newest that it has: 1.0",
        "no such": "no such is no file, no folder, and no version of fake-carrier",
        str(empty): "is not llama.cpp's source",
        str(wrong): "llama.h",
        str(text): "is not an api.json",
    }.items():
        done = run("--root", project.root, trees[0], side, **project.env)
        assert (done.returncode, done.stdout) == (2, "")
        assert words in done.stderr
        assert done.stderr.count("api_diff.py: ") == 1
        assert "Traceback" not in done.stderr
