"""Modules that the benchmarks compile, loaded from where they were put."""

from __future__ import annotations

import importlib.util
import os
from typing import Any, Union


def load_module(name: str, path: Union[str, os.PathLike[str]]) -> Any:
    """The compiled module of this name in this file."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
