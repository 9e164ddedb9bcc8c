"""Add-ons: found, checked against the core, loaded, left out; and what `info` does about those that crash."""

from __future__ import annotations

import array
import json
import math
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Optional

import pytest

import llamacffi
from fixture_types import Run
from known_text import COUNTED, COUNTING
from llamacffi import ffi, lib
from llamacffi.native import encode_path

ROOT = Path(__file__).resolve().parents[1]
# Where `make addon-vulkan` installs it: in an environment of the tests, all of them would run on it.
INSTALLED = ROOT / "build" / "addons"

needs_cc = pytest.mark.skipif(sys.platform == "win32" or not shutil.which("cc"), reason="compiles modules with cc")

# Prints what is loaded, and from where.
BACKENDS = """
from llamacffi import backends, lib
lib.ggml_backend_dev_count()
for backend in backends.backends(): print(backend.name, backend.path)
"""


class Site:
    """A folder of installed packages, with add-ons made for the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def distribution(self, project: str, files: list[str], entry_points: str = "") -> None:
        info = self.folder / f"{project.replace('-', '_')}-{llamacffi.__version__}.dist-info"
        info.mkdir(parents=True)
        info.joinpath("METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {project}\nVersion: {llamacffi.__version__}\n"
        )
        info.joinpath("RECORD").write_text("".join(f"{name},,\n" for name in files))
        if entry_points:
            info.joinpath("entry_points.txt").write_text(entry_points)

    def addon(self, name: str, module: Optional[Path], **changes: Any) -> Path:
        """An add-on for this very llama.cpp, but for `changes`, with a copy of `module`; its module's place."""
        package = f"addon_{name}"
        place = self.folder / package / "lib" / f"libggml-{name}.so"
        place.parent.mkdir(parents=True)
        if module:
            shutil.copy(module, place)
        # Finding an add-on must not run code of its own.
        place.parents[1].joinpath("__init__.py").write_text("raise SystemExit('the add-on was imported')\n")
        core = json.loads(Path(llamacffi.__file__).with_name("manifest.json").read_text())
        facts: dict[str, Any] = {key: core[key] for key in ("version", "commit", "abi")}
        facts = {**facts, "backend": name, "file": f"lib/{place.name}", "libraries": {}, **changes}
        place.parents[1].joinpath("backend.json").write_text(json.dumps(facts))
        self.distribution(f"addon-{name}", [], f"[llamacffi.backends]\n{name} = {package}\n")
        return place


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "other site-packages")


@pytest.fixture
def rpc() -> Path:
    """A real module, to be an add-on's."""
    (module,) = Path(llamacffi.get_library_dir()).glob("*ggml-rpc*")
    return module


@pytest.fixture
def compile_module(tmp_path: Path) -> Callable[..., Path]:
    """A function that compiles C into a shared library."""

    def compile_(code: str, *flags: str, name: str = "module.so") -> Path:
        library = tmp_path / name
        source = tmp_path / f"{name}.c"
        source.write_text(code)
        subprocess.run(["cc", "-shared", "-fPIC", "-o", str(library), str(source), *flags], check=True)
        return library

    return compile_


# --- found and checked --------------------------------------------------------------------------------------------


def test_an_addon_that_fits_is_loaded_and_not_imported(run_python: Run, site: Site, rpc: Path) -> None:
    place = site.addon("relay", rpc)
    done = run_python("-c", BACKENDS, PYTHONPATH=str(site.folder))
    assert f"relay {place}" in done.stdout.splitlines()
    assert done.stdout.splitlines()[-1].startswith("cpu ")
    assert "addon" not in done.stderr.replace("addon_relay", "")


