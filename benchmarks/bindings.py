"""The bindings of llama.cpp that pip installs, side by side: what each has, what its calls cost, what wrong calls do.

    python benchmarks/bindings.py [NAME …]      all, or ours and these

Each is installed into an environment of its own in build/bindings, from its wheel, or, where PyPI has none, from its
source distribution, whose compilation takes as long as llama.cpp's. One whose libraries don't load on this system is
asked in a Debian 13, where one can be made (tools/debian_tree.py). All are measured in one run, each against the
headers of the llama.cpp that it carries, and against ctypes in its own process.

What a header says is read with the compiler from the source distributions of llama-cpp-python, which have llama.cpp
inside. Of the other packages' own commits there is no such archive. There a constant counts as wrong if it differs from
what several releases around theirs all say, and a struct's size if the package's own library writes more or less.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple, Optional

from timing import verdict

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))

import debian_tree  # noqa: E402
import demo_model  # noqa: E402
import vendor  # noqa: E402

BUILD = ROOT / "build" / "bindings"
PROBE = Path(__file__).resolve().parent / "programs" / "binding_probe.py"
PIP = ["-m", "pip", "--disable-pip-version-check"]
NEWER = "trixie"
LIMIT = 120  # seconds for one wrong call

# llama-cpp-python's source distributions, by version.
SDISTS = {
    "0.3.36": "832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e",
    "0.3.35": "1139dbb54509074b70893fab8554e3b079aa9f4d312058ce4018ef0019e3de12",
    "0.3.28": "958227b394f413425d6039952096daa0b8b98328c6b99d652862aec775f1672d",
    "0.3.9": "a3a985f558385e2f5de5b663f4e9b0817506d6af98122450142cd98e79216370",
    "0.3.8": "31c91323b555c025a76a30923cead9f5695da103dd68c15cdbb4509b17f0ed77",
}


class Package(NamedTuple):
    """What is compared.

    Attributes:
        name, version: as pip knows the binding.
        headers: the version of SDISTS that has its llama.cpp, or those around it.
        lacks: what it imports and does not name among its requirements.
    """

    name: str
    version: str
    headers: tuple[str, ...]
    lacks: tuple[str, ...] = ()

    @property
    def requirements(self) -> list[str]:
        return [f"{self.name}=={self.version}", *self.lacks]

    @property
    def folder(self) -> Path:
        return BUILD / f"{self.name}-{self.version}"


OTHERS = [
    Package("llama-cpp-python", "0.3.36", ("0.3.36",)),
    Package("llama-cpp-py-sync", "0.11739", ("0.3.36", "0.3.35", "0.3.28")),
    Package("llama-cpp-cffi", "0.4.42", ("0.3.9", "0.3.8"), lacks=("cffi",)),
    Package("xllamacpp", "2026.10.11549", ("0.3.36", "0.3.35", "0.3.28")),
]
OURS = "llamacffi"


class Place(NamedTuple):
    """An interpreter that has a binding.

    Attributes:
        command: starts it.
        folder: of its files, as it sees them.
        name: for a person.
        outside: that folder, as this process sees it.
    """

    command: list[str]
    folder: Path
    name: str
    outside: Path

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        env = {
            "LC_ALL": "C.UTF-8",
            "LD_LIBRARY_PATH": str(self.folder / "lib"),
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/root",
            "GGML_NO_BACKTRACE": "1",
            "LLAMA_CPP_BACKEND": "cpu",
        }
        try:
            return subprocess.run(
                [*self.command, *arguments],
                env=env,
                cwd=tempfile.gettempdir(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=LIMIT,
            )
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(self.command, 124, "", "hung")

    def probe(self, binding: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run(str(self.folder / PROBE.name), binding, *arguments)

    def answer(self, binding: str, *arguments: str) -> Any:
        done = self.probe(binding, *arguments)
        if done.returncode:
            raise SystemExit(f"{binding} {arguments[0]}: status {done.returncode}\n{done.stderr[-2000:]}")
        return json.loads(done.stdout.splitlines()[-1])

    def loads(self, binding: str) -> str:
        """The reason why it does not, "" if it does."""
        done = self.probe(binding, "load", str(self.folder / "model.gguf"))
        if not done.returncode:
            return ""
        lines = [line for line in done.stderr.splitlines() if line.strip()] or [f"status {done.returncode}"]
        wanted = re.search(
            r"(undefined symbol: \w+|version `\w+_[\d.]+' not found|\S+: cannot open shared object)", done.stderr
        )
        return wanted[1] if wanted else lines[-1][-200:]


# Environments


def wheel_of(package: Package) -> Path:
    """Its wheel, built if PyPI has only its source."""
    folder = package.folder / "wheel"
    if not any(folder.glob("*.whl")):
        launcher = shutil.which("ccache")
        ccache = {f"CMAKE_{each}_COMPILER_LAUNCHER": launcher for each in ("C", "CXX")} if launcher else {}
        requirement = package.requirements[0]
        print(f"obtaining {requirement}", file=sys.stderr, flush=True)
        command = [sys.executable, *PIP, "wheel", "-q", "--no-deps", f"--wheel-dir={folder}", requirement]
        subprocess.run(command, env={**os.environ, **ccache}, check=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


def _fill(folder: Path) -> None:
    """What a probe needs."""
    shutil.copy(PROBE, folder)
    if not (folder / "model.gguf").exists():
        shutil.copy(demo_model.obtain(), folder / "model.gguf")


def here(package: Package, wheel: Path) -> Place:
    """An environment of this interpreter."""
    python = package.folder / "env" / "bin" / "python"
    if not (package.folder / "installed").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(package.folder / "env")], check=True)
        subprocess.run([str(python), *PIP, "install", "-q", str(wheel), *package.lacks], check=True)
        (package.folder / "installed").touch()
    _fill(package.folder)
    return Place([str(python)], package.folder, "here", package.folder)


def newer(package: Package) -> Place:
    """An environment in a Debian 13. That has no network: pip finds what it needs in a folder.

    Nor has it GCC's OpenMP library, which most systems have, and which some bindings expect: it gets this machine's.

    Raises:
        VendorError: this machine can't make one.
    """
    tree = debian_tree.obtain(NEWER)
    inside = Path("/opt/bindings") / package.name
    outside = Path(f"{tree}{inside}")
    # With /proc, which some bindings read, for as long as it runs.
    enter = 'mount --bind /proc "$0/proc" && exec chroot "$0" "$@"'
    command = ["unshare", "--mount", "sh", "-c", enter, str(tree), f"{inside}/env/bin/python"]
    if not (outside / "installed").exists():
        shutil.rmtree(outside, ignore_errors=True)
        outside.mkdir(parents=True)
        code = "import sys; print('%d.%d' % sys.version_info[:2])"
        version = debian_tree.run(tree, "python3", "-c", code).stdout.strip()
        options = ["-q", "--only-binary=:all:", "--implementation=cp", f"--python-version={version}"]
        subprocess.run(
            [sys.executable, *PIP, "download", *options, f"--dest={outside}/wheels", *package.requirements], check=True
        )
        for arguments in (
            ["python3", "-m", "venv", f"{inside}/env"],
            [
                f"{inside}/env/bin/python",
                *PIP,
                "install",
                "--no-index",
                f"--find-links={inside}/wheels",
                *package.requirements,
            ],
        ):
            done = debian_tree.run(tree, *arguments)
            if done.returncode:
                raise SystemExit(f"{' '.join(arguments)}: {done.stderr[-2000:]}")
        shutil.rmtree(outside / "wheels")
        (outside / "lib").mkdir()
        openmp = subprocess.run(["cc", "-print-file-name=libgomp.so.1"], capture_output=True, text=True, check=True)
        shutil.copy(openmp.stdout.strip(), outside / "lib")
        (outside / "installed").touch()
    _fill(outside)
    return Place(command, inside, "Debian 13", outside)


def on_pypy(name: str, wheel: Optional[Path], folder: Path) -> str:
    """Whether it is installed there from its wheel, is imported, and reads a model."""
    pypy = shutil.which("pypy3", path=os.defpath)
    if not pypy:
        return "not tried: no pypy3 here"
    if not wheel:
        return "not tried: no wheel (make wheel)"
    env = folder / "pypy"
    python = env / "bin" / "python"
    if not python.exists():
        subprocess.run([pypy, "-m", "venv", str(env)], check=True)
    install = [str(python), *PIP, "install", "-q", "--prefer-binary", str(wheel)]
    done = subprocess.run(install, capture_output=True, text=True)
    if done.returncode:
        return "not installed: " + [line for line in done.stderr.splitlines() if line.startswith("ERROR")][-1][7:]
    _fill(folder)
    reason = Place([str(python)], folder, "PyPy", folder).loads(name)
    return f"installed, does not load: {reason}" if reason else "yes"


def platforms(package: Package) -> list[str]:
    """Of some kinds of machine, those that the index has a wheel for."""
    linux = [f"--platform=manylinux{version}" for version in ("2014", "_2_28", "_2_34", "_2_39")]
    asked = {
        "Linux x86-64": [f"{each}_x86_64" for each in linux],
        "Linux arm64": [f"{each}_aarch64" for each in linux],
        "macOS arm64": ["--platform=macosx_14_0_arm64"],
        "Windows": ["--platform=win_amd64"],
    }
    options = ["--dry-run", "-q", "--no-deps", "--only-binary=:all:", "--python-version=3.12", "--target=unused"]
    command = [sys.executable, *PIP, "install", *options, package.requirements[0]]
    return [
        name for name, tags in asked.items() if not subprocess.run([*command, *tags], capture_output=True).returncode
    ]


# Headers


class Headers(NamedTuple):
    """What the headers of one llama.cpp declare: names of functions, values of constants, sizes of structs in bytes."""

    functions: list[str]
    constants: dict[str, Any]
    structs: dict[str, int]
    returned: dict[str, str]  # by struct: a function that takes nothing and returns one


def headers(version: str) -> Headers:
    """Those that llama-cpp-python's source distribution of this version has: of the libraries, the CPU's and RPC's."""
    folder = BUILD / f"llama.cpp-of-{version}"
    out = folder / "generated"
    if not (out / "api.json").exists():
        (folder / "vendor").mkdir(parents=True, exist_ok=True)
        pin = f"llama-cpp-python=={version} --hash=sha256:{SDISTS[version]}\n"
        (folder / "vendor" / "requirements.txt").write_text(pin, "ascii")
        generator = [sys.executable, str(ROOT / "tools" / "header_gen"), "--source", str(vendor.obtain(folder))]
        subprocess.run([*generator, "--out", str(out)], check=True, stdout=subprocess.DEVNULL)
    api = json.loads((out / "api.json").read_text("utf-8"))
    values = [*api["constants"], *(value for enum in api["enums"] for value in enum["values"])]
    structs = {each["name"]: each["size"] for each in api["structs"] if each.get("size")}
    makers = {
        each["returns"].replace("struct ", ""): each["name"] for each in api["functions"] if not each["parameters"]
    }
    return Headers(
        [each["name"] for each in api["functions"] if each["module"] in ("", "cpu", "rpc")],
        {each["name"]: each["value"] for each in values if isinstance(each["value"], (int, float))},
        structs,
        {name: maker for name, maker in makers.items() if structs.get(name, 0) > 16},
    )


