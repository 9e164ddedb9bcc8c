"""What differs between the C APIs of two llama.cpp sources, and in what the policy must say of them.

    python tools/api_diff.py [--json] OLD NEW

Each of the two is a version of the sdist that vendor/requirements.txt pins (pip downloads it), a folder that has
llama.cpp's source, or an `api.json`, which header_gen writes and each wheel has. The exit status is diff's: 0 if they
are the same, 1 if they differ, 2 if something went wrong.
"""

from __future__ import annotations

import argparse
import difflib
import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Optional

import policy_fit
import vendor
from pinned import ROOT, Pin, VendorError, command_line, download

VERSION = re.compile(r"\d[\w.!+-]*", re.ASCII)
# In the order in which they are told, with the plural.
KINDS = {
    "header": "headers",
    "function": "functions",
    "struct": "structs",
    "field": "struct fields",
    "enum": "enums",
    "enum value": "enum values",
    "constant": "constants",
    "typedef": "typedefs",
}
OURS = "llamacffi-earlier.h"  # src/native's, beside llama.cpp's headers where those lack a name
_WORDS = ("came", "went", "moved", "changed", "deprecated", "no longer deprecated")
_ALIKE = 0.75  # from here on, of 0 to 1, a name may be another's new form


@dataclass(frozen=True)
class Side:
    """One of the two that are compared.

    Attributes:
        name: what it is, for a person.
        api: its API table.
        source: its source tree, None where only the table is known.
    """

    name: str
    api: dict[str, Any]
    source: Optional[Path] = None


@dataclass(frozen=True)
class Entry:
    """One thing that an API has.

    Attributes:
        text: its declaration, or its value.
        place: its header, and what else a caller finds it by: the module, the enum.
        same: what must be the same in both APIs; `text` where that is not too much.
        owner: the struct or enum that it belongs to, "" for none.
        deprecated: whether the header says so.
        comment: the header's.
    """

    text: str
    place: str
    same: str
    owner: str = ""
    deprecated: bool = False
    comment: str = ""


@dataclass(frozen=True)
class Change:
    """One difference.

    Attributes:
        kind: one of `KINDS`.
        name: the C name; of a field `struct x.field`.
        change: "came", "went", "moved", "changed", "deprecated", "no longer deprecated".
        old, new: its declaration, value or place, before and after; None where it was not, or is no more.
        place: where it is now, or was.
        note: why it can't be had, or which name it may have now.
        owner: the struct or enum that came or went with it.
        comment: the header's, of what came.
    """

    kind: str
    name: str
    change: str
    old: Optional[str] = None
    new: Optional[str] = None
    place: str = ""
    note: str = ""
    owner: str = ""
    comment: str = ""


@dataclass(frozen=True)
class Difference:
    """All that differs.

    Attributes:
        old, new: what was compared.
        changes: of the API.
        stale: the lines of the policy that applied, and do no more.
        needed: the lines that the policy should have, and needed not have before.
    """

    old: str
    new: str
    changes: list[Change]
    stale: list[policy_fit.Stale]
    needed: list[policy_fit.Needed]

    def __bool__(self) -> bool:
        return bool(self.changes)


def find(side: str, root: Path, work: Path) -> Side:
    """Read one side's API.

    Args:
        side: as on the command line.
        root: the repository whose pin tells the carrier.
        work: an empty folder, for what is unpacked or generated; must outlive the result.

    Raises:
        VendorError: there is no such thing, or its headers can't be taken.
    """
    path = Path(side).expanduser()
    if path.is_file():
        return Side(side, _read_table(path))
    if path.is_dir():
        return of_source(path.resolve(), side, work)
    pin = vendor.read_pin(root / "vendor" / "requirements.txt")
    if not VERSION.fullmatch(side):
        raise VendorError(f"{side} is no file, no folder, and no version of {pin.carrier}.")
    if side == pin.version:
        source = vendor.obtain(root)
    else:
        source = work / "llama.cpp"
        vendor.unpack(download(Pin(pin.carrier, side, ""), work, form="sdist"), source)
    return of_source(source, f"{pin.carrier} {side}", work)


