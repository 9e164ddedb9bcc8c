"""What is wrong with built pages: links to nowhere, and what would be fetched from a network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Optional
from urllib.parse import unquote, urlsplit

# What a browser fetches without being asked: attribute by element.
_FETCHED = {"img": "src", "script": "src", "link": "href", "iframe": "src", "source": "src", "video": "src"}
_URL = re.compile(r"""@import\s+["']([^"']+)|url\(\s*["']?([^"')]+)""")


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.anchors = {""}
        self.links: list[str] = []
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, Optional[str]]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.anchors.update(values[name] for name in ("id", "name") if name in values)
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if values.get(_FETCHED.get(tag, "")):
            self.fetched.append(values[_FETCHED[tag]])


def problems(folder: Path) -> list[str]:
    """One line for each thing that is wrong in a folder of HTML and CSS."""
    pages = {path: _read(path) for path in sorted(folder.rglob("*.html"))}
    found = [line for path, page in pages.items() for line in _of_page(path, page, pages, folder)]
    return found + [line for path in sorted(folder.rglob("*.css")) for line in _of_style(path, folder)]


def _read(path: Path) -> _Page:
    page = _Page()
    page.feed(path.read_text("utf-8"))
    return page


def _of_page(path: Path, page: _Page, pages: dict[Path, _Page], folder: Path) -> Iterator[str]:
    here = path.relative_to(folder).as_posix()
    for link in dict.fromkeys(page.links + page.fetched):
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            if link in page.fetched:
                yield f"{here}: would be fetched from a network: {link}"
            continue
        there = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        if not there.is_file():
            yield f"{here}: no such file: {link}"
        elif there in pages and unquote(parts.fragment) not in pages[there].anchors:
            yield f"{here}: no such anchor: {link}"


def _of_style(path: Path, folder: Path) -> Iterator[str]:
    here = path.relative_to(folder).as_posix()
    for found in _URL.finditer(path.read_text("utf-8")):
        url = found[1] or found[2]
        parts = urlsplit(url)
        if parts.scheme == "data":
            continue
        if parts.scheme or parts.netloc:
            yield f"{here}: would be fetched from a network: {url}"
        elif not (path.parent / unquote(parts.path)).is_file():
            yield f"{here}: no such file: {url}"