def wrong_constants(found: dict[str, Any], known: list[Headers]) -> list[str]:
    """Those that differ from what all of the headers say."""
    said = {name: {each.constants.get(name) for each in known} for name in found}
    return [
        f"{name}: {value}, not {next(iter(said[name]))}"
        for name, value in found.items()
        if len(said[name]) == 1 and value not in said[name]
    ]


def wrong_structs(facts: dict[str, Any], known: list[Headers]) -> list[str]:
    """Those whose size differs from the library's; where the headers are its own, from theirs."""
    right = {**(known[0].structs if len(known) == 1 else {}), **{k: v for k, v in facts["written"].items() if v}}
    sizes = facts["structs"].items()
    return [f"{name}: {size}, not {right[name]}" for name, size in sizes if right.get(name, size) != size]


# Wheels


def wheel_facts(wheel: Path) -> dict[str, Any]:
    """Its size, what its tag promises, what its libraries need, and what is inside."""
    with zipfile.ZipFile(wheel) as archive, tempfile.TemporaryDirectory() as folder:
        names = archive.namelist()
        libraries = [name for name in names if re.search(r"\.so(\.\d+)*$", name)]
        needs: dict[str, tuple[int, ...]] = {}
        for name in libraries:
            done = subprocess.run(
                ["readelf", "-V", "-W", archive.extract(name, folder)], capture_output=True, text=True, check=True
            )
            for library, version in re.findall(r"Name: (GLIBC|GLIBCXX|CXXABI)_([\d.]+)", done.stdout):
                needs[library] = max(needs.get(library, (0,)), tuple(map(int, version.split("."))))
        metadata = archive.read(next(name for name in names if name.endswith(".dist-info/METADATA"))).decode()
    devices = r"(cuda|vulkan|hip|rocm|metal|sycl)"
    extras = re.findall(r"^Provides-Extra: (.+)$", metadata, re.MULTILINE)
    return {
        "wheel": wheel.name,
        "MB": wheel.stat().st_size / 1e6,
        "tag": wheel.stem.split("-")[-1],
        "needs": {library: ".".join(map(str, version)) for library, version in needs.items()},
        "GPU inside": sorted({found[0] for name in libraries for found in [re.findall(devices, name)] if found}),
        "GPU add-ons": [extra for extra in extras if re.search(devices, extra)],
        "headers": sum(bool(re.search(r"/(llama|ggml[\w-]*|gguf|mtmd[\w-]*)\.h$", name)) for name in names),
        "libllama": sum(bool(re.search(r"lib(llamacffi-)?llama\.(so|dylib|dll)", name)) for name in names),
        "CMake, pkg-config": sum(name.endswith((".cmake", ".pc")) for name in names),
        "type stubs": sum(name.endswith(("py.typed", ".pyi")) for name in names),
    }


