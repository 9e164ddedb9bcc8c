"""The devices that a model can run on: which there are, and how the parameters of a model say which to use."""

from __future__ import annotations

from . import backends
from .arguments import keep
from .errors import ArgumentTypeError, InvalidArgumentError, failure
from .native import ffi, lib, text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Union

    from .types import ggml_backend_device_p, llama_model_params, llama_model_params_p

__all__ = [
    "Device",
    "choose_devices",
    "devices",
    "parse_gpu_layers",
    "parse_split_mode",
    "parse_tensor_split",
    "split_modes",
]

# llama.cpp's names of the types, in words.
_TYPES = {"IGPU": "integrated GPU", "ACCEL": "accelerator"}
# What these mean to llama.cpp's own programs; to its library, any negative number means all.
_LAYERS = {"auto": -1, "all": -2}


class Device:
    """A device that llama.cpp knows.

    Attributes:
        index: its place in the list.
        name: "CUDA0", "Vulkan0", "RPC0", "CPU", …
        description: what it is, for people.
        type: "CPU", "GPU", "integrated GPU" or "accelerator"; the last is used along with the CPU, as BLAS is.
        backend: its backend as llama.cpp calls it: "CUDA", "Vulkan", "RPC", "CPU", …
        handle: `ggml_backend_dev_t`, valid until its backend is unloaded.
    """

    __slots__ = ("backend", "description", "handle", "index", "name", "type")

    def __init__(self, index: int) -> None:
        self.index: int = index
        self.handle: ggml_backend_device_p = lib.ggml_backend_dev_get(index)
        self.name: str = text_of(lib.ggml_backend_dev_name(self.handle))
        self.description: str = text_of(lib.ggml_backend_dev_description(self.handle))
        self.backend: str = text_of(lib.ggml_backend_reg_name(lib.ggml_backend_dev_backend_reg(self.handle)))
        kind = ffi.typeof("enum ggml_backend_dev_type").elements[lib.ggml_backend_dev_type(self.handle)]
        kind = kind.removeprefix("GGML_BACKEND_DEVICE_TYPE_")
        self.type: str = _TYPES.get(kind, kind)

    @property
    def memory(self) -> tuple[int, int]:
        """What is free and what there is, in bytes; the device is asked each time, and may have to be started for it.

        Raises:
            LlamaError: it does not answer.
        """
        memory = ffi.new("size_t[2]")
        lib.ggml_backend_dev_memory(self.handle, memory, memory + 1)
        if lib.llamacffi_failed():
            raise failure()
        return memory[0], memory[1]

    @property
    def takes_layers(self) -> bool:
        """Whether a model's layers can be moved to it; on the CPU is what has not been."""
        return self.type not in ("CPU", "accelerator")

    def facts(self) -> dict[str, Any]:
        """All of it, for `info`."""
        free, total = self.memory
        return {
            "index": self.index,
            "name": self.name,
            "description": self.description,
            "type": self.type,
            "backend": self.backend,
            "memory_free": free,
            "memory_total": total,
        }

    def __repr__(self) -> str:
        return f"<llamacffi.Device {self.index} {self.name}: {self.description}, {self.type}>"


def devices() -> list[Device]:
    """The devices, in llama.cpp's order; the backends are loaded for it. An RPC worker is among them once it is added.

    Raises:
        BackendError: the backends do not load.
    """
    backends.load_backends()
    return [Device(index) for index in range(lib.ggml_backend_dev_count())]


