"""tools/bump.py in a made-up repository, with carriers of made-up llama.cpp trees: what moves, and what is put back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import vendor
from fake_index import TOOLS, Project, sha256
from fake_trees import NEW, OLD, publish, tree

# In the place of the build: what it is asked for, and in which order. `FAIL=target` fails, `HOLD=target` waits.
MAKEFILE = """
VENV ?= .venv
define step
\t@echo "$@ $(VENV) $${LLAMACFFI_SOURCE_DIR:-pinned} $$(tail -n 1 vendor/requirements.txt)" >> log
\t@test "$(FAIL)" != "$@" || { echo "no such luck"; exit 3; }
\t@test "$(HOLD)" != "$@" || { touch held; sleep 60; }
endef
test: $(VENV)/installed
\t$(step)
$(VENV)/installed: vendor/requirements.txt
\t$(step)
\t@mkdir -p $(VENV); touch $@
$(VENV)/installed-test:
\t$(step)
"""
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="needs make and POSIX signals")


@pytest.fixture
def repo(project: Project) -> Project:
    """A repository that pins 1.0, and has it unpacked; the index has 1.1 and, with a header that is no C, 1.2."""
    publish(project, "1.2", "int llama_bad(unknown_t x);\n")
    publish(project, "1.1", NEW)
    publish(project, "1.0", OLD)
    (project.root / "Makefile").write_text(MAKEFILE, encoding="utf-8")
    vendor_ = [sys.executable, str(TOOLS / "vendor.py"), "--root", str(project.root)]
    subprocess.run(vendor_, env=project.env, check=True, capture_output=True)
    return project


def command(repo: Project, *arguments: object) -> list[str]:
    return [sys.executable, str(TOOLS / "bump.py"), "--root", str(repo.root), *map(str, arguments)]


def bump(repo: Project, *arguments: object, **env: str) -> subprocess.CompletedProcess[str]:
    env = {**repo.env, "PYTHONIOENCODING": "utf-8", **env}
    return subprocess.run(command(repo, *arguments), env=env, capture_output=True, encoding="utf-8")


def pin(repo: Project) -> str:
    return (repo.root / "vendor" / "requirements.txt").read_text("utf-8")


def state(repo: Project) -> dict[str, bytes]:
    """All that is in vendor/."""
    folder = repo.root / "vendor"
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def log(repo: Project) -> list[str]:
    path = repo.root / "log"
    return path.read_text("utf-8").splitlines() if path.exists() else []


def assert_pinned(repo: Project, version: str) -> None:
    """The pin and the tree are that version's, its comment is there as before, and nothing else lies about."""
    digest = sha256(repo.index / f"fake_carrier-{version}.tar.gz")
    assert pin(repo) == f"# the pin\nfake-carrier=={version} --hash=sha256:{digest}\n"
    stamp = json.loads((repo.root / "vendor" / "llama.cpp" / vendor.STAMP).read_text("utf-8"))
    assert (stamp["version"], stamp["sha256"]) == (version, digest)
    names = {path.name for path in (repo.root / "vendor").iterdir()}
    assert names == {"requirements.txt", "llama.cpp", ".llama.cpp.lock"}
    assert list(repo.temp.iterdir()) == []


