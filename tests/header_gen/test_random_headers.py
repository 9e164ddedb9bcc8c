"""Headers made up at random: what the generator and cffi make of them must be what a C program says of them."""

from __future__ import annotations

import itertools
import re
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable

import hypothesis.strategies as st
from hypothesis import HealthCheck, Phase, given, settings

import harness

# A type as a function from a name to its declaration.
Declarator = Callable[[str], str]
SCALARS = [
    "char", "signed char", "uint8_t", "short", "uint16_t", "int", "unsigned", "int32_t", "uint32_t", "long",
    "unsigned long", "long long", "int64_t", "uint64_t", "size_t", "float", "double", "bool", "wchar_t",
]  # fmt: skip
# The widest bit-fields; PyPy's cffi sets none of 64 bits.
BIT_FIELDS = {"unsigned": 32, "int32_t": 32, "uint8_t": 8, "int16_t": 16, "uint64_t": 63, "int64_t": 63, "bool": 1}
# Its cffi says of an anonymous union in a nested struct that it is too large.
PYPY = sys.implementation.name == "pypy"
numbers = itertools.count()


@dataclass
class Header:
    """A header as it grows; `expected` are the C expressions that the API table must have a value for."""

    lines: list[str] = field(default_factory=list[str])
    source: list[str] = field(default_factory=lambda: ['#include "llama.h"'])
    expected: list[str] = field(default_factory=list[str])
    bit_fields: list[tuple[str, str, str]] = field(
        default_factory=list[tuple[str, str, str]]
    )  # record, member, all ones
    values: list[str] = field(default_factory=lambda: ["1", "sizeof(long)", "'\\t'"])  # small and positive
    integers: list[str] = field(default_factory=lambda: ["0", "-1", "0x7fffffff", "(-0x7fffffff - 1)"])
    types: list[Declarator] = field(default_factory=list[Declarator])
    bodies: dict[str, str] = field(default_factory=dict[str, str])  # of the structs and unions, by name
    names: int = 0

    def name(self, prefix: str) -> str:
        self.names += 1
        return f"{prefix}{self.names}"

    def type(self, draw: st.DrawFn) -> Declarator:
        """A type that can be a member's, a parameter's or a result's."""
        base = draw(st.sampled_from(SCALARS + self.types))
        plain: Declarator = (lambda name: f"{base} {name}") if isinstance(base, str) else base
        kind = draw(st.integers(0, 7))
        if kind == 0:
            return lambda name: plain(f"*{name}")
        if kind == 1:
            return lambda name: f"const {plain(f'* const *{name}')}"
        if kind == 2:
            return lambda name: plain(f"(*{name})(int, const void *)")
        if kind == 3:
            return lambda name: f"void (*(*{name})(FILE *))({plain('')}, ...)"
        return plain


def add_enum(draw: st.DrawFn, header: Header) -> None:
    enumerators: list[str] = []
    for _ in range(draw(st.integers(1, 5))):
        name = header.name("LLAMA_E")
        value = draw(
            st.one_of(
                st.just(""),
                st.integers(-(2**31), 2**31 - 1).map(lambda value: f" = {value}"),
                st.sampled_from(header.integers).map(lambda value: f" = ({value}) / 2 + 1"),
                st.integers(0, 30).map(lambda value: f" = 1 << {value}"),
            )
        )
        # The next of the largest int would be none.
        enumerators.append(f"{name}{value or (' = -7' if not enumerators else ' = 2')}")
        header.expected.append(name)
    name = header.name("llama_enum")
    form, type_ = draw(
        st.sampled_from(
            [
                ("enum {name} {{ {body} }};", "enum {name} "),
                ("typedef enum {{ {body} }} {name};", "{name} "),
                ("typedef enum {name} {{ {body}, }} {name};", "{name} "),
                ("enum {{ {body} }};", ""),
            ]
        )
    )
    header.lines.append(form.format(name=name, body=", ".join(enumerators)))
    header.integers += [each.split(" ")[0] for each in enumerators]
    if type_:
        header.types.append(lambda inner: type_.format(name=name) + inner)


