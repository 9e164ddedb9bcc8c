"""The backends: found in the package's folder and in add-ons, the variant that suits this machine chosen, loaded once.

The first call that needs a device does that, through `load_backends`; importing this loads none.
"""

from __future__ import annotations

import atexit
import os
import sys
from _thread import RLock

from .callbacks import fail_call
from .errors import BackendError, last_error
from .logs import Kept
from .native import encode_path, ffi, get_library_dir, lib, report, text_of, user_prefix

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Optional, Union

    from .addons import AddOn
    from .types import Null, char_p, void_p

__all__ = ["Backend", "backends", "find", "load_backends", "problems", "selected"]

# Whose absence is why a backend does not work, in most cases.
_DRIVERS = {
    "cuda": "NVIDIA's driver, 580 or later",
    "vulkan": "Vulkan's loader and the GPU's driver for it (Debian: libvulkan1, mesa-vulkan-drivers)",
}


class Backend:
    """A loaded backend module.

    Attributes:
        name: "cpu", "rpc", "cuda", …
        variant: which of several builds was chosen for this machine ("haswell"), "" where there is one.
        path: the module's file.
        module: its handle, `void *`, as the dynamic linker gave it.
    """

    __slots__ = ("module", "name", "path", "variant")

    def __init__(self, name: str, variant: str, path: str, module: void_p) -> None:
        self.name: str = name
        self.variant: str = variant
        self.path: str = path
        self.module: void_p = module

    def __repr__(self) -> str:
        return f"<llamacffi.Backend {self.name}{self.variant and '-'}{self.variant}>"


_loaded: dict[str, Backend] = {}
_problems: dict[str, str] = {}
_lock = RLock()


def backends() -> list[Backend]:
    """The backends that have been loaded, in the order of loading; none before the first call that needs one."""
    return list(_loaded.values())


def problems() -> dict[str, str]:
    """The backends that are installed and of no use here, each with the reason: left out, or without a device."""
    return dict(_problems)


def load_backends(left_out: Optional[Mapping[str, str]] = None) -> None:
    """Load the backends of the package's own folder and of the add-ons, once; later calls do nothing.

    `LLAMACFFI_BACKENDS`, names separated by commas, says which; the CPU's is always among them, since llama.cpp
    can't do without. Unset, all are loaded. `GGML_BACKEND_PATH` names one more module, as in llama.cpp.
    `LLAMACFFI_CPU_VARIANT` names the CPU's variant; unset, the best for this processor is taken.

    A backend that does not work here, or an add-on that is built for another llama.cpp, is left out; one line on
    standard error says which and why, and `problems` keeps it.

    Args:
        left_out: backends not to load, each with the reason, for `problems`. With it, even empty, no line is written.

    Raises:
        BackendError: a backend that was asked for is not there, or the CPU's does not load; this processor can't run
            the variant that was asked for.
    """
    if lib.llamacffi_backends_loaded:
        return
    with _lock:
        if lib.llamacffi_backends_loaded:
            return
        modules, addons = _search()
        if user_prefix() or not _own_modules():
            from .prefix import linked

            _loaded.update({name: Backend(name, "", path, module) for name, (path, module) in linked().items()})
        _problems.update(left_out or {})
        for name in _selected(modules):
            if name == "cpu" and name not in _loaded:
                _load_cpu(modules[name])
            elif name not in _loaded and name not in _problems:
                _load_other(name, next(iter(modules[name].values())), addons.get(name))
        extra = os.environ.get("GGML_BACKEND_PATH")
        if extra:
            lib.ggml_backend_load(os.fsencode(extra))
        lib.llamacffi_backends_loaded = 1
        if left_out is None:
            _report_problems()


def selected() -> list[str]:
    """The backends that `load_backends` loads, if they work here.

    Raises:
        BackendError: one that was asked for is not there.
    """
    return _selected(_search()[0])


def _asked() -> list[str]:
    """The names in `LLAMACFFI_BACKENDS`."""
    return [name.strip().lower() for name in os.environ.get("LLAMACFFI_BACKENDS", "").split(",") if name.strip()]


def _search() -> tuple[dict[str, dict[str, str]], dict[str, AddOn]]:
    """All modules that are installed: backend's name to variant to file; and the add-ons among them."""
    modules = _modules()
    asked = _asked()
    if asked and all(name in modules for name in asked):  # no need to look at what else is installed
        return modules, {}
    if user_prefix():  # what add-ons are made for is not there
        return modules, {}
    from .addons import find_addons

    addons, refused = find_addons()
    for name, why in refused.items():
        if name not in modules and (not asked or name in asked):
            _problems[name] = f"is left out: {why}"
    # What was built into the package goes before an add-on.
    addons = {name: addon for name, addon in addons.items() if name not in modules}
    modules.update({name: {"": addon.path} for name, addon in addons.items()})
    return modules, addons


