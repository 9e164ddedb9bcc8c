"""One binding of llama.cpp, asked in an interpreter of its own: what it has, what its calls cost, what wrong ones do.

    binding_probe.py BINDING load MODEL         loads the model's vocabulary; a line of JSON
    binding_probe.py BINDING facts NAMES        which of these names (a file of JSON) it has; a line of JSON
    binding_probe.py BINDING prices MODEL       a line of JSON
    binding_probe.py BINDING wrong CASE MODEL   what came of it, if the process lives to say so: "raised …", "told …" by
                                                `last_error()`, "returned …", or "lacks …", a function that isn't there
    binding_probe.py BINDING cases              their names

It needs nothing but the binding, as it also runs where there is nothing else. benchmarks/bindings.py starts it.
"""

from __future__ import annotations

import ctypes
import glob
import importlib
import importlib.util
import json
import os
import platform
import statistics
import sys
import time
from abc import ABC, abstractmethod
from typing import Any, Callable, Optional

CALLS, ROUNDS = 2_000, 51


class Binding(ABC):
    """What all have in common: C functions by name, and a way to make what they take."""

    null: Any = None

    @abstractmethod
    def find(self, name: str) -> Any:
        """The function, or a constant's value. Raises AttributeError where there is none."""

    @abstractmethod
    def size(self, struct: str) -> Optional[int]:
        """Bytes of a struct, None if it isn't there with its fields."""

    @abstractmethod
    def libraries(self) -> list[str]:
        """The files that have the functions."""

    def array(self, values: list[int]) -> Any:
        """An array of int32_t."""
        raise LookupError(f"{type(self).__name__} has nothing that takes one")

    def buffer(self, size: int) -> Any:
        """An array of char."""
        raise LookupError(f"{type(self).__name__} has nothing that takes one")

    def address(self, pointer: Any) -> int:
        """The number that a pointer is."""
        raise LookupError(f"{type(self).__name__} has no pointers")

    def __getattr__(self, name: str) -> Any:
        return self.find(name)

    # Objects to call with, made by right calls

    def model(self, path: str, vocab_only: bool = True) -> Any:
        self.llama_backend_init()
        params = self.llama_model_default_params()
        params.vocab_only = vocab_only
        model = self.llama_model_load_from_file(path.encode(), params)
        if not model:
            raise SystemExit("the model can't be loaded")
        return model

    def load(self, path: str) -> int:
        """How many tokens the model's vocabulary has."""
        return int(self.llama_vocab_n_tokens(self.llama_model_get_vocab(self.model(path))))

    def context(self, model: Any) -> Any:
        params = self.llama_context_default_params()
        params.n_ctx, params.n_batch, params.n_ubatch, params.n_threads, params.n_threads_batch = 64, 32, 32, 2, 2
        return self.llama_init_from_model(model, params)

    def batch(self, tokens: list[int]) -> Any:
        self.kept = self.array(tokens)
        return self.llama_batch_get_one(self.kept, len(tokens))

    def chain(self) -> Any:
        return self.llama_sampler_chain_init(self.llama_sampler_chain_default_params())


class Cffi(Binding):
    ffi: Any
    libs: list[Any]

    def find(self, name: str) -> Any:
        for lib in self.libs:
            try:
                return getattr(lib, name)
            except AttributeError:
                pass
        raise AttributeError(name)

    def size(self, struct: str) -> Optional[int]:
        for spelled in (f"struct {struct}", struct):
            try:
                if self.ffi.typeof(spelled).kind == "struct" and self.ffi.typeof(spelled).fields:
                    return int(self.ffi.sizeof(spelled))
            except Exception:  # cffi has classes of its own for its two modes
                pass
        return None

    def array(self, values: list[int]) -> Any:
        return self.ffi.new("int32_t[]", values)

    def buffer(self, size: int) -> Any:
        return self.ffi.new("char[]", size)

    def address(self, pointer: Any) -> int:
        return int(self.ffi.cast("uintptr_t", pointer))


class Llamacffi(Cffi):
    def __init__(self) -> None:
        import llamacffi

        self.package: Any = llamacffi
        self.ffi, self.libs, self.null = llamacffi.ffi, [llamacffi.lib], llamacffi.ffi.NULL
        self.backends = {backend.name for backend in llamacffi.backends.backends()}
        with open(os.path.join(os.path.dirname(llamacffi.__file__), "api.json"), encoding="utf-8") as file:
            self.modules = {each["name"]: each["module"] for each in json.load(file)["functions"]}

    def find(self, name: str) -> Any:
        if self.modules.get(name):
            self.package.backends.find(self.modules[name], name)  # is in a backend's module: is that here?
        return super().find(name)

    def libraries(self) -> list[str]:
        return sorted(glob.glob(os.path.join(self.package.get_library_dir(), "*llamacffi-*")))