def add_macro(draw: st.DrawFn, header: Header) -> None:
    name = header.name("LLAMA_M")
    kind = draw(st.sampled_from(["small", "any", "unsigned", "expression", "real", "text"]))
    if kind == "small":
        body = str(draw(st.integers(1, 9)))
        header.values.append(name)
    elif kind == "any":
        body = f"({draw(st.integers(-(2**63) + 1, 2**63 - 1))})"
    elif kind == "unsigned":
        body = f"{draw(st.integers(0, 2**64 - 1)):#x}u"
    elif kind == "expression":
        left, right = draw(st.sampled_from(header.integers)), draw(st.sampled_from(header.integers))
        body = f"(({left}) {draw(st.sampled_from(['^', '|', '&', '<', '==']))} ({right}))"
        header.integers.append(name)
    elif kind == "real":
        body = repr(draw(st.floats(allow_nan=False, allow_infinity=False)))
    else:
        body = '"' + draw(st.text("ab (;{?#/*", max_size=6)).replace("*/", "") + '"'
    header.lines.append(f"#define {name} {body}")
    header.expected.append(name)


def add_members(draw: st.DrawFn, header: Header, record: str, path: str, depth: int, in_array: bool) -> str:
    """The members of `record`, or of what lies in it at `path`, as C."""
    members: list[str] = []
    for _ in range(draw(st.integers(1, 4))):
        name = header.name("m")
        kind = draw(st.sampled_from(["type"] * 4 + ["array", "bits", "bits", "unnamed", "anonymous", "nested"]))
        if kind == "anonymous" and path and PYPY:
            kind = "nested"
        if kind in ("anonymous", "nested") and depth < 2:
            keyword = draw(st.sampled_from(["struct", "union"]))
            lengths = "".join(draw(st.lists(st.sampled_from(["[2]", "[3]"]), max_size=2))) if kind == "nested" else ""
            inner = path if kind == "anonymous" else f"{path}{name}{'[0]' * (len(lengths) // 3)}."
            body = add_members(draw, header, record, inner, depth + 1, in_array or bool(lengths))
            members.append(f"{keyword} {{ {body} }} {name + lengths if kind == 'nested' else ''};")
        elif kind == "bits":
            type_ = draw(st.sampled_from(sorted(BIT_FIELDS)))
            width = draw(st.integers(1, BIT_FIELDS[type_]))
            members.append(f"{type_} {name} : {width};")
            if not in_array:
                ones = "-1" if type_ in ("int32_t", "int16_t", "int64_t") else str((1 << width) - 1)
                header.bit_fields.append((record, path + name, ones))
            continue
        elif kind == "unnamed":
            members.append(f"uint32_t : {draw(st.integers(0, 32))};")
            continue
        else:
            sizes = draw(st.lists(st.sampled_from(header.values), min_size=1, max_size=3)) if kind == "array" else []
            members.append(header.type(draw)(name + "".join(f"[{size}]" for size in sizes)) + ";")
        if kind not in ("anonymous",) or depth >= 2:
            header.expected += [f"offsetof({record}, {path}{name})", f"sizeof((({record} *)0)->{path}{name})"]
    return " ".join(members)


def add_record(draw: st.DrawFn, header: Header) -> None:
    keyword = draw(st.sampled_from(["struct", "struct", "union"]))
    tag = header.name("llama_record")
    has_tag = draw(st.booleans())
    record = f"{keyword} {tag}" if has_tag else tag
    first = header.name("m")
    header.expected += [f"sizeof({record})", f"_Alignof({record})"]
    header.expected += [f"offsetof({record}, {first})", f"sizeof((({record} *)0)->{first})"]
    body = f"char {first}; " + add_members(draw, header, record, "", 0, False)
    if keyword == "struct" and draw(st.booleans()):
        name = header.name("m")
        body += f" {header.type(draw)(name + '[]')};"
        header.expected.append(f"offsetof({record}, {name})")
    else:  # it can be a member, and passed
        header.types.append(lambda name: f"{record} {name}")
    header.bodies[tag] = body
    header.lines.append(f"{record} {{ {body} }};" if has_tag else f"typedef {keyword} {{ {body} }} {tag};")


