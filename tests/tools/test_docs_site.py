"""tools/docs_site: the documentation's sources are gathered whole, and what is wrong with built pages is found."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

import llamacffi
from llamacffi import facade
from loading import load_module
from pinned import ROOT

FOLDER = ROOT / "tools" / "docs_site"


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setitem(sys.modules, "python_pages", load_module("python_pages", FOLDER / "python_pages.py"))
    return load_module("stage", FOLDER / "stage.py")


@pytest.fixture
def as_rst() -> Callable[[Sequence[str]], list[str]]:
    function: Callable[[Sequence[str]], list[str]] = load_module("docstrings", FOLDER / "docstrings.py").as_rst
    return function


@pytest.fixture
def check() -> Any:
    return load_module("check", FOLDER / "check.py")


# --- the sources ---


def repository(folder: Path) -> Path:
    texts = {
        "README.md": "# R\n\n[text](docs/text.md#a), [program](examples/a.py), [more](https://example.org), [b]\n"
        "\n[b]: examples/a.py\n",
        "docs/index.md": "# I\n\n- [Text](text.md): a\n\n## Project\n\n- [R](../README.md)\n",
        "docs/python-reference.md": "# P\n",
        "docs/c-reference.md": "# C\n",
        "docs/text.md": "# T\n\n[R](../README.md#r) and [all](../examples)\n\n```text\n[no link](../README.md)\n```\n",
        "examples/a.py": 'print("```")\n',
    }
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    return folder


def test_links_lead_to_pages(stage: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    stage.Stage(repository(tmp_path / "in"), out).fill()
    text = (out / "text.md").read_text("utf-8")
    assert "[R](README.md#r) and [all](source/examples.md)" in text
    assert "[no link](../README.md)" in text  # in code
    readme = (out / "README.md").read_text("utf-8")
    assert "[text](text.md#a), [program](source/examples/a.py.md), [more](https://example.org)" in readme
    assert readme.endswith("\n[b]: source/examples/a.py.md\n")
    assert '````python\nprint("```")\n````\n' in (out / "source/examples/a.py.md").read_text("utf-8")
    assert "`a.py`" in (out / "source/examples.md").read_text("utf-8")


def test_navigation_is_the_contents(stage: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    stage.Stage(repository(tmp_path / "in"), out).fill()
    trees = (out / "index.md").read_text("utf-8").partition("```{toctree}")[2]
    assert trees == ("\n:hidden:\n\ntext\n```\n\n```{toctree}\n:caption: Project\n:hidden:\n\nREADME <README>\n```\n")


def test_a_link_to_nowhere_stays(stage: Any, tmp_path: Path) -> None:
    """So that the build finds it."""
    folder = repository(tmp_path / "in")
    (folder / "docs/text.md").write_text("# T\n\n[gone](../gone.md), [out](../../outside)\n", "utf-8")
    stage.Stage(folder, tmp_path / "out").fill()
    assert "[gone](../gone.md), [out](../../outside)" in (tmp_path / "out/text.md").read_text("utf-8")


def test_every_public_name_is_on_a_page(stage: Any) -> None:
    pages: dict[str, tuple[str, dict[str, list[str]]]] = stage.python_pages.PAGES
    shown = {name for _, modules in pages.values() for name in modules.get("llamacffi", [])}
    public = set(dir(llamacffi)) - set(facade.names()) - {"ffi", "lib", "TYPE_CHECKING"}
    assert public - shown == set()


def test_docstrings(as_rst: Callable[[Sequence[str]], list[str]]) -> None:
    text = """What `x` does with *this*; `int32_t`s.

| a | `b` |
|---|---|
| c_ | |

Args:
    one, two: the
        first.
    **more: others.

Returns:
    A `bool`.

Raises:
    ValueError: it is wrong.
    What `one` raises.
"""
    assert as_rst(text.split("\n")) == [
        "What \\ ``x``\\  does with \\*this\\*; \\ ``int32_t``\\ s.",
        "",
        ".. list-table::",
        "   :header-rows: 1",
        "",
        "   * - a",
        "     - \\ ``b``\\ ",
        "   * - c\\_",
        "     - ",
        "",
        ":Arguments:",
        "   * ``one``, ``two``: the first.",
        "   * ``**more``: others.",
        "",
        ":Returns:",
        "   A \\ ``bool``\\ .",
        "",
        ":Raises:",
        "   * ``ValueError``: it is wrong.",
        "   * What \\ ``one``\\  raises.",
        "",
    ]


# --- what was built ---


@pytest.mark.parametrize(
    ("html", "problem"),
    [
        ('<a href="b.html#there">', ""),
        ('<a href="sub/c.html">', ""),
        ('<a href="#here">', ""),
        ('<a href="https://example.org/x">', ""),
        ('<link rel="stylesheet" href="style.css">', ""),
        ('<a href="gone.html">', "a.html: no such file: gone.html"),
        ('<a href="b.html#gone">', "a.html: no such anchor: b.html#gone"),
        ('<a href="#gone">', "a.html: no such anchor: #gone"),
        ('<img src="gone.png">', "a.html: no such file: gone.png"),
        (
            '<script src="https://example.org/x.js">',
            "a.html: would be fetched from a network: https://example.org/x.js",
        ),
        ('<link href="//example.org/x.css">', "a.html: would be fetched from a network: //example.org/x.css"),
    ],
)
def test_problems_are_found(check: Any, tmp_path: Path, html: str, problem: str) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.html").write_text(f'<p id="here">{html}</p>', "utf-8")
    (tmp_path / "b.html").write_text('<p id="there">', "utf-8")
    (tmp_path / "sub" / "c.html").write_text('<a href="../a.html#here">', "utf-8")
    (tmp_path / "style.css").write_text("p { background: url(data:image/png;base64,AA) }", "utf-8")
    assert check.problems(tmp_path) == [problem] * bool(problem)


def test_styles_fetch_nothing(check: Any, tmp_path: Path) -> None:
    text = '@import "https://example.org/a.css"; p { background: url("gone.png"); }'
    (tmp_path / "style.css").write_text(text, "utf-8")
    assert check.problems(tmp_path) == [
        "style.css: would be fetched from a network: https://example.org/a.css",
        "style.css: no such file: gone.png",
    ]