class LlamacffiChecked(Llamacffi):
    def find(self, name: str) -> Any:
        return getattr(self.package, name)


class LlamaCppPySync(Cffi):
    def __init__(self) -> None:
        bindings: Any = importlib.import_module("llama_cpp_py_sync._cffi_bindings")
        self.ffi, self.null = bindings.ffi, bindings.ffi.NULL
        self.libs = [bindings.get_lib(), bindings.get_mtmd_lib()]
        self.libs += [bindings.get_backend_lib(), bindings.get_backend_base_lib(), bindings.get_rpc_lib()]
        self.folder = os.path.dirname(bindings.__file__)

    def libraries(self) -> list[str]:
        return sorted(glob.glob(os.path.join(self.folder, "*.so*")))


class LlamaCppCffi(Cffi):
    def __init__(self) -> None:
        package: Any = importlib.import_module("llama.llama_cpp")
        self.ffi, self.libs, self.null = package.ffi, [package.lib], package.ffi.NULL
        self.folder = os.path.dirname(package.__file__)

    def libraries(self) -> list[str]:
        return glob.glob(os.path.join(self.folder, "_llama_cpp_cpu.*"))


class LlamaCppPython(Binding):
    def __init__(self) -> None:
        names = ("llama_cpp", "mtmd_cpp", "_ggml", "llama_cpp_ext")
        self.modules: list[Any] = [importlib.import_module(f"llama_cpp.{name}") for name in names]
        self.folder = os.path.join(os.path.dirname(self.modules[0].__file__), "lib")

    def find(self, name: str) -> Any:
        for module in self.modules:
            if hasattr(module, name):
                return getattr(module, name)
        raise AttributeError(name)

    def size(self, struct: str) -> Optional[int]:
        try:
            found: Any = self.find(struct)
            return ctypes.sizeof(found) if found._fields_ else None
        except AttributeError:  # there is no such name, or it is no structure's, or one without fields
            return None

    def libraries(self) -> list[str]:
        return sorted(glob.glob(os.path.join(self.folder, "*.so*")))

    def array(self, values: list[int]) -> Any:
        return (ctypes.c_int32 * len(values))(*values)

    def buffer(self, size: int) -> Any:
        return ctypes.create_string_buffer(size)

    def address(self, pointer: Any) -> int:
        return int(pointer if isinstance(pointer, int) else ctypes.cast(pointer, ctypes.c_void_p).value or 0)


class Xllamacpp(Binding):
    """It has the constants that its parameters need, and no function of the C API."""

    def __init__(self) -> None:
        self.package: Any = importlib.import_module("xllamacpp")

    def find(self, name: str) -> Any:
        known: dict[str, Any] = self.package.__dict__
        if name in known:
            return known[name]
        for value in known.values():
            members: dict[str, int] = getattr(value, "__members__", {})
            if name in members:
                return int(members[name])
        raise AttributeError(name)

    def load(self, path: str) -> int:
        params = self.package.CommonParams()
        params.model.path, params.n_ctx, params.n_predict = path, 64, 1
        answer = self.package.Server(params).handle_completions({"prompt": "Hello", "max_tokens": 1})
        return int(answer["usage"]["total_tokens"])

    def size(self, struct: str) -> Optional[int]:
        return None

    def libraries(self) -> list[str]:
        return []


BINDINGS: dict[str, Callable[[], Binding]] = {
    "llamacffi": Llamacffi,
    "llamacffi-checked": LlamacffiChecked,
    "llama-cpp-python": LlamaCppPython,
    "llama-cpp-py-sync": LlamaCppPySync,
    "llama-cpp-cffi": LlamaCppCffi,
    "xllamacpp": Xllamacpp,
}


