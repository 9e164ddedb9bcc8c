"""tools/vendor.py against made-up carriers: a whole, checked tree or the old state, whatever happens."""

from __future__ import annotations

import contextlib
import ensurepip
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

import vendor
from fake_index import HELD, LIMITED, TOOLS, Project, sha256, snapshot

COMMIT = "0123456789ab"
CHANGELOG = f"# Changelog\n\n- update to ggml-org/llama.cpp@{COMMIT}\n\n- update to ggml-org/llama.cpp@ffffffffff\n"
TREE = {
    "CMakeLists.txt": b"project(llama.cpp)\n",
    "ggml/src/ggml.c": b"int ggml;\n" * 20000,
    "models/vocab.gguf": bytes(range(256)),
    "scripts/run.sh": b"#!/bin/sh\n",
}
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
ignored = signal.getsignal(signal.SIGINT) == signal.SIG_IGN
no_sigint = pytest.mark.skipif(ignored, reason="SIGINT is ignored here, as in background jobs")
KILLS = [pytest.param("SIGINT", marks=no_sigint), "SIGTERM", "SIGKILL"]


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
    archive = publish(project)
    assert_obtains(project)
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
    assert_fails(project, "the package index has no fake-carrier 2.0")


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


@pytest.mark.parametrize("part", [slice(0, -100), slice(1, None)], ids=["truncated", "no gzip"])
def test_unpacking_a_damaged_archive(project: Project, part: slice) -> None:
    archive = publish(project)
    archive.write_bytes(archive.read_bytes()[part])
    with pytest.raises(vendor.VendorError, match="damaged"):
        vendor.unpack(archive, project.temp / "tree")


@pytest.mark.parametrize("empty_folder", [False, True])
def test_archive_without_llama_cpp(project: Project, empty_folder: bool) -> None:
    members = [member("fake_carrier-1.0/vendor/llama.cpp", tarfile.DIRTYPE)] if empty_folder else []
    publish(project, tree={}, members=members)
    assert_fails(project, "no vendor/llama.cpp/")


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, target, 0o755
    return info


UNSAFE = [
    member("fake_carrier-1.0/vendor/llama.cpp/../../../../evil"),
    member("../vendor/llama.cpp/evil"),
    member("/fake_carrier-1.0/vendor/llama.cpp/evil"),
    member("C:/vendor/llama.cpp/evil"),
    member("fake_carrier-1.0/vendor/llama.cpp/C:/evil"),
    member("fake_carrier-1.0\\vendor\\llama.cpp\\..\\..\\evil"),
    member("fake_carrier-1.0/vendor/llama.cpp/evil", tarfile.SYMTYPE, "../../.."),
    member("fake_carrier-1.0/vendor/llama.cpp/evil", tarfile.LNKTYPE, "fake_carrier-1.0/../../evil"),
    member("fake_carrier-1.0/vendor/llama.cpp/evil", tarfile.CHRTYPE),
    member("fake_carrier-1.0/vendor/llama.cpp/evil", tarfile.FIFOTYPE),
    member("fake_carrier-1.0/vendor/llama.cpp", tarfile.SYMTYPE, "/"),
]


@pytest.mark.parametrize("info", UNSAFE, ids=lambda info: f"{info.type.decode()} {info.name}")
def test_unsafe_member_is_not_unpacked(project: Project, info: tarfile.TarInfo) -> None:
    archive = publish(project, members=[info])
    work = project.temp / "work" / "deeper"
    work.mkdir(parents=True)
    with pytest.raises(vendor.VendorError, match="unsafe"):
        vendor.unpack(archive, work / "tree")
    names = {path.name for path in project.temp.rglob("*")}
    assert names <= {"work", "deeper", "tree", *(part for name in TREE for part in name.split("/"))}


@pytest.mark.parametrize("info", UNSAFE[-5:-3], ids=["symlink", "hardlink"])
def test_unsafe_archive_changes_nothing(project: Project, info: tarfile.TarInfo) -> None:
    publish(project, members=[info])  # some versions of pip refuse it themselves
    assert_fails(project)


@posix_only
def test_disk_full_while_unpacking(project: Project) -> None:
    publish(project)
    result = project.run("vendor", LIMITED, "vendor")
    assert_failed(result.returncode, result.stderr, "cannot write", os.strerror(errno.EFBIG), "run it again")
    assert_nothing_left(project)
    assert_obtains(project)


@posix_only
@pytest.mark.skipif(sys.platform != "win32" and os.geteuid() == 0, reason="root may write everywhere")
def test_folder_that_cannot_be_written(project: Project) -> None:
    publish(project)
    folder = project.root / "vendor"
    folder.chmod(0o555)
    try:
        assert_fails(project, "cannot write", os.strerror(errno.EACCES))
    finally:
        folder.chmod(0o755)


def end(process: subprocess.Popen[str], kill: str) -> None:
    """Send the signal, and check that the process ends as it should."""
    process.send_signal(signal.Signals[kill])
    _, stderr = process.communicate(timeout=20)
    if kill == "SIGKILL":
        assert process.returncode == -signal.SIGKILL
    else:
        assert_failed(process.returncode, stderr, "interrupted")