def test_functions_of_an_addon_are_found_in_its_module(run_python: Run, site: Site, rpc: Path) -> None:
    site.addon("relay", rpc)
    code = """
from llamacffi import backends, ffi, lib
backends.load_backends()
(relay,) = [each for each in backends.backends() if each.name == "relay"]
own = lib.llamacffi_module_symbol(relay.module, b"ggml_backend_rpc_reg")
assert own and backends.find("relay", "ggml_backend_rpc_reg") == own
"""
    done = run_python("-c", code, PYTHONPATH=str(site.folder))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"version": "0.0.1"}, ["addon-relay", "is for llama.cpp 0.0.1 (commit", "and this llamacffi"]),
        ({"commit": "0badc0de"}, ["(commit 0badc0de)", f"(commit {llamacffi.llama_cpp_commit()})"]),
        ({"abi": "0"}, ["another build of llama.cpp", "ABI", "build both from one source"]),
    ],
)
def test_an_addon_of_another_llama_cpp_is_refused(
    run_python: Run, site: Site, rpc: Path, changes: dict[str, str], said: list[str]
) -> None:
    site.addon("relay", rpc, **changes)
    done = run_python("-c", BACKENDS, PYTHONPATH=str(site.folder))
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["rpc", "cpu"]
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("llamacffi: the relay backend is left out: ")
    for words in said:
        assert words in done.stderr


def test_an_addon_of_another_release_says_what_to_install(run_python: Run, site: Site, rpc: Path) -> None:
    site.addon("relay", rpc, commit="0badc0de")
    (info,) = site.folder.glob("*.dist-info")
    metadata = info / "METADATA"
    metadata.write_text(metadata.read_text().replace(f"Version: {llamacffi.__version__}", "Version: 0.0.7"))
    done = run_python("-c", BACKENDS, PYTHONPATH=str(site.folder))
    assert "addon-relay 0.0.7 is for llama.cpp" in done.stderr
    assert f"pip install addon-relay=={llamacffi.__version__}" in done.stderr


def test_the_fitting_one_of_two_is_taken(run_python: Run, site: Site, tmp_path: Path, rpc: Path) -> None:
    site.addon("relay", rpc, abi="0")
    second = Site(tmp_path / "second")
    second.addon("relay", rpc)
    # Another project, with another package, for the same backend.
    second.folder.joinpath("addon_relay").rename(second.folder / "better_relay")
    for path in second.folder.glob("*.dist-info/*"):
        path.write_text(path.read_text().replace("addon", "better"))
    done = run_python("-c", BACKENDS, PYTHONPATH=f"{site.folder}:{second.folder}")
    assert done.stderr == ""
    assert f"relay {second.folder}" in done.stdout


@pytest.mark.parametrize("damage", ["backend.json", "lib/libggml-relay.so", "", "not json", "a list"])
def test_a_damaged_addon_is_left_out(run_python: Run, site: Site, rpc: Path, damage: str) -> None:
    package = site.addon("relay", rpc).parents[1]
    if damage == "not json":
        package.joinpath("backend.json").write_text("{")
    elif damage == "a list":
        package.joinpath("backend.json").write_text("[]")
    elif damage:
        package.joinpath(damage).unlink()
    else:
        shutil.rmtree(package)
    done = run_python("-c", BACKENDS, PYTHONPATH=str(site.folder))
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["rpc", "cpu"]
    assert done.stderr.count("\n") == 1
    assert "the installation of addon-relay" in done.stderr
    assert "pip install --force-reinstall --no-deps addon-relay" in done.stderr


def test_selecting_backends(run_python: Run, site: Site, rpc: Path) -> None:
    site.addon("relay", rpc)
    site.addon("other", rpc, abi="0")
    for asked, names in {"relay": ["relay", "cpu"], "RPC,relay": ["rpc", "relay", "cpu"], "cpu": ["cpu"]}.items():
        done = run_python("-c", BACKENDS, PYTHONPATH=str(site.folder), LLAMACFFI_BACKENDS=asked)
        assert [line.split()[0] for line in done.stdout.splitlines()] == names
        assert done.stderr == ""
    done = run_python("-c", BACKENDS, PYTHONPATH=str(site.folder), LLAMACFFI_BACKENDS="other")
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["cpu"]
    assert "the other backend is left out" in done.stderr
    done = run_python("-m", "llamacffi", "info", PYTHONPATH=str(site.folder), LLAMACFFI_BACKENDS="warp")
    assert done.returncode == 1
    assert "only cpu, relay, rpc" in done.stderr


def test_what_is_built_into_the_package_goes_first(run_python: Run, site: Site, rpc: Path) -> None:
    site.addon("rpc", None, abi="0")
    done = run_python("-c", BACKENDS, PYTHONPATH=str(site.folder))
    assert f"rpc {rpc}" in done.stdout.splitlines()
    assert done.stderr == ""


