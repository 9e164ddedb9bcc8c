"""The programs in C and C++ that the benchmarks compare with, compiled once, in build/."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import llamacffi

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
import demo_model
import tiny_models
import vendor
from pinned import ROOT

__all__ = ["ROOT", "build", "demo_model", "in_turn", "json_lines", "output", "tiny_models"]

Result = TypeVar("Result")

SOURCE = Path(__file__).resolve().parent / "programs"


def build(name: str) -> Path:
    """Compile one of them against the package's libraries, unless that is done; its path."""
    folder = ROOT / "build" / "programs"
    libraries = Path(llamacffi.get_library_dir())
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    cmake = shutil.which("cmake", path=path)
    assert cmake, "the benchmarks need CMake"
    options = {"SOURCE": str(vendor.obtain(ROOT)), "LIBRARIES": str(libraries)}
    launcher = shutil.which("ccache")
    if launcher:
        options.update(CMAKE_C_COMPILER_LAUNCHER=launcher, CMAKE_CXX_COMPILER_LAUNCHER=launcher)
    for command in (
        [cmake, "-S", str(SOURCE), "-B", str(folder), *(f"-D{option}={value}" for option, value in options.items())],
        [cmake, "--build", str(folder), "--target", name, "--parallel"],
    ):
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    program = folder / "bin" / name
    # It looks for backends beside itself.
    for module in libraries.glob("*ggml-*"):
        link = program.parent / module.name
        if not module.name.startswith("libllamacffi"):
            link.unlink(missing_ok=True)
            link.symlink_to(module)
    return program


def output(*command: object) -> str:
    """What a program writes, started once the spinning threads of the last one are at rest."""
    time.sleep(0.03)
    done = subprocess.run(list(map(str, command)), check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return done.stdout.decode()


def json_lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def in_turn(rounds: int, ways: Mapping[str, Callable[[], Result]]) -> dict[str, list[Result]]:
    """Call each of the ways in each round, forth and back; each way's results, in the order of the rounds."""
    results: dict[str, list[Result]] = {name: [] for name in ways}
    for number in range(rounds):
        for name in ways if number % 2 else reversed(list(ways)):
            results[name].append(ways[name]())
    return results