def of_source(source: Path, name: str, work: Path) -> Side:
    """Generate the API table of a source tree.

    Raises:
        VendorError: header_gen can't; the message is its own.
    """
    if not (source / "include" / "llama.h").is_file():
        raise VendorError(f"{source} is not llama.cpp's source: it has no include/llama.h.")
    command = [sys.executable, str(ROOT / "tools" / "header_gen"), "--source", str(source), "--out", str(work / "out")]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace")
    if done.returncode:
        raise VendorError(f"the headers of {name} can't be taken.\n{done.stderr.strip()}")
    return Side(name, _read_table(work / "out" / "api.json"), source)


def _read_table(path: Path) -> dict[str, Any]:
    try:
        table = json.loads(path.read_text("utf-8"))
        if not {"headers", "functions", "structs", "enums", "constants", "typedefs", "skipped"} <= table.keys():
            raise ValueError("tables are missing")
    except (OSError, ValueError, AttributeError) as error:
        raise VendorError(f"{path} is not an api.json of header_gen's: {error}") from None
    found: dict[str, Any] = table
    return found


def compare(old: Side, new: Side) -> Difference:
    """Find all that differs."""
    before, after = _entries(old.api), _entries(new.api)
    changes = [change for kind in KINDS for change in _differences(kind, before[kind], after[kind])]
    changes += _orders(before["field"], after["field"])
    whole = {change.name for change in changes if change.kind in ("struct", "enum")}
    left_out = [{each["name"]: each["reason"] for each in side.api["skipped"]} for side in (old, new)]
    changes = [_noted(change, whole, *left_out) for change in changes]
    both = bool(old.source and new.source)
    was_stale, is_stale = (policy_fit.stale(side.api, side.source if both else None) for side in (old, new))
    was_needed, is_needed = (policy_fit.needed(side.api) for side in (old, new))
    return Difference(
        old.name,
        new.name,
        list(_with_renamed(changes)),
        [each for each in is_stale if each not in was_stale],
        [each for each in is_needed if each not in was_needed],
    )


def _noted(change: Change, whole: set[str], was_left_out: dict[str, str], is_left_out: dict[str, str]) -> Change:
    """With why it came or went, where that is known: with its struct or enum, or as something that can't be had."""
    if change.change not in ("came", "went"):
        return change
    came = change.change == "came"
    reason = (was_left_out if came else is_left_out).get(change.name, "")
    note = (f"before: {reason}" if came else reason) if reason else ""
    return replace(change, note=note, owner=change.owner if change.owner in whole else "")


# --- what an API has ----------------------------------------------------------------------------------------------


def _entries(api: dict[str, Any]) -> dict[str, dict[str, Entry]]:
    """All that an API has, by kind and name."""
    found: dict[str, dict[str, Entry]] = {kind: {} for kind in KINDS}
    found["header"] = {name: Entry(name, "", "") for name in api["headers"] if name != OURS}
    for each in api["functions"]:
        if each["header"] == OURS:
            continue
        parameters = [_declared(one["type"], one["name"]) for one in each["parameters"]] + ["..."] * each["variadic"]
        text = f"{_declared(each['returns'], each['name'])}({', '.join(parameters) or 'void'})"
        place = f"{each['header']}, of the {each['module']} backend" if each["module"] else each["header"]
        found["function"][each["name"]] = Entry(text, place, text, "", each["deprecated"], each["comment"])
    for each in api["structs"]:
        name = f"{each['kind']} {each['name']}" if each["tagged"] else each["name"]
        fields = dict(_fields(each["fields"] or [], name, each["header"]))
        found["field"].update(fields)
        shape = "opaque" if each["fields"] is None else "defined" if fields else "defined, its members beyond cffi"
        given: list[dict[str, Any]] = each["fields"] or []
        members = " ".join(_declared(one["type"], one["name"]) + ";" for one in given)
        text = f"{name} {{ {members} }}" if members else f"{name} ({shape})"
        found["struct"][name] = Entry(text, each["header"], shape, "", False, each["comment"])
    for each in api["enums"]:
        name = f"enum {each['name']}" if each["tagged"] and each["name"] else each["name"]
        values = ", ".join(f"{one['name']} = {one['value']}" for one in each["values"])
        place = f"{each['header']}, {name}" if name else each["header"]
        for one in each["values"]:
            found["enum value"][one["name"]] = Entry(
                str(one["value"]), place, str(one["value"]), name, False, one["comment"]
            )
        if name:
            found["enum"][name] = Entry(f"{name} {{ {values} }}", each["header"], "", "", False, each["comment"])
    for each in api["constants"]:
        text = json.dumps(each["value"], ensure_ascii=False)
        found["constant"][each["name"]] = Entry(text, each["header"], text, "", False, each["comment"])
    for each in api["typedefs"]:
        text = f"typedef {_declared(each['type'], each['name'])}"
        found["typedef"][each["name"]] = Entry(text, each["header"], text, "", False, each["comment"])
    return found


