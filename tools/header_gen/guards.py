"""The guards: C++ between cffi's calls and llama.cpp's functions, so that a wrong call fails and does not crash.

One guard a function, with the function's own type: it checks what the policy and the types say, calls, catches, and
keeps account of handles (src/native/guard.hpp has what they are made of). Its name becomes a macro for the guard.
"""

from __future__ import annotations

import json
import keyword
import re
from typing import Optional

import defaults
from emit import returns_nothing
from known import Known, locals_of
from model import API, Enum, Function, Named, Parameter, Pointer, Signature, Type, spell
from policy import Policy

# What a C header may use as a name, and a guard may not: C++'s own words, and what a guard itself calls so.
_CXX_WORDS = """
    alignas alignof and and_eq asm bitand bitor catch char16_t char32_t class compl const_cast constexpr decltype delete
    dynamic_cast explicit export friend mutable namespace new noexcept not not_eq nullptr operator or or_eq private
    protected public reinterpret_cast static_assert static_cast template this thread_local throw try typeid typename
    using virtual xor xor_eq
"""
_TAKEN = frozenset([*_CXX_WORDS.split(), "call", "failed", "found"])


class Types:
    """What a guard must know of the types in the headers."""

    def __init__(self, api: API, policy: Policy) -> None:
        self._typedefs = {typedef.name: typedef.type for typedef in api.typedefs}
        self._records = {record.c_name: record for record in api.records}
        self._enums = {enum.c_name: enum for enum in api.enums}
        loose, shared = policy.handles.get("loose", []), policy.handles.get("shared", [])
        opaque = [record.name for record in api.records if record.fields is None]
        known = {record.name for record in api.records}
        ignored = policy.handles.get("ignored", [])
        self.kinds = {
            name: (name not in loose, name in shared)
            for name in sorted({*opaque, *loose, *shared} & known)
            if name not in ignored
        }
        self.c_names = {record.name: record.c_name for record in api.records}

    def plain(self, type_: Type) -> Type:
        """The type behind typedefs."""
        while isinstance(type_, Named) and type_.name in self._typedefs:
            type_ = self._typedefs[type_.name]
        return type_

    def handle(self, type_: Type) -> Optional[str]:
        """The kind of handle that a pointer type is; None if it is none."""
        type_ = self.plain(type_)
        if not isinstance(type_, Pointer):
            return None
        to = self.plain(type_.to)
        record = self._records.get(to.name) if isinstance(to, Named) else None
        return record.name if record and record.name in self.kinds else None

    def enum(self, type_: Type) -> Optional[Enum]:
        type_ = self.plain(type_)
        return self._enums.get(type_.name) if isinstance(type_, Named) else None

    def is_opaque(self, type_: Type) -> bool:
        record = self._records.get(type_.name) if isinstance(type_, Named) else None
        return bool(record and record.fields is None)

    def is_record(self, type_: Type) -> bool:
        return isinstance(type_, Named) and type_.name in self._records

    def is_const(self, type_: Type) -> bool:
        type_ = self.plain(type_)
        return isinstance(type_, Pointer) and isinstance(type_.to, Named) and type_.to.const


def guards_h(api: API) -> str:
    """The guards' declarations, and the macros by which they take the functions' places."""
    lines = ["/* Generated from llama.cpp's headers by tools/header_gen. */"]
    lines += ["#ifdef __cplusplus", 'extern "C" {', "#endif"]
    lines += [f"{_head(function)};" for function in api.functions]
    lines += ["#ifdef __cplusplus", "}", "#else"]
    for function in api.functions:
        # Where a name is called only, since a struct or an enum may have the same. cffi calls no variadic function.
        arguments, given = ("", "") if function.signature.variadic else ("(...)", "(__VA_ARGS__)")
        lines.append(f"#define {function.name}{arguments} llamacffi_guard_{function.name}{given}")
    return "\n".join([*lines, "#endif"]) + "\n"


def guards_cpp(api: API, policy: Policy, known: Known) -> str:
    """The guards."""
    types = Types(api, policy)
    lines = ["// Generated from llama.cpp's headers by tools/header_gen."]
    lines += ["#include <cstring>", '#include "guard.hpp"', "namespace llamacffi {"]
    for name, (strict, shared) in types.kinds.items():
        c_name = types.c_names[name]
        traits = f'{{"{name}", {str(strict).lower()}, {str(shared).lower()}}}'
        lines.append(f"template <> const Kind KindOf<{c_name}>::kind = {traits};")
    taken = [types.enum(p.type) for function in api.functions for p in function.signature.parameters]
    used = {enum.c_name: enum for enum in taken if enum}
    lines += [_enum_check(enum) for _, enum in sorted(used.items())]
    listed = [f"&KindOf<{types.c_names[name]}>::kind" for name in types.kinds]
    lines += [f"const Kind * const all_kinds[] = {{{', '.join([*listed, 'nullptr'])}}};", "}"]
    lines += ['#include "checks/all.hpp"', "using namespace llamacffi;", 'extern "C" {']
    lines += ['#include "backends_c.h"', '#include "forwards.h"', '#include "forwarded.h"']
    free_by_kind = _free_by_kind(api, policy, types)
    lines += [_guard(function, policy, types, free_by_kind, known) for function in api.functions]
    return "\n".join([*lines, "}"]) + "\n"


