"""What our own C++ may speak of: a llama.cpp that is older or newer than the one it was written for lacks some of it.

The headers decide, and no version. `has.h` has a macro for each of their names, `LLAMACFFI_HAS_<name>`, and for each
member of a struct, `LLAMACFFI_HAS_<struct>_<member>`, for code that has another way. The checks (src/native/checks)
have none: a definition that mentions what is missing is left out, with all that mention it, and with the lines of the
policy that do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, Optional

from model import API, Array, Field, Function, Named, Pointer, Record, Type, inline_of

# How names in llama.cpp's headers begin; some of ours do, too.
_UPSTREAM = re.compile(r"(?:llama|ggml|gguf|mtmd|LLAMA|GGML|GGUF|MTMD)_\w+")
_NO_CODE = re.compile(r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.DOTALL)
_WORD = re.compile(r"(?<![\w.])(?<!->)(?<!std::)[A-Za-z_]\w*")
_SCOPED = re.compile(r"::\s*\w+")
_VARIABLE = re.compile(r"\b(?=(\w+)(?:\s+const)?\s*[&*]*\s*(?:const\s+)?[&*]?\s*\b(\w+))")
_DECLARED = re.compile(r"(?=((?:\bstd::|\b)\w+(?:<[\w:<> ,]*>)?)(?:\s+|\s*[&*]+\s*)(\w+))")
_TYPE = re.compile(r"std::.*|[A-Z]\w*(?:<.*>)?|\w+_t|auto|bool|char|double|float|int|long|short|unsigned|void")
_CONDITION = re.compile(r"#\s*(if|ifdef|ifndef|else|elif|endif)\b\s*(?:LLAMACFFI_HAS_(\w+))?")
_OUTER = re.compile(r'(?:namespace\b.*|extern "C" )\{|\}(?!;)')
# What C++ itself and a guard (guards.py) have.
_CXX = """
    auto bool break case char class const constexpr continue default delete do double else enum false float for if int
    int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t uintptr_t intptr_t ptrdiff_t size_t long new
    nullptr operator return short signed sizeof static struct switch template this throw true typename union unsigned
    using void while std INT32_MAX INT32_MIN INT64_MAX UINT32_MAX SIZE_MAX NULL NAN memchr strlen call result failed
