"""All the benchmarks, one after another."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPTS = [
    "import_cost",
    "wheel",
    "calls",
    "arrays",
    "tokenizing",
    "sampler",
    "generate",
    "generate_small",
    "generate_many",
    "memory",
    "bindings",
]


def main() -> None:
    folder = Path(__file__).resolve().parent
    for name in SCRIPTS:
        print(f"\n== {name}", flush=True)
        subprocess.run([sys.executable, str(folder / f"{name}.py")], check=True)


if __name__ == "__main__":
    main()
