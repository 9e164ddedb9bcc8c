"""What only a person knows: policy.toml, read and checked."""

from __future__ import annotations

import fnmatch
import sys
from dataclasses import dataclass
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
        PolicyError: a key is missing or unknown.
    """
    data: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
    try:
        return Policy(**data)
    except TypeError as error:
        raise PolicyError(f"{path.name}: {str(error).replace('Policy.__init__() ', '')}") from None
