"""The Python reference: which names of the package are on which page. Sphinx takes the rest from the docstrings."""

from __future__ import annotations

# The page's name, its title, and what it has: modules with their public names.
PAGES: dict[str, tuple[str, dict[str, list[str]]]] = {
    "model": ("Models and vocabularies", {"llamacffi": ["Model", "Vocab"]}),
    "context": ("Contexts", {"llamacffi": ["Context"], "llamacffi.context": ["Perf", "Sampled"]}),
    "generation": ("Generations", {"llamacffi": ["Generation", "Generations"]}),
    "memory": ("Memory", {"llamacffi.memory": ["Memory"]}),
    "sampler": (
        "Samplers",
        {
            "llamacffi": ["Sampler", "sampler"],
            "llamacffi.samplers": ["SamplerPerf"],
            "llamacffi.candidates": ["Candidates"],
        },
    ),
    "batch": ("Batches", {"llamacffi": ["Batch"]}),
    "chat": ("Chat", {"llamacffi.chat": ["render", "templates", "tokens_of"]}),
    "embedding": ("Embeddings", {"llamacffi.embedding": ["Ranked"]}),
    "adapters": ("LoRA adapters", {"llamacffi": ["LoraAdapter"]}),
    "gguf": ("GGUF files", {"llamacffi": ["GGUF", "quantize"], "llamacffi.gguf": ["Tensor"]}),
    "tensors": ("Tensors", {"llamacffi.tensors": ["array", "dequantize", "quantize", "to_float"]}),
    "devices": (
        "Devices and backends",
        {
            "llamacffi": ["choose_devices"],
            "llamacffi.devices": ["Device", "devices"],
            "llamacffi.backends": ["Backend", "backends", "problems", "load_backends"],
            "llamacffi.rpc": ["add_servers", "remove_servers", "set_timeouts", "serve"],
        },
    ),
    "callbacks": ("Callbacks", {"llamacffi": ["callback", "Callback", "take_exception"]}),
    "params": ("Parameters of C's structs", {"llamacffi.params": ["fill"]}),
    "handles": ("Handles", {"llamacffi": ["address_of", "from_address", "adopt"]}),
    "sdk": (
        "The SDK",
        {
            "llamacffi": [
                "get_include",
                "get_library_dir",
                "get_cmake_dir",
                "get_pkgconfig_dir",
                "extension_options",
                "ffi_builder",
                "llama_cpp_version",
                "llama_cpp_commit",
            ]
        },
    ),
    "errors": (
        "Errors",
        {
            "llamacffi": [
                "LlamaError",
                "InvalidArgumentError",
                "FreedHandleError",
                "BusyError",
                "NativeAssertionError",
                "NativeExceptionError",
                "BackendError",
                "WorkerError",
                "last_error",
            ]
        },
    ),
}


def pages() -> dict[str, str]:
    """The pages by file name."""
    return {f"{name}.rst": _page(*content) for name, content in PAGES.items()}


def _page(title: str, modules: dict[str, list[str]]) -> str:
    parts = [title, "=" * len(title)]
    for module, names in modules.items():
        for name in names:
            directive = "autofunction"
            if name[0].isupper():
                directive = "autoexception" if name.endswith("Error") else "autoclass"
            parts.append(f"\n.. {directive}:: {module}.{name}")
    return "\n".join(parts) + "\n"