def choose_devices(
    params: Union[llama_model_params, llama_model_params_p],
    device: Union[str, int, Device, Sequence[Union[str, int, Device]], None] = None,
    gpu_layers: Union[str, int, None] = None,
    split_mode: Union[str, int, None] = None,
    main_gpu: Union[str, int, Device, None] = None,
    tensor_split: Union[str, Sequence[float], None] = None,
) -> None:
    """Say in a model's parameters which devices to use, and how much of the model each gets.

    What is None stays as it is in `params`; after an error, all does. What the parameters point to lives as long as
    they do. C: `devices`, `n_gpu_layers`, `split_mode`, `main_gpu` and `tensor_split` of `llama_model_params`.

    Args:
        params: `struct llama_model_params` as `llama_model_default_params` returns it, or the pointer of `ffi.new`.
        device: the devices that get layers, by name ("CUDA0", in letters of either case), by index in `devices()`, or
            as `Device`: one, a list, or a text with commas. "none" and "CPU": no device beside the CPU. Unset,
            llama.cpp takes all workers and GPUs.
        gpu_layers: how many layers to move to them, counted from the model's end, the output being one more; "all";
            or "auto", which to llama.cpp's library is all.
        split_mode: "none" (the model on one device), "layer", "row", "tensor", as llama.cpp's enum names them, or
            the enum's value.
        main_gpu: the one device for split mode "none": its place among the chosen devices, from 0, or its name.
        tensor_split: each chosen device's part of the model, in any unit: numbers, or a text such as "3,1". Devices
            for which there is no number get nothing.

    Raises:
        InvalidArgumentError: there is no such device, mode or number; the message lists those that there are.
        BackendError: the backends do not load.
    """
    struct = _owned(params)
    fields: dict[str, Any] = {}
    chosen = _standing(struct) if device is None else _chosen(device)
    if gpu_layers is not None:
        fields["n_gpu_layers"] = parse_gpu_layers(gpu_layers)
    if split_mode is not None:
        fields["split_mode"] = parse_split_mode(split_mode)
    # A place in our list is one in llama.cpp's own only if it is given ours; mode "layer" has no main device.
    by_name = main_gpu is not None and not str(main_gpu).strip().isdigit()
    has_main = fields.get("split_mode", struct.split_mode) != lib.LLAMA_SPLIT_MODE_LAYER
    if device is not None or (by_name and has_main):
        fields["devices"] = ffi.new("ggml_backend_dev_t[]", [*(each.handle for each in chosen), ffi.NULL])
    if main_gpu is not None:
        fields["main_gpu"] = _place("main_gpu", main_gpu, chosen)
    if tensor_split is not None:
        parts = parse_tensor_split(tensor_split)
        if len(parts) > len(chosen):
            raise _refused("tensor_split", tensor_split, f"{len(parts)} numbers for {_listed(chosen)}")
        fields["tensor_split"] = ffi.new("float[]", parts + [0.0] * (lib.llama_max_devices() - len(parts)))
    for name, value in fields.items():
        setattr(struct, name, value)
    keep(struct, list(fields.values()))


def _owned(params: object) -> llama_model_params:
    """The struct that owns the memory of the parameters: as long as it lives, they do."""
    wanted = "struct llama_model_params"
    struct: Any = params
    type_ = ffi.typeof(params) if isinstance(params, ffi.CData) else None
    if type_ and type_.kind == "pointer" and type_.item.cname == wanted and params:
        type_, struct = type_.item, struct[0]
    if not type_ or type_.cname != wanted:
        shown = type_.cname if type_ else type(params).__name__
        raise ArgumentTypeError(f"params: must be {wanted}, not {shown}", "choose_devices", "params")
    if " owning " not in repr(struct):
        problem = "params: has its memory elsewhere: give what llama_model_default_params() or ffi.new returned"
        raise InvalidArgumentError(problem, "choose_devices", "params")
    owned: llama_model_params = struct
    return owned


def _standing(params: llama_model_params) -> list[Device]:
    """The devices that the parameters already say, or all that llama.cpp may choose from."""
    there = devices()
    if not getattr(params, "devices", None):  # an earlier llama.cpp has no such member
        return [each for each in there if each.takes_layers]
    known = {each.handle: each for each in there}
    found: list[Device] = []
    while params.devices[len(found)]:
        each = known.get(params.devices[len(found)])
        if each is None:
            problem = "params: devices is not a list of devices with NULL at its end"
            raise InvalidArgumentError(problem, "choose_devices", "params")
        found.append(each)
    return found


