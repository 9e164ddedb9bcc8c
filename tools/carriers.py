"""Build and test the package with the llama.cpp of each release that vendor/carriers.txt lists: docs/carriers.md.

    python tools/carriers.py [VERSION …]

Without arguments all of them are tried, the oldest first, which takes hours; with versions, those alone. What is found
is kept in docs/carriers.json, a row a release, and the table is made of that, so that a row can be had anew without the
others. Each is built in build/carriers/VERSION, from a copy of the sources that are here now, and tested with this
Python, which must have what tests/requirements.txt names.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import NamedTuple

import vendor
from pinned import ROOT, Pin, VendorError, command_line, read_pin_file

LIST = ROOT / "vendor" / "carriers.txt"
RESULTS = ROOT / "docs" / "carriers.json"
TABLE = ROOT / "docs" / "carriers.md"
BUILD = ROOT / "build" / "carriers"
# What a build takes, and its tests.
_COPIED = ("src", "tools", "tests", "docs", "vendor")
_COPIED_FILES = ("build_ffi.py", "setup.py", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE")
_LINE = re.compile(r"([\w.-]+)==([\w.]+) --hash=sha256:([0-9a-f]{64})  # (\d{4}-\d\d-\d\d)(, headers)?")
# The columns of text made: a test each.
_TEXT = {
    "lib": "tests/carriers/test_text.py::test_lib",
    "checked": "tests/carriers/test_text.py::test_checked",
    "classes": "tests/carriers/test_text.py::test_classes",
}
# The tests that make sense with every release: each a process, which a crash would end.
TESTS = ("tests/carriers/test_declarations.py", "tests/carriers/test_wrong_calls.py")
_LIMIT = 3600.0  # seconds for a step
_HEAD = """\
# With which llama.cpp the package works

Nothing in the package goes by llama.cpp's version: whatever its headers declare is there, and what a release lacks is
left out. Here is what that comes to, release by release of the source distribution that carries llama.cpp. The columns:

- **functions**: those that can be called, and, with a plus, how many of today's names stand for earlier ones there
  (`src/native/llamacffi-earlier.h`).
- **generator**, **build**, **import**: whether it takes the headers, the package builds, and can be imported.
- **`lib`**, **checked**, **classes**: whether a real model continues a text as it should by the C functions of `lib`,
  by the checked ones, and by `Model.generate` (`tests/carriers`).
- **tests**: those that make sense for every release: all functions can be called and have documentation; sizes, offsets
  and values are the compiler's; wrong calls raise; what is missing is said.

Asking for a name that a release lacks raises an `AttributeError` that says so. The checks of [wrong
calls](wrong-calls.md) are fewer on an old release: those that need what it lacks are left out, such as those of damaged
files, and without `ggml_set_abort_callback` (0.3.9 and before) a failed assertion still ends the process.

`make carriers` makes this page, and `python tools/carriers.py VERSION` one row of it anew.

"""
_COLUMNS = (
    "release",
    "date",
    "llama.cpp",
    "functions",
    "generator",
    "build",
    "import",
    "`lib`",
    "checked",
    "classes",
    "tests",
)


class Carrier(NamedTuple):
    """A release to try."""

    pin: Pin
    date: str


class StepFailed(Exception):
    """A step that did not succeed, in one line."""


def carriers(headers_only: bool = False) -> list[Carrier]:
    """The releases that the list names, oldest first; those that only the generator is tested with, or the others.

    Raises:
        VendorError: there is no such list, or a line is not as it should be.
    """
    found: list[Carrier] = []
    for line in read_pin_file(LIST).splitlines():
        match = _LINE.fullmatch(line)
        if not match and line and not line.startswith("#"):
            raise VendorError(f"{LIST} has a line that is not NAME==VERSION --hash=sha256:HEX  # DATE: {line}")
        if match and bool(match[5]) == headers_only:
            found.append(Carrier(Pin(*match.groups()[:3]), match[4]))
    return found


def try_one(carrier: Carrier) -> dict[str, str]:
    """Build and test with one release; the row of what was found: `yes`, or what failed, by column.

    Raises:
        VendorError: its source can't be had.
    """
    tree = BUILD / carrier.pin.version
    _copy_sources(tree)
    source = vendor.obtain(tree, pin=carrier.pin)
    row = {"date": carrier.date, "commit": vendor.read_commit(source) or "", "tried": str(datetime.date.today())}
    run = _Steps(tree, source)
    try:
        row["functions"] = run.generate()
        row["generator"] = "yes"
        for step in (run.build, run.import_):
            name = step.__name__.rstrip("_")
            row[name] = "no"
            step()
            row[name] = "yes"
    except StepFailed as failure:
        row[next((name for name in ("import", "build") if name in row), "generator")] = f"no: {failure}"
        return row
    for name, test in _TEXT.items():
        passed, failed = run.test(test)
        row[name] = "yes" if passed and not failed else f"no: {next(iter(failed.values()))}"
    results = [run.test(each) for each in TESTS]
    passed = sum(each for each, _ in results)
    failures = {name: why for _, failed in results for name, why in failed.items()}
    row["tests"] = f"{passed} pass" + (f", {len(failures)} fail" if failures else "")
    row["failures"] = "; ".join(f"{name}: {why}" for name, why in failures.items())
    return row


class _Steps:
    """What is done with one release.

    Args:
        tree: the copy of our sources, and the folder of all that is made.
        source: the release's llama.cpp.
    """

    def __init__(self, tree: Path, source: Path) -> None:
        self._tree = tree
        self._site = tree / "build" / "site"
        self._log = tree / "log.txt"
        self._log.write_bytes(b"")
        self._env = {
            **{name: value for name, value in os.environ.items() if name not in ("CMAKE_ARGS", "LLAMACFFI_PREFIX")},
            "LLAMACFFI_SOURCE_DIR": str(source),
            "PYTHONPATH": str(self._site),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self._source = source

    def generate(self) -> str:
        """Have the generator take the headers; the number of functions."""
        out = self._tree / "build" / "headers"
        self._run(sys.executable, "tools/header_gen", "--source", str(self._source), "--out", str(out))
        functions = json.loads((out / "api.json").read_text("utf-8"))["functions"]
        earlier = sum(each["header"] == "llamacffi-earlier.h" for each in functions)
        return f"{len(functions) - earlier}{f' + {earlier}' if earlier else ''}"

    def build(self) -> None:
        shutil.rmtree(self._site, ignore_errors=True)
        options = ["--no-deps", "--disable-pip-version-check", "--target", str(self._site)]
        self._run(sys.executable, "-m", "pip", "install", *options, ".")

    def import_(self) -> None:
        code = f"import llamacffi; assert llamacffi.__file__.startswith({str(self._site)!r}), llamacffi.__file__"
        self._run(sys.executable, "-c", code)

    def test(self, which: str) -> tuple[int, dict[str, str]]:
        """Run tests; how many pass, and those that fail, each with the reason."""
        report = self._tree / "report.xml"
        report.unlink(missing_ok=True)
        try:
            self._run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", which)
        except StepFailed as failure:
            if not report.exists():  # the process has ended
                return 0, {which: str(failure)}
        passed = 0
        failed: dict[str, str] = {}
        for case in ElementTree.parse(report).iter("testcase"):
            wrong = next((each for each in case if each.tag in ("failure", "error")), None)
            if wrong is not None:
                failed[case.get("name", "")] = (wrong.get("message") or "").splitlines()[0][:200]
            elif not any(each.tag == "skipped" for each in case):
                passed += 1
        return passed, failed

    def _run(self, *command: str) -> None:
        with open(self._log, "ab") as log:
            log.write(f"\n$ {' '.join(command)}\n".encode("utf-8", "surrogateescape"))
            log.flush()
            start = self._log.stat().st_size
            try:
                status = subprocess.run(
                    command,
                    cwd=self._tree,
                    env=self._env,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    timeout=_LIMIT,
                ).returncode
            except subprocess.TimeoutExpired:
                raise StepFailed(f"not done in {_LIMIT:.0f} s") from None
        if status:
            said = self._log.read_bytes()[start:].decode("utf-8", "replace")
            raise StepFailed(_reason(said) if status > 0 else f"ended by signal {-status}: {_reason(said)}")


def _reason(said: str) -> str:
    """The line of a failed command's output that tells most."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    telling = [
        line for line in lines if re.search(r"\berror\b|Error:|llamacffi: ", line) and "error: subprocess" not in line
    ]
    return ([*telling, *lines[-1:], "nothing was said"])[0][:300]


