"""`llamacffi generate`, and what all commands do: errors, interrupts, broken pipes, progress bars."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import llamacffi
from fixture_types import Run
from known_text import COUNT, COUNTED, COUNTING, N_COUNTED
from terminals import BARE, Terminal, plain
from test_model import bad_models

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither")

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


# --- options ------------------------------------------------------------------------------------------------------


def test_json(run_python: Run, model_path: str) -> None:
    done = run_python(*generate(model_path, *COUNT, "--json"), PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    result = json.loads(done.stdout)
    assert result["text"] == COUNTED
    assert result["stop_reason"] == "length"
    with llamacffi.Model(model_path, vocab_only=True) as model:
        assert model.vocab.detokenize(result["tokens"]) == COUNTED
        n_prompt = len(model.vocab.tokenize(COUNTING))
    timings = result["timings"]
    assert (timings["prompt_n"], timings["predicted_n"]) == (n_prompt, N_COUNTED)
    assert timings["predicted_per_second"] == pytest.approx(N_COUNTED / timings["predicted_ms"] * 1e3)


def test_json_is_utf8_whatever_the_terminal_takes(run_command: Run, model_path: str) -> None:
    prompt = "Repeat after me: 🦙 🦙 🦙 🦙 🦙 🦙 🦙 🦙 🦙"
    arguments = ["generate", "-m", model_path, "-p", prompt, "-n", "8", "--temp", "0", "-t", "2", "--json"]
    done = run_command(*arguments, PYTHONIOENCODING="ascii")
    assert "🦙" in json.loads(done.stdout)["text"]
    assert "🦙" in done.stdout


def test_prompt_from_elsewhere(run_command: Run, model_path: str, tmp_path: Path) -> None:
    (tmp_path / "prompt").write_text(COUNTING, "utf-8")
    for where in (["-f", "prompt"], ["--stdin"]):
        done = run_command("generate", "-m", model_path, *where, *COUNT[2:], text=COUNTING)
        assert (done.returncode, done.stdout, done.stderr) == (0, COUNTED + "\n", ""), where
    done = run_command("generate", "-m", model_path, "-f", ".")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "llamacffi: .: Is a directory\n")


def test_stop(run_command: Run, model_path: str) -> None:
    done = run_command("generate", "-m", model_path, *COUNT, "--stop", "6,", "--stop", " 7", "--json")
    result = json.loads(done.stdout)
    assert (result["text"], result["stop_reason"]) == (" 5, ", "stop")


def test_grammar(run_command: Run, tiny_path: str, tmp_path: Path) -> None:
    grammar = 'root ::= ("ab" | "c") "!"'
    (tmp_path / "grammar").write_text(grammar)
    for where in (["--grammar", grammar], ["--grammar-file", "grammar"]):
        done = run_command("generate", "-m", tiny_path, "-p", "a", "-n", "9", *where)
        assert done.stdout in ("ab!\n", "c!\n")
    done = run_command("generate", "-m", tiny_path, "-p", "a", "-n", "9", "--grammar", "root = x")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("llamacffi: this grammar can't be used")
    assert done.stderr.count("expecting ::=") == 1


def test_sampling_options_reach_the_sampler(run_command: Run, tiny_path: str) -> None:
    """A small top-k, a small top-p and temperature 0 all leave the likeliest token only."""
    options = (["--temp", "0"], ["--top-k", "1"], ["--top-p", "0"], ["--min-p", "1"], ["--temperature", "0"])
    arguments = ("generate", "-m", tiny_path, "-p", "word", "-n", "12", "--json", "--ignore-eos")
    same = [json.loads(run_command(*arguments, *each).stdout)["tokens"] for each in options]
    assert same == same[:1] * len(options)
    assert len(same[0]) == 12
    repeated = ["--repeat-penalty", "1e9", "--repeat-last-n", "20", "--temp", "0"]
    tokens = json.loads(run_command(*arguments, *repeated).stdout)["tokens"]
    assert len(set(tokens)) == len(tokens)


def test_wrong_values_are_told_in_one_line(run_command: Run, tiny_path: str) -> None:
    for options, word in ((["--temp", "nan"], "temperature"), (["--mirostat", "3"], "mirostat")):
        done = run_command("generate", "-m", tiny_path, "-p", "a", "-n", "9", *options)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.count("\n") == 1
        assert word in done.stderr
    done = run_command("generate", "-m", tiny_path, "-p", "a " * 300, "-c", "256")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("llamacffi: the prompt has 3")


# --- how it ends, and what is seen --------------------------------------------------------------------------------


@posix_only
def test_interrupted(model_path: str) -> None:
    with start(*generate(model_path, *LONG)) as process:
        assert process.stdout
        assert process.stdout.read(8)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    assert stderr == b""


@posix_only
def test_reader_has_gone(model_path: str) -> None:
    """As in `… | head -c 8`."""
    with start(*generate(model_path, *LONG)) as process:
        assert process.stdout
        assert process.stdout.read(8)
        process.stdout.close()
        assert process.stderr
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
def test_plain_on_a_terminal_that_wants_it(model_path: str, env: dict[str, Any]) -> None:
    with Terminal(*generate(model_path, *COUNT), **env) as terminal:
        assert terminal.finish() == 0
        assert terminal.shown.decode() == COUNTED + "\r\n"


@posix_only
def test_terminal_without_the_libraries_for_it(model_path: str) -> None:
    with Terminal("-c", BARE, *generate(model_path, *COUNT)[2:]) as terminal:
        assert terminal.finish() == 0
        assert terminal.shown.decode() == COUNTED + "\r\n"


@posix_only
def test_prompt_of_several_batches_has_a_bar_of_its_own(model_path: str) -> None:
    prompt = ["-p", "la " * 64, "-b", "16", "-n", "2", "--temp", "0", "-t", "2"]
    with Terminal(*generate(model_path, *prompt), pipe=True) as terminal:
        assert terminal.finish() == 0
        shown = terminal.shown
    assert "prompt " in plain(shown)
    assert shown.endswith(b"\r\x1b[1A\x1b[2K")


def test_streams_that_are_closed(run_python: Run, model_path: str) -> None:
    code = """
import sys
sys.stdin = sys.stdout = sys.stderr = None
from llamacffi.__main__ import main
sys.exit(main(sys.argv[1:]))
"""
    assert run_python("-c", code, *generate(model_path, *COUNT)[2:]).returncode == 0
    assert run_python("-c", code, "generate", "-m", model_path, "--stdin").returncode == 1  # which is empty