@posix_only
@pytest.mark.parametrize("kill", KILLS)
def test_killed_while_downloading(project: Project, kill: str) -> None:
    publish(project)
    process = project.start("vendor", CARRIER_HOLD=str(project.marker))
    group = os.getpgid(int(project.await_marker(process)))
    try:
        end(process, kill)
        if kill != "SIGKILL":
            assert not project.is_held()  # pip and all it started were gone before the tool was
            assert_nothing_left(project)
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # after SIGKILL nobody else ends pip
            os.killpg(group, signal.SIGKILL)
    for leftover in project.temp.iterdir():
        shutil.rmtree(leftover)  # pip's own
    assert_obtains(project)


@posix_only
@pytest.mark.parametrize("kill", KILLS)
def test_killed_while_unpacking(project: Project, kill: str) -> None:
    publish(project)
    process = project.start("vendor", HELD, "vendor._write", "3", str(project.marker))
    project.await_marker(process)
    assert list((project.root / "vendor" / ".llama.cpp.part" / "llama.cpp").iterdir())
    end(process, kill)
    if kill != "SIGKILL":
        assert_nothing_left(project)
    assert not (project.root / "vendor" / "llama.cpp").exists()
    assert_obtains(project)


@posix_only
@pytest.mark.parametrize("kill", KILLS)
def test_killed_while_replacing(project: Project, kill: str) -> None:
    publish(project)
    assert_obtains(project)
    before = snapshot(project.root / "vendor" / "llama.cpp")
    publish(project, "2.0", {"new.c": b"int new;\n"})
    process = project.start("vendor", HELD, "vendor.Path.rename", "2", str(project.marker))
    project.await_marker(process)
    end(process, kill)
    if kill != "SIGKILL":
        assert snapshot(project.root / "vendor" / "llama.cpp") == before
        assert_nothing_left(project, "llama.cpp")
    assert_obtains(project, {"new.c": b"int new;\n"})


@posix_only
def test_killed_while_cleaning_up(project: Project) -> None:
    publish(project)
    process = project.start("vendor", HELD, "vendor.shutil.rmtree", "2", str(project.marker))
    project.await_marker(process)
    end(process, "SIGKILL")
    assert (project.root / "vendor" / ".llama.cpp.part").exists()
    assert_obtains(project)


def test_two_runs_at_the_same_time(project: Project) -> None:
    publish(project)
    processes = [project.start("vendor", CARRIER_LOG=str(project.log)) for _ in range(3)]
    for process in processes:
        _, stderr = process.communicate(timeout=60)
        assert process.returncode == 0, stderr
    assert content(project) == TREE
    assert_nothing_left(project, "llama.cpp")
    assert project.log.read_text() == "built\n"  # one worked, the others waited for it


def test_python_without_pip(project: Project) -> None:
    publish(project)
    bare = [sys.executable, "-S", str(TOOLS / "vendor.py"), "--root", str(project.root)]
    result = subprocess.run(bare, env=project.env, capture_output=True, text=True, check=False)
    assert_failed(result.returncode, result.stderr, "has no pip", "install pip")


def test_build_requirements_need_no_hash(project: Project) -> None:
    project.publish_wheel("fakebuild", "1.0", {"fakebuild.py": b""})
    publish(project, requires=["fakebuild"])
    assert_obtains(project, PIP_REQUIRE_HASHES="1")


def test_obtain_within_an_isolated_build(project: Project) -> None:
    """What setup.py does while an outer pip builds: the build environment has a pip only if it asks for one."""
    bundled = list((Path(ensurepip.__file__).parent / "_bundled").glob("pip-*.whl"))
    if not bundled:
        pytest.skip("no wheel of pip at hand")
    publish(project)
    (project.root / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["pip"]\nbuild-backend = "outer"\nbackend-path = ["."]\n', encoding="utf-8"
    )
    (project.root / "outer.py").write_text(
        f"import pathlib, sys\nsys.path.insert(0, {str(TOOLS)!r})\nimport vendor\n"
        "def build_wheel(*args, **options):\n"
        "    raise SystemExit(f'obtained {vendor.obtain(pathlib.Path.cwd()).name}')\n",
        encoding="utf-8",
    )
    project.env["PIP_FIND_LINKS"] += " " + bundled[0].parent.as_uri()
    del project.env["PYTHONPATH"]
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", str(project.temp), str(project.root)]
    result = subprocess.run(command, env=project.env, capture_output=True, text=True, check=False)
    assert "obtained llama.cpp" in result.stdout + result.stderr
    assert content(project) == TREE


@pytest.mark.parametrize(
    "text", ["", "# only a comment\n", "fake==1.0\n", "fake>=1 --hash=sha256:" + "0" * 64, "fake==1 --hash=sha256:00\n"]
)
def test_pin_file_without_a_pin(project: Project, text: str) -> None:
    (project.root / "vendor" / "requirements.txt").write_text(text, encoding="utf-8")
    assert_fails(project, "requirements.txt must hold one line")


def test_pin_file_missing(project: Project) -> None:
    assert_fails(project, "cannot read the pin", "requirements.txt")
