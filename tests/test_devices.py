"""Choosing devices. There are always more of them than this machine has: RPC workers are devices, too."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Union

import pytest

import llamacffi
import tiny_models
import workers
from fixture_types import Run
from known_text import COUNT, COUNTED, COUNTING, N_COUNTED
from llamacffi import ffi, lib
from llamacffi.devices import choose_devices, devices
from pinned import ROOT

Choices = Callable[..., "list[Any]"]

# Loads a model for each choice in turn; prints the device of each layer, or the error.
LOAD = """
import gc, json, logging

class Lines(logging.Handler):
    def emit(self, record):
        lines.append(record.getMessage().split())

lines, answers = [], []
# A buffer is named after the worker's own number of the device, and the address.
names = {f"RPC0[{each.description}]": each.name for each in llamacffi.devices.devices()}
logging.basicConfig(level=logging.DEBUG, handlers=[Lines()])
for choice in json.loads(sys.argv[2]):
    lines.clear()
    params = llamacffi.llama_model_default_params()
    try:
        llamacffi.choose_devices(params, **choice)
    except llamacffi.InvalidArgumentError as error:
        answers.append(str(error))
        continue
    gc.collect()
    taken = [llamacffi.ffi.new("char[]", b"\\xff" * (8 * n)) for n in range(1, 20) for _ in range(100)]
    model = llamacffi.llama_model_load_from_file(sys.argv[1], params)
    if model:
        answers.append([line[6].rstrip(",") for line in lines if line[1] == "layer" and line[3] == "assigned"])
        used = {names.get(line[1], "CPU") for line in lines if line[2:5] == ["model", "buffer", "size"]}
        assert used == {"CPU", *answers[-1]}  # the CPU keeps the input
        llamacffi.llama_model_free(model)
    else:
        answers.append(llamacffi.ffi.string(llamacffi.lib.llamacffi_call_log()).decode())
print(json.dumps(answers))
"""

N_LAYERS = 12  # with the output
ALL_CPU = ["CPU"] * N_LAYERS


@pytest.fixture(scope="module")
def addresses() -> Iterator[str]:
    """The addresses of three workers."""
    with workers.workers(3) as started:
        yield ",".join(started)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.write_llama(tmp_path_factory.mktemp("tiny") / "model.gguf", block_count=N_LAYERS - 1)


@pytest.fixture
def load(run_python: Run, addresses: str, tiny: Path) -> Choices:
    """A function that loads a model for each of these choices of devices, of which there are RPC0, RPC1 and RPC2."""

    def run(*choices: dict[str, Any]) -> list[Any]:
        done = run_python("-c", workers.ADD + LOAD, addresses, str(tiny), json.dumps(choices))
        assert done.returncode == 0, done.stderr
        answers: list[Any] = json.loads(done.stdout)
        assert len(answers) == len(choices)
        return answers

    return run


# --- the list -----------------------------------------------------------------------------------------------------


def test_list_is_llama_cpps() -> None:
    there = devices()
    assert len(there) == lib.ggml_backend_dev_count()
    for index, each in enumerate(there):
        props = ffi.new("struct ggml_backend_dev_props *")
        lib.ggml_backend_dev_get_props(each.handle, props)
        assert each.index == index
        assert each.name == ffi.string(props.name).decode()
        assert each.description == ffi.string(props.description).decode()
        assert each.memory[1] == props.memory_total
    (cpu,) = [each for each in there if each.type == "CPU"]
    assert (cpu.name, cpu.backend, cpu.takes_layers) == ("CPU", "CPU", False)
    assert repr(cpu) == f"<llamacffi.Device {cpu.index} CPU: {cpu.description}, CPU>"
    assert 0 < cpu.memory[0] <= cpu.memory[1]


def test_workers_are_in_the_list_and_in_info(run_python: Run, addresses: str) -> None:
    code = "from llamacffi.__main__ import main; sys.exit(main(sys.argv[1:]))"
    done = run_python("-c", workers.ADD + code, addresses, "info", "--json")
    assert done.returncode == 0, done.stderr
    listed = {each["name"]: each for each in json.loads(done.stdout)["devices"]}
    assert [each["index"] for each in listed.values()] == list(range(len(listed)))
    for number, address in enumerate(addresses.split(",")):
        worker = listed[f"RPC{number}"]
        assert (worker["type"], worker["backend"], worker["description"]) == ("GPU", "RPC", address)
        assert worker["memory_total"] >= worker["memory_free"] > 0
    text = run_python("-c", workers.ADD + code, addresses, "info").stdout
    assert f"{listed['RPC2']['index']} RPC2: {addresses.split(',')[2]}, GPU, " in text


def test_accelerator(run_python: Run, tmp_path: Path) -> None:
    """llama.cpp's BLAS backend, with an OpenBLAS whose names have a prefix."""
    openblas = pytest.importorskip("scipy_openblas32", reason="there is no OpenBLAS to build with")
    source = ROOT / "vendor" / "llama.cpp" / "ggml"
    module = tmp_path / "libggml-blas.so"
    flags = ["-shared", "-fPIC", "-std=c++17", "-DGGML_BACKEND_DL", "-DGGML_BACKEND_SHARED", "-DGGML_BACKEND_BUILD"]
    flags += ["-Dcblas_sgemm=scipy_cblas_sgemm", f"-I{source / 'include'}", f"-I{source / 'src'}"]
    flags += [f"-I{openblas.get_include_dir()}", str(source / "src" / "ggml-blas" / "ggml-blas.cpp")]
    flags += [f"-L{llamacffi.get_library_dir()}", "-lllamacffi-ggml-base"]
    flags += [f"-L{openblas.get_lib_dir()}", f"-l{openblas.get_library()}", f"-Wl,-rpath,{openblas.get_lib_dir()}"]
    subprocess.run(["c++", *flags, "-o", str(module)], check=True)
    done = run_python("-m", "llamacffi", "info", "--json", GGML_BACKEND_PATH=str(module))
    (blas,) = [each for each in json.loads(done.stdout)["devices"] if each["name"] == "BLAS"]
    assert (blas["type"], blas["backend"], blas["memory_total"]) == ("accelerator", "BLAS", 0)
    text = run_python("-m", "llamacffi", "info", GGML_BACKEND_PATH=str(module)).stdout
    assert text.endswith(f"{blas['index']} BLAS: BLAS, accelerator\n")
    code = """
import llamacffi
params = llamacffi.llama_model_default_params()
try:
    llamacffi.choose_devices(params, device="BLAS")
except llamacffi.InvalidArgumentError as error:
    print(error)
"""
    done = run_python("-c", code, GGML_BACKEND_PATH=str(module))
    assert done.stdout == "device = 'BLAS': BLAS is used along with the others, and can't be one of them\n", done.stderr


