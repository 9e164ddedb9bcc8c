"""The CPU's variants: the best that the processor can run is chosen, or the one that LLAMACFFI_CPU_VARIANT names.

What the processor can run is read in the kernel's list of its flags; what a variant needs, in upstream's CMake files.
A wheel has all variants, and is what these tests need.
"""

from __future__ import annotations

import json
import platform
import re
import shutil
import sys
from pathlib import Path

import pytest

import llamacffi
import vendor
from fixture_types import Run
from known_text import COUNT, COUNTED
from pinned import ROOT

pytestmark = pytest.mark.skipif(
    not (sys.platform.startswith("linux") and platform.machine() == "x86_64"), reason="reads x86 flags in /proc/cpuinfo"
)

# What upstream calls a feature, and the flags of the kernel that make it; each is worth more than all before it.
FEATURES = {
    "SSE42": ["sse4_2"],
    "AVX": ["avx"],
    "F16C": ["f16c"],
    "FMA": ["fma"],
    "BMI2": ["bmi2"],
    "AVX2": ["avx2"],
    "AVX_VNNI": ["avx_vnni"],
    "AVX512": ["avx512f", "avx512cd", "avx512vl", "avx512dq", "avx512bw"],
    "AVX512_VBMI": ["avx512vbmi"],
    "AVX512_BF16": ["avx512_bf16"],
    "AVX512_VNNI": ["avx512_vnni"],
    "AMX_TILE": ["amx_tile"],
    "AMX_INT8": ["amx_int8"],
}

# Prints the score of each variant in the package.
SCORES = """
import json
from llamacffi import backends, lib
from llamacffi.native import encode_path
scores = {}
for variant, path in backends._modules()["cpu"].items():
    scores[variant] = lib.llamacffi_module_score(lib.llamacffi_module_open(encode_path(path)))
print(json.dumps(scores))
"""

# Prints the variant that is loaded, and the CPU's modules in this process's memory map; or the error.
LOADED = """
import llamacffi
try:
    llamacffi.ggml_backend_dev_count()
except llamacffi.BackendError as error:
    print(error)
else:
    print(*(each.variant for each in llamacffi.backends.backends() if each.name == "cpu"))
with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
    print(*{line.rstrip().rpartition("libggml-cpu-")[2][:-3] for line in maps if "libggml-cpu-" in line})
"""


@pytest.fixture(scope="module")
def needs() -> dict[str, list[str]]:
    """Upstream's variants, and the features that each needs."""
    text = (vendor.obtain(ROOT) / "ggml" / "src" / "CMakeLists.txt").read_text("utf-8")
    (x86,) = re.findall(r'STREQUAL "x86"\)\n(\s+ggml_add_cpu_backend_variant\(x64\).*?)elseif', text, re.DOTALL)
    return {
        name: features.split()
        for name, features in re.findall(r"^\s*ggml_add_cpu_backend_variant\((\w+)(.*)\)", x86, re.MULTILINE)
    }


