"""Continue a prompt: the text goes to standard output as it comes, and all else to standard error."""

from __future__ import annotations

import argparse

from ..errors import InvalidArgumentError
from ..generation import Generation
from ..model import Model
from . import shared, terminal


def add_options(command: argparse.ArgumentParser) -> None:
    shared.add_model(command)
    shared.add_text(command, "the text to continue")
    command.add_argument(
        "-n", "--n-predict", type=shared.count, default=128, metavar="N", help="tokens at most (%(default)s)"
    )
    command.add_argument(
        "--stop", action="append", default=[], metavar="TEXT", help="what ends the text, and is no part of it; several"
    )
    command.add_argument("--ignore-eos", action="store_true", help="go on where the model would end the text")
    shared.add_context(command, n_ctx="what the prompt and -n need")
    shared.add_sampling(command)
    shared.add_json(command)


def run(options: argparse.Namespace) -> None:
    text, sampling = shared.read_text(options), shared.sampling(options)
    with shared.load_model(options) as model:
        prompt = model.vocab.tokenize(text, parse_special=True)
        n_ctx = options.ctx_size or _n_ctx(model, len(prompt), options.n_predict)
        with model.context(n_ctx=n_ctx, **shared.context_params(options)) as ctx:
            with terminal.progress("prompt") as report:
                generation = ctx.generate(
                    prompt,
                    max_tokens=options.n_predict,
                    stop=options.stop,
                    ignore_eog=options.ignore_eos,
                    progress=report,
                    **sampling,
                )
                first = next(generation, "")
            if options.json:
                terminal.write_json(_result(generation))
                return
            terminal.write(first)
            for piece in generation:
                terminal.write(piece)
            terminal.write("\n")


def _n_ctx(model: Model, n_prompt: int, n_predict: int) -> int:
    n_ctx = n_prompt + n_predict
    if n_ctx > model.n_ctx_train:
        raise InvalidArgumentError(
            f"the prompt's {n_prompt} tokens and {n_predict} more are {n_ctx}; this model takes {model.n_ctx_train}"
        )
    return n_ctx


def _result(generation: Generation) -> dict[str, object]:
    """All of it, the timings by llama-server's names."""
    text = generation.text()
    n_prompt, n_text = len(generation.prompt), len(generation.tokens)
    prompt_ms, text_ms = generation.prompt_seconds * 1e3, generation.text_seconds * 1e3
    return {
        "text": text,
        "tokens": generation.tokens,
        "stop_reason": generation.stop_reason,
        "timings": {
            "prompt_n": n_prompt,
            "prompt_ms": prompt_ms,
            "prompt_per_second": n_prompt / prompt_ms * 1e3 if prompt_ms else None,
            "predicted_n": n_text,
            "predicted_ms": text_ms,
            "predicted_per_second": n_text / text_ms * 1e3 if text_ms else None,
        },
    }