# --- the choice ---------------------------------------------------------------------------------------------------


def test_names_and_numbers(load: Choices) -> None:
    first = len(devices())  # workers come behind what this machine has
    only_second = ["RPC1"] * N_LAYERS
    answers = load(
        {"device": "RPC1"},
        {"device": "rpc1"},
        {"device": " Rpc1 "},
        {"device": first + 1},
        {"device": str(first + 1)},
        {"device": ["RPC1"]},
    )
    assert answers == [only_second] * len(answers)


def test_no_device_but_the_cpu(load: Choices) -> None:
    (cpu,) = [each.index for each in devices() if each.type == "CPU"]
    answers = load(*({"device": each} for each in ("none", "NONE", "cpu", "CPU", cpu, ["none"])))
    assert answers == [ALL_CPU] * len(answers)


def test_split_of_layers(load: Choices) -> None:
    answers = load(
        {"device": "RPC0,RPC1", "tensor_split": "3,1"},
        {"device": "RPC1,RPC0", "tensor_split": [3, 1]},
        {"device": ["RPC2", "RPC0"], "tensor_split": "1/1"},
        {"device": "RPC0,RPC1,RPC2", "tensor_split": [1, 0, 2]},
        {"device": "RPC0,RPC1,RPC2", "tensor_split": [0, 5e-4]},
        {"tensor_split": "1,1,2"},
    )
    assert answers == [
        ["RPC0"] * 9 + ["RPC1"] * 3,
        ["RPC1"] * 9 + ["RPC0"] * 3,
        ["RPC2"] * 6 + ["RPC0"] * 6,
        ["RPC0"] * 4 + ["RPC2"] * 8,
        ["RPC1"] * 12,
        ["RPC0"] * 3 + ["RPC1"] * 3 + ["RPC2"] * 6,
    ]


def test_number_of_layers(load: Choices) -> None:
    on_device: list[Union[int, str]] = [0, 1, 4, N_LAYERS, 1000, "4"]
    answers = load(*({"device": "RPC0", "gpu_layers": each} for each in on_device))
    for number, layers in zip(on_device, answers):
        moved = min(int(number), N_LAYERS)
        assert layers == ["CPU"] * (N_LAYERS - moved) + ["RPC0"] * moved
    answers = load(*({"device": "RPC0", "gpu_layers": each} for each in ("all", "auto", "ALL", -1, -2)))
    assert answers == [["RPC0"] * N_LAYERS] * len(answers)


