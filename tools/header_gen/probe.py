"""What only the compiler knows: which macros are values, and the value of every expression the model asks for."""

from __future__ import annotations

import re

from compiler import Compiler
from model import Asked, Constant, Skipped
from preprocess import Macro, include_all

# A text is a literal: a pointer may point to nowhere. An expression of another type is not a constant for Python.
_TYPES = """
#define INTEGER(x) _Generic((x), _Bool: 1, char: 1, signed char: 1, unsigned char: 1, short: 1, unsigned short: 1, \\
    int: 1, unsigned: 1, long: 1, unsigned long: 1, long long: 1, unsigned long long: 1, default: 0)
#define REAL(x) _Generic((x), float: 1, double: 1, default: 0)
#define TEXT(x) __builtin_types_compatible_p(__typeof__(x), char[sizeof(x)])
"""
_LITERAL = re.compile(r""""(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'""")
_SHOW = """
static void show_int(long long x) { printf("i%lld\\n", x); }
static void show_unsigned(unsigned long long x) { printf("i%llu\\n", x); }
static void show_real(double x) { printf("f%a\\n", x); }
static void show_text(const char *x) { putchar('s'); while (*x) printf("%02x", (unsigned char)*x++); putchar('\\n'); }
#define SHOW(x) _Generic((x), float: show_real, double: show_real, char *: show_text, const char *: show_text, \\
    unsigned long: show_unsigned, unsigned long long: show_unsigned, default: show_int)(x)
"""


def constants(compiler: Compiler, headers: list[str], macros: list[Macro]) -> tuple[list[Constant], list[Skipped]]:
    """The macros that are values by the compiler's judgement; and those that are something, but no value."""
    skipped: list[Skipped] = []
    candidates: list[Macro] = []
    for macro in macros:
        if macro.takes_arguments:
            skipped.append(Skipped("macro", macro.name, macro.header, macro.line, "takes arguments: code, not a value"))
        elif macro.body:  # an empty one, such as an include guard, says nothing that Python could use
            candidates.append(macro)
    source = include_all([*headers, "stddef.h"]) + _TYPES
    first = source.count("\n") + 1
    tests: list[str] = []
    unbalanced = _unbalanced(macros)
    for number, macro in enumerate(candidates):
        name = macro.name
        # A static initialiser must be constant; the type must be one of the three kinds.
        test = f"static const __typeof__(({name}) + 0) v{number} = ({name}); "
        test += f'_Static_assert(INTEGER(({name}) + 0) || REAL({name}) || TEXT({name}), "");'
        tests.append("#error not an expression" if name in unbalanced else test)
    rejected = compiler.rejected_lines(source + "\n".join(tests) + "\n")
    found: list[Constant] = []
    for number, macro in enumerate(candidates):
        if first + number in rejected:
            skipped.append(Skipped("macro", macro.name, macro.header, macro.line, f"not a value: {macro.body[:80]}"))
        else:
            found.append(Constant(macro.name, macro.header, macro.line, value=Asked(macro.name)))
    return found, skipped


def _unbalanced(macros: list[Macro]) -> set[str]:
    """The macros that would upset the lines after them: with a bracket that does not close, or with a semicolon."""
    words: dict[str, set[str]] = {}
    found: set[str] = set()
    for macro in macros:
        body = _LITERAL.sub(" ", macro.body)
        words[macro.name] = set(re.findall(r"\w+", body))
        if ";" in body or not _closes(body):
            found.add(macro.name)
    while more := {name for name in words.keys() - found if words[name] & found}:
        found |= more
    return found


def _closes(body: str) -> bool:
    depth = 0
    for char in body:
        depth += (char in "([{") - (char in ")]}")
        if depth < 0:
            return False
    return not depth


def answer(compiler: Compiler, headers: list[str], questions: list[Asked]) -> None:
    """Have the compiler evaluate every expression, and fill in the values.

    Raises:
        CompilerError: an expression is not one.
    """
    shows = "\n".join(f"    SHOW({asked.expression});" for asked in questions)
    source = include_all(["stdio.h", "stddef.h", *headers]) + _SHOW + f"int main(void) {{\n{shows}\n    return 0;\n}}\n"
    lines = compiler.run(source).splitlines()
    for asked, line in zip(questions, lines):
        kind, text = line[0], line[1:]
        asked.value = bytes.fromhex(text) if kind == "s" else float.fromhex(text) if kind == "f" else int(text)
