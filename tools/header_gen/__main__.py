"""Generate cffi's declarations and the API table from llama.cpp's public headers.

    python tools/header_gen --source DIR --out DIR
    python tools/header_gen --include DIR --library FILE … --out DIR

The second takes an installed llama.cpp: its headers, and the libraries that say which functions there are.

Stages: the C compiler's preprocessor (preprocess.py), pycparser (parse.py) into one typed model (model.py), the
compiler's answers to what only it knows (probe.py), where each function is defined (places.py), and the texts
(emit.py). What a person must say is in policy.toml.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sized
from pathlib import Path
from typing import Union

import emit
import guards
import measures
import pages
import policy as policies
import probe
import reference
import stubs
from comments import Comments
from compiler import Compiler, CompilerError
from known import Known, api_h, declared, earlier_h
from model import API, Array, Asked, Field, Function, HeaderError, Inline, Pointer, Problem, Signature, Skipped, Type
from parse import parse
from places import Installation, SourceTree
from preprocess import preprocess, valid_headers

POLICY = Path(__file__).with_name("policy.toml")
NATIVE = Path(__file__).resolve().parents[2] / "src" / "native"
EARLIER = NATIVE / "llamacffi-earlier.h"


Place = Union[SourceTree, Installation]


def generate(place: Place, policy: policies.Policy, out: Path) -> API:
    """The API that the public headers of a source tree, or of an installation, declare.

    Where they lack a name that an earlier one stands for, `out` gets the header that defines it, one more of them.

    Raises:
        HeaderError: a required header is missing or not valid C, or a declaration can't be taken.
        CompilerError: no compiler.
    """
    api = _read(place, policy, place.headers(policy))
    fresh = {EARLIER.name: earlier_h(EARLIER.read_text("utf-8"), declared(api))}
    if not fresh[EARLIER.name]:
        (out / EARLIER.name).unlink(missing_ok=True)
        return api
    write(out, fresh)
    return _read(place, policy, {**place.headers(policy), EARLIER.name: out / EARLIER.name})


def _read(place: Place, policy: policies.Policy, sources: dict[str, Path]) -> API:
    for name in policy.required:
        if name not in sources:
            raise HeaderError([Problem(name, 0, f"not found in {place}")])
    compiler = Compiler(list(dict.fromkeys(path.parent for path in sources.values())))
    headers, skipped = valid_headers(compiler, list(sources))
    for left_out in skipped:
        if left_out.name in policy.required:
            raise HeaderError([Problem(left_out.header, left_out.line, left_out.reason)])
    ours = [path.resolve() for path in sources.values()]
    plain = preprocess(compiler, headers, lambda path: place.has(path) or path.resolve() in ours)
    comments = Comments(plain.files)
    api = parse(plain, comments, policy.skip)
    api.headers = headers
    constants, not_values = probe.constants(compiler, headers, plain.macros)
    taken = {enumerator.name for enum in api.enums for enumerator in enum.enumerators}
    for constant in constants:
        if constant.name not in taken:  # `#define A A` beside `enum { A }`
            constant.comment = comments.of_directive(constant.header, constant.line)
            api.constants.append(constant)
    api.skipped = skipped + api.skipped + not_values
    _find_modules(api, place, policy)
    probe.answer(compiler, headers, list(_questions(api)))
    return api


def _find_modules(api: API, place: Place, policy: policies.Policy) -> None:
    """Give each function the module that has it, and drop those that can't be called."""
    defined = place.modules(api.functions, policy)
    kept: list[Function] = []
    for function in api.functions:
        modules = [""] if function.inline or not defined else defined.get(function.name, [])
        reason = ""
        if not modules:
            reason = place.nowhere
        elif "" not in modules and function.signature.variadic:
            reason = f"variadic, and in the module of a backend ({modules[0]}): calls can't be passed on"
        if reason:
            api.skipped.append(Skipped("function", function.name, function.header, function.line, reason))
        else:
            function.module = "" if "" in modules else modules[0]
            kept.append(function)
    api.functions = kept


def _questions(api: API) -> Iterator[Asked]:
    """Everything in the model that the compiler must answer."""
    for constant in api.constants:
        yield constant.value
    for enum in api.enums:
        yield from (each.value for each in enum.enumerators)
    for record in api.records:
        yield from (asked for asked in (record.size, record.align) if asked)
        yield from _field_questions(record.fields or [])
    for typedef in api.typedefs:
        yield from _lengths(typedef.type)
    for function in api.functions:
        yield from _lengths(function.signature)


