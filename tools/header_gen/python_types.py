"""How C's types are spelled in Python's stubs, and `types.pyi`, which has a class for each.

The element that a pointer or an array has gives it its name: `float_p`, `float_array`, `llama_batch_p`, `char_p_p`. A
struct is a class of its own, by value; that of an opaque one is there for its pointer alone.
"""

from __future__ import annotations

import keyword
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Optional

from guards import Types
from model import API, Array, Declaration, Enum, Field, Inline, Named, Pointer, Record, Signature, Type, Typedef, spell
from policy import Policy

_FLOATS = ("float", "double", "long double")
# What programs ask ffi.new for, beside the headers' own types.
_USUAL = [
    *("char", "bool", "float", "double", "int", "long long", "size_t", "intptr_t", "uintptr_t"),
    *(f"{u}int{bits}_t" for u in ("", "u") for bits in (8, 16, 32, 64)),
]
_FROM_CFFI = [
    *("AnyPointer", "BufferLike", "CData", "CField", "CType", "FunctionPointer", "Member"),
    *("Null", "Number", "Pointer", "Sized", "Struct", "void_p"),
]

# From a single signature, pyright would take the parameters of a lambda that is given where a function pointer, too, is
# taken. Nothing can call this one.
_NO_CALL = "    @overload\n    def __call__(self, *, never: Never) -> Never: ...\n"

HEAD = '"""Generated from llama.cpp\'s headers by tools/header_gen."""\n'


def documentation(declaration: Declaration, c: str = "") -> str:
    """A docstring's content: the C, the header's comment, and where it stands."""
    place = f"{declaration.header}:{declaration.line}"
    return "\n\n".join(part for part in (c, declaration.comment, place) if part)


def docstring(text: str, indent: str = "    ") -> str:
    """A docstring as source, indented, with a newline at its end."""
    text = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    if text.endswith('"'):
        text += " "
    lines = [line.rstrip() for line in f'"""{text}"""'.split("\n")]
    return "".join(f"{indent}{line}\n" if line else "\n" for line in lines)


@dataclass
class Spelling:
    """How C spells what a pointer or an array has as its elements.

    Attributes:
        name: the element's name in `{name}_p`.
        array: the class of arrays of it.
        texts: the C.
        one: what Python gives for one of them.
        many: what it gives for an array of them.
        own: the class of the element itself if it is a pointer, "" otherwise.
        number: whether it is a number.
        opaque: whether its size is not known.
    """

    name: str
    array: str
    texts: list[str]
    one: str
    many: str
    own: str
    number: bool
    opaque: bool