# All of it


def measure(name: str, place: Place, known: list[Headers]) -> dict[str, Any]:
    """What the probe finds out about a binding in this place."""
    newest = known[0]
    names = {**newest._asdict(), "constants": list(newest.constants), "structs": list(newest.structs)}
    (place.outside / "names.json").write_text(json.dumps(names), "utf-8")
    facts = place.answer(name, "facts", str(place.folder / "names.json"))
    result: dict[str, Any] = {
        "measured": place.name,
        "functions": len(facts["functions"]),
        "of functions": len(newest.functions),
        "constants": len(facts["constants"]),
        "of constants": len(newest.constants),
        "wrong constants": wrong_constants(facts["constants"], known) + facts["unreadable"],
        "structs": len(facts["structs"]),
        "of structs": len(newest.structs),
        "wrong structs": wrong_structs(facts, known),
        "more": facts["more"],
    }
    if "llama_model_load_from_file" in facts["functions"]:
        result.update(calls(name, place))
    return result


def calls(name: str, place: Place) -> dict[str, Any]:
    """What calls cost, and what comes of wrong ones."""
    model = str(place.folder / "model.gguf")
    prices = place.answer(name, "prices", model)
    outcomes: dict[str, str] = {}
    for case in place.answer(name, "cases"):
        done = place.probe(name, "wrong", case, model)
        last = (done.stdout.splitlines() or [""])[-1]
        if done.returncode == 124:
            outcomes[case] = "hung"
        elif done.returncode < 0:
            outcomes[case] = f"killed by signal {-done.returncode}"
        elif done.returncode:
            outcomes[case] = f"failed: {done.stderr[-300:]}"
        else:
            outcomes[case] = last
    return {
        "prices": prices,
        "price": statistics.geometric_mean(each["ratio"] for each in prices.values()),
        "outcomes": outcomes,
        "outcome": dict(Counter(outcome.split()[0].rstrip(":") for outcome in outcomes.values())),
    }


