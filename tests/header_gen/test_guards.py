"""The guards of the case `guards`, compiled with what they are made of: each call of a list does what it must."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from cffi import FFI

import harness
import llamacffi

SOURCE = harness.CASES / "guards"

# In the place of Python callbacks, of which there are none here.
CALLBACKS = """
#include "guard.hpp"
namespace llamacffi {
Call * nearest_call() { return current().call(); }
void interrupt_if_due() {}
void release_all(const void *) {}
}
"""

# In the place of backends: none is found.
BACKENDS = """
#include <stdio.h>
#include "backends_c.h"
#include "errors.h"
int llamacffi_load_backends(void) { llamacffi_backend_missing("no backends"); return 0; }
void *llamacffi_find(const char *module, const char *name) {
    char message[100];
    snprintf(message, sizeof message, "%s is not in %s", name, module);
    llamacffi_backend_missing(message);
    return NULL;
}
#include "guards.h"
"""

CDEF = """
struct llamacffi_error { int kind; const char *function, *argument, *message, *native; };
bool llamacffi_failed(void);
const struct llamacffi_error *llamacffi_last_error(void);
"""

# Calls, one after the other, and what is told of them: the result; and of a failure the kind, argument and message,
# where the message is not the account of handles' own.
CALLS = [
    # handles
    ("(model := lib.toy_model_load(b'path', NULL)) != NULL", "True"),
    ("lib.toy_model_load(b'', NULL) == NULL", "True"),
    ("lib.toy_model_load(NULL, NULL) == NULL", "True; argument: path must not be NULL"),
    ("(ctx := lib.toy_init(model, 5)) != NULL", "True"),
    ("lib.toy_model_free(model)", "None; freed: model"),
    ("(vocab := lib.toy_get_vocab(model)) != NULL", "True"),
    ("lib.toy_vocab_size(vocab)", "3"),
    ("lib.toy_vocab_size(ffi.cast('struct toy_vocab *', 64))", "-1; freed: vocab"),
    ("lib.toy_size(ctx)", "5"),
    ("lib.toy_size(NULL)", "-3; argument: ctx must not be NULL"),
    ("lib.toy_clear(ctx)", "None"),
    ("lib.toy_size(ctx)", "0"),
    # Of a kind that is not strict: also one that the user has made.
    ("lib.toy_seed(lib.toy_get_sampler(ctx), lib.toy_get_object())", "7"),
    ("lib.toy_seed(ffi.new('struct toy_sampler *', [8]), NULL)", "8"),
    # checks, in order: of patterns first
    ("lib.toy_init(model, 100) == NULL", 'True; argument: size = 100: a "size" is less than 100'),
    ("lib.toy_init(model, -1) == NULL", "True; argument: size = -1: can't be negative"),
    ("lib.toy_check(True, 1, 0.5, [0, 2], b'a').y", "2"),
    ("lib.toy_check(False, 1, 0.5, [0, 2], b'a').y", "0; argument: b = false: no"),
    ("lib.toy_check(True, 2**64 - 1, 0.5, [0, 2], b'a').y", "0; argument: u = 18446744073709551615: large"),
    ("lib.toy_check(True, 1, 1.5, [0, 2], b'a').y", "0; argument: d = 1.500000: large"),
    ("lib.toy_check(True, 1, 0.5, [1, 2], b'a').y", "0; argument: point x is not 0"),
    ("lib.toy_check(True, 1, 0.5, [0, 2], b'').y", "0; argument: text empty"),
    ("lib.toy_sum([1, 2], 2)", "3"),
    ("lib.toy_sum([1, 2], 2**50)", "0; argument: arg1 = 1125899906842624: more than there are"),
    ("lib.toy_words(1, 2, 3, 4)", "10"),
    ("lib.toy_words(6, 2, 3, 7)", "0; argument: class_ = 6: unlucky"),
    # enums
    ("lib.toy_mode(lib.TOY_MODE_NONE, lib.TOY_KIND_B)", "-1"),
    ("lib.toy_mode(lib.TOY_MODE_SOFT_MAX, lib.TOY_KIND_A)", "1"),
    ("lib.toy_mode(lib.TOY_MODE_COUNT, lib.TOY_KIND_A)", "3; argument: mode = 3: not one of enum toy_mode"),
    ("lib.toy_mode(lib.TOY_MODE_A, 0)", "3; argument: kind = 0: not one of toy_kind"),
    ("lib.toy_any_mode(lib.TOY_MODE_COUNT)", "3"),
    # what is around the call, and after it
    ("lib.toy_compute(ctx, NULL, NULL, NULL)", "0"),
    ("lib.toy_compute_all(ctx)", "None"),
    ("(number := ffi.new('int *'), lib.toy_result(number), number[0])[-1]", "2"),
    ("lib.toy_half(5)", "2.5"),
    # A callback may look at what computes, and not change it.
    ("lib.toy_compute(ctx, NULL, stop(lambda: lib.toy_size(ctx) == 1), NULL)", "-2"),
    ("lib.toy_compute(ctx, NULL, stop(lambda: lib.toy_clear(ctx)), NULL)", "1"),
    ("stopped.pop()", "None; busy: ctx"),
    ("stopped.pop()", "True"),
    # tensors
    ("lib.toy_compute(ctx, ffi.cast('struct ggml_tensor *', 64), NULL, NULL)", "0; freed: tensor"),
    ("lib.ggml_is_empty(ffi.cast('struct ggml_tensor *', 64))", "False; freed: tensor"),
    # exceptions and assertions
    ("lib.toy_throw(0)", "0"),
    ("lib.toy_throw(1)", "0; exception: thrown"),
    ("lib.toy_throw(2)", "0; exception: a C++ exception of a kind of its own"),
    ("lib.toy_throw(3)", "0; assertion: an assertion in llama.cpp failed"),
    # printf's arguments
    ("lib.toy_print(text, 20, b'%d %s', ffi.cast('int', 1), ffi.new('char[]', b'%n'))", "4"),
    ("ffi.string(text)", "b'1 %n'"),
    ("lib.toy_print(text, 20, b'%n', ffi.new('int *'))", "0; argument: format %n is not supported"),
    # what nobody has looked at yet
    ("(thing := lib.toy_thing_new(b'name', [1, 2, 3], 3)) != NULL", "True"),
    ("lib.toy_thing_new(NULL, [1, 2, 3], 3) == NULL", "True; argument: name must not be NULL"),
    ("lib.toy_thing_new(b'name', NULL, 3) == NULL", "True; argument: values must not be NULL"),
    (
        "lib.toy_thing_new(b'name', [1, 2, 3], 2**50) == NULL",
        "True; argument: n_values = 1125899906842624: negative, or more than there are at values",
    ),
    ("lib.toy_thing_sum(thing)", "6.0"),
    ("lib.toy_thing_copy(thing, floats, 3)", "3"),
    ("list(floats)", "[1.0, 2.0, 3.0]"),
    ("lib.toy_thing_copy(thing, floats, -1)", "0; argument: len = -1: negative, or more than there are at out"),
    ("lib.toy_thing_mode(thing, 9)", "0; argument: mode = 9: not one of enum toy_mode"),
    ("lib.toy_thing_free(NULL)", "None; argument: thing must not be NULL"),
    ("(clone := lib.toy_thing_clone(thing)) != NULL", "True"),
    ("lib.toy_thing_free(thing)", "None; freed: thing"),  # whoever knows may say that the clone does without
    ("lib.toy_thing_free(clone)", "None"),
    ("lib.toy_thing_free(thing)", "None"),
    ("lib.toy_thing_free(thing)", "None; freed: thing"),
    ("lib.toy_thing_sum(thing)", "0.0; freed: thing"),
    # backends, before all else
    ("lib.toy_far(NULL, 1)", "0; backend: toy_far is not in cuda,hip"),
    ("lib.toy_count()", "0; backend: no backends"),
    ("lib.toy_load_all()", "None; backend: no backends"),
    # ends
    ("lib.toy_free(ctx)", "None"),
    ("lib.toy_free(NULL)", "None"),
    ("lib.toy_free(ctx)", "None; freed: ctx"),
    ("lib.toy_size(ctx)", "-3; freed: ctx"),
    ("lib.toy_model_free(model)", "None"),
    ("lib.toy_vocab_size(vocab)", "-1; freed: vocab"),
]

PROGRAM = """
import json, sys
from guarded import ffi, lib