def test_importing_does_not_look_for_addons(run_python: Run, site: Site, rpc: Path) -> None:
    site.addon("relay", rpc)
    code = """
import sys
before = set(sys.modules)
import llamacffi
print({"importlib.metadata", "importlib_metadata", "json", "llamacffi.addons"} & (set(sys.modules) - before))
"""
    done = run_python("-c", code, PYTHONPATH=str(site.folder))
    assert (done.stdout, done.stderr) == ("set()\n", "")


@pytest.mark.parametrize(
    ("function", "extra"), [("ggml_backend_vk_reg", "vulkan"), ("ggml_backend_cuda_reg", "cuda13")]
)
def test_a_function_without_its_backend_says_what_to_install(run_python: Run, function: str, extra: str) -> None:
    code = f"""
import llamacffi
try:
    llamacffi.{function}()
except llamacffi.BackendError as error:
    print(error)
"""
    done = run_python("-c", code, LLAMACFFI_BACKENDS="cpu")
    assert f"pip install llamacffi[{extra}]" in done.stdout or "LLAMACFFI_BACKENDS=cpu leaves it out" in done.stdout


# --- without a driver ---------------------------------------------------------------------------------------------


@needs_cc
def test_two_addons_without_their_drivers(
    run_python: Run, site: Site, compile_module: Callable[..., Path], model_path: str
) -> None:
    """One line names both, and all works on the CPU."""
    driver = compile_module("int driver(void) { return 0; }", "-Wl,-soname,libnodriver.so.1", name="libnodriver.so")
    module = compile_module("int driver(void); int use(void) { return driver(); }", str(driver))
    driver.unlink()
    site.addon("cuda", module)
    site.addon("vulkan", module)
    command = ["generate", "-m", model_path, "-p", "The capital of France is", "-n", "4", "--temp", "0"]
    done = run_python("-m", "llamacffi", *command, PYTHONPATH=str(site.folder))
    assert done.returncode == 0
    assert "Paris" in done.stdout
    assert done.stderr.count("\n") == 1
    assert "the cuda backend is left out: libnodriver.so.1: " in done.stderr
    assert "it needs NVIDIA's driver" in done.stderr
    assert "the vulkan backend is left out: libnodriver.so.1: " in done.stderr
    assert "it needs Vulkan's loader" in done.stderr
    assert done.stderr.endswith("; everything runs on the CPU\n")


@needs_cc
def test_a_module_that_does_not_initialise(run_python: Run, site: Site, compile_module: Callable[..., Path]) -> None:
    site.addon("relay", compile_module("void *ggml_backend_init(void) { return 0; }"))
    done = run_python("-c", BACKENDS, PYTHONPATH=str(site.folder))
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["rpc", "cpu"]
    assert done.stderr.count("\n") == 1
    assert "the relay backend is left out: " in done.stderr
    assert "ggml_backend_init returned NULL" in done.stderr


def test_an_addon_that_is_not_selected_is_named_as_such(run_python: Run, site: Site, rpc: Path) -> None:
    site.addon("vulkan", rpc)
    code = """
import llamacffi
try:
    llamacffi.ggml_backend_vk_reg()
except llamacffi.BackendError as error:
    print(error)
"""
    done = run_python("-c", code, PYTHONPATH=str(site.folder), LLAMACFFI_BACKENDS="cpu")
    assert "needs the vulkan backend" in done.stdout
    assert done.stdout.endswith("LLAMACFFI_BACKENDS=cpu leaves it out\n")


@needs_cc
def test_libraries_of_other_packages_are_found_where_these_are(
    run_python: Run, site: Site, tmp_path: Path, compile_module: Callable[..., Path]
) -> None:
    far = Site(tmp_path / "far")
    library = compile_module("int far(void) { return 0; }", "-Wl,-soname,libfar.so.7", name="libfar.so.7")
    module = compile_module("int far(void); void *ggml_backend_init(void) { far(); return 0; }", str(library))
    (far.folder / "deep" / "lib").mkdir(parents=True)
    library.rename(far.folder / "deep" / "lib" / "libfar.so.7")
    far.distribution("far-runtime", ["deep/lib/libfar.so.7"])
    site.addon("relay", module, libraries={"libfar.so.7": "far-runtime"})
    done = run_python("-c", BACKENDS, PYTHONPATH=str(site.folder))
    assert "libfar.so.7: " in done.stderr
    assert "; pip install far-runtime" in done.stderr
    done = run_python("-c", BACKENDS, PYTHONPATH=f"{site.folder}:{far.folder}")
    assert "ggml_backend_init returned NULL" in done.stderr  # it has been loaded


