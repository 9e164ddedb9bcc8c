"""Check that what people wrote still fits what llama.cpp's headers say.

Every name in policy.toml and in the facade must still mean something in the pinned source, and nothing that is
generated or vendored may be committed.
"""

from __future__ import annotations

import fnmatch
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import vendor
from carrier import ROOT

sys.path.insert(0, str(ROOT / "tools" / "header_gen"))
import policy as policies

GENERATED = ["vendor/llama.cpp", "build", "dist", *(f"src/llamacffi/{name}" for name in ("lib", "include", "api.json"))]


def stale_policy(source: Path) -> list[str]:
    """The lines of policy.toml that match nothing in the headers."""
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, str(ROOT / "tools" / "header_gen"), "--source", str(source), "--out", out]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        api = json.loads(Path(out, "api.json").read_text("utf-8"))
    policy = policies.load(ROOT / "tools" / "header_gen" / "policy.toml")
    functions = [function["name"] for function in api["functions"]]
    modules = {function["module"] for function in api["functions"]}
    skipped = {each["name"] for each in api["skipped"]}
    structs = {struct["name"] for struct in api["structs"]}
    stale = [f"headers: {pattern}" for pattern in policy.headers if not list(source.glob(pattern))]
    stale += [f"sources: {folder}" for folder in policy.sources if not (source / folder).is_dir()]
    stale += [f"loads_backends: {each}" for each in policy.loads_backends if not fnmatch.filter(functions, each)]
    stale += [f"modules: {name}" for name in policy.modules if name not in modules]
    stale += [f"skip: {name}" for name in policy.skip if name not in skipped]
    stale += [f"typedefs: {name}" for name, to in policy.typedefs.items() if to.split()[1] not in structs]
    return stale


def committed() -> list[str]:
    """Files under git that are generated or another's."""
    done = subprocess.run(["git", "ls-files", *GENERATED], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.split()


def main() -> int:
    stale = stale_policy(vendor.obtain(ROOT))
    problems = [f"policy.toml: nothing matches {line}" for line in stale]
    problems += [f"{path}: is generated, and must not be committed" for path in committed()]
    for problem in problems:
        print(problem, file=sys.stderr)
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
