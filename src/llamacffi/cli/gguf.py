"""Show what is in a GGUF file: its metadata and tensors."""

from __future__ import annotations

import argparse
import json
from typing import Any

from ..checks import did_you_mean
from ..errors import LlamaError
from ..gguf import GGUF
from . import shared, terminal

_MOST = 8  # of a list's values, and ten times as many characters of a text


def add_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("file", metavar="FILE", help="a GGUF file")
    command.add_argument("key", metavar="KEY", nargs="?", help="show the value of this key alone, all of it")
    command.add_argument("--no-tensors", action="store_true", help="the metadata alone")
    shared.add_json(command)


def run(options: argparse.Namespace) -> None:
    with GGUF(options.file) as file:
        if options.key is not None:
            _show_value(file, options)
        elif options.json:
            terminal.write_json(_facts(file, options))
        else:
            _show(file, options)


def _show_value(file: GGUF, options: argparse.Namespace) -> None:
    if options.key not in file:
        raise LlamaError(f"{options.file}: has no key {options.key!r}{did_you_mean(options.key, file)}")
    value = _plain(file[options.key])
    lines: list[Any] = value if hasattr(value, "append") else [value]
    if options.json:
        terminal.write_json(value)
    else:
        terminal.write("".join(f"{each}\n" for each in lines))


def _facts(file: GGUF, options: argparse.Namespace) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "version": file.version,
        "alignment": file.alignment,
        "metadata": {key: {"type": file.type_of(key), "value": _plain(value)} for key, value in file.items()},
    }
    if not options.no_tensors:
        facts["tensors"] = [
            {"name": each.name, "type": each.type, "shape": each.shape, "offset": each.offset, "size": each.size}
            for each in file.tensors.values()
        ]
    return facts


def _show(file: GGUF, options: argparse.Namespace) -> None:
    rows = [(key, file.type_of(key), _short(_plain(value))) for key, value in file.items()]
    terminal.write_table(("key", "type", "value"), rows)
    if options.no_tensors:
        return
    terminal.write("\n")
    tensors = list(file.tensors.values())
    terminal.write_table(
        ("tensor", "type", "shape", "bytes"),
        [(each.name, each.type, " x ".join(map(str, each.shape)), str(each.size)) for each in tensors],
        right=("bytes",),
    )
    terminal.write(f"\n{len(tensors)} tensors, {sum(each.size for each in tensors) / 2**20:.2f} MiB\n")


def _plain(value: Any) -> Any:
    """A value as JSON has it."""
    plain: Any = value.tolist() if hasattr(value, "tolist") else value
    return list(plain) if isinstance(value, (tuple, list)) else plain


def _short(value: Any) -> str:
    """A value in one line."""
    items: Any = value
    if isinstance(value, list):
        more = f", … {len(items)} in all" if len(items) > _MOST else ""
        return f"[{', '.join(map(_short, items[:_MOST]))}{more}]"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 10 * _MOST else f"{text[: 10 * _MOST]}… {len(value)} characters"