class PythonTypes:
    """The classes by which Python's stubs know C's types.

    Those that are asked for are kept, and `emit` writes them.
    """

    def __init__(self, api: API, policy: Policy) -> None:
        self._api = api
        self._types = Types(api, policy)
        self._records = {record.c_name: record for record in api.records}
        self._typedefs = {typedef.name: typedef for typedef in api.typedefs}
        self._aliases = {name: to for name, to in policy.typedefs.items() if to.rstrip(" *") in self._records}
        self._taken = {record.name for record in api.records} | set(self._typedefs)
        self._elements: dict[str, Type] = {}  # of pointers and arrays, by the name that they give it
        self._inline: dict[str, Record] = {}
        for name in _USUAL:
            self._element(Named(name))
        for record in api.records:
            self._element(Pointer(Named(record.c_name)))
        for typedef in api.typedefs:
            if not isinstance(self.plain(typedef.type), Signature):
                self._element(Named(typedef.name) if self.function_type(typedef.type) else typedef.type)

    # --- names ---

    def plain(self, type_: Type) -> Type:
        return self._types.plain(type_)

    def function_type(self, type_: Type) -> Optional[Signature]:
        """What a function's type, or a pointer to one, says; None if it is something else."""
        type_ = self.plain(type_)
        to = self.plain(type_.to) if isinstance(type_, Pointer) else type_
        return to if isinstance(to, Signature) else None

    def is_opaque(self, type_: Type) -> bool:
        type_ = self.plain(type_)
        record = self._records.get(type_.name) if isinstance(type_, Named) else None
        return isinstance(type_, Named) and (type_.name == "FILE" or bool(record and record.fields is None))

    def is_void(self, type_: Type) -> bool:
        type_ = self.plain(type_)
        return isinstance(type_, Named) and type_.name == "void"

    def is_char(self, type_: Type) -> bool:
        type_ = self.plain(type_)
        return isinstance(type_, Named) and type_.name == "char"

    def is_byte(self, type_: Type) -> bool:
        type_ = self.plain(type_)
        return isinstance(type_, Named) and type_.name in ("char", "signed char", "unsigned char", "int8_t", "uint8_t")

    def value(self, type_: Type) -> str:
        """What a value of this type is in Python when C gives it."""
        type_ = self._alias(type_)
        if isinstance(type_, Pointer):
            return self._pointer(type_)
        if isinstance(type_, Array):
            return self.array(self._element(type_.of))
        if not isinstance(type_, Named):
            return "CData"
        if type_.name in self._typedefs:
            return type_.name
        if type_.name in self._records:
            return self._records[type_.name].name
        if self._types.enum(type_):
            return type_.name.split()[-1]
        return {"void": "None", "bool": "bool", "char": "bytes", "FILE": "CData"}.get(
            type_.name, "float" if type_.name in _FLOATS else "int"
        )

    def taken(self, type_: Type) -> str:
        """What Python may give for an element or a field of this type."""
        plain = self.plain(type_)
        value = self.value(type_)
        if isinstance(plain, Pointer):
            return f"{value} | Null"
        if isinstance(plain, Array):
            text = " | bytes" if self.is_char(plain.of) else ""
            return f"{value} | Sequence[{self.taken(plain.of)}]{text}"
        if self.is_record(plain):
            return f"{value} | dict[str, Any]"
        return value

    def is_record(self, type_: Type) -> bool:
        type_ = self.plain(type_)
        return isinstance(type_, Inline) or (isinstance(type_, Named) and type_.name in self._records)

    def _alias(self, type_: Type) -> Type:
        """The type behind typedefs of pointers and structs; those of numbers keep their names."""
        while isinstance(type_, Named) and type_.name in self._typedefs:
            to = self._typedefs[type_.name].type
            plain = self.plain(to)
            if self.function_type(to) or (isinstance(plain, Named) and plain.name not in self._records):
                return type_
            type_ = to
        return type_

    def _pointer(self, type_: Pointer) -> str:
        to = self.plain(type_.to)
        if isinstance(to, Signature):
            return "FunctionPointer"
        return "void_p" if self.is_void(to) else f"{self._element(type_.to)}_p"

    def array(self, element: str) -> str:
        """The class of arrays of an element; a struct may have taken the name."""
        name = f"{element}_array"
        return f"{name}_" if name in self._taken else name

    def _element(self, type_: Type) -> str:
        """The name that an element gives to pointers to it and arrays of it."""
        name = self._element_name(type_)
        self._elements.setdefault(name, type_)
        return name

    def _element_name(self, type_: Type) -> str:
        if isinstance(type_, Named) and type_.name in self._typedefs:
            if self.function_type(type_):
                return type_.name
            return self._element_name(self._typedefs[type_.name].type)
        if isinstance(type_, Pointer):
            return self._pointer(type_)
        if isinstance(type_, Array):
            return self.array(self._element(type_.of))
        if isinstance(type_, Named):
            if type_.name in self._records:
                return self._records[type_.name].name
            return type_.name.split()[-1] if self._types.enum(type_) else type_.name.replace(" ", "_")
        return "FunctionPointer"

    # --- what ffi.new and ffi.cast take ---

    def spellings(self) -> Iterator[Spelling]:
        """Each element that a text can name."""
        taken: set[str] = set()
        for name, type_ in self._elements.items():
            plain = self.plain(type_)
            if self._has_inline(type_) or self.is_void(plain):
                continue
            texts = [spell(_unqualified(type_)), spell(_unqualified(plain))]
            if isinstance(plain, Pointer) and not self.function_type(plain):
                texts += [f"const {text}" for text in texts]
            texts += [each for each, typedef in self._typedefs.items() if self._element_name(typedef.type) == name]
            if isinstance(plain, Named) and plain.name in self._records and not self._records[plain.name].tagged:
                texts.append(plain.name)
            texts = [text for text in dict.fromkeys(texts) if text not in taken and not set("([") & set(text)]
            taken.update(texts)
            if texts:
                one = self.taken(type_) + (" | Sequence[Any]" if self.is_record(plain) else "")
                many = f"int | Sequence[{one}]" + (" | bytes" if self.is_char(plain) else "")
                yield Spelling(
                    name,
                    self.array(name),
                    texts,
                    one,
                    many,
                    own=self.value(type_) if isinstance(plain, Pointer) else "",
                    number=isinstance(plain, Named) and not self.is_record(plain),
                    opaque=self.is_opaque(plain),
                )

    def _has_inline(self, type_: Type) -> bool:
        while isinstance(type_, (Pointer, Array)):
            type_ = type_.to if isinstance(type_, Pointer) else type_.of
        return isinstance(type_, Inline)

    # --- types.pyi ---

    def emit(self) -> str:
        """The text of `types.pyi`: asked for last, when all names have been used."""
        body: list[str] = [self._record(record) for record in self._api.records]
        body += [self._enum(enum) for enum in self._api.enums if enum.name]
        body += [text for text in map(self._typedef, self._api.typedefs) if text]
        done: set[str] = set()
        while len(done) < len(self._elements):  # a class may ask for another one
            for name in [each for each in self._elements if each not in done]:
                done.add(name)
                body.append(self._pointer_classes(name, self._elements[name]))
        imports = "".join(f"from ._cffi import {name} as {name}\n" for name in _FROM_CFFI)
        return (
            f"{HEAD}\nfrom collections.abc import Sequence\nfrom typing import Any, overload\n\n"
            f"from typing_extensions import Never, TypeAlias\n\n{imports}\n" + "\n".join(body)
        )

    def _record(self, record: Record) -> str:
        head = documentation(record, f"{record.c_name}{' (opaque)' if record.fields is None else ''}")
        if record.fields is None:
            return f"class {record.name}(Struct[{record.name}_p]):\n{docstring(head)}"
        inner: list[str] = []
        members = "".join(self._members(record.name, record.fields, inner)) or ""
        return (
            "".join(inner)
            + f"class _{record.name}_members:\n{members or '    ...' + chr(10)}\n"
            + f"class {record.name}(_{record.name}_members, Struct[{record.name}_p]):\n{docstring(head)}"
        )

    def _members(self, owner: str, fields: list[Field], inner: list[str]) -> Iterator[str]:
        for field in fields:
            base, depth = field.type, ""
            while isinstance(base, Array):
                base, depth = base.of, depth + "_array"
            if isinstance(base, Inline) and not field.name:
                yield from self._members(owner, base.record.fields or [], inner)
                continue
            if not field.name or keyword.iskeyword(field.name):  # padding; Python reaches it by getattr alone
                continue
            if isinstance(base, Inline):
                name = f"_{owner}_{field.name}"
                members = "".join(self._members(name.lstrip("_"), base.record.fields or [], inner))
                inner.append(f"class {name}(CData):\n{docstring(documentation(field))}{members}\n")
                value = f"Sequence[{name}]" if depth else name
                taken, c = f"{value} | dict[str, Any] | Sequence[Any]", base.record.keyword
            else:
                value, taken, c = self.value(field.type), self.taken(field.type), spell(field.type, field.name)
            type_ = value if value == taken else f"Member[{value}, {taken}]"
            yield f"    {field.name}: {type_}\n{docstring(documentation(field, c))}"

    def _enum(self, enum: Enum) -> str:
        names = ", ".join(each.name for each in enum.enumerators)
        return f"{enum.name}: TypeAlias = int\n{docstring(documentation(enum, f'{enum.c_name}: {names}'), '')}"

    def _typedef(self, typedef: Typedef) -> str:
        c = f"typedef {spell(typedef.type, typedef.name)}"
        text = documentation(typedef, c)
        signature = self.function_type(typedef.type)
        if signature:
            names = [parameter.name or f"arg{i}" for i, parameter in enumerate(signature.parameters)]
            names = [f"{name}_" if keyword.iskeyword(name) else name for name in names]
            given = "".join(
                f", {name}: {self.passed(parameter.type)}" for name, parameter in zip(names, signature.parameters)
            )
            slash = ", /" if names else ""
            call = f"    @overload\n    def __call__(self{given}{slash}) -> {self.value(signature.result)}: ...\n"
            return f"class {typedef.name}(FunctionPointer):\n{docstring(text)}\n{call}{_NO_CALL}"
        alias = self.value(typedef.type)
        if alias == typedef.name:
            return ""
        return f"{typedef.name}: TypeAlias = {alias}\n{docstring(text, '')}"

    def passed(self, type_: Type) -> str:
        """What a function that C has a pointer to takes; it may take NULL."""
        plain = self.plain(type_)
        if not isinstance(plain, Pointer):
            return self.taken(type_)
        text = " | bytes" if self.is_byte(plain.to) and isinstance(plain.to, Named) and plain.to.const else ""
        return f"{'AnyPointer' if self.is_void(plain.to) else self.value(type_)}{text} | Null"

    def _pointer_classes(self, name: str, type_: Type) -> str:
        plain = self.plain(type_)
        item, taken, array = self.value(type_), self.taken(type_), self.array(name)
        if self.is_void(plain):
            return ""
        if name == "FILE":
            return "class FILE_p(AnyPointer):\n" + docstring("FILE *")
        text = spell(Pointer(_unqualified(type_))) if not self._has_inline(type_) else name
        members = f"_{name}_members, " if isinstance(plain, Named) and self._has_members(plain) else ""
        pointer = f"class {name}_p({members}Pointer[{item}, {taken}, {array}]):\n{docstring(text)}"
        if self.is_opaque(plain):  # there are no arrays of what has no size
            return pointer.replace(f"Pointer[{item}, {taken}, {array}]", f"Pointer[{item}, {item}, {name}_p]")
        return f"{pointer}\nclass {array}({name}_p, Sized[{item}]):\n{docstring(f'An array; as a pointer, {text}')}"

    def _has_members(self, type_: Named) -> bool:
        record = self._records.get(type_.name)
        return bool(record and record.fields is not None)


def _unqualified(type_: Type) -> Type:
    """The same type without const, as far as it matters to cffi: not at all."""
    if isinstance(type_, Named):
        return Named(type_.name)
    if isinstance(type_, Pointer):
        return Pointer(_unqualified(type_.to))
    return type_
