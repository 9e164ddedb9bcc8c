"""The C reference of the documentation site: a page a header, reStructuredText for Sphinx's C domain.

Each thing has the header's comment and line; each function also what its guard and the checked function refuse, and
what it returns then.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator
from typing import Optional

import defaults
from emit import returns_nothing
from guards import Types, argument_names, nullable
from model import (
    API,
    Array,
    Constant,
    Declaration,
    Enum,
    Field,
    Function,
    Named,
    Pointer,
    Record,
    Type,
    Typedef,
    inline_of,
    spell,
)
from policy import Policy

_WORD = re.compile(r"[A-Za-z_]\w+")
_UNLISTED = ":no-contents-entry:"  # in the page's list of contents
_MARKUP = re.compile(r"[\\`*_|<>\[\]:]")


def pages(api: API, policy: Policy) -> dict[str, str]:
    """The pages by file name, `llama.h.rst` and so on, and `index.rst`, which lists them."""
    writer = _Writer(api, policy)
    found = {f"{header}.rst": writer.page(header) for header in api.headers if writer.declares(header)}
    found["index.rst"] = writer.index(list(found))
    return found


class _Writer:
    def __init__(self, api: API, policy: Policy) -> None:
        self._api = api
        self._policy = policy
        self._types = Types(api, policy)
        typedefs = [each for each in api.typedefs if not _repeats_tag(each)]
        constants: list[Declaration] = [*api.constants, *(each for each in api.enums if not each.name)]
        enums = [each for each in api.enums if each.name]
        self._groups: dict[str, list[Declaration]] = {
            "Functions": list(api.functions),
            "Structs": list(api.records),
            "Enums": list(enums),
            "Constants": constants,
            "Types": list(typedefs),
        }
        self._functions = {each.name for each in api.functions}
        # A function may have the name of a struct or an enum, as far as C is concerned; Sphinx has one name for both.
        self._shadowed = self._functions & {each.name for each in [*api.records, *enums]}
        names = {each.name for group in self._groups.values() for each in group}
        self._known = {name for name in names | _enumerators(api) if name}

    def declares(self, header: str) -> bool:
        return any(each.header == header for group in self._groups.values() for each in group)

    def index(self, files: list[str]) -> str:
        rows: list[list[str]] = []
        for file in files:
            header = file[: -len(".rst")]
            counts = [sum(each.header == header for each in group) for group in self._groups.values()]
            rows.append([f":doc:`{header}`", *(str(count or "") for count in counts)])
        head = ["Header", *self._groups]
        table = [".. list-table::", "   :header-rows: 1", "   :class: counts", ""]
        for row in [head, *rows]:
            table += [f"   {'*' if number == 0 else ' '} - {cell}" for number, cell in enumerate(row)]
        left_out = [
            f"* ``{each.header}:{each.line}``: {each.kind} ``{each.name}``: {_escaped(each.reason)}"
            for each in self._api.skipped
            if each.kind != "macro"
        ]
        parts = [_heading("Headers", "="), "\n".join(table)]
        if left_out:
            parts += [_heading("Left out", "-"), "Declared, and not in the package:", "\n".join(left_out)]
        return "\n\n".join(parts) + "\n"

    def page(self, header: str) -> str:
        parts = [_heading(header, "=")]
        for title, group in self._groups.items():
            here = [each for each in group if each.header == header]
            if here:
                parts.append(_heading(title, "-"))
                parts += [self._entry(each) for each in here]
        return "\n\n".join(parts) + "\n"

    def _entry(self, declaration: Declaration) -> str:
        if isinstance(declaration, Function):
            return self._function(declaration)
        if isinstance(declaration, Record):
            return self._record(declaration)
        if isinstance(declaration, Enum):
            return self._enum(declaration)
        if isinstance(declaration, Constant):
            return self._constant(declaration)
        assert isinstance(declaration, Typedef)
        return self._object("type", spell(declaration.type, declaration.name), self._about(declaration))

    def _object(self, kind: str, signature: str, content: Iterable[str], *options: str) -> str:
        head = "\n".join([f".. c:{kind}:: {signature}", *(f"   {option}" for option in options)])
        return "\n\n".join([head, *(textwrap.indent(part, "   ") for part in content)])

    def _about(self, declaration: Declaration, *facts: str) -> Iterator[str]:
        """The comment, and a line of where the declaration is and what else is to be known."""
        if declaration.comment:
            yield self._comment(declaration.comment)
        yield " · ".join([f"``{declaration.header}:{declaration.line}``", *facts])

    def _comment(self, text: str) -> str:
        # Sphinx takes a literal without any markup for a program, and colours it.
        return ".. parsed-literal::\n   :class: comment\n\n" + textwrap.indent("\\ " + self._linked(text), "   ")

    def _linked(self, text: str) -> str:
        """Text as it is, in which the names of the API are links."""
        parts: list[str] = []
        at = 0
        for word in _WORD.finditer(text):
            if word[0] in self._known:
                parts += [_escaped(text[at : word.start()]), f"\\ {self._link(word[0])}\\ "]
                at = word.end()
        return "".join([*parts, _escaped(text[at:])])

    def _link(self, name: str) -> str:
        return f":c:func:`{name}`" if name in self._functions else f":c:type:`{name}`"

    # --- functions ---

    def _function(self, function: Function) -> str:
        names = argument_names(function.signature)
        facts = [f"in the module of the backend ``{function.module}``"] if function.module else []
        content = list(self._about(function, *facts))
        if function.deprecated:
            content.insert(0, f"**Deprecated.** {self._linked(function.deprecation)}".rstrip())
        fields = [
            f":{name}:{'' if text.startswith(chr(10)) else ' '}{text}"
            for name, text in (
                ("In Python", self._in_python(function, names)),
                ("May be NULL", self._nullable(function, names)),
                ("Frees", self._frees(function)),
                ("Keeps", self._keeps(function)),
                ("Failure", self._failure(function)),
                ("Raises", self._raises(function, names)),
            )
            if text
        ]
        content.append("\n".join(fields))
        entry = self._object("function", spell(function.signature, function.name), content)
        if function.name in self._shadowed:
            return f".. c:namespace-push:: @functions\n\n{entry}\n\n.. c:namespace-pop::"
        return entry

    def _in_python(self, function: Function, names: list[str]) -> str:
        if names == [each.name for each in function.signature.parameters]:
            return ""
        return f"``{function.name}({', '.join(names)})``"

    def _nullable(self, function: Function, names: list[str]) -> str:
        pairs = zip(function.signature.parameters, names)
        found = [
            name
            for parameter, name in pairs
            if isinstance(self._types.plain(parameter.type), Pointer)
            and nullable(function, parameter, name, self._policy, self._types)
        ]
        return _codes(found)

    def _frees(self, function: Function) -> str:
        freed = self._freed(function)
        return f"``{freed}``" if freed else ""

    def _freed(self, function: Function) -> Optional[str]:
        return defaults.freed(function, argument_names(function.signature), self._policy, self._types)

    def _keeps(self, function: Function) -> str:
        keeps = self._policy.merged("keeps", function.name)
        return ", ".join(
            f"``{name}``, as long as {'the result' if owner == 'result' else f'``{owner}``'} lives"
            for name, owner in keeps.items()
        )

    def _failure(self, function: Function) -> str:
        """What `lib` returns."""
        if returns_nothing(function):
            return "``lib`` returns, and ``last_error()`` tells of it"
        value = self._policy.last("failure", function.name)
        return f"``lib`` returns {self._value(value) if value else self._nothing(function.signature.result)}"

    def _value(self, value: str) -> str:
        return self._link(value) if value in self._known else f"``{value}``"

    def _nothing(self, type_: Type) -> str:
        """What `{}` is in C++."""
        plain = self._types.plain(type_)
        if isinstance(plain, Pointer):
            return "``NULL``"
        if isinstance(plain, Named) and plain.name in ("bool", "_Bool"):
            return "``false``"
        enum = self._types.enum(type_)
        if enum:
            zero = next((each.name for each in enum.enumerators if each.value.integer == 0), "")
            return f"0, {self._link(zero)}" if zero else "0"
        if isinstance(plain, Named) and any(each.c_name == plain.name for each in self._api.records):
            return "a struct of zeros"
        return "0"

    def _raises(self, function: Function, names: list[str]) -> str:
        """What the checked function raises for what is refused before C is called."""
        policy, types = self._policy, self._types
        wrong: list[str] = []
        handles: list[str] = []
        busy: list[str] = []
        frees = self._freed(function)
        quick = policy.names("quick", function.name)
        unchecked = policy.lists("any_enum", function.name)
        not_null: list[str] = []
        for parameter, name in zip(function.signature.parameters, names):
            kind, enum = types.handle(parameter.type), types.enum(parameter.type)
            is_pointer = isinstance(types.plain(parameter.type), Pointer)
            if is_pointer and not nullable(function, parameter, name, policy, types):
                not_null.append(name)
            if kind:
                handles.append(name)
                locked = not types.is_const(parameter.type) or kind == "llama_sampler"
                if not types.kinds[kind][1] and (name == frees or (locked and not quick)):
                    busy.append(name)
            elif enum and enum.name and name not in unchecked:
                wrong.append(f"``{name}`` is no value of {self._link(enum.name)}")
        if not_null:
            wrong.insert(0, f"{_codes(not_null, 'or')} is NULL")
        problems: dict[str, dict[str, None]] = {}
        for argument, _, problem in policy.lists("checks", function.name):
            problems.setdefault(argument, {})[self._linked(problem)] = None
        counts = defaults.counts(function, names, policy, types)
        for name, size in {**counts, **policy.merged("sizes", function.name)}.items():
            if size not in ("0", "1") and not {name, size} & problems.keys():
                wrong.append(f"``{name}`` has fewer elements than ``{size}``")
        wrong += [f"``{argument}``: {'; '.join(texts)}" for argument, texts in problems.items()]
        lines: list[str] = []
        if wrong:
            lines.append(f":py:exc:`~llamacffi.InvalidArgumentError`: {wrong[0] if len(wrong) == 1 else ''}".rstrip())
            lines += ["", *(f"  * {each}" for each in wrong), ""] if len(wrong) > 1 else []
        if handles:
            lines.append(f":py:exc:`~llamacffi.FreedHandleError`: {_codes(handles, 'or')} was freed, or never was one")
        if busy:
            lines.append(f":py:exc:`~llamacffi.BusyError`: another call is using {_codes(busy, 'or')}")
        if function.module:
            lines.append(f":py:exc:`~llamacffi.BackendError`: there is no backend ``{function.module}``")
        if policy.names("computes", function.name):
            lines.append("an assertion that fails in a kernel :doc:`ends the process </wrong-calls>`")
        items = (f"   {line}".rstrip() if line[:2] in ("", "  ") else f"   * {line}" for line in lines)
        return "\n" + "\n".join(items) if lines else ""

    # --- types and values ---

    def _record(self, record: Record) -> str:
        kind = "union" if record.keyword == "union" else "struct"
        if record.fields is None:
            return self._object(kind, record.name, self._about(record, "known by its address only"))
        size = [f"{record.size.integer} bytes"] if record.size else []
        fields = [self._field(each) for each in record.fields]
        return self._object(kind, record.name, [*self._about(record, *size), *fields])

    def _field(self, field: Field) -> str:
        content = [self._comment(field.comment)] if field.comment else []
        inner = inline_of(field.type)
        if not inner:
            bits = f" : {field.bits.integer}" if field.bits else ""
            return self._object("member", spell(field.type, field.name) + bits, content, _UNLISTED)
        members = [self._field(each) for each in inner.fields or []]
        lengths, type_ = "", field.type
        while isinstance(type_, Array):
            lengths += f"[{type_.length.integer if type_.length else ''}]"
            type_ = type_.of
        if lengths:
            content.append(f"an array, ``{field.name}{lengths}``")
        return self._object(inner.keyword, field.name or f"@{inner.keyword}_{field.line}", [*content, *members])

    def _enum(self, enum: Enum) -> str:
        return self._object("enum", enum.name, [*self._about(enum), *self._enumerators_of(enum)])

    def _enumerators_of(self, enum: Enum) -> Iterator[str]:
        for each in enum.enumerators:
            content = [self._comment(each.comment)] if each.comment else []
            yield self._object("enumerator", f"{each.name} = {each.value.integer}", content, _UNLISTED)

    def _constant(self, constant: Declaration) -> str:
        if isinstance(constant, Enum):
            content = self._enumerators_of(constant)
            return self._object("enum", f"@{constant.header}_{constant.line}".replace(".", "_"), content)
        assert isinstance(constant, Constant)
        value = constant.value.value
        shown = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value
        return self._object("macro", constant.name, self._about(constant, f"``{shown!r}``"))


def _enumerators(api: API) -> set[str]:
    return {each.name for enum in api.enums for each in enum.enumerators}


def _repeats_tag(typedef: Typedef) -> bool:
    return isinstance(typedef.type, Named) and typedef.type.name.split()[-1] == typedef.name


def _heading(text: str, line: str) -> str:
    return f"{text}\n{line * len(text)}"


def _escaped(text: str) -> str:
    return _MARKUP.sub(r"\\\g<0>", text)


def _codes(names: list[str], word: str = "") -> str:
    """Names as a list in words."""
    codes = [f"``{name}``" for name in names]
    if word and len(codes) > 1:
        return f"{', '.join(codes[:-1])} {word} {codes[-1]}"
    return ", ".join(codes)
