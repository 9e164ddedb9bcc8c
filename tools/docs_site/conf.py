"""Sphinx's settings for the documentation that stage.py has gathered."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.domains.c import CDomain
from sphinx.util.nodes import make_refnode

import llamacffi

sys.path.insert(0, str(Path(__file__).parent))
import docstrings

project = "llamacffi"
version = release = llamacffi.__version__
html_title = f"llamacffi {version}"
extensions = ["myst_parser", "sphinx.ext.autodoc"]

html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_copyright = False
html_theme_options = {"navigation_with_keys": True}

myst_heading_anchors = 4  # made of a heading's words, as hosting sites do

default_role = "literal"
add_function_parentheses = False
autodoc_default_options = {
    "members": True,
    "inherited-members": "MutableMapping,Mapping,Iterator,Generic,object,tuple,Exception,ValueError",
    "member-order": "bysource",
}
autodoc_typehints_format = "short"
maximum_signature_line_length = 90
python_use_unqualified_type_names = True
toc_object_entries_show_parents = "hide"

# C's own types, and those of annotations that are not documented, have no page here.
nitpick_ignore_regex = [
    ("c:identifier", r"u?int\d+_t|size_t|ssize_t|FILE|va_list|bool|_Bool|u?intptr_t|ptrdiff_t"),
    ("py:(class|data|obj)", r".*"),
]


class _CDomain(CDomain):
    """Functions' parameters are not found by the search: there are thousands, and each is within its function."""

    def get_objects(self) -> Iterator[tuple[str, str, str, str, str, int]]:
        return (each for each in super().get_objects() if each[2] != "functionParam")


def _docstring(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    lines[:] = docstrings.as_rst(lines)


def _signature(app: Any, what: str, name: str, obj: Any, options: Any, signature: Any, returns: Any) -> Any:
    """C's values have the name that users know."""
    return tuple(text and text.replace("_cffi_backend._CDataBase", "ffi.CData") for text in (signature, returns))


def _skip(app: Any, what: str, name: str, obj: Any, skip: bool, options: Any) -> Any:
    """A named tuple's fields are in its docstring."""
    return True if (getattr(obj, "__doc__", None) or "").startswith("Alias for field number") else None


def _link_names(app: Any, document: nodes.document, here: str) -> None:
    """Code that is the name of something in the reference becomes a link to it."""
    if here.startswith("c/"):
        return  # the generator has written the links
    places = _places(app.env)
    for literal in list(document.findall(nodes.literal)):
        place = places.get(_name(literal.astext()))
        if place and not isinstance(literal.parent, (nodes.reference, nodes.title)):
            inside = nodes.literal("", literal.astext(), classes=list(literal["classes"]))
            literal.replace_self(make_refnode(app.builder, here, *place, inside))


def _name(code: str) -> str:
    """The name that a piece of code is, or calls; "" for a plain word, which may as well be an argument's."""
    found = re.fullmatch(r"(?:(llamacffi|lib)\.)?([A-Za-z_][\w.]*)(\(.*\))?", code)
    if not found:
        return ""
    sure = found[1] or found[3] or re.search(r"[A-Z_.]", found[2])
    return found[2] if sure else ""


def _places(env: Any) -> dict[str, tuple[str, str]]:
    """Where each name is: document and anchor."""
    if not hasattr(env, "places_of_names"):
        found: dict[str, tuple[str, str]] = {}
        for domain in ("c", "py"):
            for name, _, kind, document, anchor, _ in env.domains[domain].get_objects():
                if domain == "c" and "." not in name:
                    found[name] = document, anchor
                elif domain == "py" and kind != "module":
                    found[name.removeprefix("llamacffi.")] = document, anchor
        env.places_of_names = found
    places: dict[str, tuple[str, str]] = env.places_of_names
    return places


def setup(app: Any) -> None:
    app.connect("autodoc-process-docstring", _docstring)
    app.connect("autodoc-process-signature", _signature)
    app.connect("autodoc-skip-member", _skip)
    app.connect("doctree-resolved", _link_names)
    app.add_domain(_CDomain, override=True)
