"""Chats: messages through a model's template, and the text that answers them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Optional

import llamacffi

from .errors import InvalidArgumentError, LlamaError, compose
from .generation import Generation, generate
from .native import ffi, text_of

if TYPE_CHECKING:
    from .context import Context
    from .model import Model

    Messages = Sequence[Mapping[str, str]]
    """A conversation: of each message "role" and "content"."""


def templates() -> list[str]:
    """The names of the templates that llama.cpp has built in (C: `llama_chat_builtin_templates`)."""
    n = llamacffi.llama_chat_builtin_templates(None, 0)
    names = ffi.new("const char *[]", n)
    llamacffi.llama_chat_builtin_templates(names, n)
    return sorted(map(text_of, names))


def render(messages: Messages, template: str, add_generation_prompt: bool = True) -> str:
    """Messages as the text that a model takes (C: `llama_chat_apply_template`).

    Args:
        messages: one or more, each with its "role", "user" for instance, and "content", both texts.
        template: the name of one that llama.cpp has built in, `templates()` has them; or one in Jinja, by which
            llama.cpp sees which of its own it is: it runs no Jinja.
        add_generation_prompt: end with the beginning of an answer.

    Raises:
        InvalidArgumentError: a message is not as it should be, or llama.cpp does not know the template.
    """
    if not isinstance(messages, Iterable):
        raise _refused("messages", f"must be a list of dicts with role and content, not {messages!r}")
    texts = [text for number, message in enumerate(messages) for text in _texts(number, message)]
    if not texts:
        raise _refused("messages", "there are none")
    kept = [ffi.new("char[]", text) for text in texts]
    array = ffi.new("struct llama_chat_message[]", [list(pair) for pair in zip(kept[::2], kept[1::2])])
    room = 256 + 2 * sum(map(len, texts))
    while True:
        buffer = ffi.new("char[]", room)
        n = llamacffi.llama_chat_apply_template(template, array, len(array), add_generation_prompt, buffer, room)
        if n < 0:
            shown = template if len(template) < 40 and "\n" not in template else "this one"
            advice = f"give one of {', '.join(templates())}; or write the prompt yourself"
            raise _refused("template", f"llama.cpp does not know {shown}: {advice}")
        if n <= room:
            return str(ffi.buffer(buffer, n)[:].decode("utf-8", "surrogateescape"))
        room = n


def template_of(model: Model, template: Optional[str] = None) -> str:
    """The template to be used with a model: the one that is given, or the model's own.

    Raises:
        LlamaError: neither is there.
    """
    template = template or model.chat_template()
    if template is None:
        raise LlamaError('this model has no chat template of its own: give one by name, as template="chatml"')
    return template


def tokens_of(
    model: Model, messages: Messages, template: Optional[str] = None, add_generation_prompt: bool = True
) -> list[int]:
    """The tokens of messages: rendered, special tokens taken as such, behind BOS if the model wants it there.

    Raises:
        LlamaError: as `render` and `template_of` raise.
    """
    text = render(messages, template_of(model, template), add_generation_prompt)
    vocab = model.vocab
    tokens = vocab.tokenize(text, add_special=False, parse_special=True)
    bos = vocab.bos
    if vocab.add_bos and bos is not None and tokens[:1] != [bos]:  # which many templates begin with
        tokens.insert(0, bos)
    return tokens


def chat(context: Context, messages: Messages, *, template: Optional[str] = None, **options: Any) -> Generation:
    """The answer to messages.

    What the context still has of an earlier turn, up to where it differs, is not computed again.

    Args:
        context: where it is computed.
        messages: the whole conversation, as for `render`; the last is the one to be answered.
        template: as for `render`; None takes the model's own.
        **options: those of `generation.generate`: max_tokens, temperature, …

    Raises:
        InvalidArgumentError: a message is not as it should be, or llama.cpp does not know the template.
        LlamaError: the model has no template, or the conversation is too long for the context.
    """
    return generate(context, tokens_of(context.model, messages, template), **options)


def _texts(number: int, message: Any) -> list[bytes]:
    """A message's role and content as C takes them."""
    where = f"messages[{number}]"
    given: Any = message
    if not isinstance(message, Mapping):
        raise _refused(where, f"must be a dict with role and content, not {type(message).__name__}")
    unknown = given.keys() - {"role", "content"}
    if unknown:
        raise _refused(where, f"has {', '.join(map(repr, sorted(unknown, key=str)))}; llama.cpp takes role and content")
    found: list[bytes] = []
    for name in ("role", "content"):
        value = given.get(name)
        if not isinstance(value, str):
            problem = "is not there" if name not in given else f"must be a str, not {type(value).__name__}"
            raise _refused(f"{where}[{name!r}]", problem)
        if "\0" in value:
            raise _refused(f"{where}[{name!r}]", "has a NUL character, where C takes the text to end")
        try:
            found.append(value.encode("utf-8", "surrogateescape"))
        except UnicodeEncodeError as error:
            raise _refused(f"{where}[{name!r}]", str(error)) from None
    return found


def _refused(argument: str, problem: str) -> InvalidArgumentError:
    return InvalidArgumentError(compose("chat", argument, problem), "chat", argument)
