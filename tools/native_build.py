"""Build llama.cpp's libraries and backend modules with CMake (src/native/CMakeLists.txt), for setup.py.

Environment: `CMAKE_ARGS`, further arguments for CMake, as everywhere in this ecosystem; `LLAMACFFI_CPU_VARIANTS`, the
CPU modules to build: unset, the one that suits this machine best; `all`; or names such as `haswell,x64`.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shlex
import shutil
import subprocess
from pathlib import Path

from pinned import ROOT

NATIVE = ROOT / "src" / "native"
# Where upstream knows how to build one module per CPU variant.
_VARIANTS_KNOWN = re.compile(r"x86_64|amd64|aarch64|arm64|ppc64|ppc64le|s390x|riscv64", re.IGNORECASE)
_CPU = "ggml-cpu"


class BuildError(Exception):
    """What is missing or which step failed, and where to look."""


def build(source: Path, commit: str, out: Path) -> Path:
    """Configure, compile and install the package's libraries and modules.

    Args:
        source: llama.cpp's source.
        commit: the commit that it is, for the libraries to tell.
        out: the folder to build in; what an earlier build left there is used again.

    Returns:
        The folder that has `lib`, `include`, `licenses`, `cmake` and `pkgconfig`.

    Raises:
        BuildError: a tool is missing, or a step failed.
    """
    options = {
        "GGML_CPU_ALL_VARIANTS": "ON" if _VARIANTS_KNOWN.fullmatch(platform.machine()) else "OFF",
        # OpenMP stays as upstream has it, on. ggml's own threads are as fast, but where there are more of them than
        # processors they spin, and the C API's default of 4 threads takes a hundred times as long on 2 processors.
        "GGML_RPC": "ON",
        "GGML_RPC_RDMA": "OFF",  # else on where the build machine has libibverbs; and it knows no time limits
    }
    tree = _Tree(source, commit, out, options)
    if linked(tree.folder / "installed"):
        tree.compile("llama.cpp", "core")
        return tree.install("core", "licenses")
    modules = _modules(tree.folder)
    tree.compile("llama.cpp", "core", "scores")
    wanted = [name for name in modules if not name.startswith(_CPU)]
    wanted += _cpu_modules([name for name in modules if name.startswith(_CPU)], tree.folder)
    tree.compile(", ".join(wanted), *wanted)
    installed = tree.install("core", "modules", "licenses")
    # Modules of an earlier choice of variants may still lie in the build folder, and were installed with the rest.
    for path in (installed / "lib").glob("*ggml-*"):
        name = path.stem[path.stem.index("ggml-") :]
        if name in modules and name not in wanted:
            path.unlink()
    return installed


def build_module(backend: str, source: Path, commit: str, out: Path, options: dict[str, str]) -> Path:
    """Configure, compile and install one backend's module, without the core that it is for.

    Args:
        backend: its name, "vulkan".
        source, commit, out: as for `build`.
        options: further variables for CMake.

    Returns:
        The folder that has `lib`, with the module, and `licenses`.

    Raises:
        BuildError: a tool is missing, or a step failed.
    """
    tree = _Tree(source, commit, out, {"GGML_CPU": "OFF", f"GGML_{backend.upper()}": "ON", **options})
    target = f"ggml-{backend}"
    if target not in _modules(tree.folder):
        raise BuildError(f"this llama.cpp has no {backend} backend")
    tree.compile(target, target)
    return tree.install("modules", "licenses")


class _Tree:
    """A build folder, configured.

    Attributes:
        folder: where it is; the log of all its steps is `build.log` in it.
    """

    def __init__(self, source: Path, commit: str, out: Path, options: dict[str, str]) -> None:
        self._cmake = _find_tools()
        arguments = _arguments(source, commit, options)
        # A folder for each configuration, so that none meets another's cache: CMake looks at these only once.
        looked_at = ("CC", "CXX", "CFLAGS", "CXXFLAGS", "LDFLAGS", "VULKAN_SDK")
        chosen = [f"{name}={os.environ.get(name, '')}" for name in looked_at]
        key = hashlib.sha256("\0".join(arguments + chosen).encode("utf-8", "surrogateescape")).hexdigest()[:8]
        self.folder = out / f"native-{key}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._log = self.folder / "build.log"
        self._log.write_bytes(b"")
        _forget_lost_tools(self.folder)
        # Not part of the key: isolated builds have ninja in another temporary folder each time.
        ninja = shutil.which("ninja")
        generator = (
            ["-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={ninja}"] if ninja and "CMAKE_GENERATOR" not in os.environ else []
        )
        self._run("configuring llama.cpp", "-S", str(NATIVE), "-B", str(self.folder), *generator, *arguments)

    def compile(self, what: str, *targets: str) -> None:
        parallel = [] if "CMAKE_BUILD_PARALLEL_LEVEL" in os.environ else ["--parallel"]
        command = ["--build", str(self.folder), "--config", "Release", *parallel, "--target"]
        self._run(f"compiling {what}", *command, *targets)

    def install(self, *components: str) -> Path:
        """Install these of CMake's components, and nothing else, into a folder of the tree."""
        installed = self.folder / "installed"
        shutil.rmtree(installed, ignore_errors=True)
        command = ["--install", str(self.folder), "--config", "Release", "--strip", "--prefix", str(installed)]
        for component in components:
            self._run(f"installing {component}", *command, "--component", component)
        return installed

    def _run(self, what: str, *arguments: str) -> None:
        _run(what, [self._cmake, *arguments], self._log)