@pytest.fixture(scope="module")
def runnable(needs: dict[str, list[str]]) -> list[str]:
    """The variants whose flags this processor has, the best first."""
    found = re.search(r"^flags\s*:(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    assert found
    flags = set(found[1].split())
    can = [name for name in needs if flags.issuperset(flag for each in needs[name] for flag in FEATURES[each])]
    return sorted(can, key=lambda name: [each in needs[name] for each in reversed(FEATURES)], reverse=True)


@pytest.fixture
def package(needs: dict[str, list[str]], tmp_path: Path) -> Path:
    """A copy of the package, with all variants."""
    copy = tmp_path / "llamacffi"
    shutil.copytree(Path(llamacffi.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    if not all(module(copy / "lib", name).exists() for name in needs):
        pytest.skip("a build for this machine has one variant: make wheel, and make test WHEEL=dist/….whl")
    return copy


def module(folder: Path, variant: str) -> Path:
    return folder / f"libggml-cpu-{variant}.so"


def test_upstream_has_no_feature_that_we_do_not_know(needs: dict[str, list[str]]) -> None:
    assert len(needs) >= 14
    assert {each for features in needs.values() for each in features} == set(FEATURES)


def test_a_variant_has_a_score_where_its_flags_are_there(
    run_python: Run, package: Path, needs: dict[str, list[str]], runnable: list[str]
) -> None:
    scores = json.loads(run_python("-c", SCORES, PYTHONPATH=str(package.parent)).stdout)
    assert set(scores) == set(needs)
    assert {name for name, score in scores.items() if score > 0} == set(runnable)


def test_the_best_is_chosen_of_whichever_there_are(run_python: Run, package: Path, runnable: list[str]) -> None:
    for best in runnable:
        done = run_python("-c", LOADED, PYTHONPATH=str(package.parent))
        assert done.stdout.splitlines() == [best, best], done.stderr
        module(package / "lib", best).unlink()
    done = run_python("-c", LOADED, PYTHONPATH=str(package.parent))
    assert done.stdout == f"the CPU backend in {package / 'lib'} does not load: it can't run on this machine\n\n"


def test_the_variable_decides(run_python: Run, package: Path, runnable: list[str]) -> None:
    for name in runnable:
        done = run_python("-c", LOADED, PYTHONPATH=str(package.parent), LLAMACFFI_CPU_VARIANT=name)
        assert done.stdout.splitlines() == [name, name], done.stderr
    for same in (runnable[-1].upper(), f" {runnable[-1]} "):
        done = run_python("-c", LOADED, PYTHONPATH=str(package.parent), LLAMACFFI_CPU_VARIANT=same)
        assert done.stdout.splitlines() == [runnable[-1]] * 2, done.stderr
    done = run_python("-c", LOADED, PYTHONPATH=str(package.parent), LLAMACFFI_CPU_VARIANT="")
    assert done.stdout.splitlines() == [runnable[0]] * 2, done.stderr


def test_same_text_from_the_best_and_the_simplest(
    run_python: Run, package: Path, runnable: list[str], model_path: str
) -> None:
    assert runnable[0] != runnable[-1] == "x64"
    for name in (runnable[0], "x64"):
        command = ["-m", "llamacffi", "generate", "-m", model_path, *COUNT]
        done = run_python(*command, PYTHONPATH=str(package.parent), LLAMACFFI_CPU_VARIANT=name)
        assert (done.returncode, done.stdout, done.stderr) == (0, COUNTED + "\n", "")


def test_unknown_variant(run_python: Run, package: Path, needs: dict[str, list[str]]) -> None:
    done = run_python("-c", LOADED, PYTHONPATH=str(package.parent), LLAMACFFI_CPU_VARIANT="pentium")
    listed = ", ".join(sorted(needs))
    problem = f"there is no CPU variant 'pentium' in {package / 'lib'}, only {listed}"
    assert done.stdout == f"LLAMACFFI_CPU_VARIANT=pentium: {problem}\n\n"
    done = run_python("-m", "llamacffi", "info", PYTHONPATH=str(package.parent), LLAMACFFI_CPU_VARIANT="pentium")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"llamacffi: LLAMACFFI_CPU_VARIANT=pentium: {problem}\n"


def test_variant_that_this_processor_can_not_run(
    run_python: Run, package: Path, needs: dict[str, list[str]], runnable: list[str]
) -> None:
    alien = sorted(set(needs) - set(runnable))
    if not alien:
        pytest.skip("this processor can run them all")
    for name in alien:
        done = run_python("-c", LOADED, PYTHONPATH=str(package.parent), LLAMACFFI_CPU_VARIANT=name)
        problem = f"this processor lacks what it needs; what it can run: {', '.join(runnable)}"
        assert done.stdout == f"LLAMACFFI_CPU_VARIANT={name}: {problem}\n\n", done.stderr  # nor is any module left open


def test_variant_that_is_damaged(run_python: Run, package: Path, runnable: list[str]) -> None:
    damaged = module(package / "lib", runnable[0])
    damaged.write_bytes(b"not a library")
    done = run_python("-c", LOADED, PYTHONPATH=str(package.parent), LLAMACFFI_CPU_VARIANT=runnable[0])
    assert done.stdout.startswith(f"LLAMACFFI_CPU_VARIANT={runnable[0]}: {damaged}: ")  # the dynamic linker's words
    assert done.stdout.endswith(f"; what it can run: {', '.join(runnable[1:])}\n\n")
    done = run_python("-c", LOADED, PYTHONPATH=str(package.parent))
    assert done.stdout.splitlines() == [runnable[1]] * 2, done.stderr