# What is more than llama.cpp's C functions: where it is, as "module:name".
MORE: dict[str, dict[str, str]] = {
    "llama-cpp-python": {
        "OpenAI's protocol": "llama_cpp.server:",
        "pictures and sound": "llama_cpp.llama_chat_format:Llava15ChatHandler",
        "models from a hub": "llama_cpp:Llama.from_pretrained",
    },
    "llama-cpp-py-sync": {"pictures and sound": "llama_cpp_py_sync.multimodal:MultimodalContext"},
    "llama-cpp-cffi": {
        "OpenAI's protocol": "llama.server:",
        "pictures and sound": "llama.llava:llava_completions",
        "models from a hub": "llama.model:hf_hub_download",
    },
    "xllamacpp": {
        "OpenAI's protocol": "xllamacpp:Server",
        "pictures and sound": "xllamacpp:CommonParams.mmproj",
        "models from a hub": "xllamacpp:CommonParamsModel.hf_repo",
    },
}

# What it has


def facts(binding: Binding, names: dict[str, Any], more: dict[str, str]) -> dict[str, Any]:
    """Of these names: the functions that can be called, the constants' values, the structs' sizes.

    `written` are the sizes of structs as the library itself has them.
    """
    functions: list[str] = []
    constants: dict[str, float] = {}
    unreadable: list[str] = []
    for name in names["functions"]:
        try:
            found = binding.find(name)
        except Exception:
            continue
        if callable(found) and not isinstance(found, type):  # a class of that name is an enum's
            functions.append(name)
    for name in names["constants"]:
        try:
            value = binding.find(name)
        except AttributeError:
            continue
        except Exception as error:  # cffi's word for a value that the compiler found to be another
            unreadable.append(f"{name}: {error}")
            continue
        if isinstance(value, (int, float)):
            constants[name] = value
    sizes = {name: binding.size(name) for name in names["structs"]}
    return {
        "functions": functions,
        "constants": constants,
        "unreadable": unreadable,
        "structs": {name: size for name, size in sizes.items() if size is not None},
        "written": {struct: written(binding, function) for struct, function in names["returned"].items()},
        "more": [what for what, place in more.items() if is_there(place)],
    }


def is_there(place: str) -> bool:
    """Whether there is such a module, and such a name in it."""
    module, _, name = place.partition(":")
    if not name:
        return importlib.util.find_spec(module) is not None
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found is not None


def written(binding: Binding, function: str) -> int:
    """How many bytes a function writes that returns a struct and takes nothing, 0 if that can't be known.

    By the calling conventions of x86-64, the caller passes the address where a struct of more than 16 bytes is to be.
    """
    if platform.machine() not in ("x86_64", "AMD64"):
        return 0
    try:
        call = plain(binding, function, ctypes.c_void_p, [ctypes.c_void_p])
    except LookupError:
        return 0
    size = 0
    for filler in (0x55, 0xAA):
        memory = (ctypes.c_ubyte * 4096)(*[filler] * 4096)
        call(ctypes.addressof(memory))
        size = max([size, *(at + 1 for at, byte in enumerate(memory) if byte != filler)])
    return (size + 7) // 8 * 8


# What a call costs


def prices(binding: Binding, path: str) -> dict[str, dict[str, float]]:
    """Nanoseconds of a call, and of the same one by plain ctypes in the same library; medians over rounds in turns."""
    model = binding.model(path)
    vocab = binding.llama_model_get_vocab(model)
    buffer, c_buffer = binding.buffer(32), ctypes.create_string_buffer(32)
    number, pointer, flag = ctypes.c_int32, ctypes.c_void_p, ctypes.c_bool
    handles = {id(each): binding.address(each) for each in (model, vocab)}
    rows: list[Any] = [
        ("llama_time_us", ctypes.c_int64, [], []),
        ("llama_max_devices", ctypes.c_size_t, [], []),
        ("llama_model_n_embd", number, [pointer], [model]),
        ("llama_vocab_n_tokens", number, [pointer], [vocab]),
        ("llama_vocab_is_eog", flag, [pointer, number], [vocab, 5]),
        ("llama_vocab_get_score", ctypes.c_float, [pointer, number], [vocab, 5]),
    ]
    if sys.modules.get("llamacffi") or binding.size("llama_batch"):
        types = [pointer, number, ctypes.c_char_p, number, number, flag]
        rows.append(("llama_token_to_piece", number, types, [vocab, 260, buffer, 32, 0, False]))
    found: dict[str, dict[str, float]] = {}
    for name, result, types, arguments in rows:
        by_ctypes = plain(binding, name, result, types)
        theirs = [c_buffer if each is buffer else handles.get(id(each), each) for each in arguments]
        ways = {"binding": (binding.find(name), arguments), "ctypes": (by_ctypes, theirs)}
        loops = {way: _loop(len(arguments)) for way in ways}
        times: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(ROUNDS):
            for way, (function, given) in ways.items():
                start = time.perf_counter()
                loops[way](function, *given)
                times[way].append((time.perf_counter() - start) / CALLS * 1e9)
        ratio = statistics.median(one / other for one, other in zip(times["binding"], times["ctypes"]))
        found[name] = {**{way: statistics.median(each) for way, each in times.items()}, "ratio": ratio}
    return found


