"""The documentation's sources, gathered in one folder for Sphinx: what we wrote, and what is generated.

The guides are Markdown that is read on a hosting site as well, where a link names a file of the repository. Here such
a link leads to the page that has this file: a guide's own, or one that shows it.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

import python_pages

GUIDES = "docs"
_FENCED = re.compile(r"^(`{3,})[^\n]*\n.*?^\1$", re.MULTILINE | re.DOTALL)
# `[text](file#anchor)`, and `[name]: file#anchor`
_LINK = re.compile(r"(?:(?<=\]\()|(?<=\]: ))(?!\w+:)(?P<file>[^)#\s]+)(?P<anchor>#[^)\s]*)?(?=\)|$)", re.MULTILINE)
_ITEM = re.compile(r"^- \[[^]]*\]\((?P<file>[^)]+)\)", re.MULTILINE)
_HEAD = "---\norphan: true\nnosearch: true\n---\n"  # in no list of contents, and not found by the search
_LEXERS = {".py": "python", ".pyx": "cython", ".c": "c", ".h": "c", ".cpp": "cpp", ".toml": "toml", ".sh": "bash"}


class Stage:
    """A folder of sources.

    Args:
        root: the repository.
        folder: where to write; what is there stays.
    """

    def __init__(self, root: Path, folder: Path) -> None:
        self._root = root
        self._folder = folder
        self._done: set[str] = set()

    def fill(self) -> None:
        """Write the guides, what they link to, and the Python reference."""
        for path in sorted((self._root / GUIDES).glob("*.md")):
            self._add(f"{GUIDES}/{path.name}")
        index = (self._root / GUIDES / "index.md").read_text("utf-8")
        for caption, pages in _sections(index):
            self._append("index.md", _tree(caption, pages, ":hidden:"))
        for name, text in python_pages.pages().items():
            self._write(f"python/{name}", text)
        python = [f"python/{name}" for name in python_pages.PAGES]
        self._append("python-reference.md", _tree("", python, ":maxdepth: 1"))
        self._append("c-reference.md", _tree("", ["c/index", "c/llama.h", "c/*"], ":maxdepth: 1", ":glob:"))

    def _add(self, file: str) -> str:
        """Write the page of a file or a folder of the repository, unless it is there; its name."""
        path = self._root / file
        if file.endswith(".md"):
            page = file[len(GUIDES) + 1 :] if posixpath.dirname(file) == GUIDES else file
        else:
            page = f"source/{file}.md"
        if page in self._done:
            return page
        self._done.add(page)
        if path.is_dir():
            self._write(page, _listing(path, file))
        elif file.endswith(".md"):
            self._write(page, self._relinked(path.read_text("utf-8"), file))
        else:
            self._write(page, _code(path, file))
        return page

    def _relinked(self, text: str, file: str) -> str:
        """The text of a file of the repository, with links that hold in the stage."""
        page = file[len(GUIDES) + 1 :] if posixpath.dirname(file) == GUIDES else file

        def to_page(link: re.Match[str]) -> str:
            there = posixpath.normpath(posixpath.join(posixpath.dirname(file), link["file"]))
            if there.startswith("..") or not (self._root / there).exists():
                return link[0]  # which Sphinx finds broken
            return posixpath.relpath(self._add(there), posixpath.dirname(page) or ".") + (link["anchor"] or "")

        return "".join(part if code else _LINK.sub(to_page, part) for code, part in _parts(text))

    def _write(self, page: str, text: str) -> None:
        path = self._folder / page
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")

    def _append(self, page: str, text: str) -> None:
        with open(self._folder / page, "a", encoding="utf-8") as file:
            file.write(text)


def _parts(text: str) -> Iterator[tuple[bool, str]]:
    """A text in parts, and whether each is code."""
    at = 0
    for block in _FENCED.finditer(text):
        yield False, text[at : block.start()]
        yield True, block[0]
        at = block.end()
    yield False, text[at:]


def _listing(path: Path, file: str) -> str:
    """A page that names what is in a folder."""
    names = sorted(each.name + "/" * each.is_dir() for each in path.iterdir() if each.name != "__pycache__")
    return f"{_HEAD}# {file}\n\nIn the repository:\n\n" + "".join(f"- `{name}`\n" for name in names)


def _code(path: Path, file: str) -> str:
    """A page that shows a file."""
    text = path.read_text("utf-8")
    fence = "`" * 3
    while fence in text:
        fence += "`"
    lexer = _LEXERS.get(path.suffix, "text")
    return f"{_HEAD}# {file}\n\n{fence}{lexer}\n{text.rstrip()}\n{fence}\n"


def _sections(index: str) -> Iterator[tuple[str, list[str]]]:
    """The site's navigation: the captions and pages of the list of contents."""
    for section in re.split(r"^## ", index, flags=re.MULTILINE):
        caption = "" if section.startswith("# ") else section.partition("\n")[0]
        names = [posixpath.basename(item["file"])[: -len(".md")] for item in _ITEM.finditer(section)]
        yield caption, ["README <README>" if name == "README" else name for name in names]


def _tree(caption: str, pages: list[str], *options: str) -> str:
    """Sphinx's list of the pages below one, in Markdown."""
    head = ["", "```{toctree}", *([f":caption: {caption}"] if caption else []), *options, ""]
    return "\n".join([*head, *pages, "```", ""])