def _fields(fields: Iterable[dict[str, Any]], owner: str, header: str, path: str = "") -> Iterator[tuple[str, Entry]]:
    """A struct's members by name, those of structs and unions in it too, as C names them."""
    for each in fields:
        name = f"{path}{each['name']}"
        inner = each.get("fields")
        if each["name"]:
            text = _declared(each["type"], each["name"]) + (f" : {each['bits']}" if "bits" in each else "")
            yield f"{owner}.{name}", Entry(text, header, text, owner, False, each["comment"])
        if inner is not None:
            yield from _fields(inner, owner, header, f"{name}." if each["name"] else path)


def _declared(type_: str, name: str) -> str:
    """C that declares `name` with a type as api.json spells it."""
    pointer = re.search(r"\(\*+", type_)
    if pointer:
        return f"{type_[: pointer.end()]}{name}{type_[pointer.end() :]}"
    base, bracket, length = type_.partition("[")
    base = base.rstrip()
    return f"{base}{'' if base.endswith('*') or not name else ' '}{name}{bracket}{length}"


# --- what differs -------------------------------------------------------------------------------------------------


def _differences(kind: str, old: dict[str, Entry], new: dict[str, Entry]) -> Iterator[Change]:
    for name in sorted(old.keys() | new.keys()):
        was, now = old.get(name), new.get(name)
        if was is None:
            assert now
            yield Change(kind, name, "came", None, now.text, now.place, "", now.owner, now.comment)
        elif now is None:
            yield Change(kind, name, "went", was.text, None, was.place, "", was.owner)
        else:
            if was.place != now.place and kind != "field":  # it moves with its struct
                yield Change(kind, name, "moved", was.place, now.place, now.place)
            if was.same != now.same:
                yield Change(kind, name, "changed", was.text, now.text, now.place)
            if was.deprecated != now.deprecated:
                word = "deprecated" if now.deprecated else "no longer deprecated"
                yield Change(kind, name, word, was.text, now.text, now.place, "", "", now.comment)


def _orders(old: dict[str, Entry], new: dict[str, Entry]) -> Iterator[Change]:
    """The structs whose members are the same, but in another order."""
    orders: list[dict[str, list[str]]] = []
    for fields, others in (old, new), (new, old):
        order: dict[str, list[str]] = {}
        for name, entry in fields.items():
            if name in others:
                order.setdefault(entry.owner, []).append(name[len(entry.owner) + 1 :])
        orders.append(order)
    for owner, names in orders[0].items():
        others_order = orders[1].get(owner, names)
        if names != others_order:
            was, now = (f"{owner} {{ {', '.join(each)} }}" for each in (names, others_order))
            yield Change("struct", owner, "changed", was, now, new[f"{owner}.{names[0]}"].place, "other order")


def _with_renamed(changes: list[Change]) -> Iterator[Change]:
    """The changes; a function or field that went has the name that it may have now."""
    came: dict[tuple[str, ...], list[str]] = {}
    for change in changes:
        if change.change == "came" and not change.owner:
            came.setdefault(_where_alike(change, change.new), []).append(_own_name(change))
    for change in changes:
        if change.change == "went" and change.kind in ("function", "field") and not change.owner and not change.note:
            names = came.get(_where_alike(change, change.old), [])
            alike = difflib.get_close_matches(_own_name(change), names, 1, _ALIKE)
            yield replace(change, note=f"now {alike[0]}?" if alike else "")
        else:
            yield change