def plain(binding: Binding, name: str, result: Any, types: list[Any]) -> Any:
    """The function by ctypes, from whichever of the binding's libraries has it. Raises LookupError: none has."""
    for path in binding.libraries():
        try:
            function = getattr(ctypes.CDLL(path), name)
        except (AttributeError, OSError):
            continue
        function.restype, function.argtypes = result, types
        return function
    raise LookupError(name)


def _loop(arity: int) -> Callable[..., None]:
    names = "".join(f", a{i}" for i in range(arity))
    scope: dict[str, Any] = {}
    exec(f"def loop(function{names}):\n for _ in range({CALLS}):\n  function({names[2:]})\n", scope)
    loop: Callable[..., None] = scope["loop"]
    return loop


# What wrong calls do. No right program makes one of these.

BEYOND = 1_000_000_000


def _freed_model(b: Any, path: str) -> Any:
    model = b.model(path)
    b.llama_model_free(model)
    return model


def _freed_context(b: Any, path: str) -> Any:
    ctx = b.context(b.model(path, vocab_only=False))
    b.llama_free(ctx)
    return ctx


def _vocab(b: Any, path: str) -> Any:
    return b.llama_model_get_vocab(b.model(path))


def _decoded(b: Any, path: str) -> Any:
    ctx = b.context(b.model(path, vocab_only=False))
    if b.llama_decode(ctx, b.batch([1, 2, 3])):
        raise SystemExit("the prompt can't be decoded")
    return ctx


def _nowhere(b: Any, path: str) -> Any:
    """A batch of tokens that are not there."""
    batch = b.llama_batch_get_one(b.null, 3)
    return b.llama_decode(b.context(b.model(path, vocab_only=False)), batch)


def _too_many(b: Any, path: str) -> Any:
    """More tokens than the context's n_batch."""
    return b.llama_decode(b.context(b.model(path, vocab_only=False)), b.batch([1] * 50))


def _no_tokens(b: Any, path: str) -> Any:
    """Beyond the vocabulary."""
    return b.llama_decode(b.context(b.model(path, vocab_only=False)), b.batch([BEYOND]))


def _freed_twice(b: Any, path: str) -> Any:
    chain = b.chain()
    b.llama_sampler_free(chain)
    return b.llama_sampler_free(chain)


def _sample_undecoded(b: Any, path: str) -> Any:
    chain = b.chain()
    b.llama_sampler_chain_add(chain, b.llama_sampler_init_greedy())
    return b.llama_sampler_sample(chain, b.context(b.model(path, vocab_only=False)), -1)


def _sample_by_nothing(b: Any, path: str) -> Any:
    """A chain that has no sampler that chooses."""
    return b.llama_sampler_sample(b.chain(), _decoded(b, path), -1)


def _model_before_context(b: Any, path: str) -> Any:
    model = b.model(path, vocab_only=False)
    ctx = b.context(model)
    b.llama_model_free(model)
    return b.llama_decode(ctx, b.batch([1, 2, 3]))


