"""What only a person knows: policy.toml and the tables by topic in policy/, read and checked."""

from __future__ import annotations

import fnmatch
import sys
from dataclasses import MISSING, dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, get_args, get_origin, get_type_hints

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


class PolicyError(Exception):
    """A policy file says something that the generator does not understand."""


class _Indexed(NamedTuple):
    """A table by function: the exact names, each with its keys and values, and the patterns."""

    exact: dict[str, list[tuple[str, Any]]]
    patterns: list[tuple[str, str, Any]]


def _empty() -> dict[str, Any]:
    return {}


@dataclass(frozen=True)
class Policy:
    """The tables of policy.toml, and those of policy/*.toml, which add to them; each is explained in policy.toml."""

    headers: list[str]
    cxx_headers: list[str]
    required: list[str]
    sources: list[str]
    modules: dict[str, list[str]]
    loads_backends: list[str]
    replaced: dict[str, str]
    typedefs: dict[str, str]
    skip: dict[str, str]
    installed: dict[str, list[str]] = field(default_factory=_empty)
    measures: dict[str, str] = field(default_factory=_empty)
    handles: dict[str, list[str]] = field(default_factory=_empty)
    nullable: dict[str, list[str]] = field(default_factory=_empty)
    any_enum: dict[str, list[str]] = field(default_factory=_empty)
    checks: dict[str, list[list[str]]] = field(default_factory=_empty)
    failure: dict[str, str] = field(default_factory=_empty)
    around: dict[str, list[str]] = field(default_factory=_empty)
    after: dict[str, list[str]] = field(default_factory=_empty)
    frees: dict[str, str] = field(default_factory=_empty)
    quick: dict[str, list[str]] = field(default_factory=_empty)
    computes: dict[str, list[str]] = field(default_factory=_empty)
    exclusive: dict[str, list[str]] = field(default_factory=_empty)
    implemented: dict[str, str] = field(default_factory=_empty)
    sizes: dict[str, dict[str, str]] = field(default_factory=_empty)
    paths: dict[str, list[str]] = field(default_factory=_empty)
    reads: dict[str, list[str]] = field(default_factory=_empty)
    callbacks: dict[str, str] = field(default_factory=_empty)
    supplied: dict[str, str] = field(default_factory=_empty)
    keeps: dict[str, dict[str, str]] = field(default_factory=_empty)
    looked_at: dict[str, list[str]] = field(default_factory=_empty)

    def needs_backends(self, function: str) -> bool:
        return any(fnmatch.fnmatchcase(function, pattern) for pattern in self.loads_backends)

    def lists(self, table: str, function: str) -> list[Any]:
        """All that the keys of a table that match this function's name say of it, lists joined."""
        return [entry for _, entries in self._matching(table, function) for entry in entries]

    def last(self, table: str, function: str) -> Any:
        """What the last matching key of a table says of this function; None where none does."""
        return ([None] + [value for _, value in self._matching(table, function)])[-1]

    def merged(self, table: str, function: str) -> dict[str, str]:
        """All that the keys of a table of tables that match this function's name say of it."""
        return {name: text for _, entry in self._matching(table, function) for name, text in entry.items()}

    def _matching(self, table: str, function: str) -> list[tuple[str, Any]]:
        """What patterns say comes first, and what is said of the function by its name last."""
        exact, patterns = self._index[table]
        found = [(key, value) for pattern, key, value in patterns if fnmatch.fnmatchcase(function, pattern)]
        return found + exact.get(function, [])

    def names(self, table: str, function: str) -> bool:
        """Whether a table `functions = [patterns]` names this function."""
        return any(fnmatch.fnmatchcase(function, each) for each in getattr(self, table).get("functions", []))

    @cached_property
    def _index(self) -> dict[str, _Indexed]:
        """Each table by function."""
        index: dict[str, _Indexed] = {}
        kinds = get_type_hints(Policy)
        for each in fields(self):
            if get_origin(kinds[each.name]) is not dict:
                continue
            table: dict[str, Any] = getattr(self, each.name)
            exact, patterns = index[each.name] = _Indexed({}, [])
            for key, value in table.items():
                for pattern in key.split():
                    if any(wild in pattern for wild in "*?["):
                        patterns.append((pattern, key, value))
                    else:
                        exact.setdefault(pattern, []).append((key, value))
        return index


# The tables that don't have functions as keys.
_KEYS = {
    "handles": {"loose", "shared", "ignored"},
    "quick": {"functions"},
    "computes": {"functions"},
    "exclusive": {"functions"},
}


def load(path: Path) -> Policy:
    """Read a policy file and those in the folder of the same name beside it.

    Raises:
        PolicyError: one is not TOML; a table is missing or unknown; a value is not what its table has, or in two files.
        OSError: one can't be read.
    """
    data = _read(path)
    missing = {each.name for each in fields(Policy) if each.default_factory is MISSING} - data.keys()
    if missing:
        raise PolicyError(f"{path.name}: missing: {', '.join(sorted(missing))}")
    for more in sorted(path.with_suffix("").glob("*.toml")):
        for name, table in _read(more).items():
            _merge(data.setdefault(name, type(table)()), table, f"{more.name}: {name}")
    return Policy(**data)


def _read(path: Path) -> dict[str, Any]:
    try:
        data: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise PolicyError(f"{path.name}: {error}") from None
    kinds = get_type_hints(Policy)
    unknown = data.keys() - {each.name for each in fields(Policy)}
    if unknown:
        raise PolicyError(f"{path.name}: unknown: {', '.join(sorted(unknown))}")
    for name, table in data.items():
        _check(table, kinds[name], f"{path.name}: {name}")
        for key in table.keys() - _KEYS[name] if name in _KEYS else ():
            raise PolicyError(f"{path.name}: {name}: unknown: {key}")
    for key, checks in data.get("checks", {}).items():
        if any(len(check) != 3 for check in checks):
            raise PolicyError(f"{path.name}: checks: {key!r}: not [argument, condition, what is wrong]")
    return data


def _check(value: Any, kind: Any, where: str) -> None:
    """Raise PolicyError where a value is not of a type such as `dict[str, list[str]]`."""
    container = get_origin(kind) or kind
    if not isinstance(value, container):
        what = {dict: "a table", list: "a list", str: "a text"}[container]
        raise PolicyError(f"{where}: not {what}: {value!r}")
    if container is dict:
        for key, each in value.items():
            _check(each, get_args(kind)[1], f"{where}: {key!r}")
    elif container is list:
        for each in value:
            _check(each, get_args(kind)[0], where)


def _merge(into: Any, table: Any, where: str) -> None:
    if isinstance(table, list):
        into.extend(table)
        return
    for key, value in table.items():
        if key in into and not isinstance(value, list):
            raise PolicyError(f"{where}: {key!r} is in another file, too")
        into[key] = into[key] + value if key in into else value
