"""The pages of the C reference: for small headers what they must be, and for llama.cpp's own all that they declare."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

import harness
import vendor

PAGED = sorted(path.parent.parent.name for path in harness.CASES.glob("*/expected/pages"))


def read(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text("utf-8") for path in folder.iterdir()}


@pytest.mark.parametrize("name", PAGED)
def test_pages_are_as_expected(name: str, tmp_path: Path) -> None:
    harness.generated(harness.CASES / name, tmp_path, "--pages", str(tmp_path / "pages"))
    assert read(tmp_path / "pages") == read(harness.CASES / name / "expected" / "pages")


@pytest.fixture(scope="module")
def source() -> Path:
    return vendor.obtain(harness.ROOT)


@pytest.fixture(scope="module")
def pages(source: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("pages")
    harness.generated(source, folder, "--pages", str(folder / "c"))
    return read(folder / "c")


def described(page: str, kinds: str) -> set[str]:
    """The signatures of what a page describes."""
    return set(re.findall(rf"^ *\.\. c:(?:{kinds}):: (.+)$", page, re.MULTILINE))


def of_header(entries: Iterable[dict[str, Any]], header: str) -> list[dict[str, Any]]:
    return [each for each in entries if each["header"] == header]


def test_everything_is_described(pages: dict[str, str], table: dict[str, Any]) -> None:
    for header in table["headers"]:
        page = pages.get(f"{header}.rst", "")
        functions = {re.sub(r".*?\b(\w+)\(.*", r"\1", each) for each in described(page, "function")}
        for each in of_header(table["functions"], header):
            assert each["name"] in functions or f"*{each['name']}(" in page
            assert f"``{header}:{each['line']}``" in page
        records = of_header(table["structs"], header)
        assert {each["name"] for each in records} <= described(page, "struct|union")
        members = described(page, "member")
        for field in (field for record in records for field in record["fields"] or ()):
            assert "fields" in field or any(re.search(rf"\b{field['name']}\b", each) for each in members)
        enumerators = described(page, "enumerator")
        for enum in of_header(table["enums"], header):
            assert {f"{each['name']} = {each['value']}" for each in enum["values"]} <= enumerators
        assert {each["name"] for each in of_header(table["constants"], header)} == described(page, "macro")


def test_every_deprecated_function_says_so(pages: dict[str, str], table: dict[str, Any]) -> None:
    deprecated = [each["name"] for each in table["functions"] if each["deprecated"]]
    assert len(deprecated) > 20
    assert sum(page.count("**Deprecated.**") for page in pages.values()) == len(deprecated)


def test_every_function_tells_how_it_fails(pages: dict[str, str], table: dict[str, Any]) -> None:
    assert sum(page.count(":Failure: ") for page in pages.values()) == len(table["functions"])


def test_what_is_left_out_is_told(pages: dict[str, str], table: dict[str, Any]) -> None:
    left_out = [each["name"] for each in table["skipped"] if each["kind"] != "macro"]
    assert left_out
    assert all(f"``{name}``" in pages["index.rst"] for name in left_out)