def test_split_modes(load: Choices) -> None:
    both = {"device": "RPC1,RPC2"}
    answers = load(
        {**both, "split_mode": "none"},
        {**both, "split_mode": "None", "main_gpu": 1},
        {**both, "split_mode": 0, "main_gpu": "rpc2"},
        {"split_mode": "none", "main_gpu": "RPC1"},
        {"split_mode": "none", "main_gpu": "2"},
        {**both, "split_mode": "layer", "tensor_split": "1,1"},
    )
    one, two = ["RPC1"] * N_LAYERS, ["RPC2"] * N_LAYERS
    assert answers == [one, two, two, one, two, ["RPC1"] * 6 + ["RPC2"] * 6]
    (failed,) = load({**both, "split_mode": "row"})
    assert "RPC1 does not support split buffers" in failed  # llama.cpp has tried
    assert "needs >= 1 devices" in load({"device": "none", "split_mode": "tensor"})[0]


def test_what_is_not_chosen_stays(load: Choices) -> None:
    params = llamacffi.llama_model_default_params()
    before = bytes(ffi.buffer(ffi.addressof(params)))
    choose_devices(params)
    assert bytes(ffi.buffer(ffi.addressof(params))) == before
    choose_devices(params, gpu_layers=7)
    assert params.n_gpu_layers == 7
    assert params.devices == params.tensor_split == ffi.NULL
    choose_devices(params, device="none")
    assert params.n_gpu_layers == 7
    assert params.devices[0] == ffi.NULL
    for layers in load({}, {"main_gpu": "RPC2"}):
        assert set(layers) == {"RPC0", "RPC1", "RPC2"}  # llama.cpp's own choice


def test_device_objects(run_python: Run, addresses: str) -> None:
    code = """
there = llamacffi.devices.devices()
taken = [each for each in there if each.name in ("RPC0", "RPC2")]
params = llamacffi.ffi.new("struct llama_model_params *", llamacffi.llama_model_default_params())
llamacffi.choose_devices(params, taken[::-1], main_gpu=taken[0])
assert list(params.devices[0:3]) == [taken[1].handle, taken[0].handle, llamacffi.ffi.NULL]
print(params.main_gpu)
llamacffi.choose_devices(params, split_mode="none", main_gpu="RPC2")  # of those
assert list(params.devices[0:3]) == [taken[1].handle, taken[0].handle, llamacffi.ffi.NULL]
print(params.main_gpu)
"""
    done = run_python("-c", workers.ADD + code, addresses)
    assert (done.returncode, done.stdout) == (0, "1\n0\n"), done.stderr


def test_proportions_fill_what_c_reads() -> None:
    params = llamacffi.llama_model_default_params()
    choose_devices(params, tensor_split=[])
    assert list(params.tensor_split[0 : lib.llama_max_devices()]) == [0.0] * lib.llama_max_devices()


# --- wrong choices ------------------------------------------------------------------------------------------------


def test_wrong_devices(load: Choices) -> None:
    here = [each.name for each in devices()]
    every = [*here, "RPC0", "RPC1", "RPC2"]
    listed = f"{len(every)} devices ({', '.join(f'{place}: {name}' for place, name in enumerate(every))})"
    wrong: dict[Any, str] = {
        "CUDA7": f"device = 'CUDA7': there is no such device among {listed}",
        99: f"device = 99: there is no such device among {listed}",
        -1: f"device = -1: there is no such device among {listed}",
        "": f"device = '': there is no such device among {listed}",
        "RPC0,": f"device = '': there is no such device among {listed}",
        "RPC0,none": f"device = 'none': there is no such device among {listed}",
        "RPC0,CPU": "device = 'RPC0,CPU': CPU is used along with the others, and can't be one of them",
        "RPC0,rpc0": "device = 'RPC0,rpc0': RPC0 is there twice",
    }
    assert load(*({"device": each} for each in wrong)) == list(wrong.values())
    assert load({"device": []}) == ["device = []: llama.cpp takes 1 to 16 devices, or none"]