def ours() -> dict[str, dict[str, Any]]:
    """Our two lower tiers, as they are installed beside this interpreter, and our wheels, if they are built."""
    folder = BUILD / OURS
    folder.mkdir(parents=True, exist_ok=True)
    _fill(folder)
    place = Place([sys.executable], folder, "here", folder)
    wheels = {kind: next((ROOT / "dist").glob(f"llamacffi-*{kind}*.whl"), None) for kind in ("-abi3-", "-pp")}
    known = [headers("0.3.36")]
    shared: dict[str, Any] = {"loads here": True, "PyPy": on_pypy(OURS, wheels["-pp"], folder)}
    if wheels["-abi3-"]:
        shared.update(wheel_facts(wheels["-abi3-"]))
    return {
        f"{OURS}, lib": {**shared, **measure(OURS, place, known)},
        f"{OURS}, checked": {**shared, **measure(f"{OURS}-checked", place, known)},
    }


def theirs(package: Package) -> dict[str, Any]:
    """One of the others, measured where its libraries load."""
    wheel = wheel_of(package)
    pypy = on_pypy(package.name, wheel, package.folder)
    result = {**wheel_facts(wheel), "wheels for": platforms(package), "PyPy": pypy}
    place = here(package, wheel)
    reason = place.loads(package.name)
    result["loads here"] = reason or True
    if reason:
        try:
            place = newer(package)
        except debian_tree.VendorError as error:
            return {**result, "measured": f"does not load here; {error}"}
        reason = place.loads(package.name)
        if reason:
            return {**result, "measured": f"does not load here, nor in Debian 13: {reason}"}
    return {**result, **measure(package.name, place, [headers(version) for version in package.headers])}