def kinds_h(api: API, policy: Policy) -> str:
    """Which structs are handles, for the C++ that keeps account of them."""
    types = Types(api, policy)
    lines = ["// Generated from llama.cpp's headers by tools/header_gen."]
    lines += [f"template <> const Kind KindOf<{types.c_names[name]}>::kind;" for name in types.kinds]
    return "\n".join(lines) + "\n"


def _free_by_kind(api: API, policy: Policy, types: Types) -> dict[str, str]:
    """The function that frees each kind of handle: what undoes a making whose callback raised."""
    found: dict[str, str] = {}
    for function in api.functions:
        name = defaults.freed(function, argument_names(function.signature), policy, types)
        parameters = function.signature.parameters
        if name and len(parameters) == 1 and not function.deprecated and not function.module:
            kind = types.handle(parameters[0].type)
            if kind:
                found.setdefault(kind, function.name)
    return found


def _enum_check(enum: Enum) -> str:
    # The last value may be their number; GGML_OP_SOFT_MAX is an operation.
    last = max(each.value.integer for each in enum.enumerators)
    values = {
        each.value.integer: None
        for each in reversed(enum.enumerators)
        if each.value.integer != last or not each.name.endswith(("_COUNT", "_MAX"))
    }
    cases = " ".join(f"case {value}:" for value in values)
    body = f"switch (value) {{ {cases} return true; default: return false; }}"
    return f"inline bool is_{enum.name}(long long value) {{ {body} }}"


def argument_names(signature: Signature) -> list[str]:
    """The parameters' names, as guards and Python have them."""
    taken = _TAKEN if spell(signature.result) == "void" else _TAKEN | {"result"}
    names = [parameter.name or f"arg{number}" for number, parameter in enumerate(signature.parameters)]
    return [f"{name}_" if name in taken or keyword.iskeyword(name) else name for name in names]


def _head(function: Function) -> str:
    signature = function.signature
    named = [spell(p.type, name) for p, name in zip(signature.parameters, argument_names(signature))]
    parameters = ", ".join(named + ["..."] * signature.variadic) or "void"
    return spell(signature.result, f"llamacffi_guard_{function.name}({parameters})")


def nullable(function: Function, parameter: Parameter, name: str, policy: Policy, types: Types) -> bool:
    """Whether C takes NULL for a pointer parameter."""
    listed = policy.lists("nullable", function.name)
    if name in listed or "*" in listed:
        return True
    type_ = types.plain(parameter.type)
    if not isinstance(type_, Pointer):
        return False
    return isinstance(types.plain(type_.to), Signature) or defaults.is_handed_on(parameter, name, types)


def _guard(function: Function, policy: Policy, types: Types, free_by_kind: dict[str, str], known: Known) -> str:
    signature, name = function.signature, function.name
    names = argument_names(signature)

    def usable(code: str, *before: str) -> bool:
        return not known.unknown(code, function, names, locals_of(" ".join(before)))

    nothing = returns_nothing(function)
    flags = [flag for flag in ("computes", "exclusive") if policy.names(flag, name)]
    failure = policy.last("failure", name)
    if failure and not usable(failure):
        failure = None
    body = [f'Call call("{name}"{"".join(f", Call::{flag}" for flag in flags[:1])});']
    if nothing:
        give_up = "return;"
    else:
        value = f" = ({spell(signature.result)})({failure})" if failure else "{}"
        body.append(f"{spell(signature.result, 'failed')}{value};")
        give_up = "return failed;"
    body.append(f"if (call.refused()) {give_up}")
    if function.module:
        modules = ",".join(policy.modules.get(function.module, [function.module]))
        body.append("static bool found = false;")
        body.append(f'if (!found && !(found = llamacffi_find("{modules}", "{name}") != nullptr)) {give_up}')
    body += _argument_checks(function, names, policy, types, give_up)
    body.append("try {")  # a check may call what throws
    for argument, condition, problem in policy.lists("checks", name):
        if not usable(condition):
            continue
        shown = argument if argument in names else "Nothing()"
        refuse = f"call.refuse({json.dumps(argument)}, {shown}, {json.dumps(problem)})"
        body.append(f"    if (!({condition})) {{ {refuse}; {give_up} }}")
    frees = defaults.freed(function, names, policy, types)
    if frees:
        body.append(f'    if (!call.begin_free("{frees}", {frees})) {give_up}')
    around: list[str] = []
    gone: set[str] = set()  # what is declared by what is left out
    for statement in policy.lists("around", name):
        if usable(statement, *around):
            around.append(statement)
        else:
            gone |= locals_of(statement)
    body += [f"    {statement}" for statement in around]
    body += [f"    {line}" for line in _call(function, names, policy, known)]
    result = types.handle(signature.result)
    afterwards = policy.lists("after", name)
    after = [each for each in afterwards if usable(each, *around) and not gone & set(re.findall(r"\w+", each))]
    if result in free_by_kind and any("made(result" in each for each in after):
        undo = f"if (result && !known(result)) ::{free_by_kind[result]}(result);"
        body.append(f"    if (call.raised()) {{ {undo} {give_up} }}")
    if result and types.kinds[result][0] and not any("result" in each for each in after):
        parent = next((n for p, n in zip(signature.parameters, names) if types.handle(p.type)), "")
        # What is made and has an end of its own keeps the other alive; anything else ends with it.
        own = result in free_by_kind and defaults.MAKES.fullmatch(name)
        relation = f", {'blocks' if own else 'part_of'}({parent})" if parent else ""
        after = [f"if (result && !known(result)) made(result{relation})", *after]
    elif result and not types.kinds[result][0] and function.header != "ggml.h":
        after = [*after, "returned(result)"]
    body += [f"    {statement};" for statement in after]
    if frees:
        body.append("    call.end_free();")
    body.append("    return;" if nothing else "    return result;")
    body.append("} catch (...) { call.caught(); }")
    body.append(give_up)
    return f"{_head(function)} {{\n    " + "\n    ".join(body) + "\n}"