def find(device: Union[str, int, Device, Sequence[Union[str, int, Device]]]) -> list[Device]:
    """The devices that a user means: as for `choose_devices`, and the CPU may be one of several.

    Raises:
        InvalidArgumentError: there is no such device; the message lists those that there are.
    """
    there = devices()
    return [there[_place("device", part, there)] for part in _parts(device)]


def _parts(device: Any) -> list[Any]:
    given: Any = device
    parts = given.split(",") if isinstance(device, str) else given if isinstance(device, (list, tuple)) else [given]
    return [part.strip() if isinstance(part, str) else part for part in parts]


def _chosen(device: Any) -> list[Device]:
    """The devices that a user means for layers: none of them the CPU."""
    if [str(part).lower() for part in _parts(device)] == ["none"]:
        return []
    found = find(device)
    if len(found) == 1 and found[0].type == "CPU":
        return []
    for number, each in enumerate(found):
        if not each.takes_layers:
            raise _refused("device", device, f"{each.name} is used along with the others, and can't be one of them")
        if each in found[:number]:
            raise _refused("device", device, f"{each.name} is there twice")
    if not 0 < len(found) <= lib.llama_max_devices():
        raise _refused("device", device, f"llama.cpp takes 1 to {lib.llama_max_devices()} devices, or none")
    return found


def _place(argument: str, wanted: Any, there: list[Device]) -> int:
    """The place in a list of the device that has this name or place."""
    text = (wanted.name if isinstance(wanted, Device) else str(wanted)).strip().lower()
    for place, each in enumerate(there):
        if text in (each.name.lower(), str(place)):
            return place
    raise _refused(argument, wanted, f"there is no such device among {_listed(there)}")


def _listed(there: list[Device]) -> str:
    numbered = ", ".join(f"{place}: {each.name}" for place, each in enumerate(there))
    return f"{len(there)} device{'' if len(there) == 1 else 's'}{numbered and f' ({numbered})'}"


def _refused(argument: str, value: object, problem: str) -> InvalidArgumentError:
    return InvalidArgumentError(f"{argument} = {value!r}: {problem}", "choose_devices", argument)


def parse_gpu_layers(value: Union[str, int]) -> int:
    """`n_gpu_layers` as C takes it.

    Raises:
        InvalidArgumentError: it is no number of layers, "auto" or "all".
    """
    text = str(value).strip().lower()
    try:
        number = _LAYERS[text] if text in _LAYERS else int(text)
        if min(_LAYERS.values()) <= number < 2**31:
            return number
    except ValueError:
        pass
    raise _refused("gpu_layers", value, f"must be a number of layers, {' or '.join(_LAYERS)}")


def split_modes() -> dict[str, int]:
    """The ways to split a model that llama.cpp has: "layer", …, each with its value."""
    from .params import enum_values  # not needed before a model is loaded

    return dict(enum_values("llama_split_mode"))


def parse_split_mode(value: Union[str, int]) -> int:
    """`split_mode` as C takes it.

    Raises:
        InvalidArgumentError: llama.cpp has no such mode.
    """
    modes = split_modes()
    for name, number in modes.items():
        if str(value).strip().lower() in (name, str(number)):
            return number
    raise _refused("split_mode", value, f"must be one of {', '.join(modes)}")


def parse_tensor_split(value: Union[str, Sequence[float]]) -> list[float]:
    """The numbers of `tensor_split`, without the zeros that C wants behind them.

    Raises:
        InvalidArgumentError: they are not numbers from 0 on, or more than llama.cpp takes devices.
    """
    try:
        parts = [float(part) for part in (value.replace("/", ",").split(",") if isinstance(value, str) else value)]
    except (TypeError, ValueError):
        raise _refused("tensor_split", value, "must be numbers with commas between them") from None
    most = lib.llama_max_devices()
    if len(parts) > most:
        raise _refused("tensor_split", value, f"{len(parts)} numbers; llama.cpp takes {most} devices at most")
    # The sum as C makes it: more than a float holds, or no number at all, would leave no layer for any device.
    if any(part < 0 for part in parts) or not float(ffi.cast("float", sum(parts))) < float("inf"):
        raise _refused("tensor_split", value, "each number must be 0 or more, and no more than a float in C holds")
    return parts
