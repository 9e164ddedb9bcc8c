"""The command line as a whole."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import llamacffi
import tiny_models
from fixture_types import Run
from llamacffi.cli import COMMANDS


def test_version_and_build_facts() -> None:
    assert llamacffi.llama_cpp_version()[0].isdigit()
    assert len(llamacffi.llama_cpp_commit()) >= 7
    assert "llama_version" in (Path(llamacffi.get_include()) / "llama.h").read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "COMMAND"),
        (["--cflags", "info"], "either a COMMAND or"),
        (["fly"], "invalid choice: 'fly'"),
        (["generate", "-p", "x"], "-m/--model"),
        (["generate", "-m", "x"], "-p/--prompt"),
        (["generate", "-m", "x", "-p", "x", "-n", "0"], "-n/--n-predict"),
        (["generate", "-m", "x", "-p", "x", "-n", "many"], "-n/--n-predict"),
        (["generate", "-m", "x", "-p", "x", "-t", "-1"], "-t/--threads"),
        (["generate", "-m", "x", "-p", "x", "--seed", "-1"], "--seed"),
        (["generate", "-m", "x", "-p", "x", "--seed", "4294967296"], "--seed"),
        (["generate", "-m", "x", "-p", "x", "--temp", "warm"], "--temp"),
    ],
)
def test_wrong_usage(run_python: Run, arguments: list[str], message: str) -> None:
    done = run_python("-m", "llamacffi", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_help(run_python: Run, command: str) -> None:
    done = run_python("-m", "llamacffi", command, "-h")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: llamacffi {command} ")
    assert f"    {command} " in run_python("-m", "llamacffi", "-h").stdout


def test_facts_for_compilers(run_python: Run) -> None:
    done = run_python("-m", "llamacffi", "--cmakedir", "--cflags", "--pkgconfigdir", "--libs")
    arguments, *folders = done.stdout.splitlines()
    assert folders == [llamacffi.get_cmake_dir(), llamacffi.get_pkgconfig_dir()]
    include, libraries, *_ = shlex.split(arguments) if os.name != "nt" else arguments.split()
    assert include == f"-I{llamacffi.get_include()}"
    assert libraries == f"-L{llamacffi.get_library_dir()}"
    assert Path(folders[0], "llamacffi-config.cmake").is_file()
    assert Path(folders[1], "llamacffi.pc").is_file()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")
@pytest.mark.parametrize("arguments", [["--cflags"], ["info"], ["info", "--json"], ["quantize"]])
def test_short_output_that_can_not_be_written(arguments: list[str], tmp_path: Path) -> None:
    """What fits into the interpreter's buffer is not lost in silence at its end."""
    if arguments == ["quantize"]:
        source = tiny_models.write_llama(tmp_path / "source.gguf")
        arguments = ["quantize", str(source), str(tmp_path / "target.gguf"), "q8_0"]
    with open("/dev/full", "wb") as full:
        command = [sys.executable, "-m", "llamacffi", *arguments]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "llamacffi: can't write the output: No space left on device"


def test_version(run_python: Run) -> None:
    assert run_python("-m", "llamacffi", "--version").stdout == f"llamacffi {llamacffi.__version__}\n"


def test_a_command_is_imported_when_it_is_given(run_python: Run) -> None:
    code = """
import sys
from llamacffi.__main__ import main
try:
    main(sys.argv[1:])
finally:
    print(*(name for name in sys.modules if name.startswith(("llamacffi.cli.", "rich"))))
"""
    assert run_python("-c", code, "--version").stdout.splitlines()[1:] == [""]
    assert "llamacffi.cli.info" in run_python("-c", code, "info", "-h").stdout.splitlines()[-1].split()
