"""llama.cpp's whole C API for Python, through cffi.

`lib` and `ffi` are cffi's own objects over the compiled extension. Every C function and constant is also
`llamacffi.<name>`, made when it is first used and kept in the module from then on; such a function raises `LlamaError`
for a wrong call. `Model`, `Context` and the other classes own what they hold.
"""

from . import backends as backends
from . import devices as devices
from . import facade as _facade
from . import logs as logs
from .callbacks import Callback as Callback
from .callbacks import callback as callback
from .callbacks import sampler as sampler
from .callbacks import take_exception as take_exception
from .devices import choose_devices as choose_devices
from .errors import BackendError as BackendError
from .errors import BusyError as BusyError
from .errors import FreedHandleError as FreedHandleError
from .errors import InvalidArgumentError as InvalidArgumentError
from .errors import LlamaError as LlamaError
from .errors import NativeAssertionError as NativeAssertionError
from .errors import NativeExceptionError as NativeExceptionError
from .errors import WorkerError as WorkerError
from .errors import last_error as last_error
from .handles import address_of as address_of
from .handles import adopt as adopt
from .handles import from_address as from_address
from .native import ffi as ffi
from .native import get_include as get_include
from .native import get_library_dir as get_library_dir
from .native import lib as lib
from .native import llama_cpp_commit as llama_cpp_commit
from .native import llama_cpp_version as llama_cpp_version
from .sdk import extension_options as extension_options
from .sdk import ffi_builder as ffi_builder
from .sdk import get_cmake_dir as get_cmake_dir
from .sdk import get_pkgconfig_dir as get_pkgconfig_dir

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._checked import *  # noqa: F403  # the C functions and constants
    from .adapters import LoraAdapter as LoraAdapter
    from .batch import Batch as Batch
    from .context import Context as Context
    from .generation import Generation as Generation
    from .gguf import GGUF as GGUF
    from .many import Generations as Generations
    from .model import Model as Model
    from .quantization import quantize as quantize
    from .samplers import Sampler as Sampler
    from .saving import llama_model_save_to_file as llama_model_save_to_file
    from .vocab import Vocab as Vocab

    LLAMA_MAX_DEVICES: int
    """How many devices llama.cpp can use at once (C: `llama_max_devices`)."""
    llama_model_p: str
    """The name of `struct llama_model *` for cffi."""
    llama_context_p: str
    """The name of `struct llama_context *` for cffi."""
    llama_token: str
    """The name of `llama_token` for cffi."""

# What owns native objects, and where it is: imported when it is first asked for, to keep this import light.
_OWNING = {
    "Batch": "batch",
    "Context": "context",
    "GGUF": "gguf",
    "Generation": "generation",
    "Generations": "many",
    "LoraAdapter": "adapters",
    "Model": "model",
    "Sampler": "samplers",
    "Vocab": "vocab",
    "quantize": "quantization",
}


if not TYPE_CHECKING:  # to checkers, a name that the stubs don't have is a mistake

    def __getattr__(name: str) -> "Any":
        # Kept: asking again costs several times what the call itself does.
        value = globals()[name] = _find(name)
        return value


def _find(name: str) -> "Any":
    if name in _OWNING:
        from importlib import import_module

        return getattr(import_module(f".{_OWNING[name]}", __name__), name)
    return __dir__() if name == "__all__" else _facade.resolve(name)


def __dir__() -> list[str]:
    from types import ModuleType

    # type() and not isinstance(): cffi's lib gives itself out as a module
    own = (name for name, value in globals().items() if name[0] != "_" and type(value) is not ModuleType)
    return sorted({*own, *_OWNING, *_facade.names()} - {"TYPE_CHECKING"})