def _modules() -> dict[str, dict[str, str]]:
    """The modules in the package, or of the user's own libllama: backend's name to variant to file.

    A llama.cpp from before there were modules has its backends linked with it.
    """
    if user_prefix():
        from .prefix import modules

        return modules()
    own = _own_modules()
    if own:
        return own
    from .prefix import linked

    return {name: {"": path} for name, (path, _) in linked().items()}


def _own_modules() -> dict[str, dict[str, str]]:
    """The modules in the package."""
    found: dict[str, dict[str, str]] = {}
    prefix = "ggml-" if sys.platform == "win32" else "libggml-"
    suffix = ".dll" if sys.platform == "win32" else ".so"  # on macOS, too: they are modules, not libraries
    folder = get_library_dir()
    for file in sorted(os.listdir(folder)):
        if file.startswith(prefix) and file.endswith(suffix):
            name, _, variant = file[len(prefix) : -len(suffix)].partition("-")
            found.setdefault(name, {})[variant] = os.path.join(folder, file)
    return found


def _selected(there: dict[str, dict[str, str]]) -> list[str]:
    """The backends to load; the CPU's comes last, as in llama.cpp, so that devices are listed in the same order."""
    if "cpu" not in there and user_prefix():
        raise BackendError(
            f"the libllama in {get_library_dir()} has no CPU backend linked with it, and its modules were not "
            "found: install libggml-cpu*, or set GGML_BACKEND_DIR when building it"
        )
    if "cpu" not in there:
        raise BackendError(
            f"there is no CPU backend in {get_library_dir()}: the installation is not whole, install again"
        )
    asked = _asked()
    for name in asked:
        if name not in there and name not in _problems:
            raise BackendError(
                f"LLAMACFFI_BACKENDS={os.environ['LLAMACFFI_BACKENDS']}: there is no backend {name!r} in "
                f"{get_library_dir()} and no add-on that has it, only {', '.join(sorted(there))}"
            )
    names = asked if os.environ.get("LLAMACFFI_BACKENDS") else sorted(there)
    return [name for name in names if name != "cpu" and name in there] + ["cpu"]


def _load_cpu(variants: dict[str, str]) -> None:
    """Load the CPU's variant that suits this machine best, or the one that `LLAMACFFI_CPU_VARIANT` names."""
    scores: dict[str, int] = {}
    problems: dict[str, str] = {}
    for variant, path in variants.items():
        module = lib.llamacffi_module_open(encode_path(path))
        if module:
            scores[variant] = lib.llamacffi_module_score(module)
            lib.llamacffi_module_close(module)
        else:
            problems[variant] = text_of(lib.llamacffi_module_error()) or path
    usable = sorted(filter(scores.get, scores), key=lambda variant: -scores[variant])
    asked = os.environ.get("LLAMACFFI_CPU_VARIANT", "").strip().lower()
    if asked:
        if asked not in usable:
            raise BackendError(f"LLAMACFFI_CPU_VARIANT={asked}: {_why_unusable(asked, variants, usable, problems)}")
        usable = [asked]
    for variant in usable:
        path = variants[variant]
        if lib.ggml_backend_load(encode_path(path)):
            _loaded["cpu"] = Backend("cpu", variant, path, lib.llamacffi_module_open(encode_path(path)))
            return
        problems[variant] = f"{path} does not initialise"
    reason = "; ".join(problems.values()) or "it can't run on this machine"
    raise BackendError(f"the CPU backend in {get_library_dir()} does not load: {reason}")


def _load_other(name: str, path: str, addon: Optional[AddOn]) -> None:
    """Load a backend that one can do without: it may lack its driver."""
    from .addons import load_libraries

    module = lib.llamacffi_module_open(encode_path(path))
    if not module:
        reason = text_of(lib.llamacffi_module_error()) or path
        if addon and load_libraries(addon):
            module = lib.llamacffi_module_open(encode_path(path))
            reason = text_of(lib.llamacffi_module_error())
        if not module:
            _problems[name] = f"is left out: {reason}{_remedy(name, path, reason, addon)}"
            return
    with Kept() as kept:
        registered = lib.ggml_backend_load(encode_path(path))
        devices = lib.ggml_backend_reg_dev_count(registered) if registered else 0
    # ggml's own words for a module's failure begin with what we say better.
    said = [line.rpartition(f"{path}: ")[2] for _, line in kept.lines]
    if lib.llamacffi_failed():
        said = [str(last_error())]
    reason = " ".join(" ".join(said).split())
    if not registered:
        _problems[name] = f"is left out: {reason or 'it does not initialise'}{_remedy(name, '', reason, addon)}"
        lib.llamacffi_module_close(module)
        return
    _loaded[name] = Backend(name, "", path, module)
    if name == "rpc":
        from . import rpc

        rpc.watch(module)
    if devices or text_of(lib.ggml_backend_reg_name(registered)) == "RPC":  # whose workers are added later
        kept.pass_on()
    else:
        _problems[name] = f"finds no device{reason and ': '}{reason}{_remedy(name, '', reason, addon)}"


