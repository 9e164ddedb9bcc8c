"""How the policy fits an API: its lines that no longer apply, and the lines that it should have.

Both with the file they are in, or belong in; header_gen's missing.py says when a line is asked for.
"""

from __future__ import annotations

import fnmatch
import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from string import digits
from typing import Any, Optional

from pinned import ROOT, VendorError

sys.path.insert(0, str(ROOT / "tools" / "header_gen"))
import missing as header_missing
import policy as policies
import table as tables
from guards import argument_names
from known import Known, locals_of
from model import API

_FOLDER = "tools/header_gen"
POLICY = ROOT / _FOLDER / "policy.toml"
NATIVE = ROOT / "src" / "native"
_TABLE = re.compile(r"\[(\w+)\]")


@dataclass(frozen=True)
class Stale:
    """A line of the policy that does not apply.

    Attributes:
        file: where it is, in the repository.
        line: its number, 0 if it was not found.
        text: the line.
        why: what in it means nothing in the headers.
    """

    file: str
    line: int
    text: str
    why: str

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True)
class Needed:
    """A line that the policy should have.

    Attributes:
        file: the policy's file that it belongs in, in the repository.
        table: the table in that file.
        line: the line.
        why: what it is to say, as a question.
        function, subject: what would be listed in [looked_at] if there is nothing to say.
    """

    file: str
    table: str
    line: str
    why: str
    function: str
    subject: str


@dataclass(frozen=True)
class _Line:
    file: str
    number: int
    table: str
    text: str


def stale(api: dict[str, Any], source: Optional[Path], path: Path = POLICY) -> list[Stale]:
    """What the policy says of nothing that is in the headers.

    Args:
        api: the API table.
        source: the tree it comes from, None if it is not at hand: then nothing is said of folders and header patterns.
        path: the policy's file.

    Raises:
        VendorError: the policy can't be read.
    """
    policy = _load(path)
    lines = list(_lines(path))
    model = tables.read(api)
    found = [*_stale_names(policy, api, source), *_stale_functions(policy, _parameters(model))]
    known = Known(model, NATIVE, NATIVE / "checks")
    placed = [_placed(lines, *each) for each in found]
    placed += _stale_code(policy, model, known, lines)
    placed += [_stale_check(name) for name in known.left_out]
    return list(dict.fromkeys(placed))


def needed(api: dict[str, Any], path: Path = POLICY) -> list[Needed]:
    """What a person must say of the API's functions, and has not.

    Raises:
        VendorError: the policy can't be read.
    """
    model = tables.read(api)
    lines = list(_lines(path))
    headers = {function.name: function.header for function in model.functions}
    return [
        Needed(
            _belongs(lines, each.table, each.header, headers),
            each.table,
            each.line,
            each.why,
            each.function,
            each.subject,
        )
        for each in header_missing.missing(model, _load(path))
    ]


def told_stale(stale: list[Stale]) -> str:
    """The lines that do not apply, and where they are."""
    lines = [f"lines of the policy, and of the checks in src/native, that no longer apply: {len(stale)}"]
    return "\n".join([*lines, *(f"  {each.place}: {each.why}\n    {each.text}" for each in stale)])


def told(needed: list[Needed]) -> str:
    """The lines to write, ready to paste, by file and table."""
    lines: list[str] = []
    for file, table in dict.fromkeys((each.file, each.table) for each in needed):
        lines += [f"  in {file}, [{table}]:"]
        chosen = [each for each in needed if (each.file, each.table) == (file, table)]
        lines += [f"    {each.line}  # {each.why}" for each in chosen]
    nothing = ", ".join(dict.fromkeys(f'{each.function} = ["{each.subject}"]' for each in needed[:1]))
    return "\n".join([*lines, f"  Where there is nothing to say: in policy/looked_at.toml, such as {nothing}"])


def _load(path: Path) -> policies.Policy:
    try:
        return policies.load(path)
    except policies.PolicyError as error:
        raise VendorError(f"the policy can't be read: {error}") from None


# --- what does not apply ------------------------------------------------------------------------------------------

# A table, the pattern or name in it, and what else is named of it, "" for nothing.
_Found = tuple[str, str, str]


def _stale_names(policy: policies.Policy, api: dict[str, Any], source: Optional[Path]) -> Iterator[_Found]:
    """What is said of headers, folders, modules and types."""
    functions = [function["name"] for function in api["functions"]]
    modules = {function["module"] for function in api["functions"]}
    skipped = {each["name"] for each in api["skipped"]}
    structs = {struct["name"] for struct in api["structs"]}
    if source:
        yield from (("headers", each, "") for each in policy.headers if not list(source.glob(each)))
        yield from (("sources", each, "") for each in policy.sources if not (source / each).is_dir())
    known = {*api["headers"], *(each["name"] for each in api["skipped"] if each["kind"] == "header")}
    installed = [header for headers in policy.installed.values() for header in headers]
    yield from (("installed", each, "") for each in installed if not fnmatch.filter(known, each))
    yield from (("loads_backends", each, "") for each in policy.loads_backends if not fnmatch.filter(functions, each))
    yield from (("modules", each, "") for each in policy.modules if each not in modules)
    yield from (("skip", each, "") for each in policy.skip if each not in skipped)
    yield from (("typedefs", each, "") for each, to in policy.typedefs.items() if to.split()[1] not in structs)
    yield from (("handles", each, "") for names in policy.handles.values() for each in names if each not in structs)


