"""Show the tokens of a text. Of the model only the vocabulary is loaded."""

from __future__ import annotations

import argparse
from typing import Any

from ..model import Model
from . import shared, terminal


def add_options(command: argparse.ArgumentParser) -> None:
    shared.add_model_file(command)
    shared.add_text(command, "the text")
    command.add_argument("--ids", action="store_true", help="the tokens' numbers alone, as a list")
    command.add_argument("--show-count", action="store_true", help="also how many there are")
    command.add_argument("--no-bos", action="store_true", help="without the tokens that the model wants around a text")
    command.add_argument("--no-parse-special", action="store_true", help="take special tokens in the text as text")
    shared.add_json(command)


def run(options: argparse.Namespace) -> None:
    text = shared.read_text(options)
    with Model(options.model, vocab_only=True) as model:
        tokens = model.vocab.tokenize(text, add_special=not options.no_bos, parse_special=not options.no_parse_special)
        pieces = [model.vocab.piece(token, special=True) for token in tokens]
    rows: list[Any]
    if options.json:
        rows = tokens if options.ids else [{"id": id_, "piece": _json(each)} for id_, each in zip(tokens, pieces)]
        terminal.write_json({"tokens": rows, "count": len(tokens)})
        return
    rows = [tokens] if options.ids else [f"{token:>6}  {_shown(piece)}" for token, piece in zip(tokens, pieces)]
    if options.show_count:
        rows.append(f"{len(tokens)} tokens")
    terminal.write("".join(f"{row}\n" for row in rows))


def _json(piece: bytes) -> Any:
    """A token's text; its bytes if they are only a part of a character, as llama-server has it."""
    try:
        return piece.decode()
    except UnicodeDecodeError:
        return list(piece)


def _shown(piece: bytes) -> str:
    try:
        return repr(piece.decode())
    except UnicodeDecodeError:
        return repr(piece)