def _remedy(name: str, path: str, reason: str, addon: Optional[AddOn]) -> str:
    """What to do about a module that does not work; `path` is the module's if the dynamic linker gave the reason."""
    for file, package in (addon.libraries if addon else {}).items():
        if file in reason:
            return f"; pip install {package}"
    # If the linker names the module itself, the driver is not what is missing.
    return f"; it needs {_DRIVERS[name]}" if name in _DRIVERS and not (path and path in reason) else ""


def _report_problems() -> None:
    """One line for all of them: who has add-ons installed for another machine is not to be bored."""
    if not _problems:
        return
    gpus = (lib.GGML_BACKEND_DEVICE_TYPE_GPU, lib.GGML_BACKEND_DEVICE_TYPE_IGPU)
    there = range(lib.ggml_backend_dev_count())
    on_cpu = not any(lib.ggml_backend_dev_type(lib.ggml_backend_dev_get(index)) in gpus for index in there)
    told = "; ".join(f"the {name} backend {why}" for name, why in _problems.items())
    report(f"{told}{'; everything runs on the CPU' if on_cpu else ''}")


def _why_unusable(asked: str, variants: dict[str, str], usable: list[str], problems: dict[str, str]) -> str:
    """Why a variant that a user asked for can't be loaded, and which can."""
    if asked not in variants:
        there = ", ".join(filter(None, variants)) or "one for all processors"
        return f"there is no CPU variant {asked!r} in {get_library_dir()}, only {there}"
    return f"{problems.get(asked, 'this processor lacks what it needs')}; what it can run: {', '.join(usable)}"


def find(modules: str, name: str) -> void_p:
    """A function in a backend's module.

    Args:
        modules: the backends that may have it, separated by commas.
        name: the function's C name.

    Returns:
        Its address, `void *`.

    Raises:
        BackendError: none of the backends is loaded, or the one that is does not have it.
    """
    load_backends()
    names = modules.split(",")
    for each in names:
        backend = _loaded.get(each)
        if backend:
            address = lib.llamacffi_module_symbol(backend.module, name.encode())
            if address:
                return address
            raise BackendError(f"{name}: the {each} backend in {backend.path} has no such function")
    trouble = [f"the {each} backend {_problems[each]}" for each in names if each in _problems]
    if trouble:
        hint = trouble[0]
    elif _is_deselected(names):
        hint = f"LLAMACFFI_BACKENDS={os.environ['LLAMACFFI_BACKENDS']} leaves it out"
    else:
        hint = _how_to_get(names)
    raise BackendError(
        f"{name} needs the {' or '.join(names)} backend; loaded {'is' if len(_loaded) == 1 else 'are'} "
        f"{', '.join(_loaded)}; {hint}"
    )


def _is_deselected(names: list[str]) -> bool:
    """Whether one of these backends is installed, and not asked for."""
    from .addons import find_addons

    return bool(os.environ.get("LLAMACFFI_BACKENDS")) and any(
        name in {**_modules(), **find_addons()[0]} for name in names
    )


def _how_to_get(names: list[str]) -> str:
    """How to install one of these backends."""
    if user_prefix():
        return "it has to be installed beside the libllama that llamacffi was built for"
    from .addons import EXTRAS

    wheels = [f"pip install llamacffi[{EXTRAS[each]}], or " for each in names if each in EXTRAS]
    return f'{"".join(wheels)}to build it in: CMAKE_ARGS="-DGGML_{names[0].upper()}=ON" pip install llamacffi'


def _load_backends_from_c() -> int:
    try:
        load_backends()
    except Exception as error:
        lib.llamacffi_backend_missing(str(error).encode("utf-8", "surrogateescape"))
        return 0
    return 1


def _find_from_c(modules: char_p, name: char_p) -> Union[void_p, Null]:
    try:
        return find(text_of(modules), text_of(name))
    except Exception as error:
        lib.llamacffi_backend_missing(str(error).encode("utf-8", "surrogateescape"))
        return ffi.NULL


# An interrupt is no reason to do without a backend: it is the caller's.
ffi.def_extern(name="llamacffi_load_backends", onerror=fail_call)(_load_backends_from_c)
ffi.def_extern(name="llamacffi_find", onerror=fail_call)(_find_from_c)
atexit.register(lib.llamacffi_end)
