"""tools/debian_tree.py where no tree can be made, and what it does to one; the tests of wheels make real ones."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

import debian_tree

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="debootstrap is for Linux")


def test_without_debootstrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian_tree, "ROOT", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(debian_tree.VendorError, match=r"trixie.*apt install debootstrap"):
        debian_tree.obtain("trixie")
    assert list(tmp_path.iterdir()) == []


def test_what_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if debian_tree._obstacle():
        pytest.skip(debian_tree._obstacle())
    monkeypatch.setattr(debian_tree, "ROOT", tmp_path)
    monkeypatch.setitem(debian_tree.PACKAGES, "no-such-release", ("python3",))
    with pytest.raises(debian_tree.VendorError, match=r"debootstrap failed with status 1:\n.*no-such-release"):
        debian_tree.obtain("no-such-release")
    assert [path.name for path in (tmp_path / "build" / "trees").iterdir()] == [".no-such-release.lock"]


def test_links_stay_in_the_tree(tmp_path: Path) -> None:
    (tmp_path / "usr" / "lib").mkdir(parents=True)
    (tmp_path / "lib").symlink_to("usr/lib")
    (tmp_path / "usr" / "lib" / "libtoy-1.so").write_text("inside", "utf-8")
    (tmp_path / "usr" / "lib" / "libtoy.so").symlink_to("/lib/libtoy-1.so")
    debian_tree._make_links_relative(tmp_path / "usr")
    assert not os.path.isabs(os.readlink(tmp_path / "usr" / "lib" / "libtoy.so"))
    assert (tmp_path / "usr" / "lib" / "libtoy.so").read_text("utf-8") == "inside"