def main(*only: str) -> None:
    BUILD.mkdir(parents=True, exist_ok=True)
    results = ours()
    for package in [each for each in OTHERS if not only or each.name in only]:
        results[f"{package.name} {package.version}"] = theirs(package)
    (BUILD / "results.json").write_text(json.dumps(results, indent=1), "utf-8")
    for name, result in results.items():
        print(f"\n{name}")
        for what, value in result.items():
            if what == "prices":
                ns = ", ".join(f"{each} {price['binding']:.0f}/{price['ctypes']:.0f}" for each, price in value.items())
                print(f"    ns a call, its own/ctypes: {ns}")
            elif what == "outcomes":
                for case, outcome in value.items():
                    print(f"    wrong call, {case}: {outcome[:100]}")
            else:
                print(f"    {what}: {f'{value:.2f}' if isinstance(value, float) else value}")
    print()
    checked = results[f"{OURS}, checked"]
    share = checked["functions"] / checked["of functions"]
    print(verdict("functions that can be called", share, 1.0, at_most=False))
    ended = len(checked["outcomes"]) - sum(checked["outcome"].get(each, 0) for each in ("raised", "returned"))
    print(verdict("wrong calls of checked functions that end the process", ended, 0, at_most=True))
    wrong = len(checked["wrong constants"]) + len(checked["wrong structs"])
    print(verdict("wrong constants and sizes", wrong, 0, at_most=True))


if __name__ == "__main__":
    main(*sys.argv[1:])
