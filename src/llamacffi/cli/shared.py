"""Options that several commands share, by llama.cpp's names, and what they make."""

from __future__ import annotations

import argparse
import sys
from typing import Any, Callable, Union

from .. import devices, native
from ..errors import InvalidArgumentError, LlamaError
from . import terminal

Group = argparse._ActionsContainer


def count(text: str) -> int:
    """A whole number from 1 on."""
    value = int(text)
    if value < 1:
        raise ValueError
    return value


def seconds(text: str) -> float:
    """A time."""
    value = float(text)
    if not 0 < value < 1e6:
        raise ValueError
    return value


def seed(text: str) -> int:
    """Of a random choice, as `Sampler` takes it."""
    value = int(text)
    if not 0 <= value < 2**32 - 1:
        raise ValueError
    return value


def usage(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """A type for argparse that keeps what `parse` says of a wrong value."""

    def parsed(text: str) -> Any:
        try:
            return parse(text)
        except InvalidArgumentError as error:
            raise argparse.ArgumentTypeError(error.args[0]) from None

    return parsed


def add_json(command: Group) -> None:
    command.add_argument("--json", action="store_true", help="for programs: one JSON document")


def add_rpc(command: Group) -> None:
    command.add_argument("--rpc", metavar="HOST:PORT,…", help="RPC workers, whose devices to add")


def add_model_file(command: Group) -> None:
    command.add_argument("-m", "--model", required=True, metavar="FILE", help="a GGUF file")


def add_model(command: argparse.ArgumentParser) -> None:
    """What `load_model` takes."""
    add_model_file(command)
    group = command.add_argument_group("devices, as `info` lists them")
    add_rpc(group)
    group.add_argument(
        "-dev", "--device", metavar="D,...", help="those that get layers, by name or number; none: the CPU alone (all)"
    )
    group.add_argument(
        "-ngl",
        "--gpu-layers",
        "--n-gpu-layers",
        type=usage(devices.parse_gpu_layers),
        metavar="N",
        help="layers to move to them, a number, auto or all (all)",
    )
    group.add_argument(
        "-sm",
        "--split-mode",
        type=usage(devices.parse_split_mode),
        metavar="MODE",
        help=f"how to split the model over them: {', '.join(devices.split_modes())} (layer)",
    )
    group.add_argument(
        "-mg", "--main-gpu", metavar="D", help="the one to use in mode none, by name or by place among them (0)"
    )
    group.add_argument(
        "-ts",
        "--tensor-split",
        type=usage(devices.parse_tensor_split),
        metavar="N,...",
        help="each one's part of the model, as 3,1 (by free memory)",
    )


def load_model(options: argparse.Namespace, **params: Any) -> Any:
    """The model that the options name, loaded with a progress bar."""
    from ..model import Model

    if options.rpc:
        from .. import rpc

        rpc.add_servers(options.rpc)
    if options.gpu_layers and not any(each.takes_layers for each in devices.devices()):
        native.report("no device takes layers: --gpu-layers has no effect")
    with terminal.progress("loading") as report:
        return Model(
            options.model,
            progress=report,
            device=options.device,
            gpu_layers=options.gpu_layers,
            split_mode=options.split_mode,
            main_gpu=options.main_gpu,
            tensor_split=options.tensor_split,
            **params,
        )


def add_context(command: Group, n_ctx: Union[int, str]) -> None:
    """`--ctx-size` and what `context_params` takes.

    Args:
        command: the parser to add them to.
        n_ctx: the size unless it is given: a number, or words for what the command makes of None.
    """
    default = n_ctx if isinstance(n_ctx, int) else None
    command.add_argument(
        "-c", "--ctx-size", type=count, default=default, metavar="N", help=f"the context's size in tokens ({n_ctx})"
    )
    add_batch(command)
    add_threads(command)


def add_batch(command: Group) -> None:
    command.add_argument(
        "-b", "--batch-size", type=count, default=2048, metavar="N", help="tokens in a batch at most (%(default)s)"
    )
    command.add_argument(
        "-ub", "--ubatch-size", type=count, default=512, metavar="N", help="tokens computed at once (%(default)s)"
    )


def add_threads(command: Group) -> None:
    command.add_argument(
        "-t", "--threads", type=count, metavar="N", help="threads that compute (as many as processors)"
    )
    command.add_argument(
        "-tb", "--threads-batch", type=count, metavar="N", help="threads for batches and prompts (as --threads)"
    )


def context_params(options: argparse.Namespace) -> dict[str, Any]:
    """The keywords of `Context`, but for its size."""
    n_ubatch = min(options.ubatch_size, options.batch_size)
    return {"n_batch": options.batch_size, "n_ubatch": n_ubatch, **threads(options)}


def threads(options: argparse.Namespace) -> dict[str, Any]:
    """Those of `Context` that say how many threads compute."""
    return {"n_threads": options.threads, "n_threads_batch": options.threads_batch}


# llama.cpp's option, the keyword of Sampler that it sets, and what it is.
_SAMPLING = (
    ("--temp", "temperature", "temperature, 0: no chance"),
    ("--top-k", "top_k", "keep the K likeliest tokens, 0: all"),
    ("--top-p", "top_p", "keep the likeliest tokens that have probability P together, 1: all"),
    ("--min-p", "min_p", "keep tokens that have at least part P of the likeliest one's probability, 0: all"),
    ("--top-nsigma", "top_n_sigma", "keep logits within N standard deviations of the largest, -1: all"),
    ("--typical", "typical_p", "keep the most typical tokens that have probability P together, 1: all"),
    (
        "--xtc-probability",
        "xtc_probability",
        "with this probability, leave out all likely tokens but the last, 0: never",
    ),
    ("--xtc-threshold", "xtc_threshold", "what is likely to XTC"),
    ("--repeat-last-n", "penalty_last_n", "how many of the latest tokens the penalties look at"),
    ("--repeat-penalty", "repeat_penalty", "what the logits of those are divided by, 1: off"),
    ("--presence-penalty", "presence_penalty", "what is taken off them once, 0: off"),
    ("--frequency-penalty", "frequency_penalty", "what is taken off them for each time, 0: off"),
    ("--dry-multiplier", "dry_multiplier", "strength of DRY, which hinders repeated sequences, 0: off"),
    ("--dry-base", "dry_base", "its base"),
    ("--dry-allowed-length", "dry_allowed_length", "the longest sequence that may be repeated"),
    ("--dry-penalty-last-n", "dry_penalty_last_n", "how many of the latest tokens DRY looks at"),
    ("--dynatemp-range", "dynatemp_range", "let the temperature vary by as much, 0: off"),
    ("--dynatemp-exp", "dynatemp_exponent", "its exponent"),
    ("--mirostat", "mirostat", "Mirostat 1 or 2, 0: off"),
    ("--mirostat-lr", "mirostat_eta", "its learning rate"),
    ("--mirostat-ent", "mirostat_tau", "its target entropy"),
)


def add_sampling(command: argparse.ArgumentParser) -> None:
    """What `sampling` takes."""
    from ..samplers import Sampler

    defaults: Any = Sampler.__init__.__kwdefaults__
    group = command.add_argument_group("how the next token is chosen")
    group.add_argument("-s", "--seed", type=seed, metavar="N", help="of the random choice (another one each time)")
    for option, keyword, what in _SAMPLING:
        default: Union[int, float] = defaults[keyword]
        names = [option, "--temperature"] if option == "--temp" else [option]
        group.add_argument(*names, dest=keyword, type=type(default), metavar="N", help=f"{what} ({default:g})")
    grammar = group.add_mutually_exclusive_group()
    grammar.add_argument("--grammar", metavar="GBNF", help="a grammar that the text must follow")
    grammar.add_argument("--grammar-file", metavar="FILE", help="a file that has it")


def sampling(options: argparse.Namespace) -> dict[str, Any]:
    """The keywords of `Sampler` that were given."""
    names = ["seed", "grammar", *(keyword for _, keyword, _ in _SAMPLING)]
    given = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    if options.grammar_file:
        given["grammar"] = read_file(options.grammar_file)
    return given


def add_text(command: argparse.ArgumentParser, what: str) -> None:
    """Where a text comes from, for `read_text`."""
    group = command.add_mutually_exclusive_group(required=True)
    group.add_argument("-p", "--prompt", metavar="TEXT", help=what)
    group.add_argument("-f", "--file", metavar="FILE", help="a file that has it; -: standard input")
    group.add_argument("--stdin", dest="file", action="store_const", const="-", help="take it from standard input")


def read_text(options: argparse.Namespace) -> str:
    """The text; bytes that are not UTF-8 are kept as what stands for them in arguments."""
    return str(options.prompt) if options.prompt is not None else read_file(options.file)


def read_file(path: str) -> str:
    """A text file, or standard input for "-", as UTF-8.

    Raises:
        LlamaError: it can't be read.
    """
    try:
        if path == "-":
            data = sys.stdin.buffer.read()
        else:
            with open(path, "rb") as file:
                data = file.read()
    except OSError as error:
        raise LlamaError(f"{path}: {error.strerror}") from None
    return data.decode("utf-8", "surrogateescape")
