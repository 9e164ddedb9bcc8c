"""Modules from files that are on no search path."""

from __future__ import annotations

import importlib.util
import os
from typing import Any, Union


def load_module(name: str, path: Union[str, os.PathLike[str]]) -> Any:
    """The module in this file, Python's or compiled, under this name."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec
    module = importlib.util.module_from_spec(spec)
    loader: Any = spec.loader
    loader.exec_module(module)
    return module
