"""What our own C++ may speak of: what headers lack is left out, with all that mentions it."""

from __future__ import annotations

from pathlib import Path

import pytest

import harness
import vendor

HEADER = """
#include <stdbool.h>
struct llama_model;
struct llama_params { int n; union { int a; float b; }; };
enum llama_kind { LLAMA_KIND_A, LLAMA_KIND_B };
bool llama_takes(struct llama_model * model, struct llama_params params);
#ifdef NEWER
struct llama_batch { int n_tokens; };
int llama_count(const struct llama_model * model);
#endif
"""
CHECKS = """\
// What the checks are made of.
#pragma once
namespace llamacffi {

inline bool is_small(const llama_params & params) { return params.n < 10 && params.a >= 0; }

// Mentions what only newer headers have.
inline int count(const llama_model * model) { return llama_count(model); }
inline bool has_some(const llama_model * model) {
    return count(model) > 0;  // by way of the one above
}

inline bool has_member(const llama_params & params) { return params.extra; }

struct Kept {
    int count;  // not the function
#ifdef LLAMACFFI_HAS_llama_count
    int newer;
#else
    int older;
#endif
};
inline int total(const Kept & kept) {
    const auto count = kept.count;
    return count;
}

}  // namespace llamacffi
"""
POLICY = """
[checks]
"llama_takes" = [
    ["params", "is_small(params)", "large"],
    ["model", "has_some(model)", "empty"],
    ["params", "params.n > 0", "none"],
    ["params", "params.extra", "no such member"],
    ["batch", "!batch", "no such argument"],
]
[around]
"llama_takes" = ["Kept kept{count(model)};", "Kept more{};"]
[after]
"llama_takes" = ["total(kept)", "total(more)"]
"""


@pytest.fixture
def generated(tmp_path: Path) -> dict[str, str]:
    """What the generator makes of the header above, by file's name."""
    for name, text in {
        "tree/include/llama.h": HEADER,
        "checks/all.hpp": CHECKS,
        "policy.toml": (harness.ROOT / "tools" / "header_gen" / "policy.toml").read_text("utf-8"),
        "policy/toy.toml": POLICY,
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    out = tmp_path / "out"
    harness.generated(tmp_path / "tree", out, "--policy", str(tmp_path / "policy.toml"))
    return {name: (out / name).read_text("utf-8") for name in ("guards.cpp", "checks/all.hpp", "api.h")}


def test_definitions_that_mention_what_is_missing(generated: dict[str, str]) -> None:
    checks = generated["checks/all.hpp"]
    for name in ("is_small", "Kept", "total", "older"):
        assert name in checks
    for name in ("llama_count", "has_some", "has_member", "int newer"):
        assert name not in checks
    # The compiler's messages have the lines of the file that we edit.
    assert checks.startswith('#line 1 "checks/all.hpp"\n')
    assert checks.splitlines()[1:].index("struct Kept {") == CHECKS.splitlines().index("struct Kept {")


def test_lines_of_the_policy(generated: dict[str, str]) -> None:
    guards = generated["guards.cpp"]
    for code in ("is_small(params)", "params.n > 0", "Kept more{};", "total(more)"):
        assert code in guards
    for code in ("has_some", "params.extra", "!batch", "count(model)", "total(kept)"):
        assert code not in guards


def test_macros(generated: dict[str, str]) -> None:
    macros = generated["api.h"].splitlines()
    for name in ("llama_takes", "llama_model", "LLAMA_KIND_B", "llama_params_n"):
        assert f"#define LLAMACFFI_HAS_{name} 1" in macros
    assert not any("llama_count" in macro for macro in macros)


def test_nothing_is_left_out_of_the_pinned_release(tmp_path: Path) -> None:
    done = harness.generate(vendor.obtain(harness.ROOT), tmp_path)
    assert done.returncode == 0, done.stderr
    assert "of our own" not in done.stdout
    assert not (tmp_path / "llamacffi-earlier.h").exists()
