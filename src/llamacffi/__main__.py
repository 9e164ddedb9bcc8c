"""The command line: `python -m llamacffi info`, `generate`, and what a C compiler wants to know (`--cflags`, …)."""

from __future__ import annotations

import argparse
import codecs
import io
import json
import os
import platform
import sys
from typing import Any, Callable, Optional

import llamacffi

from . import backends, native, sdk
from .errors import LlamaError
from .native import ffi, lib


def info() -> dict[str, Any]:
    """What is installed and what this machine offers."""
    backends.load_backends()
    return {
        "llamacffi": llamacffi.__version__,
        "llama.cpp": native.llama_cpp_version(),
        "commit": native.llama_cpp_commit(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "cffi": _cffi_version(),
        "backends": [{"name": each.name, "variant": each.variant, "path": each.path} for each in backends.backends()],
        "devices": [_device(lib.ggml_backend_dev_get(index)) for index in range(lib.ggml_backend_dev_count())],
        "libraries": native.get_library_dir(),
        "headers": native.get_include(),
    }


def _cffi_version() -> str:
    import _cffi_backend

    return str(_cffi_backend.__version__)


def _device(device: ffi.CData) -> dict[str, Any]:
    memory = ffi.new("size_t[2]")
    lib.ggml_backend_dev_memory(device, memory, memory + 1)
    kinds = {
        lib.GGML_BACKEND_DEVICE_TYPE_CPU: "CPU",
        lib.GGML_BACKEND_DEVICE_TYPE_GPU: "GPU",
        lib.GGML_BACKEND_DEVICE_TYPE_IGPU: "integrated GPU",
    }
    return {
        "name": ffi.string(lib.ggml_backend_dev_name(device)).decode(),
        "description": ffi.string(lib.ggml_backend_dev_description(device)).decode("utf-8", "replace"),
        "type": kinds.get(lib.ggml_backend_dev_type(device), "accelerator"),
        "memory_free": memory[0],
        "memory_total": memory[1],
    }


def _info_lines(facts: dict[str, Any]) -> list[str]:
    lines = [f"{name:<10} {value}" for name, value in facts.items() if isinstance(value, str)]
    for each in facts["backends"]:
        lines.append(f"{'backend':<10} {each['name']}{each['variant'] and ' '}{each['variant']}")
    for each in facts["devices"]:
        memory = f"{each['memory_free'] / 2**30:.1f} of {each['memory_total'] / 2**30:.1f} GiB free"
        lines.append(f"{'device':<10} {each['name']}: {each['description']}, {each['type']}, {memory}")
    return lines


def _run_info(options: argparse.Namespace) -> None:
    facts = info()
    print(json.dumps(facts, indent=2) if options.json else "\n".join(_info_lines(facts)))


def _run_generate(options: argparse.Namespace) -> None:
    from .generate import generate, load

    progress = _progress_bar("loading") if sys.stderr.isatty() else None
    model = load(options.model, progress)
    try:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        pieces = generate(model, options.prompt, options.n_predict, options.temp, options.seed, options.threads)
        for piece in pieces:
            _write(decoder.decode(piece))
        _write(decoder.decode(b"", True) + "\n")
    finally:
        lib.llama_model_free(model)


def _print_facts(options: argparse.Namespace) -> None:
    """Arguments on one line, as a shell reads them; each folder on a line of its own."""
    import shlex
    import subprocess

    values = [fact() for fact in options.facts]
    arguments = [argument for value in values if isinstance(value, list) for argument in value]
    if arguments:
        print(subprocess.list2cmdline(arguments) if os.name == "nt" else " ".join(map(shlex.quote, arguments)))
    for value in values:
        if isinstance(value, str):
            print(value)


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _progress_bar(what: str, width: int = 40) -> Callable[[float], bool]:
    """A bar on standard error, which is wiped when all is done."""
    shown = -1

    def show(part: float) -> bool:
        nonlocal shown
        done = round(part * width)
        if done != shown or part >= 1:
            shown = done
            bar = f"\r{what} [{'#' * done}{' ' * (width - done)}] {part:4.0%}"
            sys.stderr.write(bar if part < 1 else "\r" + " " * len(bar) + "\r")
            sys.stderr.flush()
        return True

    return show


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError
    return value


def _seed(text: str) -> int:
    value = int(text)
    if not 0 <= value < 2**32:
        raise ValueError
    return value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="llamacffi", description="llama.cpp through cffi")
    parser.set_defaults(run=_print_facts, verbose=False)
    parser.add_argument("--version", action="version", version=f"llamacffi {llamacffi.__version__}")
    for name, value, what in (
        ("--cflags", sdk.cflags, "print a C compiler's arguments"),
        ("--libs", sdk.libs, "print a linker's arguments"),
        ("--cmakedir", sdk.get_cmake_dir, "print the folder of the CMake package"),
        ("--pkgconfigdir", sdk.get_pkgconfig_dir, "print the folder of llamacffi.pc"),
    ):
        parser.add_argument(name, action="append_const", dest="facts", const=value, help=what)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    command = commands.add_parser("info", help="versions, devices, backends, folders")
    command.add_argument("--json", action="store_true", help="for programs")
    command.set_defaults(run=_run_info)
    command = commands.add_parser("generate", help="continue a prompt")
    command.add_argument("-m", "--model", required=True, help="a GGUF file")
    command.add_argument("-p", "--prompt", required=True, help="the text to continue")
    command.add_argument(
        "-n", "--n-predict", type=_count, default=128, metavar="N", help="tokens at most (%(default)s)"
    )
    command.add_argument("--temp", type=float, default=0.8, metavar="T", help="temperature, 0: no chance (%(default)s)")
    command.add_argument("--seed", type=_seed, metavar="S", help="of the random choice (another one each time)")
    command.add_argument("-t", "--threads", type=_count, metavar="N", help="threads that compute")
    command.set_defaults(run=_run_generate)
    for command in commands.choices.values():
        command.add_argument("-v", "--verbose", action="store_true", help="all that llama.cpp logs, to standard error")
    return parser


def main(arguments: Optional[list[str]] = None) -> int:
    """Run one command; the exit status: 0 success, 1 failure, 2 wrong usage, 130 interrupted."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if bool(options.facts) == bool(options.command):
        parser.error("give either a COMMAND or any of --cflags, --libs, --cmakedir, --pkgconfigdir")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # the output's encoding may lack what a model writes
    if options.verbose:
        import logging

        logging.basicConfig(format="%(message)s", level=logging.DEBUG)
    try:
        options.run(options)
    except LlamaError as error:
        print(f"llamacffi: {error.args[0]}", file=sys.stderr)  # llama.cpp's own words have been logged
        return 1
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        # Our output has nowhere to go, and the interpreter must not try to flush it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):  # whoever reads no further wants no message either
            print(f"llamacffi: can't write the output: {error.strerror}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