def _forget_lost_tools(folder: Path) -> None:
    """Remove the projects within the project (Vulkan has one) that remember ninja where an isolated build had it."""
    for cache in folder.rglob("*-prefix/src/*-build/CMakeCache.txt"):
        ninja = _cached(cache.parent, "CMAKE_MAKE_PROGRAM")
        if ninja and not Path(ninja).exists():
            shutil.rmtree(cache.parents[2])


def _find_tools() -> str:
    cmake = shutil.which("cmake")
    if not cmake:
        raise BuildError("CMake was not found: pip install cmake ninja")
    if platform.system() == "Windows":  # there CMake finds Visual Studio by itself
        return cmake
    for variable, language, usual in (("CC", "C", ("cc", "gcc", "clang")), ("CXX", "C++", ("c++", "g++", "clang++"))):
        asked = os.environ.get(variable)
        names = tuple(shlex.split(asked)[:1]) if asked else usual
        if not any(map(shutil.which, names)):
            raise BuildError(
                f"no {language} compiler was found (looked for {', '.join(names)}): install one (Debian: apt install "
                f"g++; Fedora: dnf install gcc-c++; macOS: xcode-select --install) or set {variable}"
            )
    return cmake


def _arguments(source: Path, commit: str, options: dict[str, str]) -> list[str]:
    options = {
        "CMAKE_BUILD_TYPE": "Release",
        "LLAMACFFI_SOURCE_DIR": source.as_posix(),
        "LLAMA_BUILD_COMMIT": commit,
        "LLAMA_BUILD_NUMBER": "0",  # else counted in whichever git repository is around
        "LLAMA_BUILD_COMMON": "OFF",
        "LLAMA_BUILD_MTMD": "ON",
        "BUILD_SHARED_LIBS": "ON",
        "GGML_BACKEND_DL": "ON",
        "GGML_NATIVE": "OFF",  # can't be combined with GGML_BACKEND_DL; the variants are what takes its place
        **options,
    }
    ccache = shutil.which("ccache")
    if ccache:
        options.update({f"CMAKE_{language}_COMPILER_LAUNCHER": ccache for language in ("C", "CXX", "CUDA")})
    try:
        extra = shlex.split(os.environ.get("CMAKE_ARGS", ""))
    except ValueError as error:
        raise BuildError(f"CMAKE_ARGS={os.environ['CMAKE_ARGS']} can't be split into arguments: {error}") from None
    return [f"-D{name}={value}" for name, value in options.items()] + extra


