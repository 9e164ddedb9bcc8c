"""What the checked facade reads when a function is first used, `reference.txt`: parameters and documentation.

One record a function, with a form feed and a newline between them:

    llama_tokenize
    vocab text:text_len text_len tokens!:n_tokens_max n_tokens_max add_special parse_special
    int32_t llama_tokenize(const struct llama_vocab *vocab, const char *text, …);
    llama.h:1193
    the header's comment

Behind a parameter's name: `!` C writes to where it points; `/` a path; `@T` a function pointer of the type T; `>x` C
keeps the address as long as x lives; `:e` how many elements there must be, e without spaces.
"""

from __future__ import annotations

import re
from pathlib import Path

import defaults
from guards import Types, argument_names
from known import Known
from model import API, Function, Named, Pointer, Signature, Type, spell
from policy import Policy

_SIZES = Path(__file__).resolve().parents[2] / "src" / "llamacffi" / "sizes.py"
_OURS = frozenset(re.findall(r"^def (\w+)", _SIZES.read_text("utf-8"), re.MULTILINE))


def reference(api: API, policy: Policy, known: Known) -> str:
    """The text of all records."""
    types = Types(api, policy)
    return "\f\n".join(_record(function, policy, types, known) for function in api.functions)


def _record(function: Function, policy: Policy, types: Types, known: Known) -> str:
    names = argument_names(function.signature)
    sizes = {**defaults.counts(function, names, policy, types), **policy.merged("sizes", function.name)}
    sizes = {name: size if _is_known(size, known) else "0" for name, size in sizes.items()}
    keeps = policy.merged("keeps", function.name)
    reads, paths = policy.lists("reads", function.name), policy.lists("paths", function.name)
    parameters: list[str] = []
    for name, parameter in zip(names, function.signature.parameters):
        mark = name
        type_ = types.plain(parameter.type)
        if isinstance(type_, Pointer) and isinstance(types.plain(type_.to), Signature):
            mark += f"@{_named(parameter.type)}"
        elif isinstance(type_, Pointer):
            mark += "" if _is_const(type_.to) or name in reads else "!"
        mark += "/" if name in paths else ""
        mark += f">{keeps[name]}" if name in keeps else ""
        mark += f":{sizes[name].replace(' ', '')}" if name in sizes else ""
        parameters.append(mark)
    signature = f"{spell(function.signature, function.name)};"
    place = f"{function.header}:{function.line}"
    lines = [function.name, " ".join(parameters), signature, place, function.comment]
    return "\n".join(lines).rstrip("\n")


def _is_known(size: str, known: Known) -> bool:
    """Whether the functions in a size are C's, as it is here, or those of sizes.py."""
    return all(name in known.declared or name in _OURS for name in re.findall(r"(\w+)\(", size))


def _named(type_: Type) -> str:
    """A function pointer's typedef; "" if it has none."""
    return type_.name if isinstance(type_, Named) else ""


def _is_const(type_: Type) -> bool:
    return isinstance(type_, (Named, Pointer)) and type_.const
