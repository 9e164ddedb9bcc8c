"""mypy and pyright over programs of users of the installed package: wrong ones are rejected, right ones and the guides
are not.

Each function in wrong/*.py is a program with one mistake, in the line that is marked. Both checkers must find each of
them there, and nothing elsewhere.
"""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from guides import GUIDES, examples

HERE = Path(__file__).resolve().parent
MARK = re.compile(r"  # WRONG$")
# What the guides that are about handles take as given (tests/test_docs.py), in a module of its own.
GIVEN = {
    "ctx": "llama_context_p",
    "model": "llama_model_p",
    "stop": "threading.Event",
    "vocab": "llama_vocab_p",
}
GIVEN_MODULE = (
    "import threading\nfrom llamacffi.types import llama_context_p, llama_model_p, llama_vocab_p\n"
    + "".join(f"{name}: {type_}\n" for name, type_ in GIVEN.items())
)

Found = Mapping[tuple[str, int], str]  # by the file's name without its ending, and the line


def wrong_programs() -> list[tuple[str, int]]:
    """Where the mistakes are."""
    return [
        (path.stem, number)
        for path in sorted((HERE / "wrong").glob("*.py"))
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if MARK.search(line)
    ]


def guide_program(path: Path) -> str:
    """A guide's examples as one program, each line where it is in the guide."""
    lines = [""] * path.read_text("utf-8").count("\n")
    for code, line, is_table in examples(path):
        each = code.splitlines()
        lines[line : line + len(each)] = map(used, each) if is_table else each
    names = [each for each in ast.walk(ast.parse("\n".join(lines))) if isinstance(each, ast.Name)]
    given = GIVEN.keys() & (
        {each.id for each in names} - {each.id for each in names if isinstance(each.ctx, ast.Store)}
    )
    if given:
        lines[0] = f"from given import {', '.join(sorted(given))}"
    return "\n".join(lines) + "\n"


def used(cell: str) -> str:
    """A table's cell as a statement: a value by itself would be a mistake to pyright."""
    try:
        value = ast.parse(cell, mode="eval").body
    except SyntaxError:
        return cell
    return cell if isinstance(value, ast.Call) else f"_ = {cell}"


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all programs, from which nothing of the repository can be seen."""
    folder = tmp_path_factory.mktemp("programs")
    for path in (HERE / "wrong").glob("*.py"):
        shutil.copy(path, folder / f"wrong_{path.name}")
    for path in (HERE / "right").glob("*.py"):
        shutil.copy(path, folder / f"right_{path.name}")
    (folder / "given.py").write_text(GIVEN_MODULE, "utf-8")
    for path in GUIDES:
        (folder / f"guide_{path.stem.replace('-', '_')}.py").write_text(guide_program(path), "utf-8")
    return folder


@pytest.fixture(scope="module")
def mypy(programs: Path) -> Found:
    """What mypy finds."""
    pytest.importorskip("mypy")
    # A guide is one program, in which a name may come to stand for something else.
    command = [sys.executable, "-m", "mypy", "--strict", "--allow-redefinition", "--config-file=", "--no-error-summary"]
    done = subprocess.run([*command, "."], cwd=programs, capture_output=True, encoding="utf-8", timeout=900)
    assert not done.stderr, done.stderr
    found = re.findall(r"^(\w+)\.py:(\d+): error: (.*)", done.stdout, re.MULTILINE)
    return {(name, int(line)): problem for name, line, problem in found}


@pytest.fixture(scope="module")
def pyright(programs: Path) -> Found:
    """What pyright finds."""
    pytest.importorskip("pyright")
    (programs / "pyrightconfig.json").write_text(json.dumps({"typeCheckingMode": "strict"}), "utf-8")
    command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "--outputjson", "."]
    done = subprocess.run(command, cwd=programs, capture_output=True, encoding="utf-8", timeout=900)
    report = json.loads(done.stdout)
    assert report["summary"]["filesAnalyzed"] == len(list(programs.glob("*.py")))
    return {
        (Path(each["file"]).stem, each["range"]["start"]["line"] + 1): each["message"]
        for each in report["generalDiagnostics"]
    }


@pytest.fixture(params=["mypy", "pyright"], scope="module")
def found(request: pytest.FixtureRequest) -> Found:
    """What one of the checkers finds."""
    result: Found = request.getfixturevalue(request.param)
    return result


@pytest.mark.parametrize(("name", "line"), wrong_programs())
def test_wrong_program_is_rejected(found: Found, name: str, line: int) -> None:
    assert (f"wrong_{name}", line) in found


def test_nothing_else_is_rejected(found: Found) -> None:
    marked = {(f"wrong_{name}", line) for name, line in wrong_programs()}
    assert {place: problem for place, problem in found.items() if place not in marked} == {}


def test_there_are_enough() -> None:
    assert len(wrong_programs()) >= 25
    assert len([path for path in GUIDES if any(examples(path))]) > 5