def _field_questions(fields: list[Field]) -> Iterator[Asked]:
    for field in fields:
        yield from (asked for asked in (field.bits, field.offset, field.size) if asked)
        yield from _lengths(field.type)


def _lengths(type_: Type) -> Iterator[Asked]:
    if isinstance(type_, Array):
        if type_.length:
            yield type_.length
        yield from _lengths(type_.of)
    elif isinstance(type_, Pointer):
        yield from _lengths(type_.to)
    elif isinstance(type_, Inline):
        yield from _field_questions(type_.record.fields or [])
    elif isinstance(type_, Signature):
        yield from _lengths(type_.result)
        for parameter in type_.parameters:
            yield from _lengths(parameter.type)


def summary(api: API) -> str:
    """What was taken and what was not, for a person."""
    counts: dict[str, Sized] = {
        "headers": api.headers,
        "functions": api.functions,
        "structs": api.records,
        "enums": api.enums,
        "constants": api.constants,
        "typedefs": api.typedefs,
    }
    lines = [", ".join(f"{len(entries)} {name}" for name, entries in counts.items())]
    macros = sum(skipped.kind == "macro" for skipped in api.skipped)
    lines.append(f"left out: {len(api.skipped) - macros} declared things, and {macros} macros that are not values")
    lines += [
        f"  {skipped.header}:{skipped.line}: {skipped.kind} {skipped.name}: {skipped.reason}"
        for skipped in api.skipped
        if skipped.kind != "macro"
    ]
    return "\n".join(lines)


def write(folder: Path, texts: dict[str, str]) -> None:
    """Write the files, each whole or not at all; one whose text stays the same keeps its time."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        path = folder / name
        content = text.encode("utf-8", "backslashreplace")  # a header need not be UTF-8
        if path.exists() and path.read_bytes() == content:
            continue
        path.parent.mkdir(exist_ok=True)
        fresh = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            fresh.write_bytes(content)
            os.replace(fresh, path)
        finally:
            fresh.unlink(missing_ok=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="header_gen", description="llama.cpp's headers to cffi declarations")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--source", type=Path, metavar="DIR", help="llama.cpp's source tree")
    where.add_argument("--include", type=Path, metavar="DIR", help="the folder where its headers are installed")
    parser.add_argument("--library", type=Path, action="append", metavar="FILE", help="an installed library")
    parser.add_argument(
        "--linked", action="append", default=[], metavar="BACKEND", help="with --source: one that is no module"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for what is generated")
    parser.add_argument("--cdef", type=Path, metavar="FILE", help="further declarations that the stubs are to have")
    parser.add_argument("--pages", type=Path, metavar="DIR", help="folder for the C reference's pages")
    parser.add_argument("--policy", type=Path, default=POLICY, help="another policy.toml")
    options = parser.parse_args()
    if bool(options.include) != bool(options.library):
        parser.error("--include and --library go together")
    start = time.perf_counter()
    try:
        policy = policies.load(options.policy)
        place = (
            SourceTree(options.source, options.linked)
            if options.source
            else Installation(options.include, options.library)
        )
        api = generate(place, policy, options.out)
        own = options.policy.with_name("checks")  # what another policy's are made of
        known = Known(api, NATIVE, own if own.is_dir() else NATIVE / "checks")
        texts = {
            "cdef.h": emit.cdef(api, policy),
            "forwards.h": emit.forwards(api, policy),
            "guards.h": guards.guards_h(api),
            "guards.cpp": guards.guards_cpp(api, policy, known),
            "api.h": api_h(api),
            **known.checks,
            "kinds.hpp": guards.kinds_h(api, policy),
            "measures.hpp": measures.measures_h(api, policy),
            "api.json": emit.table(api),
            "reference.txt": reference.reference(api, policy, known),
            **stubs.stubs(api, policy, options.cdef),
        }
        write(options.out, texts)
        if options.pages:
            write(options.pages, pages.pages(api, policy))
    except (HeaderError, CompilerError, policies.PolicyError, OSError) as error:
        print(f"header_gen: {error}", file=sys.stderr)
        return 1
    if known.left_out or known.unused:
        print(f"of our own: {len(known.left_out)} definitions and {len(known.unused)} lines of the policy left out")
    print(f"header_gen: {summary(api)}\n{time.perf_counter() - start:.1f} s, in {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