def assert_failed(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode == 1
    assert done.stderr.count("bump.py: ") == 1
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


@posix_only
def test_a_version(repo: Project) -> None:
    done = bump(repo, "--venv", "an-env", "1.1")
    assert done.returncode == 0, done.stderr
    assert_pinned(repo, "1.1")
    line = pin(repo).splitlines()[-1]
    targets = ["an-env/installed", "an-env/installed-test", "test"]
    assert log(repo) == [f"{target} an-env pinned {line}" for target in targets]
    assert "API of llama.cpp: fake-carrier 1.0 -> fake-carrier 1.1\n" in done.stdout
    assert 'llama_came_new = { data = "n_data" }' in done.stdout
    assert done.stdout.index("functions that came") < done.stdout.index("functions: 2 came")
    assert "All tests passed." in done.stdout


@posix_only
def test_a_folder(repo: Project, tmp_path: Path) -> None:
    """The pin stays, and the mark of what is installed does not: the next build is the pinned source's again."""
    source = tree(tmp_path / "mine", NEW)
    before = state(repo)
    done = bump(repo, source, LLAMACFFI_PREFIX="/nowhere")
    assert done.returncode == 0, done.stderr
    assert state(repo) == before
    assert [line.split()[2] for line in log(repo)] == [str(source)] * 3
    assert not (repo.root / ".venv" / "installed").exists()
    assert f"API of llama.cpp: fake-carrier 1.0 -> {source}" in done.stdout


@posix_only
@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("9.9", ["obtaining the source failed: the package index has no fake-carrier 9.9", "1.0, 1.1, 1.2"]),
        ("1.0", ["fake-carrier 1.0 is what is pinned already"]),
        ("not a version", ["'not a version' is no folder, and no version of fake-carrier"]),
        (".", ["generating the declarations failed", "has no include/llama.h"]),
        ("1.2", ["generating the declarations failed: the headers of fake-carrier 1.2 can't be taken", "unknown_t"]),
    ],
)
def test_what_is_no_llama_cpp(repo: Project, tmp_path: Path, version: str, words: list[str]) -> None:
    before = state(repo)
    done = bump(repo, tmp_path if version == "." else version)
    assert_failed(done, *words, "The pin is fake-carrier 1.0, as before.")
    assert state(repo) == before
    assert_pinned(repo, "1.0")
    assert log(repo) == []


@posix_only
def test_a_build_that_fails(repo: Project) -> None:
    before = state(repo)
    done = bump(repo, "1.1", FAIL=".venv/installed")
    assert_failed(done, "building failed", "The pin is fake-carrier 1.0, as before.", "BUMP_ARGS=--keep")
    assert "no such luck" in done.stdout
    assert state(repo) == before
    assert_pinned(repo, "1.0")


@posix_only
def test_a_build_that_fails_and_is_to_be_mended(repo: Project) -> None:
    done = bump(repo, "--keep", "1.1", FAIL=".venv/installed")
    assert_failed(done, "building failed", "The pin is fake-carrier 1.1 now", "git checkout vendor/requirements.txt")
    assert_pinned(repo, "1.1")


@posix_only
def test_tests_that_fail(repo: Project) -> None:
    """They leave the new pin: it builds."""
    done = bump(repo, "1.1", FAIL="test")
    assert_failed(done, "testing failed", "The new pin stays", "git checkout vendor/requirements.txt")
    assert "functions: 2 came" in done.stdout
    assert_pinned(repo, "1.1")


@posix_only
@pytest.mark.parametrize(
    ("hold", "kind"), [(".venv/installed", "SIGINT"), (".venv/installed", "SIGTERM"), ("test", "SIGINT")]
)
def test_interrupted(repo: Project, hold: str, kind: str) -> None:
    """While it builds all is put back; while it tests the new pin stays. What it started ends with it."""
    env = {**repo.env, "HOLD": hold}
    process = subprocess.Popen(command(repo, "1.1"), env=env, stdout=-1, stderr=-1, encoding="utf-8")
    for _ in range(6000):
        if (repo.root / "held").exists() or process.poll() is not None:
            break
        time.sleep(0.01)
    process.send_signal(getattr(signal, kind))
    _, stderr = process.communicate()  # the pipes end with the last that has them: with what make has started
    assert process.returncode == 1
    assert "interrupted" in stderr
    assert "Traceback" not in stderr
    assert_pinned(repo, "1.1" if hold == "test" else "1.0")


@posix_only
def test_makefile_hands_it_all_on() -> None:
    """`make bump VERSION=…` runs the tool with the version, the environment's folder and more arguments."""
    root = TOOLS.parent
    done = subprocess.run(
        ["make", "-n", "-C", str(root), "bump", "VERSION=0.3.99", "BUMP_ARGS=--keep", "VENV=.venv-x"],
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
    )
    assert ".venv-x/bin/python tools/bump.py --venv .venv-x --keep 0.3.99" in done.stdout
