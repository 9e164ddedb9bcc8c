"""The wheels where there is nothing else: no compiler, other Pythons, the oldest system that they promise."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import debian_tree
import demo_model
import greedy
import wheel_program
from fixture_types import MakeContext, Run

DIST = Path(__file__).resolve().parents[2] / "dist"
FILES = [Path(wheel_program.__file__), Path(greedy.__file__)]
PIP = ["-m", "pip", "--disable-pip-version-check"]


class Place(NamedTuple):
    """An environment with a wheel in it.

    Attributes:
        run: runs its Python with these arguments.
        folder: where it has the model and the program, by its own paths.
        wheel: what was installed.
    """

    run: Run
    folder: Path
    wheel: Path

    def output(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        return done.stdout


@pytest.fixture(scope="module", params=["CPython", "PyPy", *debian_tree.PACKAGES])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    kind = "-pp" if request.param == "PyPy" else "-abi3-"
    wheels = [path for path in DIST.glob("llamacffi-*.whl") if kind in path.name]
    if not wheels:
        pytest.skip("there is no wheel: make wheel")
    if request.param in debian_tree.PACKAGES:
        try:
            tree = debian_tree.obtain(request.param)
        except debian_tree.VendorError as error:
            pytest.skip(str(error))
        yield from in_tree(tree, wheels[0])
    else:
        yield from here("pypy3" if kind == "-pp" else "python3", wheels[0], tmp_path_factory.mktemp("place"))


def here(interpreter: str, wheel: Path, folder: Path) -> Iterator[Place]:
    """A new environment of an interpreter of this machine, with nothing on the path."""
    base = shutil.which(interpreter, path=os.defpath)
    if not base:
        pytest.skip(f"there is no {interpreter} in {os.defpath}")
    subprocess.run([base, "-m", "venv", str(folder / "env")], check=True)
    python = str(folder / "env" / "bin" / "python")
    subprocess.run([python, *PIP, "install", "-q", "--only-binary=:all:", str(wheel)], check=True)
    (folder / demo_model.obtain().name).symlink_to(demo_model.obtain())
    for path in FILES:
        shutil.copy(path, folder)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        bare = {"PATH": str(folder), "LC_ALL": "C.UTF-8"}
        return subprocess.run([python, *arguments], cwd=folder, env=bare, capture_output=True, encoding="utf-8")

    yield Place(run, folder, wheel)
    shutil.rmtree(folder)


def in_tree(tree: Path, wheel: Path) -> Iterator[Place]:
    """A new environment in another Debian. That has no network: pip finds what it needs in a folder."""
    inside = Path("/opt/llamacffi")
    outside = Path(f"{tree}{inside}")
    shutil.rmtree(outside, ignore_errors=True)
    outside.mkdir()
    for path in (demo_model.obtain(), *FILES, wheel):
        shutil.copy(path, outside)
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    version = debian_tree.run(tree, "python3", "-c", code).stdout.strip()
    options = ["-q", "--only-binary=:all:", "--implementation=cp", f"--python-version={version}"]
    subprocess.run([sys.executable, *PIP, "download", *options, f"--dest={outside}", str(wheel)], check=True)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return debian_tree.run(tree, f"{inside}/env/bin/python", *arguments)

    place = Place(run, inside, wheel)
    done = debian_tree.run(tree, "python3", "-m", "venv", f"{inside}/env")
    assert done.returncode == 0, done.stdout + done.stderr
    place.output(*PIP, "install", "--no-index", f"--find-links={inside}", f"{inside / wheel.name}")
    yield place
    shutil.rmtree(outside)


@pytest.fixture
def expected(make_context: MakeContext) -> str:
    text = greedy.text_behind(make_context(), wheel_program.PROMPT, 8)
    assert "Paris" in text
    return text


@pytest.fixture(scope="module")
def facts(place: Place) -> dict[str, Any]:
    model = place.folder / demo_model.obtain().name
    facts: dict[str, Any] = json.loads(place.output(str(place.folder / "wheel_program.py"), str(model)))
    return facts


def test_info(place: Place) -> None:
    facts = json.loads(place.output("-m", "llamacffi", "info", "--json"))
    assert facts["libraries"].startswith(str(place.folder / "env"))
    assert {each["name"] for each in facts["backends"]} == {"cpu", "rpc"}
    assert re.search(r"^backend +cpu \w+", place.output("-m", "llamacffi", "info"), re.MULTILINE)


def test_generates_through_lib(facts: dict[str, Any], expected: str) -> None:
    assert facts["text"] == expected


def test_generates_by_command(place: Place, expected: str) -> None:
    model = str(place.folder / demo_model.obtain().name)
    options = ["-m", model, "-p", wheel_program.PROMPT, "-n", "8", "--temp", "0"]
    assert expected in place.output("-m", "llamacffi", "generate", *options)


def test_best_variant_is_chosen(facts: dict[str, Any]) -> None:
    scores = facts["scores"]
    assert len(scores) > 1
    assert scores[facts["variant"]] == max(scores.values()) > 0


def test_libraries_are_loaded_once(facts: dict[str, Any], place: Place) -> None:
    """Two copies of OpenMP's library in a process have brought it down."""
    if not facts["mapped"]:
        pytest.skip("there is no /proc")
    (libgomp,) = [path for path in facts["mapped"] if "libgomp" in path]
    assert libgomp.startswith(str(place.folder))
    names = [re.split(r"[.-]", os.path.basename(path))[0] for path in facts["mapped"]]
    assert names.count("libstdc++") == 1


def test_has_nothing_else(facts: dict[str, Any]) -> None:
    assert facts["compilers"] == []


@pytest.mark.parametrize("place", [debian_tree.OLDEST], indirect=True)
def test_oldest_glibc_of_the_tag(facts: dict[str, Any], place: Place) -> None:
    (tag,) = set(re.findall(r"manylinux_(\d+_\d+)", place.wheel.name))
    assert facts["glibc"] == f"glibc {tag.replace('_', '.')}"