def _argument_checks(function: Function, names: list[str], policy: Policy, types: Types, give_up: str) -> list[str]:
    lines: list[str] = []
    quick = policy.names("quick", function.name)
    unchecked_enums = policy.lists("any_enum", function.name)
    frees = defaults.freed(function, names, policy, types)
    for parameter, name in zip(function.signature.parameters, names):
        type_ = types.plain(parameter.type)
        kind = types.handle(parameter.type)
        enum = types.enum(parameter.type)
        given = ""
        may_be_null = nullable(function, parameter, name, policy, types)
        if may_be_null:
            given = f"{name} && "
        elif isinstance(type_, Pointer):
            lines.append(f'if (!{name}) {{ call.refuse_null("{name}"); {give_up} }}')
        if kind == "ggml_tensor":
            lines.append(f'if ({given}!call.check_tensor("{name}", {name}, {_tensor_use(function, types)})) {give_up}')
        elif kind and name != frees:
            _, shared = types.kinds[kind]
            if quick:
                lines.append(f'if ({given}!call.look("{name}", {name})) {give_up}')
            else:
                # A sampler's const functions read what sampling changes.
                locks = not shared and (not types.is_const(parameter.type) or kind == "llama_sampler")
                lines.append(f"Use use_{name};")
                lines.append(f'if ({given}!use_{name}.{"lock" if locks else "pin"}(call, "{name}", {name})) {give_up}')
        elif enum and enum.name and name not in unchecked_enums:
            refuse = f'call.refuse("{name}", (long long){name}, "not one of {enum.c_name}")'
            lines.append(f"if (!is_{enum.name}((long long){name})) {{ {refuse}; {give_up} }}")
    checked = {argument for argument, _, _ in policy.lists("checks", function.name)}
    for name, count in defaults.counts(function, names, policy, types).items():
        if not checked & {name, count}:
            refuse = f'call.refuse("{count}", {count}, "negative, or more than there are at {name}")'
            lines.append(f"if ({name} && !has_elements({name}, {count})) {{ {refuse}; {give_up} }}")
    return lines


def _tensor_use(function: Function, types: Types) -> str:
    """What a function does with a tensor: looks at what it is, builds on it, or touches its data."""
    if function.header != "ggml.h":
        return "TensorUse::data"
    kinds = {types.handle(parameter.type) for parameter in function.signature.parameters}
    return "TensorUse::build" if kinds & {"ggml_context", "ggml_cgraph"} else "TensorUse::look"


def _call(function: Function, names: list[str], policy: Policy, known: Known) -> list[str]:
    arguments = list(names)
    lines = []
    if function.signature.variadic:  # printf's: the text is made here
        *_, text = names
        give_up = "return;" if returns_nothing(function) else "return failed;"
        lines = [
            f"Formatted formatted; va_list more; va_start(more, {text}); "
            f"const bool printed = formatted.print({text}, more); va_end(more);",
            f'if (!printed) {{ call.refuse("{text}", Nothing(), "%n is not supported"); {give_up} }}',
        ]
        arguments[-1] = '"%s", formatted.text()'
    implemented = policy.last("implemented", function.name)
    if implemented and known.unknown(implemented, function, names):
        implemented = None
    if implemented and policy.needs_backends(function.name):  # our function calls upstream's, past the forward
        give_up = "return;" if returns_nothing(function) else "return failed;"
        lines.append(f"if (!(llamacffi_backends_loaded || llamacffi_load_backends())) {{ {give_up} }}")
    call = f"{implemented or function.name}({', '.join(arguments)})"
    if policy.names("computes", function.name):
        if returns_nothing(function):
            return [*lines, f"call.compute([&] {{ {call}; }});"]
        result = f"{spell(function.signature.result, 'result')}{{}};"
        return [*lines, result, f"call.compute([&] {{ result = {call}; }});"]
    if returns_nothing(function):
        return [*lines, f"{call};"]
    return [*lines, f"{spell(function.signature.result, 'result')} = {call};"]
