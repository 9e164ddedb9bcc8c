"""The links of what is written in Markdown: each leads to a file that is there, and to a heading in it."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from pinned import ROOT

PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md")), *sorted(ROOT.glob("backends/*/README.md"))]
FENCED = re.compile(r"^(`{3,})[^\n]*\n.*?^\1$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[(?:[^][]|\[[^][]*\])*\]\(([^)\s]+)\)")
DEFINITION = re.compile(r"^\[[^]]+\]: (\S+)$", re.MULTILINE)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
ELSEWHERE = ("https://", "http://")


@cache
def prose(path: Path) -> str:
    return FENCED.sub("", path.read_text("utf-8"))


@cache
def anchors(path: Path) -> set[str]:
    """What hosting sites make of the headings."""
    found: dict[str, int] = {}
    for heading in HEADING.findall(prose(path)):
        words = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        found[slug] = found.get(slug, -1) + 1
        if found[slug]:
            found[f"{slug}-{found[slug]}"] = 0
    return set(found)


def links(path: Path) -> list[str]:
    found = LINK.findall(prose(path)) + DEFINITION.findall(prose(path))
    return [link for link in found if not link.startswith(ELSEWHERE)]


def broken(path: Path, link: str) -> str:
    """What is wrong with a link of a page, "" if nothing is."""
    file, _, anchor = link.partition("#")
    there = (path.parent / file).resolve() if file else path
    if not there.exists():
        return f"{link}: there is no {there.relative_to(ROOT)}"
    if anchor and (there.suffix != ".md" or anchor not in anchors(there)):
        return f"{link}: {there.name} has no such heading"
    return ""


@pytest.mark.parametrize("path", [pytest.param(path, id=path.relative_to(ROOT).as_posix()) for path in PAGES])
def test_links(path: Path) -> None:
    assert [problem for link in links(path) if (problem := broken(path, link))] == []


def test_there_are_links() -> None:
    assert sum(len(links(path)) for path in PAGES) > 100


@pytest.mark.parametrize("link", ["docs/nothing.md", "docs/text.md#nothing", "#nothing", "LICENSE#anchor"])
def test_what_is_broken_is_found(link: str) -> None:
    assert broken(ROOT / "README.md", link)


def test_every_guide_is_in_the_contents() -> None:
    contents = ROOT / "docs" / "index.md"
    named = {Path(link).name for link in links(contents)}
    assert {path.name for path in contents.parent.glob("*.md")} - {"index.md"} <= named