def llama_version(installed: Path) -> str:
    """llama.cpp's version, of a build that `build` has returned; "unknown" if it is too old to tell."""
    return _cached(installed.parent, "LLAMACFFI_LLAMA_VERSION")


def linked(installed: Path) -> list[str]:
    """The backends that the core is linked with, of a llama.cpp from before they could be modules: "cpu", "rpc"."""
    return [name[len("ggml-") :] for name in _cached(installed.parent, "LLAMACFFI_LINKED").split(";") if name]


def internal(installed: Path) -> list[str]:
    """The parts of our C++ (src/native/internal_*.cpp) that are in libllama: its internal headers fit them."""
    return [name for name in _cached(installed.parent, "LLAMACFFI_INTERNAL").split(";") if name]


def _cached(folder: Path, name: str) -> str:
    """A variable of CMake's cache in this build folder, "" if it is not there."""
    cache = (folder / "CMakeCache.txt").read_text("utf-8", "replace")
    found = re.search(rf"^{name}:\w+=(.+)$", cache, re.MULTILINE)
    return found[1] if found else ""


def _modules(folder: Path) -> list[str]:
    """The backend modules of this configuration, by target's name."""
    modules = _cached(folder, "GGML_AVAILABLE_BACKENDS")
    if not modules or _cached(folder, "GGML_BACKEND_DL").upper() not in ("ON", "1", "TRUE", "YES"):
        raise BuildError("GGML_BACKEND_DL is off, and backends must be modules: take that out of CMAKE_ARGS")
    return modules.split(";")


def _cpu_modules(modules: list[str], folder: Path) -> list[str]:
    """Those of the CPU's modules to build."""
    asked = os.environ.get("LLAMACFFI_CPU_VARIANTS", "")
    if asked == "all":
        return modules
    if asked:
        chosen = [f"{_CPU}-{name.strip()}" for name in asked.split(",") if name.strip()]
        unknown = [name for name in chosen if name not in modules]
        if unknown:
            known = ", ".join(name[len(_CPU) + 1 :] for name in modules)
            raise BuildError(f"LLAMACFFI_CPU_VARIANTS={asked}: the variants are all, or any of {known}")
        return chosen
    scores = {name: _score(folder, name) for name in modules}
    best = max(scores, key=lambda name: scores[name])
    return [best] if scores[best] else modules


def _score(folder: Path, module: str) -> int:
    """How well ggml says that this module suits this machine; 0: not at all, or it does not say."""
    for program in (folder / "scores").rglob(f"score-{module}*"):
        if program.suffix in ("", ".exe"):
            return int(subprocess.run([str(program)], capture_output=True, check=True).stdout)
    return 0


def _run(what: str, command: list[str], log: Path) -> None:
    print(f"llamacffi: {what} (log: {log})", flush=True)
    with open(log, "ab") as file:
        file.write(f"\n$ {shlex.join(command)}\n".encode("utf-8", "surrogateescape"))
        file.flush()
        # What one clone of the repository compiled, ccache then has for any other.
        environment = {"CCACHE_BASEDIR": str(ROOT), **os.environ}
        status = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, env=environment
        ).returncode
    if status:
        raise BuildError(f"{what} failed (status {status}):\n{_excerpt(log)}\nThe whole log: {log}")


def _excerpt(log: Path) -> str:
    """The first errors in a log, each with what follows it, or its end."""
    lines = [line for line in log.read_text("utf-8", "replace").splitlines() if line.strip()]
    errors = [
        number
        for number, line in enumerate(lines)
        if re.search(r"\berror\b|No space left|Killed", line, re.IGNORECASE) and "not a git repository" not in line
    ]
    shown = [line for number in errors[:2] for line in lines[number : number + 3]] or lines[-5:]
    return "\n".join(f"    {line[:300]}" for line in shown)
