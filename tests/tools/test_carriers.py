"""The table of the releases that the package works with: what it is made of, and what it says of a failure."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import pytest

import carriers
import vendor
from pinned import ROOT, Pin, VendorError


def rows() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = json.loads(carriers.RESULTS.read_text("utf-8"))
    return found


def test_releases_of_two_years_with_the_pinned_one() -> None:
    listed = carriers.carriers()
    dates = [datetime.date.fromisoformat(each.date) for each in listed]
    assert len(listed) >= 6
    assert dates == sorted(dates)
    assert (dates[-1] - dates[0]).days > 600
    assert vendor.read_pin(ROOT / "vendor" / "requirements.txt") in [each.pin for each in listed]


def test_each_was_built_and_made_text() -> None:
    for each in carriers.carriers():
        row = rows()[each.pin.version]
        assert [row[column] for column in ("generator", "build", "import", "lib")] == ["yes"] * 4, each.pin.version


def test_table_is_that_of_the_results() -> None:
    assert carriers.TABLE.read_text("utf-8") == carriers.table(rows())


def test_what_fails_is_said() -> None:
    version = carriers.carriers()[0].pin.version
    row = {"date": "2024-11-16", "commit": "", "generator": "yes", "build": "no: llama.h:1: error: nothing"}
    lines = carriers.table({version: row}).splitlines()
    assert f"| {version} | 2024-11-16 | not told |  | yes | no |  |  |  |  |  |" in lines
    assert f"- {version}, build: llama.h:1: error: nothing" in lines


def test_a_build_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The row ends there, with the reason."""
    source = tmp_path / "source"
    (source / "include").mkdir(parents=True)
    (source / "include" / "llama.h").write_text("int llama_good(int n);\n", "ascii")

    def obtain(root: Path, pin: Pin) -> Path:
        return source

    def read_commit(source: Path) -> str:
        return "abc"

    monkeypatch.setattr(carriers, "BUILD", tmp_path / "build")
    monkeypatch.setattr(vendor, "obtain", obtain)
    monkeypatch.setattr(vendor, "read_commit", read_commit)
    monkeypatch.setenv("CC", "no-such-compiler")
    row = carriers.try_one(carriers.Carrier(Pin("fake", "1.0", "0" * 64), "2024-11-16"))
    assert row["generator"].startswith("no: header_gen: CC=no-such-compiler")
    assert "build" not in row


def test_a_release_that_is_not_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert carriers.main(["9.9.9"]) == 1
    assert "has no 9.9.9" in capsys.readouterr().err


def test_a_line_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carriers, "LIST", tmp_path / "carriers.txt")
    (tmp_path / "carriers.txt").write_text("llama-cpp-python==0.3.2\n", "ascii")
    with pytest.raises(VendorError, match=r"llama-cpp-python==0\.3\.2"):
        carriers.carriers()