NULL, text, floats, stopped, kept = ffi.NULL, ffi.new("char[20]"), ffi.new("float[3]"), [], []

def tell(result):
    if not lib.llamacffi_failed():
        return str(result)
    error = lib.llamacffi_last_error()
    kind = "argument freed busy assertion exception callback backend".split()[error.kind - 1]
    argument, message = (ffi.string(each).decode() for each in (error.argument, error.message))
    said = [argument] if kind in ("freed", "busy") else filter(None, [argument, message])
    return f"{result}; {kind}: {' '.join(said)}"

def stop(function):
    kept.append(ffi.callback("toy_stop", lambda _: stopped.append(tell(function())) or stopped[-1] == "True"))
    return kept[-1]

print(json.dumps([[call, tell(eval(call, globals()))] for call, _ in json.load(sys.stdin)]))
"""


@pytest.fixture(scope="module")
def source() -> Path:
    return SOURCE


@pytest.fixture(scope="module")
def module(out: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the module `guarded`: the case's functions and their guards."""
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "callbacks.cpp").write_text(CALLBACKS)
    runtime = [harness.NATIVE / f"{name}.cpp" for name in ("guard", "handles", "tensors", "memory")]
    sources = [out / "guards.cpp", folder / "callbacks.cpp", SOURCE / "src" / "toy.cpp", *runtime]
    include = [SOURCE, out, SOURCE / "include"]
    harness.add_real_headers(out)
    harness.compile_cxx(folder, ["-c", *map(str, sources)], include)
    ffi = FFI()
    ffi.cdef((out / "cdef.h").read_text("utf-8") + CDEF)
    ffi.set_source(
        "guarded",
        '#include "toy.h"\n#include "ggml.h"\n' + BACKENDS,
        include_dirs=[str(path) for path in [*include, harness.NATIVE, llamacffi.get_include()]],
        extra_objects=[str(folder / f"{path.stem}.o") for path in sources],
        libraries=["llamacffi-ggml-base", "c++" if sys.platform == "darwin" else "stdc++"],
        library_dirs=[llamacffi.get_library_dir()],
        extra_compile_args=["-O0", "-w"],
        extra_link_args=[f"-Wl,-rpath,{llamacffi.get_library_dir()}"],
    )
    ffi.compile(tmpdir=str(folder))
    return folder


def test_calls(module: Path) -> None:
    """In a process of their own, as a failed assertion of ggml's is reported to the last module that asked for it."""
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, cwd=module, input=json.dumps(CALLS), capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    assert [tuple(each) for each in json.loads(done.stdout)] == CALLS
