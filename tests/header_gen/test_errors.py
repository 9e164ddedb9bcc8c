"""What the generator can't take: said with header, line and reason, exit status 1, and nothing written."""

from __future__ import annotations

import os
import re
import shutil
import stat
import sys
from pathlib import Path

import pytest

import harness

GOOD = "int llama_good(int n);\n"
POLICY = (harness.ROOT / "tools" / "header_gen" / "policy.toml").read_text("utf-8")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A source tree that the generator takes."""
    (tmp_path / "source" / "include").mkdir(parents=True)
    (tmp_path / "source" / "include" / "llama.h").write_text(GOOD)
    return tmp_path / "source"


@pytest.fixture
def out(source: Path, tmp_path: Path) -> Path:
    """What the generator wrote for that tree."""
    harness.generated(source, tmp_path / "out")
    return tmp_path / "out"


def failure(source: Path, out: Path, *arguments: str, **env: str) -> str:
    """Run the generator, which must fail and leave `out` as it is; the last line of its message."""
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in out.rglob("*.*")}
    done = harness.generate(source, out, *arguments, **env)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("header_gen: ")
    assert "Traceback" not in done.stderr
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in out.rglob("*.*")} == before
    return done.stderr.strip().splitlines()[-1].replace("header_gen: ", "", 1)


@pytest.mark.parametrize(
    ("declaration", "reason"),
    [
        ("int llama_broken(int n int m);", "not valid C: "),
        ("llama_unknown llama_get(void);", "not valid C: "),
        ("#include <time.h>\ntime_t llama_now(void);", "does not parse "),
        ("#include <stdarg.h>\nvoid llama_log(const char * f, va_list a);", "llama_log: va_list "),
        ("int llama_sum(int n, int m[n][n]);", "llama_sum: an array's length is another parameter"),
        ("extern int llama_counter;", "llama_counter: a global variable"),
        ("struct llama_a { int n; } llama_variable;", "llama_variable: a global variable"),
        ("struct llama_a { enum { A } kind; };", "llama_a: an enum without a name "),
        ("void llama_take(struct { int n; } * a);", "llama_take: a struct or union without a name "),
        ("struct llama_a; static const struct llama_a * const llama_b = 0;", "llama_b: a constant that is neither "),
        ("enum llama_kind; void llama_take(enum llama_kind * kind);", "llama_take: enum llama_kind is not defined"),
    ],
)
def test_declaration(source: Path, out: Path, declaration: str, reason: str) -> None:
    (source / "include" / "llama.h").write_text(f"{GOOD}\n{declaration}\n")
    line = 2 + len(declaration.splitlines())
    assert re.match(rf"llama\.h:{line}: {re.escape(reason)}", failure(source, out))


def test_every_declaration_is_named(source: Path, out: Path) -> None:
    (source / "include" / "llama.h").write_text("extern int llama_a;\nint llama_b(void);\nextern int llama_c;\n")
    done = harness.generate(source, out)
    assert [line.split(": a global")[0] for line in done.stderr.splitlines()] == [
        "header_gen: llama.h:1: llama_a",
        "llama.h:3: llama_c",
    ]


def test_other_header_is_at_fault(source: Path, out: Path) -> None:
    (source / "include" / "part.h").write_text("\nint llama_part(llama_unknown n);\n")
    (source / "include" / "llama.h").write_text('#include "part.h"\n')
    assert failure(source, out).startswith("part.h:2: not valid C: ")


def test_end_is_missing(source: Path, out: Path) -> None:
    """The compiler sees it in what comes behind; the header that is broken is the one to name."""
    (source / "ggml" / "include").mkdir(parents=True)
    (source / "ggml" / "include" / "ggml-a.h").write_text("int ggml_a(void);\nint ggml_broken(\n")
    (source / "ggml" / "include" / "ggml-b.h").write_text("int ggml_b(void);\n")
    table = harness.generated(source, out)
    assert table["headers"] == ["llama.h", "ggml-b.h"]
    assert [(each["name"], each["header"], each["line"]) for each in table["skipped"]] == [("ggml-a.h", "ggml-a.h", 0)]
    (source / "include" / "llama.h").write_text("int llama_broken(\n")
    assert failure(source, out).startswith("llama.h:0: not valid C: ")


def test_policy_leaves_out(source: Path, out: Path, tmp_path: Path) -> None:
    (source / "include" / "llama.h").write_text(f"{GOOD}extern int llama_counter;\nint llama_bad(void);\n")
    own = tmp_path / "policy.toml"
    own.write_text(POLICY.replace("[skip]", '[skip]\nllama_counter = "a variable"\nllama_bad = "bad"'), "utf-8")
    assert harness.generate(source, out, "--policy", str(own)).returncode == 0
    table = harness.read_table(out)
    assert [function["name"] for function in table["functions"]] == ["llama_good"]
    assert [(each["kind"], each["name"], each["line"], each["reason"]) for each in table["skipped"]] == [
        ("variable", "llama_counter", 2, "a variable"),
        ("function", "llama_bad", 3, "bad"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("", "heders = []\n", "policy.toml: unknown: heders"),
        ("", "= 1\n", "policy.toml: "),
        ("required =", "#", "policy.toml: missing: required"),
        ("sources =", "sources = 'src' #", "policy.toml: sources: not a list: 'src'"),
        ("[modules]", "[modules]\nvulkan = 'vulkan'", "policy.toml: modules: 'vulkan': not a list: 'vulkan'"),
    ],
)
def test_policy(source: Path, out: Path, tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in POLICY
    (tmp_path / "policy.toml").write_text(POLICY.replace(old, new, 1), "utf-8")
    assert failure(source, out, "--policy", str(tmp_path / "policy.toml")).startswith(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[nulable]\nllama_good = ['n']", "unknown: nulable"),
        ("[frees]\nllama_good = n", "Invalid value (at line 2, "),
        ("[frees]\nllama_good = 'n'", "frees: 'llama_good' is in another file, too"),
        ("[sizes]\nllama_good = { n = '2' }", "sizes: 'llama_good' is in another file, too"),
        ("[frees]\nllama_other = ['n']", "frees: 'llama_other': not a text: ['n']"),
        ("[nullable]\nllama_good = 'n'", "nullable: 'llama_good': not a list: 'n'"),
        ("[nullable]\nllama_good = [1]", "nullable: 'llama_good': not a text: 1"),
        ("[sizes]\nllama_other = 'n'", "sizes: 'llama_other': not a table: 'n'"),
        ("[sizes]\nllama_other = { n = 1 }", "sizes: 'llama_other': 'n': not a text: 1"),
        ("[[quick]]\nfunctions = []", "quick: not a table: [{'functions': []}]"),
        ("[quick]\nllama_good = []", "quick: unknown: llama_good"),
        ("[handles]\nstrict = ['llama_model']", "handles: unknown: strict"),
        ("[checks]\nllama_good = ['n', 'n > 0', 'none']", "checks: 'llama_good': not a list: 'n'"),
        ("[checks]\nllama_good = [['n', 'n > 0']]", "checks: 'llama_good': not [argument, condition, what is wrong]"),
    ],
)
def test_policy_of_a_topic(source: Path, out: Path, tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "policy.toml").write_text(POLICY, "utf-8")
    (tmp_path / "policy").mkdir()
    (tmp_path / "policy" / "a.toml").write_text("[frees]\nllama_good = 'n'\n[sizes]\nllama_good = { n = '1' }\n")
    (tmp_path / "policy" / "b.toml").write_text(text)
    assert failure(source, out, "--policy", str(tmp_path / "policy.toml")).startswith(f"b.toml: {message}")


def test_no_policy(source: Path, out: Path, tmp_path: Path) -> None:
    assert "nowhere.toml" in failure(source, out, "--policy", str(tmp_path / "nowhere.toml"))


def test_no_llama_h(out: Path, tmp_path: Path) -> None:
    assert failure(tmp_path / "nowhere", out).startswith("llama.h:0: not found in ")


@pytest.mark.parametrize("env", [{"CC": "/nonexistent"}, {"CC": "", "PATH": ""}])
def test_no_compiler(source: Path, out: Path, env: dict[str, str]) -> None:
    message = failure(source, out, **env)
    assert "install GCC or Clang" in message
    assert ("CC=/nonexistent" if env["CC"] else "no C compiler was found") in message


def test_compiler_that_fails(source: Path, out: Path) -> None:
    assert "-no-such-option" in failure(source, out, CC=f"{harness.CC[0]} -no-such-option")


def test_out_is_a_file(source: Path, out: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    done = harness.generate(source, tmp_path / "file")
    assert done.returncode == 1
    assert "file" in done.stderr
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write anywhere")
def test_unwritable_out(source: Path, out: Path) -> None:
    (source / "include" / "llama.h").write_text(GOOD + "int llama_more(void);\n")
    out.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        assert "Permission denied" in failure(source, out)
    finally:
        out.chmod(stat.S_IRWXU)


def test_same_text_keeps_its_time(source: Path, out: Path) -> None:
    """What depends on a generated file is not built again for nothing."""
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.*")}
    for path in before:
        os.utime(path, ns=(0, 0))
    harness.generated(source, out)
    after = {path: path.stat().st_mtime_ns for path in out.rglob("*.*")}
    assert after == dict.fromkeys(before, 0)
    assert {path.name for path in after} >= {*harness.DECLARATIONS, *harness.GUARDS, *harness.STUBS}


@pytest.mark.parametrize("folder", ["with spaces", "nicht-ASCII-äöü-日本", 'quote"d', "back\\slash", "$HOME;'x'", "#"])
def test_any_path(source: Path, tmp_path: Path, folder: str) -> None:
    if sys.platform == "win32" and set(folder) & set('"\\'):
        pytest.skip("no file name on Windows")
    shutil.copytree(harness.CASES / "records", tmp_path / folder / "source")
    out, expected = tmp_path / folder / "out", harness.CASES / "records" / "expected"
    harness.generated(tmp_path / folder / "source", out)
    assert harness.comparable(out, harness.DECLARATIONS) == harness.comparable(expected, harness.DECLARATIONS)


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights of their own there")
def test_headers_that_are_links(source: Path, out: Path, tmp_path: Path) -> None:
    tree = tmp_path / "links"
    (tree / "include").mkdir(parents=True)
    (tree / "include" / "llama.h").symlink_to(source / "include" / "llama.h")
    (tmp_path / "link").symlink_to(tree)
    harness.generated(tmp_path / "link", tmp_path / "linked")
    assert harness.comparable(tmp_path / "linked") == harness.comparable(out)


def test_header_that_is_not_utf8(source: Path, out: Path) -> None:
    header = "// caf\xe9\nint llama_good(int n);\n#define LLAMA_CAFE caf\xe9 au\n".encode("latin-1")
    (source / "include" / "llama.h").write_bytes(header)
    table = harness.generated(source, out)
    assert table["functions"][0]["comment"] == "caf\ufffd"
    assert table["skipped"][0]["name"] == "LLAMA_CAFE"


def test_windows_line_ends(source: Path, out: Path) -> None:
    header = b"// Over\r\n// two lines.\r\nint llama_good(int n);\r\n#define LLAMA_N 1 // one\r\n"
    (source / "include" / "llama.h").write_bytes(header)
    table = harness.generated(source, out)
    assert [table["functions"][0]["comment"], table["constants"][0]["comment"]] == ["Over\ntwo lines.", "one"]