def _copy_sources(tree: Path) -> None:
    """Copy what a build takes to a folder; what was built there is kept."""
    for name in (*_COPIED, *_COPIED_FILES):
        path, copy = ROOT / name, tree / name
        if path.is_dir():
            for old in copy.iterdir() if copy.exists() else ():
                if name != "vendor":
                    shutil.rmtree(old) if old.is_dir() else old.unlink()
            ignored = shutil.ignore_patterns("llama.cpp", ".*", "__pycache__", "*.egg-info")
            shutil.copytree(path, copy, ignore=ignored, dirs_exist_ok=True)
        else:
            tree.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, copy)


def table(rows: dict[str, dict[str, str]]) -> str:
    """The page with the table, from the rows by version."""
    lines = [" | ".join(_COLUMNS), " | ".join("---" for _ in _COLUMNS)]
    notes: list[str] = []
    for carrier in reversed(carriers()):
        version = carrier.pin.version
        row = rows.get(version)
        if not row:
            continue
        cells = [
            version,
            row["date"],
            f"`{row['commit'][:9]}`" if row["commit"] else "not told",
            row.get("functions", ""),
        ]
        for column in ("generator", "build", "import", "lib", "checked", "classes", "tests"):
            answer = row.get(column, "")
            cells.append(answer.partition(":")[0])
            if answer.startswith("no:"):
                notes.append(f"- {version}, {column}: {answer[4:]}")
        if row.get("failures"):
            notes.append(f"- {version}, tests: {row['failures']}")
        lines.append(" | ".join(cells))
    text = _HEAD + "".join(f"| {line} |\n" for line in lines)
    return text + ("\nWhat fails, and why:\n\n" + "\n".join(notes) + "\n" if notes else "")


def _kept() -> dict[str, dict[str, str]]:
    """The rows that were found before, by version."""
    rows: dict[str, dict[str, str]] = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    return rows


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(description="Build and test the package with earlier releases' llama.cpp.")
    parser.add_argument("version", nargs="*", help="a release in vendor/carriers.txt (default: all)")
    parser.add_argument("--table", action="store_true", help="only write the table anew")
    options = parser.parse_args(arguments)

    def run() -> None:
        known = {each.pin.version: each for each in carriers()}
        for version in options.version:
            if version not in known:
                raise VendorError(f"{LIST} has no {version}, only {', '.join(known)}")
        wanted: list[str] = [] if options.table else options.version or list(known)
        for version in wanted:
            print(f"{version}: building and testing in {BUILD / version}", file=sys.stderr, flush=True)
            row = try_one(known[version])
            print(json.dumps(row, indent=1), flush=True)
            rows = {**_kept(), version: row}
            RESULTS.write_text(json.dumps(rows, indent=1, sort_keys=True) + "\n", "utf-8")
        TABLE.write_text(table(_kept()), "utf-8")

    return command_line("carriers.py", run)


if __name__ == "__main__":
    sys.exit(main())