WRONG: dict[str, Callable[[Any, str], Any]] = {
    "NULL model": lambda b, path: b.llama_model_n_params(b.null),
    "NULL model for a context": lambda b, path: b.llama_init_from_model(b.null, b.llama_context_default_params()),
    "NULL context": lambda b, path: b.llama_n_ctx(b.null),
    "NULL context synchronized": lambda b, path: b.llama_synchronize(b.null),
    "NULL vocabulary": lambda b, path: b.llama_vocab_n_tokens(b.null),
    "NULL sampler": lambda b, path: b.llama_sampler_name(b.null),
    "NULL sampler added": lambda b, path: b.llama_sampler_chain_add(b.chain(), b.null),
    "NULL path": lambda b, path: b.llama_model_load_from_file(b.null, b.llama_model_default_params()),
    "NULL text": lambda b, path: b.llama_tokenize(_vocab(b, path), b.null, 5, b.array([0] * 8), 8, True, True),
    "NULL tokens to write": lambda b, path: b.llama_tokenize(_vocab(b, path), b"Hello", 5, b.null, 8, True, True),
    "NULL buffer": lambda b, path: b.llama_token_to_piece(_vocab(b, path), 260, b.null, 32, 0, True),
    "NULL chat messages": lambda b, path: b.llama_chat_apply_template(b"chatml", b.null, 2, True, b.buffer(99), 99),
    "NULL state": lambda b, path: b.llama_state_set_data(_decoded(b, path), b.null, 1000),
    "freed model": lambda b, path: b.llama_model_n_embd(_freed_model(b, path)),
    "freed model's description": lambda b, path: b.llama_model_desc(_freed_model(b, path), b.buffer(99), 99),
    "model freed twice": lambda b, path: b.llama_model_free(_freed_model(b, path)),
    "freed context": lambda b, path: b.llama_decode(_freed_context(b, path), b.batch([1, 2, 3])),
    "context freed twice": lambda b, path: b.llama_free(_freed_context(b, path)),
    "sampler freed twice": _freed_twice,
    "model freed before its context": _model_before_context,
    "token beyond the vocabulary: text": lambda b, path: b.llama_vocab_get_text(_vocab(b, path), BEYOND),
    "token beyond the vocabulary: score": lambda b, path: b.llama_vocab_get_score(_vocab(b, path), BEYOND),
    "token beyond the vocabulary: decoded": _no_tokens,
    "negative token": lambda b, path: b.llama_vocab_get_text(_vocab(b, path), -7),
    "number beyond 32 bits": lambda b, path: b.llama_vocab_get_text(_vocab(b, path), 2**40 + 5),
    "buffer smaller than said": lambda b, path: b.llama_token_to_piece(_vocab(b, path), 9000, b.buffer(1), 64, 0, True),
    "array smaller than said": lambda b, path: b.llama_tokenize(
        _vocab(b, path), b"a b c d e f g h " * 4096, 65536, b.array([0]), 60000, True, True
    ),
    "text shorter than said": lambda b, path: b.llama_tokenize(
        _vocab(b, path), b"Hello", 50_000_000, b.array([0] * 8), 8, True, True
    ),
    "logits that were not asked for": lambda b, path: b.llama_get_logits_ith(_decoded(b, path), 1),
    "logits beyond the batch": lambda b, path: b.llama_get_logits_ith(_decoded(b, path), BEYOND),
    "batch of tokens that are not there": _nowhere,
    "batch beyond n_batch": _too_many,
    "sampled before anything is decoded": _sample_undecoded,
    "sampled by a chain that does not choose": _sample_by_nothing,
    "sampler beyond the chain's": lambda b, path: b.llama_sampler_chain_get(b.chain(), 99),
    "context where a model belongs": lambda b, path: b.llama_model_n_embd(_decoded(b, path)),
    "model where a vocabulary belongs": lambda b, path: b.llama_vocab_n_tokens(b.model(path)),
    "number where a model belongs": lambda b, path: b.llama_model_n_embd(12345),
    "too few arguments": lambda b, path: b.llama_vocab_get_text(_vocab(b, path)),
}


def wrong(binding: Binding, case: str, path: str) -> str:
    try:
        value = WRONG[case](binding, path)
    except AttributeError as error:
        return f"lacks {error}"
    except Exception as error:
        return f"raised {type(error).__name__}: {error}"
    if isinstance(binding, Llamacffi) and not isinstance(binding, LlamacffiChecked):
        failure = binding.package.last_error()  # `lib` is C's: failures are told, not raised
        if failure is not None:
            return f"told {type(failure).__name__}: {failure}"
    return f"returned {value!r}"


def main(name: str, what: str, *arguments: str) -> None:
    if what == "cases":
        print(json.dumps(list(WRONG)))
        return
    binding = BINDINGS[name]()
    if what == "load":
        print(json.dumps({"tokens": binding.load(arguments[0])}))
    elif what == "facts":
        with open(arguments[0], encoding="utf-8") as file:
            print(json.dumps(facts(binding, json.load(file), MORE.get(name, {}))))
    elif what == "prices":
        print(json.dumps(prices(binding, arguments[0])))
    elif what == "wrong":
        print(wrong(binding, *arguments), flush=True)
    else:
        raise SystemExit(__doc__)
    sys.stdout.flush()
    os._exit(0)  # what is not freed is no part of the question


if __name__ == "__main__":
    main(*sys.argv[1:])