def _parameters(api: API) -> dict[str, list[str]]:
    """The parameters' names of each function, as guards and Python have them."""
    return {function.name: argument_names(function.signature) for function in api.functions}


def _stale_functions(policy: policies.Policy, parameters: dict[str, list[str]]) -> Iterator[_Found]:
    """The names and patterns of functions that match none, or none with a parameter that is named."""
    for table in ("replaced", "measures", "failure", "around", "after", "implemented"):
        yield from _unmatched(table, getattr(policy, table), [], parameters)
    for table in ("quick", "computes", "exclusive"):
        yield from _unmatched(table, getattr(policy, table).get("functions", []), [], parameters)
    for table in ("nullable", "any_enum", "paths", "reads", "sizes", "keeps"):
        for key, names in getattr(policy, table).items():
            yield from _unmatched(table, [key], [name for name in names if name != "*"], parameters)
    for key, names in policy.looked_at.items():
        named = [name for name in names if name not in ("frees", "after", "failure", "computes")]
        yield from _unmatched("looked_at", [key], named, parameters)
    for key, name in policy.frees.items():
        yield from _unmatched("frees", [key], [name], parameters)
    # A check may name several by what they begin with: `ne` of ne0, ne1, ….
    numbered = {function: [*names, *(name.rstrip(digits) for name in names)] for function, names in parameters.items()}
    for key, checks in policy.checks.items():
        yield from _unmatched("checks", [key], [argument for argument, _, _ in checks], numbered)


def _unmatched(
    table: str, keys: Iterable[str], names: Iterable[str], parameters: dict[str, list[str]]
) -> Iterator[_Found]:
    for pattern in (pattern for key in keys for pattern in key.split()):
        functions = fnmatch.filter(parameters, pattern)
        if not functions:
            yield table, pattern, ""
            continue
        taken = {name for function in functions for name in parameters[function]}
        yield from ((table, pattern, name) for name in dict.fromkeys(names) if name not in taken)


def _stale_code(policy: policies.Policy, api: API, known: Known, lines: list[_Line]) -> Iterator[Stale]:
    """The C++ that guards leave out, as it speaks of what is none there."""
    for function in api.functions:
        names = argument_names(function.signature)
        around = policy.lists("around", function.name)
        code = [
            ("failure", policy.last("failure", function.name)),
            ("implemented", policy.last("implemented", function.name)),
        ]
        code += [("checks", condition) for _, condition, _ in policy.lists("checks", function.name)]
        code += [("around", each) for each in around] + [
            ("after", each) for each in policy.lists("after", function.name)
        ]
        declared = locals_of(" ".join(around))
        for table, text in code:
            lacking = text and known.unknown(text, function, names, declared)
            if lacking:
                written = (text, json.dumps(text)[1:-1])
                inside = [line for line in lines if line.table == table and any(each in line.text for each in written)]
                yield _at(inside, f"[{table}] {function.name}: left out of its guard, as there is no {lacking}")


def _stale_check(name: str) -> Stale:
    """A definition in src/native/checks that is left out."""
    for file in sorted(NATIVE.glob("checks/*.hpp")):
        for number, text in enumerate(file.read_text("utf-8").splitlines(), 1):
            if re.search(rf"\b{name}\b", text):
                why = f"{name} is left out of the build, as it speaks of what the headers don't have"
                return Stale(file.relative_to(ROOT).as_posix(), number, text.strip(), why)
    raise LookupError(name)


# --- where a line is ----------------------------------------------------------------------------------------------


def _lines(path: Path) -> Iterator[_Line]:
    """All lines of the policy's files, with the table that each is in, "" for none."""
    for file in (path, *sorted(path.with_suffix("").glob("*.toml"))):
        table = ""
        for number, text in enumerate(file.read_text("utf-8").splitlines(), 1):
            heading = _TABLE.fullmatch(text.partition("#")[0].strip())
            table = heading[1] if heading else table
            yield _Line(f"{_FOLDER}/{file.relative_to(path.parent).as_posix()}", number, table, text)


def _placed(lines: list[_Line], table: str, pattern: str, name: str) -> Stale:
    word = re.compile(rf"(?<![\w*?/.]){re.escape(pattern)}(?![\w*?/.])")
    inside = table if any(line.table == table for line in lines) else ""  # `headers = […]` is in no table
    place = next((line for line in lines if line.table == inside and word.search(line.text.partition(" #")[0])), None)
    why = (
        f"[{table}] {pattern}: no parameter {name}" if name else f"[{table}] {pattern}: matches nothing in the headers"
    )
    return _at([place] if place else [], why)


def _at(places: list[_Line], why: str) -> Stale:
    if not places:
        return Stale(_FOLDER, 0, "", why)
    return Stale(places[0].file, places[0].number, places[0].text.strip(), why)


def _belongs(lines: list[_Line], table: str, header: str, headers: dict[str, str]) -> str:
    """The file that says most of a header's functions in a table, or else in any."""
    counts: Counter[tuple[bool, str]] = Counter()
    tabled = {line.file for line in lines if line.table == table and line.text.strip() != f"[{table}]"}
    for line in lines:
        if any(headers.get(word) == header for word in re.findall(r"\w+", line.text)):
            counts[line.table == table, line.file] += 1
    return max(
        counts,
        key=lambda each: (each[0], counts[each]),
        default=(True, min(tabled, default=f"{_FOLDER}/{POLICY.name}")),
    )[1]
