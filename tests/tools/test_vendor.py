"""tools/vendor.py against made-up carriers: a whole, checked tree or the old state, whatever happens."""

from __future__ import annotations

import ensurepip
import errno
import json
import os
import signal
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
from fake_index import HELD, LIMITED, TOOLS, Project, sha256, snapshot

import vendor  # after fake_index, which makes tools/ importable

COMMIT = "0123456789ab"
CHANGELOG = f"# Changelog\n\n- update to ggml-org/llama.cpp@{COMMIT}\n\n- update to ggml-org/llama.cpp@ffffffffff\n"
TREE = {
    "CMakeLists.txt": b"project(llama.cpp)\n",
    "ggml/src/ggml.c": b"int ggml;\n" * 20000,
    "models/vocab.gguf": bytes(range(256)),
    "scripts/run.sh": b"#!/bin/sh\n",
}
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
KILLS = ["SIGINT", "SIGTERM", "SIGKILL"]


def publish(project: Project, version: str = "1.0", tree: dict[str, bytes] = TREE, **options: Any) -> Path:
    """Put a carrier of this llama.cpp tree into the index and pin it."""
    changelog = options.pop("changelog", CHANGELOG)
    files = {f"vendor/llama.cpp/{name}": content for name, content in tree.items()}
    files = {"llama_cpp/__init__.py": b"", "vendor/other/file": b"", **files, "CHANGELOG.md": changelog.encode()}
    archive = project.publish_sdist(version, files, **options)
    pin(project, version, sha256(archive))
    return archive


def pin(project: Project, version: str, digest: str) -> None:
    text = f"# what it is\n\nfake-carrier=={version} --hash=sha256:{digest}\n"
    (project.root / "vendor" / "requirements.txt").write_text(text, encoding="utf-8")


def content(project: Project) -> dict[str, bytes]:
    """Read the unpacked tree, without its stamp."""
    tree = project.root / "vendor" / "llama.cpp"
    found = {path.relative_to(tree).as_posix(): path.read_bytes() for path in tree.rglob("*") if path.is_file()}
    found.pop(vendor.STAMP)
    return found


def assert_obtains(project: Project, tree: dict[str, bytes] = TREE, **env: str) -> None:
    """Run the tool; it must succeed, print where the tree is, and leave that very tree and nothing else."""
    result = project.run("vendor", **env)
    assert result.returncode == 0, result.stderr
    assert content(project) == tree
    assert_nothing_left(project, "llama.cpp")


def assert_nothing_left(project: Project, *expected: str) -> None:
    """Nothing but the pin, the lock file and what is expected lies in vendor/; nothing in the temporary folder."""
    names = {path.name for path in (project.root / "vendor").iterdir()}
    assert names - {".llama.cpp.lock"} == {"requirements.txt", *expected}
    assert list(project.temp.iterdir()) == []


def assert_fails(project: Project, *words: str, **env: str) -> None:
    """Run the tool; it must end with one message that has these words, and leave everything as it was."""
    before = snapshot(project.root / "vendor")
    result = project.run("vendor", **env)
    assert_failed(result.returncode, result.stderr, *words)
    assert snapshot(project.root / "vendor") == before
    assert list(project.temp.iterdir()) == []


def assert_failed(status: int, stderr: str, *words: str) -> None:
    assert status == 1, stderr
    assert stderr.count("vendor.py: ") == 1
    assert "Traceback" not in stderr
    for word in words:
        assert word in stderr


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "a folder, größer")


def test_unpacks_the_tree_and_stamps_it(project: Project) -> None:
    archive = publish(project)
    result = project.run("vendor")
    assert result.returncode == 0, result.stderr
    tree = project.root / "vendor" / "llama.cpp"
    assert result.stdout == f"{tree}\n"
    assert content(project) == TREE
    stamp = {"carrier": "fake-carrier", "version": "1.0", "sha256": sha256(archive), "commit": COMMIT}
    assert json.loads((tree / vendor.STAMP).read_text(encoding="utf-8")) == stamp
    assert_nothing_left(project, "llama.cpp")
    if sys.platform != "win32":
        assert os.access(tree / "scripts/run.sh", os.X_OK)
        assert not os.access(tree / "CMakeLists.txt", os.X_OK)


