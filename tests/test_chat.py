"""Chat templates: messages as the text and the tokens that a model takes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tiny_models
import vendor
from llamacffi import InvalidArgumentError, LlamaError, Model, chat
from pinned import ROOT

MODELS = vendor.obtain(ROOT) / "models"
MESSAGES = [
    {"role": "system", "content": "You are brief."},
    {"role": "user", "content": "Grüße, 世界! 🦙"},
    {"role": "assistant", "content": ""},
    {"role": "user", "content": "Well?"},
]
CHATML = """<|im_start|>system
You are brief.<|im_end|>
<|im_start|>user
Grüße, 世界! 🦙<|im_end|>
<|im_start|>assistant
<|im_end|>
<|im_start|>user
Well?<|im_end|>
"""


@pytest.fixture(scope="module")
def real(model_path: str) -> Iterator[Model]:
    with Model(model_path, vocab_only=True) as model:
        yield model


def test_known_text() -> None:
    assert chat.render(MESSAGES, "chatml", add_generation_prompt=False) == CHATML
    assert chat.render(MESSAGES, "chatml") == f"{CHATML}<|im_start|>assistant\n"


def test_template_of_a_model(real: Model) -> None:
    assert chat.render(MESSAGES, chat.template_of(real)) == chat.render(MESSAGES, "chatml")
    assert chat.template_of(real, "llama3") == "llama3"


def test_all_that_are_built_in() -> None:
    names = chat.templates()
    assert len(names) > 30
    assert names == sorted(set(names))
    texts = {name: chat.render([{"role": "user", "content": "A question?"}], name) for name in names}
    assert all("A question?" in text for text in texts.values())
    assert len(set(texts.values())) > 20


@pytest.mark.parametrize("length", [0, 1, 255, 256, 10_000, 300_000])
def test_text_of_any_length(length: int) -> None:
    for content in ("x" * length, "ä" * length):
        text = chat.render([{"role": "user", "content": content}], "chatml")
        assert text == f"<|im_start|>user\n{content}<|im_end|>\n<|im_start|>assistant\n"


def test_messages_that_are_short_in_a_long_template() -> None:
    """Of which the markup takes more room than the texts."""
    messages = [{"role": "user", "content": ""}] * 500
    assert chat.render(messages, "chatml").count("<|im_start|>user\n") == 500


def test_tokens(real: Model) -> None:
    tokens = chat.tokens_of(real, MESSAGES)
    assert tokens[0] == real.vocab.bos
    assert tokens.count(2) == len(MESSAGES)
    assert real.vocab.detokenize(tokens, unparse_special=True) == chat.render(MESSAGES, "chatml")


def test_one_bos_at_the_beginning(tmp_path: Path) -> None:
    """Where the model wants one, whether or not the template has it."""
    with Model(MODELS / "ggml-vocab-llama-spm.gguf", vocab_only=True) as model:
        for template in ("llama2", "chatml", "mistral-v1", "orion"):
            tokens = chat.tokens_of(model, MESSAGES[1:2], template)
            assert tokens[:1] == [model.vocab.bos]
            assert tokens[1] != model.vocab.bos


def test_model_without_a_template(tmp_path: Path) -> None:
    with Model(tiny_models.write_llama(tmp_path / "x.gguf")) as model:
        with pytest.raises(
            LlamaError, match=r'has no chat template of its own: give one by name, as template="chatml"'
        ):
            chat.template_of(model)
        assert chat.template_of(model, "chatml") == "chatml"


def test_template_that_llama_cpp_does_not_know() -> None:
    for template, shown in (("chatmel", "chatmel"), ("{% for message in messages %}\n{{ message }}", "this one")):
        with pytest.raises(InvalidArgumentError, match=f"llama.cpp does not know {shown}: give one of .*chatml, "):
            chat.render(MESSAGES, template)


WRONG: list[tuple[Any, str]] = [
    ([], "messages: there are none"),
    (None, "messages: must be a list of dicts"),
    (["text"], r"messages\[0\]: must be a dict with role and content, not str"),
    ("text", r"messages\[0\]: must be a dict with role and content, not str"),
    ([MESSAGES[0], {}], r"messages\[1\]\['role'\]: is not there"),
    ([{"role": "user"}], r"messages\[0\]\['content'\]: is not there"),
    ([{"role": "user", "content": None}], r"messages\[0\]\['content'\]: must be a str, not NoneType"),
    ([{"role": 5, "content": ""}], r"messages\[0\]\['role'\]: must be a str, not int"),
    ([{"role": "user", "content": "a\0b"}], "has a NUL character"),
    ([{"role": "user", "content": "\ud800"}], "surrogates not allowed"),
    ([{"role": "user", "content": "", "tool_calls": []}], "has 'tool_calls'; llama.cpp takes role and content"),
]


@pytest.mark.parametrize(("messages", "problem"), WRONG)
def test_wrong_messages(messages: Any, problem: str) -> None:
    with pytest.raises(InvalidArgumentError, match=problem):
        chat.render(messages, "chatml")


# --- answers ------------------------------------------------------------------------------------------------------

QUESTION = {"role": "user", "content": "What is the capital of France?"}


@pytest.fixture(scope="module")
def whole(model_path: str) -> Iterator[Model]:
    with Model(model_path) as model:
        yield model


def test_answer(whole: Model) -> None:
    with whole.chat([QUESTION], max_tokens=40, temperature=0, n_threads=2) as answer:
        text = answer.text()
    assert "Paris" in text
    assert answer.stop_reason == "eog"
    assert "<|im_end|>" not in text


def test_answer_without_a_template(tmp_path: Path) -> None:
    with Model(tiny_models.write_llama(tmp_path / "x.gguf")) as model:
        with pytest.raises(LlamaError, match="has no chat template"):
            model.chat([QUESTION])
        with model.context() as context, pytest.raises(LlamaError, match="has no chat template"):
            context.chat([QUESTION])
        assert len(model.chat([QUESTION], template="chatml", max_tokens=3).text()) >= 0


def test_conversation_keeps_what_it_has_computed(whole: Model) -> None:
    options: dict[str, Any] = {"max_tokens": 40, "temperature": 0}
    with whole.context(n_ctx=512, n_threads=2) as context:
        messages = [QUESTION]
        first = context.chat(messages, **options)
        assert first.reused == 0
        messages += [{"role": "assistant", "content": first.text()}, {"role": "user", "content": "And of Italy?"}]
        second = context.chat(messages, **options)
        # All of the first turn, up to the token that ended the answer.
        assert second.reused >= len(first.prompt) + len(first.tokens)
        text = second.text()
        third = context.chat(messages, reuse=False, **options)
        assert third.reused == 0
        assert third.text() == text
    with whole.chat(messages, n_threads=2, **options) as anew:
        assert anew.text() == text
    assert "Rome" in text
