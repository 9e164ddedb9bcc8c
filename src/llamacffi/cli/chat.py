"""Talk with a model, through the chat template that it comes with. Enter sends what was typed; Alt-Enter, or a
backslash at the line's end, begins a new line. Ctrl-C stops an answer, Ctrl-D ends. Without a terminal, each line of
standard input is a turn.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import suppress
from typing import Callable, Optional

from .. import native
from ..chat import render, template_of, tokens_of
from ..context import Context
from ..errors import InvalidArgumentError, LlamaError
from ..samplers import Sampler
from . import shared, terminal

_N_CTX = 4096
_HELP = (
    "/clear: forget all; /regen: answer anew; /exit or Ctrl-D: end; Ctrl-C: stop an answer; \\ at the end: a new line"
)


def add_options(command: argparse.ArgumentParser) -> None:
    shared.add_model(command)
    system = command.add_mutually_exclusive_group()
    system.add_argument("-sys", "--system-prompt", metavar="TEXT", help="what the model is told at the beginning")
    system.add_argument("-sysf", "--system-prompt-file", metavar="FILE", help="a file that has it")
    command.add_argument("--chat-template", metavar="NAME", help="one of llama.cpp's templates (the model's own)")
    command.add_argument(
        "-n", "--n-predict", type=shared.count, metavar="N", help="tokens in an answer at most (what there is room for)"
    )
    shared.add_context(command, n_ctx=f"{_N_CTX}, or what the model takes")
    shared.add_sampling(command)


def run(options: argparse.Namespace) -> None:
    system = shared.read_file(options.system_prompt_file) if options.system_prompt_file else options.system_prompt
    sampling = shared.sampling(options)
    interactive = sys.stdin.isatty() and sys.stdout.isatty()
    with shared.load_model(options) as model:
        if not (options.chat_template or model.chat_template()):
            raise LlamaError("this model has no chat template of its own: give one, as --chat-template chatml")
        template = template_of(model, options.chat_template)
        render([{"role": "user", "content": ""}], template)  # raises, if llama.cpp does not know it
        n_ctx = options.ctx_size or min(_N_CTX, model.n_ctx_train)
        with model.context(n_ctx=n_ctx, **shared.context_params(options)) as ctx, Sampler(model, **sampling) as sampler:
            talk = Talk(ctx, template, system, sampler, options.n_predict, stoppable=interactive)
            if interactive:
                print(f"{model.description}\n{_HELP}", file=sys.stderr)
            _converse(talk, _reader(interactive), interactive)


def _converse(talk: Talk, read: Callable[[], str], interactive: bool) -> None:
    """Turn after turn, until there are no more."""
    while True:
        try:
            text = read()
            if text.strip() == "/exit":
                return
            if text.strip() == "/clear":
                talk.clear()
            elif text.strip() == "/regen":
                talk.answer_anew()
            elif text.strip():
                talk.answer(text)
        except EOFError:
            return
        except LlamaError as error:
            if not interactive:
                raise
            native.report(error.args[0])
        except KeyboardInterrupt:
            if not interactive:
                raise
            terminal.write("\n")


class Talk:
    """A conversation.

    Args:
        ctx: where it is computed; of each turn, only what is new.
        template: the chat template.
        system: what the model is told at the beginning.
        sampler: what chooses the tokens.
        n_predict: how many tokens an answer has at most.
        stoppable: whether Ctrl-C stops the answer alone.
    """

    def __init__(
        self,
        ctx: Context,
        template: str,
        system: Optional[str],
        sampler: Sampler,
        n_predict: Optional[int],
        stoppable: bool,
    ) -> None:
        self._ctx, self._template, self._sampler = ctx, template, sampler
        self._n_predict, self._stoppable = n_predict, stoppable
        self._system = [{"role": "system", "content": system}] if system else []
        self._turns: list[dict[str, str]] = []  # the user's and the model's by turns

    def clear(self) -> None:
        """Forget all but the system prompt."""
        self._turns.clear()

    def answer_anew(self) -> None:
        """Answer the latest message once more. If nothing comes of it, the answer that there was stays.

        Raises:
            InvalidArgumentError: there is none.
        """
        if not self._turns:
            raise InvalidArgumentError("there is no answer yet")
        before = self._turns[-2:]
        del self._turns[-2:]
        try:
            self.answer(before[0]["content"])
        finally:
            if self._turns[-2:-1] != before[:1]:
                self._turns += before

    def answer(self, text: str) -> None:
        """Write the answer to a message to standard output, as it comes.

        Raises:
            LlamaError: it can't be answered, and is forgotten.
        """
        self._turns.append({"role": "user", "content": text})
        said = ""
        try:
            self._make_room()
            said = self._say()
        finally:
            if said:
                self._turns.append({"role": "assistant", "content": said})
            else:
                self._turns.pop()

    def _say(self) -> str:
        generation = None
        try:
            with terminal.progress("prompt") as report:
                generation = self._ctx.chat(
                    [*self._system, *self._turns],
                    template=self._template,
                    max_tokens=self._n_predict,
                    sampler=self._sampler,
                    progress=report,
                )
                first = next(generation, "")
            terminal.write(first)
            for piece in generation:
                terminal.write(piece)
        except KeyboardInterrupt:
            if generation is None or not self._stoppable:
                raise
            generation.close()
        terminal.write("\n")
        if generation.stop_reason == "length" and len(generation.tokens) != self._n_predict:
            native.report(f"the context of {self._ctx.n_ctx_seq} tokens is full: the answer ends here")
        return generation.text()

    def _make_room(self) -> None:
        """Forget the oldest turns, until the rest leaves room for an answer: a quarter of the context, or all of it."""
        n_ctx = self._ctx.n_ctx_seq
        room = min(n_ctx // 4, self._n_predict or n_ctx)
        n_turns = len(self._turns) // 2
        while True:
            n_tokens = len(tokens_of(self._ctx.model, [*self._system, *self._turns], self._template))
            if n_tokens + room <= n_ctx:
                break
            if len(self._turns) == 1:
                raise InvalidArgumentError(
                    f"this message takes {n_tokens} tokens, an answer {room}, and the context has {n_ctx}: "
                    "make it shorter, or the context larger with --ctx-size"
                )
            del self._turns[:2]
        forgotten = n_turns - len(self._turns) // 2
        if forgotten:
            native.report(f"the context is full: the oldest {forgotten} of {n_turns} turns were forgotten")


def _reader(interactive: bool) -> Callable[[], str]:
    """A function that returns the next message, and raises EOFError where there are no more."""
    if interactive and terminal.attended(sys.stdout):
        try:
            return _line_editor()
        except ImportError:
            native.report("for history and editing of several lines: pip install 'llamacffi[cli]'")
    if interactive:
        with suppress(ImportError):
            import readline  # noqa: F401 - serves input()  # pyright: ignore[reportUnusedImport]
    else:
        sys.stdin.reconfigure(encoding="utf-8", errors="surrogateescape")  # type: ignore[union-attr]

    def read() -> str:
        lines = [input("> " if interactive else "")]
        while lines[-1].endswith("\\"):
            lines[-1] = lines[-1][:-1]
            lines.append(input("  " if interactive else ""))
        return "\n".join(lines)

    return read


def _line_editor() -> Callable[[], str]:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

    keys = KeyBindings()

    @keys.add("escape", "enter")
    def begin_line(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    @keys.add("enter")
    def send(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if buffer.document.text_before_cursor.endswith("\\"):
            buffer.delete_before_cursor()
            buffer.insert_text("\n")
        else:
            buffer.validate_and_handle()

    session: PromptSession[str] = PromptSession("> ", key_bindings=keys, multiline=True, prompt_continuation="  ")
    return session.prompt
