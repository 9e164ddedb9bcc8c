"""The command line."""

from __future__ import annotations

import json
import os
import platform
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import llamacffi
from known_text import COUNTED, COUNTING, N_COUNTED
from terminals import BARE, Terminal, plain
from test_model import bad_models

Run = Callable[..., "subprocess.CompletedProcess[str]"]

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither")

COUNT = ["-p", COUNTING, "-n", str(N_COUNTED), "--temp", "0", "-t", "2"]
# Goes on for minutes, as the model repeats itself.
LONG = ["-p", "la la la la la la la", "-n", "8000", "--temp", "0", "-t", "1"]


def generate(model_path: str, *arguments: str) -> list[str]:
    return ["-m", "llamacffi", "generate", "-m", model_path, *arguments]


def start(*arguments: str) -> subprocess.Popen[bytes]:
    """Start a command whose output we read as it comes."""
    return subprocess.Popen(
        [sys.executable, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


# --- info ---------------------------------------------------------------------------------------------------------


def test_info_as_json(run_python: Run) -> None:
    done = run_python("-m", "llamacffi", "info", "--json")
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["llamacffi"] == llamacffi.__version__
    assert facts["llama.cpp"] == llamacffi.llama_cpp_version()
    assert facts["commit"] == llamacffi.llama_cpp_commit()
    assert facts["libraries"] == llamacffi.get_library_dir()
    assert facts["headers"] == llamacffi.get_include()
    assert facts["python"].split() == [platform.python_implementation(), platform.python_version()]
    assert [each["name"] for each in facts["backends"]][-1] == "cpu"
    (cpu,) = [each for each in facts["devices"] if each["type"] == "CPU"]
    assert cpu["memory_total"] >= cpu["memory_free"] > 0
    for each in facts["backends"]:
        assert Path(each["path"]).is_file()


def test_info_for_people(run_python: Run) -> None:
    done = run_python("-m", "llamacffi", "info")
    assert (done.returncode, done.stderr) == (0, "")
    lines = {line.split(None, 1)[0]: line for line in done.stdout.splitlines()}
    assert llamacffi.llama_cpp_version() in lines["llama.cpp"]
    assert "backend    cpu" in done.stdout
    assert "GiB free" in lines["device"]


def test_version_and_build_facts() -> None:
    assert llamacffi.llama_cpp_version()[0].isdigit()
    assert len(llamacffi.llama_cpp_commit()) >= 7
    assert "llama_version" in (Path(llamacffi.get_include()) / "llama.h").read_text("utf-8")


# --- generate -----------------------------------------------------------------------------------------------------


def test_text_and_nothing_else_on_standard_output(run_python: Run, model_path: str) -> None:
    done = run_python(*generate(model_path, *COUNT))
    assert (done.returncode, done.stdout, done.stderr) == (0, COUNTED + "\n", "")


def test_verbose_log_goes_to_standard_error(run_python: Run, model_path: str) -> None:
    done = run_python(*generate(model_path, *COUNT, "-v"))
    assert (done.returncode, done.stdout) == (0, COUNTED + "\n")
    assert "llama_model_loader" in done.stderr
    assert "loaded CPU backend" in done.stderr


def test_installed_command(model_path: str) -> None:
    command = Path(sys.executable).with_name("llamacffi")
    done = subprocess.run([command, "generate", "-m", model_path, *COUNT], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, COUNTED + "\n", "")


def test_seed_decides(run_python: Run, model_path: str) -> None:
    chance = ["-p", "Once upon a time", "-n", "8", "--temp", "1.5", "-t", "2"]
    first, again, other = (run_python(*generate(model_path, *chance, "--seed", seed)) for seed in ("1", "1", "2"))
    assert first.returncode == 0
    assert first.stdout == again.stdout != other.stdout


@pytest.mark.parametrize("prompt", ["Grüße aus 東京! 🦙", "a\nb", "-5 -4 -3", "\udcff"])
def test_any_prompt(run_python: Run, model_path: str, prompt: str) -> None:
    done = run_python(*generate(model_path, f"-p={prompt}", "-n", "2", "-t", "2"))
    assert (done.returncode, done.stderr) == (0, "")


def test_output_in_an_encoding_that_lacks_letters(run_python: Run, model_path: str) -> None:
    prompt = "Repeat after me: 🦙 🦙 🦙 🦙 🦙 🦙 🦙 🦙 🦙"
    done = run_python(
        *generate(model_path, "-p", prompt, "-n", "8", "--temp", "0", "-t", "2"), PYTHONIOENCODING="ascii"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "?" in done.stdout


def test_model_path_with_any_letters(run_python: Run, model_path: str, tmp_path: Path) -> None:
    link = tmp_path / "größer 日本.gguf"
    link.symlink_to(model_path)
    done = run_python(*generate(link.name, *COUNT))
    assert (done.returncode, done.stdout) == (0, COUNTED + "\n")


def test_bad_models(run_python: Run, tmp_path: Path, model_path: str) -> None:
    for name, message in bad_models(tmp_path, model_path).items():
        done = run_python(*generate(name, "-p", "x"))
        assert (done.returncode, done.stdout) == (1, ""), name
        assert done.stderr.splitlines()[-1] == f"llamacffi: {name}: {message}"
        assert "Traceback" not in done.stderr, name
        if "could not load" in message:
            assert len(done.stderr.splitlines()) > 1  # llama.cpp's own reason stands above


def test_prompt_that_is_too_long(run_python: Run, model_path: str) -> None:
    done = run_python(*generate(model_path, "-p", "word " * 9000))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("llamacffi: the prompt's 9")
    assert done.stderr.count("\n") == 1


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


def test_facts_for_compilers(run_python: Run) -> None:
    done = run_python("-m", "llamacffi", "--cmakedir", "--cflags", "--pkgconfigdir", "--libs")
    arguments, *folders = done.stdout.splitlines()
    assert folders == [llamacffi.get_cmake_dir(), llamacffi.get_pkgconfig_dir()]
    include, libraries, *_ = shlex.split(arguments) if os.name != "nt" else arguments.split()
    assert include == f"-I{llamacffi.get_include()}"
    assert libraries == f"-L{llamacffi.get_library_dir()}"
    assert Path(folders[0], "llamacffi-config.cmake").is_file()
    assert Path(folders[1], "llamacffi.pc").is_file()


def test_version(run_python: Run) -> None:
    assert run_python("-m", "llamacffi", "--version").stdout == f"llamacffi {llamacffi.__version__}\n"


@posix_only
def test_interrupted(model_path: str) -> None:
    with start(*generate(model_path, *LONG)) as process:
        assert process.stdout.read(8)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    assert stderr == b""


@posix_only
def test_reader_has_gone(model_path: str) -> None:
    """As in `… | head -c 8`."""
    with start(*generate(model_path, *LONG)) as process:
        assert process.stdout.read(8)
        process.stdout.close()
        stderr = process.stderr.read()
        process.wait(timeout=30)
    assert process.returncode == 1
    assert stderr == b""


@posix_only
def test_output_that_is_full(model_path: str) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full on this system")
    with open("/dev/full", "wb") as full:
        command = [sys.executable, *generate(model_path, *COUNT)]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert done.stderr == "llamacffi: can't write the output: No space left on device\n"


@posix_only
def test_progress_bar_on_a_terminal(model_path: str) -> None:
    with Terminal(*generate(model_path, *COUNT), pipe=True) as terminal:
        assert terminal.finish() == 0
        shown = terminal.shown
        assert terminal.stdout.decode() == COUNTED + "\n"
    assert plain(shown).startswith("loading ")
    assert "100%" in plain(shown)
    assert shown.endswith(b"\r\x1b[1A\x1b[2K")  # wiped, and the cursor at the line's beginning


@posix_only
@pytest.mark.parametrize("env", [{"TERM": "dumb"}, {"NO_COLOR": "1"}])
def test_plain_on_a_terminal_that_wants_it(model_path: str, env: dict[str, str]) -> None:
    with Terminal(*generate(model_path, *COUNT), **env) as terminal:
        assert terminal.finish() == 0
        assert terminal.shown.decode() == COUNTED + "\r\n"


@posix_only
def test_terminal_without_the_libraries_for_it(model_path: str) -> None:
    with Terminal("-c", BARE, *generate(model_path, *COUNT)[2:]) as terminal:
        assert terminal.finish() == 0
        assert terminal.shown.decode() == COUNTED + "\r\n"


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
