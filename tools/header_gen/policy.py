"""What only a person knows: policy.toml and the tables by topic in policy/, read and checked."""

from __future__ import annotations

import fnmatch
import sys
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


class PolicyError(Exception):
    """A policy file says something that the generator does not understand."""


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
    handles: dict[str, list[str]] = field(default_factory=dict)
    nullable: dict[str, list[str]] = field(default_factory=dict)
    any_enum: dict[str, list[str]] = field(default_factory=dict)
    checks: dict[str, list[list[str]]] = field(default_factory=dict)
    failure: dict[str, str] = field(default_factory=dict)
    around: dict[str, list[str]] = field(default_factory=dict)
    after: dict[str, list[str]] = field(default_factory=dict)
    frees: dict[str, str] = field(default_factory=dict)
    quick: dict[str, list[str]] = field(default_factory=dict)
    computes: dict[str, list[str]] = field(default_factory=dict)
    exclusive: dict[str, list[str]] = field(default_factory=dict)
    implemented: dict[str, str] = field(default_factory=dict)
    sizes: dict[str, dict[str, str]] = field(default_factory=dict)
    paths: dict[str, list[str]] = field(default_factory=dict)
    reads: dict[str, list[str]] = field(default_factory=dict)
    keeps: dict[str, dict[str, str]] = field(default_factory=dict)

    def needs_backends(self, function: str) -> bool:
        return any(fnmatch.fnmatchcase(function, pattern) for pattern in self.loads_backends)

    def lists(self, table: str, function: str) -> list[Any]:
        """All that the keys of a table that match this function's name say of it, lists joined."""
        return [entry for key, entries in self._matching(table, function) for entry in entries]

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
    def _index(self) -> dict[str, tuple[dict[str, list[tuple[str, Any]]], list[tuple[str, str, Any]]]]:
        """Of each table by function: the exact names, and the patterns."""
        index = {}
        for each in fields(self):
            table = getattr(self, each.name)
            if not isinstance(table, dict):
                continue
            exact: dict[str, list[tuple[str, Any]]] = {}
            patterns: list[tuple[str, str, Any]] = []
            for key, value in table.items():
                for pattern in key.split():
                    if any(wild in pattern for wild in "*?["):
                        patterns.append((pattern, key, value))
                    else:
                        exact.setdefault(pattern, []).append((key, value))
            index[each.name] = exact, patterns
        return index


def load(path: Path) -> Policy:
    """Read a policy file and those in the folder of the same name beside it.

    Raises:
        PolicyError: one is not TOML, or a key is missing, unknown, or in two files.
        OSError: one can't be read.
    """
    known = {field.name for field in fields(Policy)}
    data = _read(path, known)
    missing = {"headers", "cxx_headers", "required", "sources", "modules", "loads_backends", "replaced", "typedefs", "skip"}
    if missing - data.keys():
        raise PolicyError(f"{path.name}: missing: {', '.join(sorted(missing - data.keys()))}")
    for more in sorted(path.with_suffix("").glob("*.toml")):
        for name, table in _read(more, known).items():
            _merge(data.setdefault(name, type(table)()), table, f"{more.name}: {name}")
    return Policy(**data)


def _read(path: Path, known: set[str]) -> dict[str, Any]:
    try:
        data: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise PolicyError(f"{path.name}: {error}") from None
    if data.keys() - known:
        raise PolicyError(f"{path.name}: unknown: {', '.join(sorted(data.keys() - known))}")
    return data


def _merge(into: Any, table: Any, where: str) -> None:
    if isinstance(into, list) and isinstance(table, list):
        into.extend(table)
    elif isinstance(into, dict) and isinstance(table, dict):
        for key, value in table.items():
            if isinstance(into.get(key), list) and isinstance(value, list):
                into[key] = into[key] + value
            elif key in into:
                raise PolicyError(f"{where}: {key!r} is in another file, too")
            else:
                into[key] = value
    else:
        raise PolicyError(f"{where}: a table here and a list elsewhere")