def _own_name(change: Change) -> str:
    return re.split(r"[ .]", change.name)[-1]


def _where_alike(change: Change, text: Optional[str]) -> tuple[str, ...]:
    """What two forms of one thing have in common, whatever its name: its place, and types without parameters' names."""
    shape = re.sub(rf"\b{re.escape(_own_name(change))}\b", "", text or "")
    shape = re.sub(r"\b\w+(?=[,)])", "", shape) if change.kind == "function" else shape
    return change.kind, change.place, change.name.rpartition(".")[0], shape


# --- what is told -------------------------------------------------------------------------------------------------


def told(difference: Difference) -> str:
    """The difference as text, for a person."""
    lines = [f"API of llama.cpp: {difference.old} -> {difference.new}"]
    for kind, plural in KINDS.items():
        for word in _WORDS:
            chosen = [each for each in difference.changes if (each.kind, each.change) == (kind, word)]
            chosen = [each for each in chosen if not each.owner]
            if chosen:
                lines += ["", f"{plural} that {'are ' if 'deprecated' in word else ''}{word}: {len(chosen)}"]
                lines += [line for each in chosen for line in _told_of(each)]
    if difference.stale:
        lines += ["", policy_fit.told_stale(difference.stale)]
    if difference.needed:
        lines += ["", f"lines that the policy now needs: {len(difference.needed)}", policy_fit.told(difference.needed)]
    return "\n".join([*lines, "", summary(difference)])


def _told_of(change: Change) -> list[str]:
    note = f"  ({change.note})" if change.note else ""
    if change.change == "changed":
        if change.kind in ("enum value", "constant"):
            return [f"  {change.name}: {change.old} -> {change.new}{note}"]
        return [f"  {change.name}{note}  [{change.place}]", f"    - {change.old}", f"    + {change.new}"]
    if change.change == "moved":
        return [f"  {change.name}: {change.old} -> {change.new}"]
    text = change.new or change.old or ""
    if change.kind in ("enum value", "constant"):
        text = f"{change.name} = {text}"
    elif change.kind == "field":
        text = f"{change.name}: {text}"
    place = f"  [{change.place}]" if change.place else ""
    return [f"  {text}{place}{note}"]


def summary(difference: Difference) -> str:
    """One line: how many there are of each."""
    counts = Counter((each.kind, each.change) for each in difference.changes)
    parts: list[str] = []
    for kind, plural in KINDS.items():
        words = [f"{counts[kind, word]} {word}" for word in _WORDS if counts[kind, word]]
        if words:
            parts.append(f"{plural}: {', '.join(words)}")
    policy = [f"{len(difference.stale)} no longer apply"] * bool(difference.stale)
    policy += [f"{len(difference.needed)} needed"] * bool(difference.needed)
    parts += [f"lines of the policy: {', '.join(policy)}"] * bool(policy)
    return "; ".join(parts) or "The APIs are the same."


def as_json(difference: Difference) -> str:
    return json.dumps(asdict(difference), indent=1, ensure_ascii=False)


def main(arguments: Optional[list[str]] = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(description="What differs between the C APIs of two llama.cpp sources.")
    help_ = "a version of the pinned carrier, a folder with llama.cpp's source, or an api.json"
    parser.add_argument("old", metavar="OLD", help=help_)
    parser.add_argument("new", metavar="NEW", help=help_)
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_argument("--root", type=Path, default=ROOT, help="the repository (default: the one this file is in)")
    options = parser.parse_args(arguments)
    differs: list[bool] = []

    def run() -> None:
        with tempfile.TemporaryDirectory() as old_work, tempfile.TemporaryDirectory() as new_work:
            old = find(options.old, options.root, Path(old_work))
            new = find(options.new, options.root, Path(new_work))
            difference = compare(old, new)
            print(as_json(difference) if options.json else told(difference))
            differs.append(bool(difference))

    return 2 if command_line("api_diff.py", run) else int(differs[0])


if __name__ == "__main__":
    sys.exit(main())
