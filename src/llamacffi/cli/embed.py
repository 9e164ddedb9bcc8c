"""Print the embeddings of texts: of each text a line of numbers, or, if the model pools nothing, of each token."""

from __future__ import annotations

import argparse
from typing import Any

from .. import arrays
from ..embedding import embed
from ..errors import LlamaError
from ..files import replacing
from . import shared, terminal


def add_options(command: argparse.ArgumentParser) -> None:
    shared.add_model(command)
    command.add_argument("texts", nargs="*", metavar="TEXT", help="the texts")
    command.add_argument("-f", "--file", metavar="FILE", help="a file of texts, one a line; -: standard input")
    command.add_argument(
        "--pooling",
        choices=("none", "mean", "cls", "last"),
        help="how a text's embedding is made of those of its tokens (as the model says)",
    )
    command.add_argument("--normalize", action="store_true", help="give each the length 1")
    command.add_argument("-o", "--output", metavar="FILE", help="a file for the array, as numpy.load reads it")
    shared.add_threads(command)
    shared.add_json(command)
    command.set_defaults(refuse=command.error)


def run(options: argparse.Namespace) -> None:
    texts = list(options.texts)
    if options.file:
        texts += _lines(shared.read_file(options.file))
    if not texts:
        options.refuse("there is no text: give some, or a file of them with -f/--file")
    np = arrays.numpy()
    if options.output and np is None:
        raise LlamaError("--output needs NumPy: pip install 'llamacffi[numpy]'")
    params = {} if options.pooling is None else {"pooling_type": options.pooling}
    with shared.load_model(options) as model:
        embeddings: Any = embed(model, texts, normalize=options.normalize, **params, **shared.threads(options))
        n_embd = model.n_embd
    pooled = hasattr(embeddings, "tolist")
    if options.output:
        if not pooled:
            raise LlamaError("the model pools nothing, and texts of several lengths are no array: give --pooling mean")
        _save(np, options.output, embeddings)
        return
    rows: list[Any] = embeddings.tolist() if pooled else [each.tolist() for each in embeddings]
    if options.json:
        terminal.write_json({"n_embd": n_embd, "pooled": pooled, "embeddings": rows})
        return
    for row in rows if pooled else [row for each in rows for row in each]:
        terminal.write(" ".join(f"{number:.9g}" for number in row) + "\n")


def _lines(text: str) -> list[str]:
    return [line.rstrip("\r") for line in text.split("\n")[: -1 if text.endswith("\n") else None]]


def _save(np: Any, path: str, embeddings: Any) -> None:
    try:
        with replacing(path) as fresh, open(fresh, "wb") as file:
            np.save(file, embeddings)
    except OSError as error:
        raise LlamaError(f"{path}: can't write this file: {error.strerror or error}") from None