def test_wrong_places_and_proportions(load: Choices) -> None:
    two = {"device": "RPC1,RPC2"}
    listed = "2 devices (0: RPC1, 1: RPC2)"
    assert load(
        {**two, "main_gpu": 2},
        {**two, "main_gpu": "RPC0"},
        {**two, "main_gpu": -1},
        {"device": "none", "main_gpu": 0},
        {"main_gpu": 3},
        {**two, "tensor_split": "1,1,1"},
        {"device": "none", "tensor_split": [1]},
    ) == [
        f"main_gpu = 2: there is no such device among {listed}",
        f"main_gpu = 'RPC0': there is no such device among {listed}",
        f"main_gpu = -1: there is no such device among {listed}",
        "main_gpu = 0: there is no such device among 0 devices",
        "main_gpu = 3: there is no such device among 3 devices (0: RPC0, 1: RPC1, 2: RPC2)",
        f"tensor_split = '1,1,1': 3 numbers for {listed}",
        "tensor_split = [1]: 1 numbers for 0 devices",
    ]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"gpu_layers": "many"}, "gpu_layers = 'many': must be a number of layers, auto or all"),
        ({"gpu_layers": 1.5}, "gpu_layers = 1.5: must be a number of layers, auto or all"),
        ({"gpu_layers": -3}, "gpu_layers = -3: must be a number of layers, auto or all"),
        ({"gpu_layers": 2**31}, "gpu_layers = 2147483648: must be"),
        ({"split_mode": "rows"}, "split_mode = 'rows': must be one of none, layer, row, tensor"),
        ({"split_mode": 4}, "split_mode = 4: must be one of none, layer, row, tensor"),
        ({"tensor_split": "3;1"}, "tensor_split = '3;1': must be numbers with commas between them"),
        ({"tensor_split": ""}, "tensor_split = '': must be numbers"),
        ({"tensor_split": 1}, "tensor_split = 1: must be numbers"),
        ({"tensor_split": [1, -1]}, r"tensor_split = \[1, -1\]: each number must be 0 or more"),
        ({"tensor_split": [float("nan")]}, "each number must be 0 or more"),
        ({"tensor_split": "inf"}, "each number must be 0 or more"),
        ({"tensor_split": [3e38, 3e38]}, "no more than a float in C holds"),
        ({"tensor_split": [1] * 17}, "17 numbers; llama.cpp takes 16 devices at most"),
    ],
)
def test_wrong_values_change_nothing(wrong: dict[str, Any], message: str) -> None:
    params = llamacffi.llama_model_default_params()
    before = bytes(ffi.buffer(ffi.addressof(params)))
    options: dict[str, Any] = {"device": "none", "gpu_layers": 3, **wrong}
    with pytest.raises(llamacffi.InvalidArgumentError, match=message) as raised:
        choose_devices(params, **options)
    assert (raised.value.function, raised.value.argument) == ("choose_devices", next(iter(wrong)))
    assert bytes(ffi.buffer(ffi.addressof(params))) == before


def test_split_modes_are_llama_cpps() -> None:
    names = [name for name in dir(lib) if name.startswith("LLAMA_SPLIT_MODE_")]
    assert len(names) >= 3
    for name in names:
        params = llamacffi.llama_model_default_params()
        choose_devices(params, split_mode=name.rpartition("_")[2].lower())
        assert params.split_mode == getattr(lib, name)


def test_params_that_are_none_or_own_nothing() -> None:
    params = llamacffi.llama_model_default_params()
    several: list[tuple[Any, str]] = [
        (None, "NoneType"),
        ({}, "dict"),
        (ffi.new("int *"), "int *"),
        (llamacffi.llama_context_default_params(), "struct llama_context_params"),
        (ffi.cast("struct llama_model_params *", 0), "struct llama_model_params *"),
    ]
    for wrong, shown in several:
        with pytest.raises(TypeError) as raised:
            choose_devices(wrong, gpu_layers=1)
        assert str(raised.value) == f"params: must be struct llama_model_params, not {shown}"
    for borrowed in (ffi.addressof(params), ffi.new("struct llama_model_params[1]")[0]):
        with pytest.raises(llamacffi.InvalidArgumentError, match="has its memory elsewhere"):
            choose_devices(borrowed, gpu_layers=1)
    strange = ffi.new("ggml_backend_dev_t[]", [ffi.cast("ggml_backend_dev_t", 4096), ffi.NULL])
    params.devices = strange
    with pytest.raises(llamacffi.InvalidArgumentError, match="devices is not a list of devices with NULL at its end"):
        choose_devices(params, main_gpu=0)