def test_second_run_touches_nothing_and_needs_no_index(project: Project) -> None:
    publish(project).unlink
    assert_obtains(project)
    for archive in project.index.iterdir():
        archive.unlink()
    before = snapshot(project.root)
    result = project.run("vendor")
    assert result.returncode == 0
    assert result.stderr == ""
    assert snapshot(project.root) == before


@pytest.mark.parametrize(
    ("changelog", "commit"),
    [("update to ggerganov/llama.cpp@abcdef012\n", "abcdef012"), ("no commit named: llama.cpp@HEAD\n", None)],
)
def test_commit_in_the_stamp(project: Project, changelog: str, commit: str | None) -> None:
    archive = publish(project, changelog=changelog)
    assert vendor.unpack(archive, project.temp / "tree") == commit


def test_another_pin_replaces_the_tree(project: Project) -> None:
    publish(project)
    assert_obtains(project)
    publish(project, "2.0", {"new.c": b"int new;\n"})
    assert_obtains(project, {"new.c": b"int new;\n"})


def test_another_hash_of_the_same_version_replaces_the_tree(project: Project) -> None:
    publish(project)
    assert_obtains(project)
    publish(project, "1.0", {"new.c": b"int new;\n"})
    assert_obtains(project, {"new.c": b"int new;\n"})


def test_failure_with_another_pin_keeps_the_old_tree(project: Project) -> None:
    publish(project)
    assert_obtains(project)
    pin(project, "2.0", "0" * 64)
    assert_fails(project, "pip cannot download fake-carrier 2.0")


def test_old_tree_comes_back_if_the_new_one_cannot_be_put_in_place(tmp_path: Path) -> None:
    target = tmp_path / "llama.cpp"
    target.mkdir()
    (target / "old.c").touch()
    with pytest.raises(FileNotFoundError):
        vendor._put_in_place(tmp_path / "missing", target, tmp_path / "old")
    assert (target / "old.c").exists()


@pytest.mark.parametrize("stamp", [None, "{}", "not JSON", '["fake-carrier"]'])
def test_tree_put_there_by_hand_is_refused(project: Project, stamp: str | None) -> None:
    publish(project)
    tree = project.root / "vendor" / "llama.cpp"
    tree.mkdir()
    (tree / "mine.c").touch()
    if stamp is not None:
        (tree / vendor.STAMP).write_text(stamp, encoding="utf-8")
    assert_fails(project, "by hand", "Remove it", "LLAMACFFI_SOURCE_DIR")


@posix_only
def test_dangling_link_is_refused_as_put_there_by_hand(project: Project) -> None:
    publish(project)
    (project.root / "vendor" / "llama.cpp").symlink_to("nowhere")
    assert_fails(project, "by hand")


def test_wrong_hash(project: Project) -> None:
    archive = publish(project)
    pin(project, "1.0", "0" * 64)
    assert_fails(project, "sha256 of fake-carrier 1.0 differs", f"Expected sha256 {'0' * 64}", sha256(archive))


def test_no_such_archive(project: Project) -> None:
    publish(project).unlink()
    assert_fails(project, "pip cannot download fake-carrier 1.0", "No matching distribution", "run it again")


def test_truncated_archive(project: Project) -> None:
    archive = publish(project)
    archive.write_bytes(archive.read_bytes()[:-100])
    pin(project, "1.0", sha256(archive))
    assert_fails(project, "pip cannot download fake-carrier 1.0")


@pytest.mark.parametrize("damage", ["truncated", "flipped", "no gzip"])
def test_unpacking_a_damaged_archive(project: Project, damage: str) -> None:
    archive = publish(project)
    data = bytearray(archive.read_bytes())
    if damage == "truncated":
        del data[-100:]
    else:
        data[-6 if damage == "flipped" else 0] ^= 0xFF  # in the checksum at the end, or the magic number
    archive.write_bytes(data)
    with pytest.raises(vendor.VendorError, match="damaged"):
        vendor.unpack(archive, project.temp / "tree")


@pytest.mark.parametrize("tree", [{}, {"../elsewhere/x.c": b""}], ids=["no folder", "another folder"])
def test_archive_without_llama_cpp(project: Project, tree: dict[str, bytes]) -> None:
    publish(project, tree={name.replace("../", ""): b"" for name in tree})
    if tree:
        publish(project, tree={})
    assert_fails(project, "no vendor/llama.cpp/")