# --- info ---------------------------------------------------------------------------------------------------------

CRASHES = "#include <stdlib.h>\n__attribute__((constructor)) static void start(void) { abort(); }"
CRASHES_LATER = "#include <stdlib.h>\nvoid *ggml_backend_init(void) { *(volatile int *)8 = 1; return 0; }"
HANGS = "#include <unistd.h>\n__attribute__((constructor)) static void start(void) { for (;;) pause(); }"
ENDS = '#include <unistd.h>\n__attribute__((constructor)) static void start(void) { write(2, "no\\n", 3); _exit(7); }'


@needs_cc
@pytest.mark.parametrize(
    ("code", "said"),
    [
        (CRASHES, "is broken: loading it crashes (SIGABRT)"),
        (CRASHES_LATER, "is broken: loading it crashes (SIGSEGV)"),
        (HANGS, "is broken: loading it does not end within 5 s"),
        (ENDS, "is broken: loading it fails (status 7): no"),
    ],
    ids=["crashes at loading", "crashes at initialising", "hangs", "ends the process"],
)
def test_info_survives_a_driver(
    run_python: Run, site: Site, rpc: Path, compile_module: Callable[..., Path], code: str, said: str
) -> None:
    site.addon("relay", compile_module(code))
    place = site.addon("sound", rpc)
    command = ["-m", "llamacffi", "info", "--json", "--timeout", "5" if code is HANGS else "60"]
    done = run_python(*command, PYTHONPATH=str(site.folder))
    assert (done.returncode, done.stderr) == (0, "")
    facts = json.loads(done.stdout)
    assert facts["problems"]["relay"].startswith(said)
    there = {each["name"]: each["path"] for each in facts["backends"]}
    assert "relay" not in there
    assert code is HANGS or there["sound"] == str(place)
    assert "CPU" in [each["type"] for each in facts["devices"]]


@needs_cc
def test_info_tells_people_what_is_broken(run_python: Run, site: Site, compile_module: Callable[..., Path]) -> None:
    site.addon("relay", compile_module(CRASHES))
    done = run_python("-m", "llamacffi", "info", PYTHONPATH=str(site.folder))
    assert (done.returncode, done.stderr) == (0, "")
    assert "problem    the relay backend is broken: loading it crashes (SIGABRT)" in done.stdout


# --- Vulkan, on Mesa's software driver ----------------------------------------------------------------------------

# Tokens behind a prompt, and the logits of each step, as 32-bit floats in a file.
OFFLOADED = """
import json, logging, sys
sys.path.append(sys.argv[1])
logging.basicConfig(level=logging.INFO, format="%(message)s")
from greedy import decode, likeliest, tokenize
from llamacffi import ffi, lib
params = lib.llama_model_default_params()
params.n_gpu_layers = int(sys.argv[4])
model = lib.llama_model_load_from_file(sys.argv[2].encode(), params)
vocab = lib.llama_model_get_vocab(model)
params = lib.llama_context_default_params()
params.n_ctx = 128
ctx = lib.llama_init_from_model(model, params)
tokens, found = tokenize(vocab, "The three primary colors are"), []
with open(sys.argv[3], "wb") as file:
    for _ in range(24):
        assert decode(ctx, tokens) == 0
        file.write(ffi.buffer(lib.llama_get_logits_ith(ctx, -1), 4 * lib.llama_vocab_n_tokens(vocab)))
        tokens = [likeliest(ctx)]
        found += tokens
print(json.dumps(found))
"""


@pytest.fixture
def vulkan() -> dict[str, str]:
    """The environment in which the Vulkan add-on is installed, and its software driver the only device."""
    if not (INSTALLED / "llamacffi_vulkan").is_dir():
        pytest.skip("llamacffi-vulkan is not installed: make addon-vulkan")
    return {"PYTHONPATH": str(INSTALLED), "GGML_VK_VISIBLE_DEVICES": "0"}


