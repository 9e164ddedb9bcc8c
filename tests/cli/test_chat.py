"""`llamacffi chat`: lines through a pipe, and a person at a terminal."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fixture_types import Run
from llamacffi import Model
from terminals import BARE, Terminal

SYSTEM = "You are a parrot."
N_PREDICT = 12
OPTIONS = ["-n", str(N_PREDICT), "--temp", "0", "-t", "2", "-c", "1024"]

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")


@pytest.fixture(scope="module")
def answers(model_path: str) -> Iterator[Callable[..., list[str]]]:
    """A function that gives the answers to messages, each the same way as the command, computed all anew."""
    with Model(model_path) as model:

        def answer(*texts: str, system: str = "") -> list[str]:
            messages = [{"role": "system", "content": system}] if system else []
            found: list[str] = []
            for text in texts:
                messages.append({"role": "user", "content": text})
                with model.context(n_ctx=1024, n_threads=2) as ctx:
                    found.append(ctx.chat(messages, max_tokens=N_PREDICT, temperature=0).text())
                messages.append({"role": "assistant", "content": found[-1]})
            return found

        yield answer


# --- through a pipe -----------------------------------------------------------------------------------------------


def test_each_line_is_a_turn(run_command: Run, model_path: str, answers: Callable[..., list[str]]) -> None:
    done = run_command("chat", "-m", model_path, *OPTIONS, text="What is a dog?\n\nAnd a cat?\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "".join(f"{text}\n" for text in answers("What is a dog?", "And a cat?"))


@posix_only
def test_input_that_can_not_be_read(model_path: str, tmp_path: Path) -> None:
    """What is wrong with something else is not said of the output."""
    with open(tmp_path / "only written to", "wb") as file:
        command = [sys.executable, "-m", "llamacffi", "chat", "-m", model_path, *OPTIONS]
        done = subprocess.run(command, stdin=file, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "llamacffi: [Errno 9] Bad file descriptor\n")


def test_system_prompt(run_command: Run, model_path: str, answers: Callable[..., list[str]], tmp_path: Path) -> None:
    (tmp_path / "system").write_text(SYSTEM)
    (expected,) = answers("Who are you?", system=SYSTEM)
    for where in (["-sys", SYSTEM], ["-sysf", "system"]):
        done = run_command("chat", "-m", model_path, *OPTIONS, *where, text="Who are you?")
        assert (done.returncode, done.stdout) == (0, f"{expected}\n")
    assert answers("Who are you?") != [expected]


def test_commands_and_lines_that_go_on(run_command: Run, model_path: str, answers: Callable[..., list[str]]) -> None:
    text = "One\\\nline\n/regen\nTwo\n/clear\nTwo\n/exit\nThree\n"
    done = run_command("chat", "-m", model_path, *OPTIONS, text=text)
    first, second = answers("One\nline", "Two")
    (alone,) = answers("Two")
    assert done.stdout.split("\n") == "\n".join([first, first, second, alone, ""]).split("\n")
    done = run_command("chat", "-m", model_path, *OPTIONS, text="/regen")
    assert (done.returncode, done.stderr) == (1, "llamacffi: there is no answer yet\n")


def test_model_without_a_template(run_command: Run, tiny_path: str) -> None:
    done = run_command("chat", "-m", tiny_path, text="word")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "llamacffi: this model has no chat template of its own: give one, as --chat-template chatml\n"
    )
    done = run_command("chat", "-m", tiny_path, "--chat-template", "chatml", "-n", "4", text="word")
    assert (done.returncode, done.stderr) == (0, "")
    done = run_command("chat", "-m", tiny_path, "--chat-template", "nosuch", text="word")
    assert (done.returncode, done.stderr.startswith("llamacffi: chat: template: ")) == (1, True)


def test_context_that_is_full(run_command: Run, tiny_path: str) -> None:
    chat = ["chat", "-m", tiny_path, "--chat-template", "chatml", "-c", "256", "--temp", "0"]
    done = run_command(*chat, "-n", "8", text=("word " * 20 + "\n") * 4)
    assert done.returncode == 0
    notes = done.stderr.splitlines()
    assert notes
    for note in notes:
        assert re.fullmatch(r"llamacffi: the context is full: the oldest \d of \d turns were forgotten", note)
    done = run_command(*chat, text="word")
    assert (done.returncode, done.stderr) == (
        0,
        "llamacffi: the context of 256 tokens is full: the answer ends here\n",
    )
    done = run_command(*chat, "-n", "8", text="word " * 300)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("llamacffi: this message takes ")
    assert done.stderr.count("\n") == 1


# --- at a terminal ------------------------------------------------------------------------------------------------

# An answer without an end, whose text is known.
ENDLESS = ["--grammar", 'root ::= "la " root', "--temp", "0", "-t", "2"]


@posix_only
def test_at_a_terminal(model_path: str) -> None:
    command = ("-m", "llamacffi", "chat", "-m", model_path, *ENDLESS)
    with Terminal(*command, PROMPT_TOOLKIT_NO_CPR="1") as terminal:
        terminal.read_until("a new line")
        terminal.read_until(">")
        terminal.type("first\x1b\rsecond\\\rthird\r")  # Alt-Enter, and a backslash, begin a line
        assert "first" in terminal.read_until("third")
        terminal.read_until("la la la la")
        terminal.type("\x03")  # stops the answer
        terminal.read_until(">")
        terminal.type("\x1b[A")  # history
        terminal.read_until("third")
        terminal.type("\x03")  # drops the line
        terminal.read_until(">")
        terminal.type("again\r")
        terminal.read_until("la la la la")
        terminal.type("\x03")
        terminal.read_until(">")
        terminal.type("\x04")
        assert terminal.finish() == 0
        assert b"Traceback" not in terminal.shown


@posix_only
def test_at_a_terminal_without_the_libraries_for_it(model_path: str) -> None:
    with Terminal("-c", BARE, "chat", "-m", model_path, *ENDLESS) as terminal:
        assert "pip install 'llamacffi[cli]'" in terminal.read_until("> ")
        terminal.type("first\\\r")
        terminal.read_until("  ")
        terminal.type("second\r")
        terminal.read_until("la la la la")
        terminal.type("\x03")
        terminal.read_until("\n> ")
        terminal.type("/regen\r")
        terminal.read_until("la la la la")
        terminal.type("\x03")
        terminal.read_until("\n> ")
        terminal.type("/exit\r")
        assert terminal.finish() == 0
        assert b"Traceback" not in terminal.shown


@posix_only
def test_error_at_a_terminal_is_told_and_not_the_end(tiny_path: str) -> None:
    chat = ("chat", "-m", tiny_path, "--chat-template", "chatml", "-c", "256", "-n", "4")
    with Terminal("-m", "llamacffi", *chat, NO_COLOR="1") as terminal:
        terminal.read_until("> ")
        terminal.type("/regen\r")
        assert "llamacffi: there is no answer yet" in terminal.read_until("> ")
        terminal.type("word\r")
        terminal.read_until("\n> ")
        terminal.type("\x04")
        assert terminal.finish() == 0