"""


class Chunk(NamedTuple):
    """Lines of a C++ file: a definition, or what stands between definitions, which defines nothing."""

    text: str
    names: frozenset[str]


class Known:
    """The names that headers declare and our C++ defines.

    Args:
        api: what the headers declare.
        native: the folder of our C++.
        checks: the folder of the checks.

    Attributes:
        declared: what the headers have, see `declared`.
        checks: the checks' files, by their names below the output's folder, without what is left out.
        left_out: the names of the definitions that are.
        unused: the policy's lines that are, each with what is missing.
    """

    def __init__(self, api: API, native: Path, checks: Path) -> None:
        self._typedefs = {typedef.name: typedef.type for typedef in api.typedefs}
        self._fields = {record.name: dict(_members(record)) for record in api.records}
        self._fields.update({record.c_name: self._fields[record.name] for record in api.records})
        self.declared = declared(api)
        self.unused: list[str] = []
        headers = [*native.glob("*.h"), *native.glob("*.hpp")]
        ours = [chunk for path in sorted(headers) for chunk in self._chunks(path.read_text("utf-8"))]
        files = {path.name: self._chunks(path.read_text("utf-8")) for path in sorted(checks.glob("*.hpp"))}
        every = [chunk for chunks in files.values() for chunk in chunks]
        self._ours: frozenset[str] = frozenset[str]().union(*(chunk.names for chunk in [*ours, *every]))
        self._lost: frozenset[str] = frozenset()
        while True:
            # All that share a name, if one is.
            left_out = [each for each in every if each.names and (each.names & self._lost or self.missing(each.text))]
            lost: frozenset[str] = frozenset[str]().union(*(chunk.names for chunk in left_out))
            if lost == self._lost:
                break
            self._lost = lost
        self.left_out = sorted(name for chunk in left_out for name in chunk.names)
        self.checks = {
            f"checks/{name}": f'#line 1 "checks/{name}"\n' + "".join(self._written(chunk, left_out) for chunk in chunks)
            for name, chunks in files.items()
        }

    def _written(self, chunk: Chunk, left_out: list[Chunk]) -> str:
        return "\n" * chunk.text.count("\n") if chunk in left_out else chunk.text

    def missing(self, code: str, variables: Optional[dict[str, Type]] = None) -> Optional[str]:
        """The first name in C++ code that neither the headers nor our code have; None if it has none such.

        Args:
            code: the code, in which names that do not begin as llama.cpp's are taken for known.
            variables: the variables whose members are looked at, beside those that the code declares.
        """
        code = _NO_CODE.sub(" ", code)
        lost = self._lost - locals_of(code)
        for word in _WORD.findall(code):
            unknown = _UPSTREAM.fullmatch(word) and word not in self.declared and word not in self._ours
            if unknown or word in lost:
                return str(word)
        for name, type_ in [*(variables or {}).items(), *self._variables(code)]:
            for path in re.findall(rf"(?<![\w.])(?<!->){name}(?:\[\w+\])?((?:(?:\.|->)\w+)+)", code):
                lacking = self._lacking(type_, re.findall(r"\w+", path))
                if lacking:
                    return lacking
        return None

    def unknown(self, code: str, function: Function, names: list[str], locals_: Iterable[str] = ()) -> Optional[str]:
        """The first name in the policy's code for a function that is none there; None if all are known.

        Args:
            function, names: the function, and its parameters' names.
            locals_: what code before this has declared.
        """
        variables = {name: p.type for name, p in zip(names, function.signature.parameters)}
        variables["result"] = function.signature.result
        lacking = self.missing(code, variables) or self._stranger(code, {*names, *locals_})
        if lacking:
            self.unused.append(f"{function.name}: {code}: no {lacking}")
        return lacking

    def _stranger(self, code: str, names: set[str]) -> Optional[str]:
        """The first name in some code that nobody has declared."""
        known = {*names, *locals_of(code), *_CXX.split(), *self._ours, *self.declared}
        code = _SCOPED.sub(" ", _NO_CODE.sub(" ", code))
        return next((word for word in _WORD.findall(code) if word not in known), None)

    def _variables(self, code: str) -> Iterator[tuple[str, Type]]:
        """The variables and parameters in some code that are structs of the headers, or pointers to them."""
        for type_, name in _VARIABLE.findall(code):
            if type_ in self._fields:
                yield name, Named(type_)
            elif type_ in self._typedefs:
                yield name, self._typedefs[type_]

    def _lacking(self, type_: Type, path: list[str]) -> Optional[str]:
        """The first member on a path that is none."""
        for member in path:
            fields = self._fields_of(type_)
            if fields is None:  # not one of the headers' structs
                return None
            if member not in fields:
                return member
            type_ = fields[member].type
        return None

    def _fields_of(self, type_: Type) -> Optional[dict[str, Field]]:
        while True:
            if isinstance(type_, Named) and type_.name in self._typedefs:
                type_ = self._typedefs[type_.name]
            elif isinstance(type_, Pointer):
                type_ = type_.to
            elif isinstance(type_, Array):
                type_ = type_.of
            else:
                return self._fields.get(type_.name) if isinstance(type_, Named) else None

    def _chunks(self, text: str) -> list[Chunk]:
        """A C++ file's parts, without the lines that stand under a `LLAMACFFI_HAS_` that does not hold."""
        chunks: list[Chunk] = []
        pending = ""
        for line in self._lines(text):
            alone = not pending and (
                not line.strip() or line.startswith(("#", "//", "/*", " *")) or _OUTER.match(line.strip())
            )
            if alone:
                chunks.append(Chunk(line, frozenset(re.findall(r"^namespace (\w+)", line))))
                continue
            pending += line
            code = _NO_CODE.sub(" ", re.sub(r"^#.*$", "", pending, flags=re.MULTILINE))
            if code.count("{") == code.count("}") and code.rstrip().endswith((";", "}")):
                chunks.append(Chunk(pending, frozenset(_defined(code))))
                pending = ""
        return [*chunks, Chunk(pending, frozenset())]

    def _lines(self, text: str) -> Iterator[str]:
        """The lines that hold; the others are empty."""
        holds: list[tuple[bool, bool]] = []  # whether it is one of ours, and holds
        for line in text.splitlines(keepends=True):
            match = _CONDITION.match(line)
            if match and match[1] in ("if", "ifdef", "ifndef"):
                holds.append((bool(match[2]), not match[2] or (match[2] in self.declared) == (match[1] == "ifdef")))
                shown = not match[2]
            elif match and match[1] in ("else", "elif") and holds:
                ours, held = holds[-1]
                holds[-1] = (ours, not held if ours else True)
                shown = not ours
            elif match and match[1] == "endif" and holds:
                shown = not holds.pop()[0]
            else:
                shown = True
            yield line if shown and all(held for _, held in holds) else "\n"


