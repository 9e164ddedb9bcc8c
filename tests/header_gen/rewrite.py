"""Rewrite the expected files of the cases (all, or those named) with what the generator makes of them now.

    python tests/header_gen/rewrite.py [NAME ...]

Then read the difference: whether it is true is for you to say.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import harness


def main() -> None:
    for name in sys.argv[1:] or sorted(path.name for path in harness.CASES.iterdir()):
        expected = harness.CASES / name / "expected"
        expected.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            harness.generated(harness.CASES / name, Path(folder))
            for file, text in harness.comparable(Path(folder), harness.expected(name)).items():
                (expected / file).write_text(text, "utf-8")
            if (expected / "pages").exists():
                harness.generated(harness.CASES / name, Path(folder), "--pages", str(expected / "pages"))


if __name__ == "__main__":
    main()
