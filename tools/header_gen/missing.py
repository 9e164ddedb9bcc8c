"""What the policy does not say of the headers' functions, though only a person can know: the lines to write.

It asks where a name or a type suggests that something must be said, and [looked_at] does not tell that there is
nothing. Until the line is there the generator takes what defaults.py reads from the names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Optional

import defaults
from emit import returns_nothing
from guards import Types, argument_names
from model import API, Function, Named, Parameter, Pointer, spell
from policy import Policy

_INDEX = re.compile(r"(\w+_)?(i|il|ith|idx|index|id|device|dev|dev_num|devidx|layer|token|channel|shard)")
_PATH = re.compile(r"(\w+_)?(f(ile)?name\w*|file_?path|path|dir)(_\w+)?")
_COMPUTES = re.compile(r"\w+_(compute|decode|encode|eval|process|epoch|fit|train)(_\w+)?")
_TELLS = re.compile(  # what returns a number that is no status
    r"(\w+_)?(n|num|nb|nbytes|get|is|has|can|use|count|size|time|cycles|len|type|types|version|max|supports|ftype|print"
    r"|nelements|nrows|blck|rope|pos|attr|key|find)(_\w+)?"
)


@dataclass(frozen=True)
class Missing:
    """A line that the policy should have.

    Attributes:
        table: the table to which it belongs.
        function: the C function.
        header: the one that declares it.
        subject: the parameter, or else the table again: what [looked_at] would name.
        line: what to write, with the generator's best guess.
        why: what the person is asked.
    """

    table: str
    function: str
    header: str
    subject: str
    line: str
    why: str


def missing(api: API, policy: Policy) -> list[Missing]:
    """All lines that the policy should have, in the order of the headers."""
    types = Types(api, policy)
    found: list[Missing] = []
    for function in api.functions:
        looked_at = policy.lists("looked_at", function.name)
        found += [each for each in _asked(function, policy, types) if each.subject not in looked_at]
    found += _never_freed(api, policy, types)
    return found


def _asked(function: Function, policy: Policy, types: Types) -> Iterator[Missing]:
    names = argument_names(function.signature)
    parameters = list(zip(function.signature.parameters, names))
    yield from _sizes(function, parameters, policy, types)
    yield from _indices(function, parameters, policy, types)
    yield from _paths(function, parameters, policy)
    yield from _handles(function, names, policy, types)
    yield from _results(function, policy, types)


def _missing(function: Function, table: str, subject: str, value: str, why: str) -> Missing:
    return Missing(table, function.name, function.header, subject, f"{function.name} = {value}", why)


def _sizes(
    function: Function, parameters: list[tuple[Parameter, str]], policy: Policy, types: Types
) -> Iterator[Missing]:
    sizes = policy.merged("sizes", function.name)
    names = [name for _, name in parameters]
    countable = [name for p, name in parameters if defaults.is_integer(p, types)]
    for parameter, name in parameters:
        if name in sizes or not defaults.is_array(parameter, name, types):
            continue
        type_ = types.plain(parameter.type)
        assert isinstance(type_, Pointer)
        to = types.plain(type_.to)
        is_number = isinstance(to, Named) and to.name not in ("char", "void") and not types.is_record(to)
        count = defaults.counted_by(function, names, name, types, likely=True)
        why = ""
        if count:
            why = f"is it {count} that says how many elements {name} has?"
        elif isinstance(to, Named) and to.name == "void":
            why = f'how many bytes must there be at {name}? "0" if nobody can know'
        elif is_number and types.is_const(parameter.type) and countable:
            why = f"how many elements must {name} have?"
        if why:
            yield _missing(function, "sizes", name, f'{{ {name} = "{count or 0}" }}', why)


def _indices(
    function: Function, parameters: list[tuple[Parameter, str]], policy: Policy, types: Types
) -> Iterator[Missing]:
    said = [condition for _, condition, _ in policy.lists("checks", function.name)]
    words = set(re.findall(r"\w+", " ".join([*said, *policy.lists("around", function.name)])))
    for parameter, name in parameters:
        if _INDEX.fullmatch(name) and name not in words and defaults.is_integer(parameter, types):
            signed = not spell(types.plain(parameter.type)).startswith(("size_t", "u"))
            condition = f"{name} >= 0 && {name} < COUNT" if signed else f"{name} < COUNT"
            line = f'[["{name}", "{condition}", "there are fewer"]]'
            yield _missing(function, "checks", name, line, f"what may {name} be? C may not check it")


def _paths(function: Function, parameters: list[tuple[Parameter, str]], policy: Policy) -> Iterator[Missing]:
    listed = policy.lists("paths", function.name)
    for parameter, name in parameters:
        if _PATH.fullmatch(name) and spell(parameter.type) == "const char *" and name not in listed:
            yield _missing(function, "paths", name, json.dumps([name]), f"does {name} name a file or a folder?")


def _handles(function: Function, names: list[str], policy: Policy, types: Types) -> Iterator[Missing]:
    if not policy.last("frees", function.name):
        freed = defaults.freed(function, names, policy, types)
        if freed:
            yield _missing(function, "frees", "frees", f'"{freed}"', f"does it end {freed}?")
    made = types.handle(function.signature.result)
    if made and types.kinds[made][0] and defaults.MAKES.fullmatch(function.name):
        after = policy.lists("after", function.name)
        if not any("result" in statement for statement in after):
            if function.module:
                yield _missing(function, "after", "after", '["made_by_module(result)"]', "is what it returns new?")
            else:
                users = [name for p, name in zip(function.signature.parameters, names) if types.handle(p.type)]
                relation = f", blocks({users[0]})" if users else ""
                why = "is what it returns new, and what must outlive it?"
                yield _missing(function, "after", "after", f'["made(result{relation})"]', why)


def _results(function: Function, policy: Policy, types: Types) -> Iterator[Missing]:
    result = types.plain(function.signature.result)
    number = isinstance(result, Named) and result.name in ("int", "int8_t", "int16_t", "int32_t", "int64_t", "long")
    status = bool(types.enum(result)) and "status" in spell(result)
    name = function.name
    tells = _TELLS.fullmatch(name)
    if ((number and not tells) or status) and policy.last("failure", name) is None:
        why = "what does it return where it fails? A call that is refused returns the same, without this line 0"
        yield _missing(function, "failure", "failure", '"-1"', why)
    acts = returns_nothing(function) or number or status
    if acts and not tells and _COMPUTES.fullmatch(name) and not policy.names("computes", name):
        why = "does it run kernels? Add it to the list"
        yield Missing("computes", name, function.header, "computes", f'"{name}",', why)


def _never_freed(api: API, policy: Policy, types: Types) -> Iterator[Missing]:
    """The functions that make a handle of a kind that no function frees."""
    freed: set[Optional[str]] = set()
    for function in api.functions:
        names = argument_names(function.signature)
        name = defaults.freed(function, names, policy, types)
        if name:
            freed.add(types.handle(function.signature.parameters[names.index(name)].type))
    for function in api.functions:
        kind = types.handle(function.signature.result)
        if not kind or kind in freed or not types.kinds[kind][0] or not defaults.MAKES.fullmatch(function.name):
            continue
        belongs = any("part_of" in statement for statement in policy.lists("after", function.name))
        if not belongs and "frees" not in policy.lists("looked_at", function.name):
            why = f"which function frees what {function.name} makes?"
            yield Missing("frees", function.name, function.header, "frees", f'FUNCTION = "{kind}"', why)
