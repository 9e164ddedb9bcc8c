"""The backends: found in the package's own folder, the variant that suits this machine chosen, loaded once.

The first call that needs a device does that, through `load_backends`; importing this loads none.
"""

from __future__ import annotations

import atexit
import os
import sys
from _thread import RLock

from .errors import BackendError
from .native import encode_path, ffi, get_library_dir, lib, report, user_prefix

__all__ = ["Backend", "backends", "find", "load_backends"]


class Backend:
    """A loaded backend module.

    Attributes:
        name: "cpu", "rpc", "cuda", …
        variant: which of several builds was chosen for this machine ("haswell"), "" where there is one.
        path: the module's file.
        module: its handle, `void *`, as the dynamic linker gave it.
    """

    __slots__ = ("module", "name", "path", "variant")

    def __init__(self, name: str, variant: str, path: str, module: ffi.CData) -> None:
        self.name = name
        self.variant = variant
        self.path = path
        self.module = module

    def __repr__(self) -> str:
        return f"<llamacffi.Backend {self.name}{self.variant and '-'}{self.variant}>"


_loaded: dict[str, Backend] = {}
_lock = RLock()


def backends() -> list[Backend]:
    """The backends that have been loaded, in the order of loading; none before the first call that needs one."""
    return list(_loaded.values())


def load_backends() -> None:
    """Load the backends of the package's own folder, once; later calls do nothing.

    `LLAMACFFI_BACKENDS`, names separated by commas, says which; the CPU's is always among them, since llama.cpp
    can't do without. Unset, all are loaded. `GGML_BACKEND_PATH` names one more module, as in llama.cpp.

    Raises:
        BackendError: a backend that was asked for is not there, or the CPU's does not load.
    """
    if lib.llamacffi_backends_loaded:
        return
    with _lock:
        if lib.llamacffi_backends_loaded:
            return
        if user_prefix():
            from .prefix import linked

            for name, (path, module) in linked().items():
                _loaded[name] = Backend(name, "", path, module)
        modules = _modules()
        for name in _selected([*_loaded, *modules]):
            if name not in _loaded:
                _load(name, modules[name])
        extra = os.environ.get("GGML_BACKEND_PATH")
        if extra:
            lib.ggml_backend_load(os.fsencode(extra))
        lib.llamacffi_backends_loaded = 1


def _modules() -> dict[str, dict[str, str]]:
    """The modules in the package: backend's name to variant to file."""
    found: dict[str, dict[str, str]] = {}
    prefix = "ggml-" if sys.platform == "win32" else "libggml-"
    suffix = ".dll" if sys.platform == "win32" else ".so"  # on macOS, too: they are modules, not libraries
    folder = get_library_dir()
    if user_prefix():
        from .prefix import modules_folder

        folder = modules_folder()
    for file in sorted(os.listdir(folder)) if folder else ():
        if file.startswith(prefix) and file.endswith(suffix):
            name, _, variant = file[len(prefix) : -len(suffix)].partition("-")
            found.setdefault(name, {})[variant] = os.path.join(folder, file)
    return found


def _selected(there: list[str]) -> list[str]:
    """The backends to load; the CPU's comes last, as in llama.cpp, so that devices are listed in the same order."""
    if "cpu" not in there and user_prefix():
        raise BackendError(
            f"the libllama in {get_library_dir()} has no CPU backend, and its modules, libggml-cpu*, were not found: "
            "install them (Debian: apt install libggml0-backend-cpu)"
        )
    if "cpu" not in there:
        raise BackendError(
            f"there is no CPU backend in {get_library_dir()}: the installation is not whole, install again"
        )
    asked = os.environ.get("LLAMACFFI_BACKENDS")
    names = [name.strip().lower() for name in asked.split(",") if name.strip()] if asked else list(dict.fromkeys(there))
    for name in names:
        if name not in there:
            raise BackendError(
                f"LLAMACFFI_BACKENDS={asked}: there is no backend {name!r} in {get_library_dir()}, "
                f"only {', '.join(there)}"
            )
    return [name for name in names if name != "cpu"] + ["cpu"]


def _load(name: str, variants: dict[str, str]) -> None:
    """Load the variant that suits this machine best.

    Only the CPU's backend must load: another one may lack its driver, and is then left out with a warning.
    """
    scores: dict[str, int] = {}
    problems = []
    for variant, path in variants.items():
        module = lib.llamacffi_module_open(encode_path(path))
        if module:
            scores[variant] = lib.llamacffi_module_score(module)
            lib.llamacffi_module_close(module)
        else:
            problems.append(ffi.string(lib.llamacffi_module_error()).decode("utf-8", "replace") or path)
    for variant in sorted(filter(scores.get, scores), key=lambda variant: -scores[variant]):
        path = variants[variant]
        if lib.ggml_backend_load(encode_path(path)):
            _loaded[name] = Backend(name, variant, path, lib.llamacffi_module_open(encode_path(path)))
            return
        problems.append(f"{path} does not initialise")
    reason = "; ".join(problems) or "it can't run on this machine"
    if name == "cpu":
        raise BackendError(f"the CPU backend in {get_library_dir()} does not load: {reason}")
    report(f"the {name} backend does not load and is left out: {reason}")


def find(modules: str, name: str) -> ffi.CData:
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
    if user_prefix():
        hint = "it has to be installed beside the libllama that llamacffi was built for"
    elif any(each in _modules() for each in names):
        hint = f"LLAMACFFI_BACKENDS={os.environ.get('LLAMACFFI_BACKENDS', '')} leaves it out, or it did not load"
    else:
        hint = f'to build it in: CMAKE_ARGS="-DGGML_{names[0].upper()}=ON" pip install llamacffi'
    raise BackendError(
        f"{name} needs the {' or '.join(names)} backend; loaded {'is' if len(_loaded) == 1 else 'are'} "
        f"{', '.join(_loaded)}; {hint}"
    )


def _load_backends_from_c() -> int:
    try:
        load_backends()
    except Exception as error:
        lib.llamacffi_backend_missing(str(error).encode("utf-8", "surrogateescape"))
        return 0
    return 1


def _find_from_c(modules: ffi.CData, name: ffi.CData) -> ffi.CData:
    try:
        return find(ffi.string(modules).decode(), ffi.string(name).decode())
    except Exception as error:
        lib.llamacffi_backend_missing(str(error).encode("utf-8", "surrogateescape"))
        return ffi.NULL


ffi.def_extern(name="llamacffi_load_backends")(_load_backends_from_c)
ffi.def_extern(name="llamacffi_find")(_find_from_c)
atexit.register(lib.llamacffi_end)