def read(path: Path) -> array.array[float]:
    values = array.array("f")
    values.frombytes(path.read_bytes())
    return values


@pytest.fixture
def exact_model(tmp_path: Path, model_path: str) -> Path:
    """The model with its weights as they are, written out as 32-bit floats.

    With weights of 4 bits, the CPU's backend rounds each layer's input to 8 bits, which alone changes the logits by 5
    in 100; Vulkan's does not round, and must be compared with a CPU that does not either.
    """
    path = tmp_path / "exact.gguf"
    params = lib.llama_model_quantize_default_params()
    params.ftype = lib.LLAMA_FTYPE_ALL_F32
    params.output_tensor_type = lib.GGML_TYPE_F32
    params.allow_requantize = True
    given = ffi.new("struct llama_model_quantize_params *", params)
    assert lib.llama_model_quantize(encode_path(model_path), encode_path(str(path)), given) == 0
    return path


def test_vulkan_answers_as_the_cpu_does(
    run_python: Run, vulkan: dict[str, str], tmp_path: Path, model_path: str, exact_model: Path
) -> None:
    """The real model with all layers offloaded: the same 24 tokens, and at each of them the same logits."""
    program = ["-c", OFFLOADED, str(ROOT / "tests")]
    offloaded = run_python(*program, model_path, str(tmp_path / "vulkan"), "999", **vulkan)
    on_cpu = run_python(*program, str(exact_model), str(tmp_path / "cpu"), "0", LLAMACFFI_BACKENDS="cpu")
    assert (offloaded.returncode, on_cpu.returncode) == (0, 0), offloaded.stderr + on_cpu.stderr
    assert re.search(r"offloaded (\d+)/\1 layers to GPU", offloaded.stderr)
    tokens = json.loads(on_cpu.stdout)
    assert json.loads(offloaded.stdout) == tokens
    assert len(tokens) == 24
    there, here = read(tmp_path / "vulkan"), read(tmp_path / "cpu")
    size = len(here) // len(tokens)
    for start in range(0, len(here), size):
        expected = here[start : start + size]
        assert math.dist(there[start : start + size], expected) < 2e-2 * math.hypot(*expected)


def test_vulkan_continues_as_the_cpu_does(run_python: Run, vulkan: dict[str, str], model_path: str) -> None:
    """The same weights on both, and a text of which the model is so sure that no rounding changes it."""
    command = ["-m", "llamacffi", "generate", "-m", model_path, "-p", COUNTING, "-n", "24", "--temp", "0"]
    offloaded = run_python(*command, **vulkan)
    on_cpu = run_python(*command, LLAMACFFI_BACKENDS="cpu")
    assert (offloaded.returncode, offloaded.stdout) == (0, on_cpu.stdout), offloaded.stderr
    assert on_cpu.stdout.startswith(COUNTED)


def test_vulkan_functions_are_called_in_the_addon(run_python: Run, vulkan: dict[str, str]) -> None:
    code = """
import llamacffi
assert llamacffi.ggml_backend_vk_get_device_count() == 1
assert llamacffi.ggml_backend_is_vk(llamacffi.ggml_backend_vk_init(0))
print([each.name for each in llamacffi.backends.backends()])
"""
    done = run_python("-c", code, **vulkan)
    assert done.returncode == 0, done.stderr
    assert "'vulkan'" in done.stdout


def test_vulkan_without_a_driver(run_python: Run, vulkan: dict[str, str], model_path: str) -> None:
    command = shlex.split("generate -p 'The capital of France is' -n 4 --temp 0")
    # The loader is there, and finds no driver.
    no_driver = {"VK_DRIVER_FILES": "/nothing", "VK_ICD_FILENAMES": "/nothing"}
    done = run_python("-m", "llamacffi", *command, "-m", model_path, **{**vulkan, **no_driver})
    assert done.returncode == 0
    assert "Paris" in done.stdout
    assert done.stderr.count("\n") == 1
    assert "the vulkan backend " in done.stderr
    assert "it needs Vulkan's loader and the GPU's driver" in done.stderr


def test_vulkan_in_info(run_python: Run, vulkan: dict[str, str]) -> None:
    done = run_python("-m", "llamacffi", "info", "--json", **vulkan)
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["problems"] == {}
    assert "Vulkan0" in [each["name"] for each in facts["devices"]]