def _members(record: Record) -> Iterator[tuple[str, Field]]:
    """A struct's members by name, those of unnamed structs and unions in it too."""
    for field in record.fields or []:
        inner = inline_of(field.type)
        if inner and not field.name:
            yield from _members(inner)
        yield field.name, field


def _defined(code: str) -> Iterator[str]:
    """The names that a definition defines."""
    code = re.sub(r"^\s*template <[^\n{(]*>\s", " ", code)
    head = re.split(r"[{;=]", code, maxsplit=1)[0]
    kind = re.match(r"\s*(?:typedef )?(?:struct|class|union|enum(?: class)?) (\w+)\s*(?::[^(]*)?$", head)
    if kind:
        yield kind[1]
        if "enum" in kind[0]:
            yield from re.findall(r"\w+", code[len(head) :])
    elif "(" in head:
        found = re.search(r"(\w+)\s*\(", re.sub(r"__attribute__\(\(.*?\)\)\)?", "", head))
        if found:
            yield found[1]
    else:
        yield from re.findall(r"(\w+)\s*(?:\[[^\]]*\]\s*)*(?=,|$)", head)


def locals_of(code: str) -> set[str]:
    """What some code declares, as far as that can be seen: a name behind that of a type."""
    pairs = _DECLARED.findall(_NO_CODE.sub(" ", code))
    return {name for type_, name in pairs if _TYPE.fullmatch(type_) or _UPSTREAM.fullmatch(type_)}


def declared(api: API) -> set[str]:
    """All that headers have a name for; a struct's member is `<struct>_<member>`."""
    names = {each.name for each in [*api.functions, *api.types, *api.constants]}
    names.update(each.name for enum in api.enums for each in enum.enumerators)
    names.update(each.name for each in api.skipped if each.kind == "macro")
    names.update(f"{record.name}_{name}" for record in api.records for name, _ in _members(record) if name)
    return names - {""}


def api_h(api: API) -> str:
    """What our C++ includes for llama.cpp's headers: all of them, and macros that tell what they have.

    Before them stands what their parts for C++ take for granted.
    """
    macros = [f"#define LLAMACFFI_HAS_{name} 1" for name in sorted(declared(api))]
    cxx = ["#ifdef __cplusplus", *(f"#include <{each}>" for each in ("memory", "string", "vector")), "#endif"]
    headers = [f'#include "{header}"' for header in api.headers]
    return "\n".join(["#pragma once", *cxx, *macros, *headers]) + "\n"


def earlier_h(text: str, names: set[str]) -> str:
    """`llamacffi-earlier.h` for headers that have these names; "" where it would define nothing."""
    conditions = re.findall(r"^#if (!(?:\\\n|.)*)", text, re.MULTILINE)
    if not any(_holds(condition, names) for condition in conditions):
        return ""
    asked = sorted(set(re.findall(r"\bUPSTREAM_(\w+)", text)) & names)
    return text.replace(
        "#pragma once\n", "#pragma once\n" + "".join(f"#define UPSTREAM_{name} 1\n" for name in asked)
    ) + "".join(f"#undef UPSTREAM_{name}\n" for name in asked)


def _holds(condition: str, names: set[str]) -> bool:
    """Whether a condition on `defined(UPSTREAM_<name>)` holds for headers that have these names."""
    code = re.sub(r"defined\(UPSTREAM_(\w+)\)", lambda match: str(match[1] in names), condition.replace("\\\n", " "))
    for c, python in (("&&", " and "), ("||", " or "), ("!", " not ")):
        code = code.replace(c, python)
    return bool(eval(code.strip(), {}))
