"""Check that what people wrote still fits what llama.cpp's headers say.

Every name in policy.toml and policy/ must still mean something in the pinned source, and nothing that is generated or
vendored may be committed.
"""

from __future__ import annotations

import fnmatch
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from string import digits

import vendor
from carrier import ROOT

sys.path.insert(0, str(ROOT / "tools" / "header_gen"))
import policy as policies

_BUILT_IN = ("lib", "include", "cmake", "pkgconfig", "api.json", "cdef.h", "manifest.json", "reference.txt")
GENERATED = ["vendor/llama.cpp", "build", "dist", *(f"src/llamacffi/{name}" for name in _BUILT_IN)]


def stale_policy(source: Path) -> list[str]:
    """What the policy says of nothing that is in the headers."""
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, str(ROOT / "tools" / "header_gen"), "--source", str(source), "--out", out]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        api = json.loads(Path(out, "api.json").read_text("utf-8"))
        parameters = _parameters(Path(out, "reference.txt").read_text("utf-8"))
    policy = policies.load(ROOT / "tools" / "header_gen" / "policy.toml")
    functions = [function["name"] for function in api["functions"]]
    modules = {function["module"] for function in api["functions"]}
    skipped = {each["name"] for each in api["skipped"]}
    structs = {struct["name"] for struct in api["structs"]}
    stale = [f"headers: {pattern}" for pattern in policy.headers if not list(source.glob(pattern))]
    stale += [f"sources: {folder}" for folder in policy.sources if not (source / folder).is_dir()]
    stale += [f"loads_backends: {each}" for each in policy.loads_backends if not fnmatch.filter(functions, each)]
    installed = [header for headers in policy.installed.values() for header in headers]
    stale += [f"installed: {header}" for header in installed if not _is_public(header, source)]
    stale += [f"modules: {name}" for name in policy.modules if name not in modules]
    stale += [f"skip: {name}" for name in policy.skip if name not in skipped]
    stale += [f"typedefs: {name}" for name, to in policy.typedefs.items() if to.split()[1] not in structs]
    stale += [f"handles: {name}" for names in policy.handles.values() for name in names if name not in structs]
    return stale + list(_stale_functions(policy, parameters))


def _is_public(header: str, source: Path) -> bool:
    return any(next(source.glob(f"{folder}/{header}"), None) for folder in ("include", "ggml/include", "tools/mtmd"))


def _parameters(reference: str) -> dict[str, list[str]]:
    """The parameters' names of each function, as guards and Python have them."""
    found: dict[str, list[str]] = {}
    for record in reference.split("\f\n"):
        name, parameters = record.split("\n")[:2]
        found[name] = re.findall(r"(?:^| )(\w+)", parameters)
    return found


def _stale_functions(policy: policies.Policy, parameters: dict[str, list[str]]) -> Iterator[str]:
    """The names and patterns of functions that match none, or none with a parameter that is named."""
    for table in ("replaced", "measures", "failure", "around", "after", "implemented"):
        yield from _unmatched(table, getattr(policy, table), [], parameters)
    for table in ("quick", "computes", "exclusive"):
        yield from _unmatched(table, getattr(policy, table).get("functions", []), [], parameters)
    for table in ("nullable", "any_enum", "paths", "reads", "sizes", "keeps"):
        for key, names in getattr(policy, table).items():
            yield from _unmatched(table, [key], [name for name in names if name != "*"], parameters)
    for key, name in policy.frees.items():
        yield from _unmatched("frees", [key], [name], parameters)
    # A check may name several by what they begin with: `ne` of ne0, ne1, ….
    numbered = {function: [*names, *(name.rstrip(digits) for name in names)] for function, names in parameters.items()}
    for key, checks in policy.checks.items():
        yield from _unmatched("checks", [key], [argument for argument, _, _ in checks], numbered)


def _unmatched(
    table: str, keys: Iterable[str], names: Iterable[str], parameters: dict[str, list[str]]
) -> Iterator[str]:
    for pattern in (pattern for key in keys for pattern in key.split()):
        functions = fnmatch.filter(parameters, pattern)
        if not functions:
            yield f"{table}: {pattern}"
            continue
        taken = {name for function in functions for name in parameters[function]}
        yield from (f"{table}: {pattern}: {name}" for name in dict.fromkeys(names) if name not in taken)


def committed() -> list[str]:
    """Files under git that are generated or another's."""
    done = subprocess.run(["git", "ls-files", *GENERATED], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.split()


def main() -> int:
    stale = stale_policy(vendor.obtain(ROOT))
    problems = [f"policy: nothing matches {line}" for line in stale]
    problems += [f"{path}: is generated, and must not be committed" for path in committed()]
    for problem in problems:
        print(problem, file=sys.stderr)
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