def add_typedef(draw: st.DrawFn, header: Header) -> None:
    name = header.name("llama_type")
    header.lines.append(f"typedef {header.type(draw)(name)};")
    header.types.append(lambda inner: f"{name} {inner}")


def add_function(draw: st.DrawFn, header: Header) -> None:
    parameters = [header.type(draw)(f"a{number}") for number in range(draw(st.integers(0, 4)))]
    head = header.type(draw)(f"{header.name('llama_f')}({', '.join(parameters) or 'void'})")
    header.lines.append(f"{head};")
    header.source.append(f"{head} {{ __builtin_trap(); }}")


@st.composite
def headers(draw: st.DrawFn) -> Header:
    header = Header(["#include <stdbool.h>", "#include <stddef.h>", "#include <stdint.h>", "#include <stdio.h>"])
    header.lines.append("#include <wchar.h>")
    kinds = st.sampled_from([add_enum, add_macro, add_record, add_record, add_typedef, add_function])
    for add in draw(st.lists(kinds, min_size=30, max_size=40)):
        add(draw, header)
    return header


@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),  # pyright: ignore[reportArgumentType]
    phases=[Phase.generate],  # a failure is not made smaller: each try compiles
)
@given(headers())
def test_compiler_agrees(header: Header) -> None:
    with tempfile.TemporaryDirectory() as folder:
        check(header, Path(folder))


def check(header: Header, folder: Path) -> None:
    for name, lines in (("include/llama.h", header.lines), ("src/llama.c", header.source)):
        (folder / name).parent.mkdir()
        (folder / name).write_text("\n".join([*lines, ""]))
    out, include = folder / "out", [folder / "include"]
    table = harness.generated(folder, out)
    assert {each["kind"] for each in table["skipped"]} <= {"macro", "members"}
    for left_out in (each for each in table["skipped"] if each["kind"] == "members"):
        body = header.bodies[left_out["name"]]
        assert re.search(r" : \d|} \w*\[\d\]", body), "it has bit-fields, or an array of unnamed structs"
        members = re.compile(rf"(offsetof|sizeof)\(.*\b{left_out['name']}( \*\)|,)")
        header.expected = [each for each in header.expected if not members.match(each)]
        header.bit_fields = [each for each in header.bit_fields if each[0].split()[-1] != left_out["name"]]
    facts = harness.facts(table)
    assert facts.keys() == set(header.expected)
    assert facts == harness.values_in_c(table, header.expected, folder, include)
    harness.check_declarations(out, folder, include)
    harness.check_guards(folder, out)

    built = harness.build(folder, out, f"random_{next(numbers)}", folder)
    harness.check(built, table)
    assert {each: bytes_with_ones(built.ffi, *each) for each in header.bit_fields} == ones_in_c(header, folder, include)


def bytes_with_ones(ffi: Any, record: str, path: str, ones: str) -> str:
    """The bytes of a record in which this bit-field has all its bits set, and nothing else, by cffi."""
    made = ffi.new(f"{record} *")
    *outer, member = path.split(".")
    inner = made
    for name in outer:
        inner = getattr(inner, name)
    setattr(inner, member, int(ones))
    return bytes(ffi.buffer(made)).hex()


def ones_in_c(header: Header, folder: Path, include: list[Path]) -> dict[tuple[str, str, str], str]:
    """The same by C."""
    blocks = [
        f"    {{ {record} it; memset(&it, 0, sizeof it); it.{path} = {ones}ll; show(&it, sizeof it); }}"
        for record, path, ones in header.bit_fields
    ]
    program = [
        '#include "llama.h"',
        "#include <string.h>",
        "static void show(const void *it, size_t size) {",
        '    for (size_t n = 0; n < size; n++) printf("%02x", ((const unsigned char *)it)[n]);',
        '    printf("\\n");',
        "}",
        "int main(void) {",
        *blocks,
        "    return 0;",
        "}",
        "",
    ]
    return dict(zip(header.bit_fields, harness.run_c("\n".join(program), folder, include).splitlines()))
