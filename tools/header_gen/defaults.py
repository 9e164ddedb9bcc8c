"""What a function's names say of it as long as the policy says nothing: read with caution, for guards and Python.

So a function that is new upstream can be called before anybody has looked at it; missing.py then asks for the lines
that make it certain.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Optional

from model import Function, Named, Parameter, Pointer, Signature
from policy import Policy

if TYPE_CHECKING:
    from guards import Types

_INTEGER = re.compile(r"u?int(8|16|32|64)_t|s?size_t|ptrdiff_t|(un)?signed|((unsigned )?(int|short|long( long)?))")
# Of bytes or characters, and of anything.
_LENGTH = re.compile(r"(\w+_)?(len|length|size|nbytes|n_bytes|capacity)(_max)?|max_?len")
_COUNT = re.compile(rf"{_LENGTH.pattern}|n|num|nb?_\w+|num_\w+|(\w+_)?(count|n|max)")
_PLAIN = re.compile(
    r"n|num|count|len|length|size|nbytes|n_bytes|capacity|max_?len|length_max|len_max|size_max|buf_size"
)
MAKES = re.compile(r"\w+_(init|new|create|clone|load|dup|copy|make|from)(_\w+)?")
_FREES = re.compile(r"\w+_free(_\w+)?")
ANYTHING = ("user_data", "userdata", "_ud", "_data")  # how `void *` parameters end that llama.cpp only hands on


def is_integer(parameter: Parameter, types: Types) -> bool:
    type_ = types.plain(parameter.type)
    return isinstance(type_, Named) and bool(_INTEGER.fullmatch(type_.name))


def is_handed_on(parameter: Parameter, name: str, types: Types) -> bool:
    """Whether this is a `void *` that is only handed to a callback."""
    type_ = types.plain(parameter.type)
    to = types.plain(type_.to) if isinstance(type_, Pointer) else None
    return isinstance(to, Named) and to.name == "void" and not to.const and name.endswith(ANYTHING)


def is_array(parameter: Parameter, name: str, types: Types) -> bool:
    """Whether this may point to more than one element: to bytes, numbers, pointers or structs with known fields."""
    type_ = types.plain(parameter.type)
    if not isinstance(type_, Pointer) or types.handle(parameter.type) or is_handed_on(parameter, name, types):
        return False
    to = types.plain(type_.to)
    return not isinstance(to, Signature) and not types.is_opaque(to)


def counted_by(function: Function, names: list[str], name: str, types: Types, likely: bool = False) -> Optional[str]:
    """The parameter that by its name says how many elements a pointer leads to; None where none does.

    Args:
        function: the function.
        names: its parameters' names.
        name: the pointer's.
        types: the headers' types.
        likely: whether any number of things that follows the pointer may be the one.
    """
    parameters = function.signature.parameters
    index = names.index(name)
    type_ = types.plain(parameters[index].type)
    if not is_array(parameters[index], name, types) or not isinstance(type_, Pointer):
        return None
    to = types.plain(type_.to)
    pattern = _LENGTH if isinstance(to, Named) and to.name in ("char", "void") else _COUNT
    counts = [n for p, n in zip(parameters, names) if is_integer(p, types) and pattern.fullmatch(n)]
    stem = re.sub(r"^(out|in)_|_(out|in)$", "", name)
    akin = [count for count in counts if _begins(stem, count)]
    for following in names[index + 1 : index + 2]:
        plain = pattern is _LENGTH or _PLAIN.fullmatch(following)
        if following in counts and (likely or plain or _begins(stem.split("_")[-1], following)):
            akin.insert(0, following)
    return akin[0] if akin else None


def _begins(stem: str, count: str) -> bool:
    """Whether a word of `n_tokens_max` begins as `tokens` does, or its singular."""
    return bool(re.search(rf"(^|_){re.escape(re.sub('s$', '', stem))}", count))


def counts(function: Function, names: list[str], policy: Policy, types: Types) -> dict[str, str]:
    """For each pointer of which the policy says nothing, the parameter that counts its elements, if there is one."""
    said = {*policy.merged("sizes", function.name), *policy.lists("looked_at", function.name)}
    found = {name: counted_by(function, names, name, types) for name in names if name not in said}
    return {name: count for name, count in found.items() if count and count not in said}


def freed(function: Function, names: list[str], policy: Policy, types: Types) -> Optional[str]:
    """The parameter whose object a function ends, by the policy or by the function's name; None where there is none."""
    said: Optional[str] = policy.last("frees", function.name)
    if said or "frees" in policy.lists("looked_at", function.name) or not _FREES.fullmatch(function.name):
        return said
    parameters = function.signature.parameters
    return names[0] if len(parameters) == 1 and types.handle(parameters[0].type) else None