def test_what_params_point_to_lives_and_goes_with_them(run_python: Run) -> None:
    code = """
import gc, llamacffi
from llamacffi import arguments, choose_devices, ffi

def parameters():
    pointer = ffi.new("struct llama_model_params *")
    choose_devices(pointer, device="none", tensor_split=[])
    return pointer[0]  # which owns the memory, and so its pointer is not needed

made = [parameters() for _ in range(50)]
gc.collect()
assert len(arguments._kept) == 50, len(arguments._kept)
taken = [ffi.new("char[]", b"x" * n) for n in range(1, 100) for _ in range(100)]
for each in made:
    assert not each.devices[0] and list(each.tensor_split[0:16]) == [0.0] * 16
del made, each
for _ in range(3):
    gc.collect()
assert not arguments._kept, len(arguments._kept)
"""
    done = run_python("-c", code)
    assert done.returncode == 0, done.stderr


# --- the command line ---------------------------------------------------------------------------------------------

MAIN = "from llamacffi.__main__ import main; sys.exit(main(sys.argv[1:]))"


@pytest.mark.parametrize(
    "chosen",
    [
        ["--device", "RPC0,RPC2", "--tensor-split", "1,2"],
        ["-dev", "rpc1", "-ngl", "10"],
        ["--split-mode", "none", "--main-gpu", "RPC2", "--gpu-layers", "all"],
        ["-sm", "layer", "-ts", "1,1,1", "-mg", "0", "--n-gpu-layers", "20"],
        ["--device", "none"],
    ],
    ids=" ".join,
)
def test_same_text_from_any_devices(run_python: Run, addresses: str, model_path: str, chosen: list[str]) -> None:
    done = run_python("-c", workers.ADD + MAIN, addresses, "generate", "-m", model_path, *COUNT, *chosen)
    assert (done.returncode, done.stdout, done.stderr) == (0, COUNTED + "\n", "")


def test_layers_go_where_the_command_line_says(run_python: Run, addresses: str, tiny: Path) -> None:
    arguments = ["generate", "-m", str(tiny), "-p", "x", "-n", "1", "-v", "-dev", "RPC2,RPC0", "-ts", "1,2"]
    done = run_python("-c", workers.ADD + MAIN, addresses, *arguments)
    assert done.returncode == 0
    found = [line.split()[6].rstrip(",") for line in done.stderr.splitlines() if "assigned to device" in line]
    assert found[:N_LAYERS] == ["RPC2"] * 4 + ["RPC0"] * 8


def test_devices_that_share_each_layer(run_python: Run, addresses: str, tiny: Path) -> None:
    """Their text is not looked at: llama.cpp has it depend on what was in their memory (README, Limits)."""
    arguments = ["generate", "-m", str(tiny), "-p", "x", "-n", "1", "-v", "-dev", "RPC2,RPC0", "-sm", "tensor"]
    done = run_python("-c", workers.ADD + MAIN, addresses, *arguments)
    assert done.returncode == 0
    lines = [line.partition(": ")[2].strip() for line in done.stderr.splitlines()]
    start = lines.index("creating a Meta device with 2 devices")
    assert lines[start + 1 : start + 3] == ["- device 0: RPC2", "- device 1: RPC0"]


def test_unknown_device_on_the_command_line(run_python: Run, model_path: str) -> None:
    done = run_python("-m", "llamacffi", "generate", "-m", model_path, "-p", "x", "--device", "CUDA7")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("llamacffi: device = 'CUDA7': there is no such device among ")
    assert ": CPU" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-sm", "rows"], "-sm/--split-mode: split_mode = 'rows': must be one of none, layer, row, tensor"),
        (["-ngl", "some"], "gpu_layers = 'some': must be a number of layers, auto or all"),
        (["-ts", "1,x"], "tensor_split = '1,x': must be numbers with commas between them"),
    ],
)
def test_wrong_usage(run_python: Run, arguments: list[str], message: str) -> None:
    done = run_python("-m", "llamacffi", "generate", "-m", "x", "-p", "x", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr


def test_layers_without_a_device_to_take_them(run_python: Run, model_path: str) -> None:
    if any(each.takes_layers for each in devices()):
        pytest.skip("this machine has a device that takes layers")
    done = run_python("-m", "llamacffi", "generate", "-m", model_path, *COUNT, "-ngl", "99")
    assert (done.returncode, done.stdout) == (0, COUNTED + "\n")
    assert done.stderr == "llamacffi: no device takes layers: --gpu-layers has no effect\n"


def test_devices_of_a_model(model_path: str) -> None:
    with pytest.raises(llamacffi.InvalidArgumentError, match="there is no such device"):
        llamacffi.Model(model_path, device="CUDA7")
    with llamacffi.Model(model_path, device="none", gpu_layers="all") as model:
        assert model.generate(COUNTING, max_tokens=N_COUNTED, temperature=0).text() == COUNTED
