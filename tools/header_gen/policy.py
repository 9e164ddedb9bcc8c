"""What only a person knows: policy.toml, read and checked."""

from __future__ import annotations

import fnmatch
import sys
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


class PolicyError(Exception):
    """policy.toml says something that the generator does not understand."""


@dataclass(frozen=True)
class Policy:
    """The tables of policy.toml, each explained there."""

    headers: list[str]
    cxx_headers: list[str]
    required: list[str]
    sources: list[str]
    modules: dict[str, list[str]]
    loads_backends: list[str]
    replaced: dict[str, str]
    typedefs: dict[str, str]
    skip: dict[str, str]

    def needs_backends(self, function: str) -> bool:
        return any(fnmatch.fnmatchcase(function, pattern) for pattern in self.loads_backends)


def load(path: Path) -> Policy:
    """Read a policy file.

    Raises:
        PolicyError: it is not TOML, or a key is missing or unknown.
        OSError: it can't be read.
    """
    try:
        data: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise PolicyError(f"{path.name}: {error}") from None
    known = {field.name for field in fields(Policy)}
    for what, keys in (("unknown", data.keys() - known), ("missing", known - data.keys())):
        if keys:
            raise PolicyError(f"{path.name}: {what}: {', '.join(sorted(keys))}")
    return Policy(**data)
