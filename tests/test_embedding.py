"""Embeddings of texts, and documents by how well they answer a query."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tiny_models
from llamacffi import Context, FreedHandleError, InvalidArgumentError, LlamaError, Model
from llamacffi.embedding import embed, rerank

TEXTS = [
    "The quick brown fox jumps over the lazy dog.",
    "Fox",
    "Where is the house of my father, who was a king?",
    "It rains.",
    "A dog sleeps in the sun, and nobody knows why.",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("embedding")


@pytest.fixture(scope="module")
def bert(folder: Path) -> Iterator[Model]:
    with Model(tiny_models.write_bert(folder / "mean.gguf", pooling=1)) as model:
        yield model


@pytest.fixture(scope="module")
def ranker(folder: Path) -> Iterator[Model]:
    with Model(tiny_models.write_bert(folder / "rank.gguf", pooling=4, n_cls_out=1)) as model:
        yield model


def rows_of(model: Model, tokens: list[int]) -> Any:
    """The embedding of each token of a text that is alone in its batch."""
    with model.context(embeddings=True, pooling_type="none", n_ctx=256, n_batch=256, n_ubatch=256) as context:
        context.decode(tokens)
        return np.array([context.embeddings(i) for i in range(len(tokens))])


def is_close(one: Any, other: Any) -> bool:
    return bool(np.allclose(one, other, atol=2e-3 * np.abs(other).max()))


def test_a_pooling_type_for_a_model_without_one_is_no_news(owner: Model, caplog: pytest.LogCaptureFixture) -> None:
    owner.embed("Fox", pooling_type="mean")
    assert not caplog.records


@pytest.mark.parametrize("documents", [None, "a single one"])
def test_documents_that_are_not_several(ranker: Model, documents: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="documents: must be several"):
        ranker.rerank("the", documents)
    wrong: Any = None
    with pytest.raises(InvalidArgumentError, match="texts: must be several"):
        ranker.embed(wrong)


def test_mean_of_a_real_model(owner: Model) -> None:
    embeddings = owner.embed(TEXTS, pooling_type="mean")
    assert embeddings.shape == (5, owner.n_embd)
    assert embeddings.dtype == np.float32
    assert type(embeddings) is np.ndarray
    assert embeddings.flags.owndata
    expected = [rows_of(owner, owner.vocab.tokenize(text)).mean(axis=0) for text in TEXTS]
    assert is_close(embeddings, expected)
    assert not is_close(embeddings[0], expected[1])


def test_meaning(owner: Model) -> None:
    """What is alike is nearer."""
    dog, puppy, tax = owner.embed(
        ["The dog barks at the cat.", "The puppy barks at the kitten.", "Income tax is due in April."],
        normalize=True,
        pooling_type="mean",
    )
    assert dog @ puppy > dog @ tax


@pytest.mark.parametrize("params", [{"n_seq_max": 3}, {"n_seq_max": 3, "kv_unified": True}, {"n_seq_max": 1}], ids=str)
def test_in_a_context_of_ones_own(owner: Model, params: dict[str, Any]) -> None:
    sizes = {"n_ctx": 1024, "n_batch": 60, "n_ubatch": 30}
    with owner.context(embeddings=True, pooling_type="mean", **sizes, **params) as context:
        embeddings = context.embed(TEXTS * 3)
        assert is_close(embeddings, np.concatenate([owner.embed(TEXTS, pooling_type="mean")] * 3))
        assert context.memory.pos_max() == -1


@pytest.mark.parametrize("pooling", ["mean", "cls", "last"])
def test_encoder(bert: Model, pooling: str) -> None:
    tokens = [bert.vocab.tokenize(text) for text in TEXTS]
    rows = [rows_of(bert, each) for each in tokens]
    expected = {
        "mean": [each.mean(axis=0) for each in rows],
        "cls": [each[0] for each in rows],
        "last": [each[-1] for each in rows],
    }[pooling]
    assert is_close(embed(bert, TEXTS, pooling_type=pooling), expected)


def test_pooled_as_the_model_says(bert: Model, folder: Path) -> None:
    assert is_close(bert.embed(TEXTS), bert.embed(TEXTS, pooling_type="mean"))
    with Model(tiny_models.write_bert(folder / "cls.gguf", pooling=2)) as model:
        assert is_close(model.embed(TEXTS), bert.embed(TEXTS, pooling_type="cls"))


def test_not_pooled(bert: Model, owner: Model) -> None:
    for model in (bert, owner):
        each: list[Any] = model.embed(TEXTS, pooling_type="none")
        assert type(each) is list
        for text, rows in zip(TEXTS, each):
            assert is_close(rows, rows_of(model, model.vocab.tokenize(text)))
        unit = model.embed(TEXTS[:2], pooling_type="none", normalize=True)
        assert np.allclose(np.linalg.norm(unit[0], axis=1), 1, atol=1e-5)


def test_more_texts_than_sequences_and_tokens(bert: Model) -> None:
    texts = [f"{'the dog ' * (i % 7)}{'house ' * (i % 3)}father" for i in range(300)]
    embeddings = bert.embed(texts, normalize=True)
    assert embeddings.shape == (300, tiny_models.N_EMBD)
    assert np.allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-5)
    alone = bert.embed(texts[123], normalize=True)
    assert alone.shape == (1, tiny_models.N_EMBD)
    assert is_close(alone[0], embeddings[123])


def test_no_texts(bert: Model) -> None:
    assert bert.embed([]).shape == (0, tiny_models.N_EMBD)
    assert bert.embed([], pooling_type="none") == []


def test_texts_that_can_not_be(bert: Model, owner: Model) -> None:
    long = "the dog " * 100
    with pytest.raises(InvalidArgumentError, match=r"text 1 has 302 tokens, and the model was trained on 128"):
        bert.embed(["the", long])
    with bert.context(embeddings=True, n_ctx=64, n_batch=32, n_ubatch=32) as context:
        with pytest.raises(InvalidArgumentError, match=r"text 0 has 302 tokens, and the context takes 32 at once"):
            context.embed([long])
        with pytest.raises(InvalidArgumentError, match="n_threads: the context is there already"):
            context.embed(["the"], n_threads=1)
        assert context.embed(["the"]).shape == (1, tiny_models.N_EMBD)
    with pytest.raises(InvalidArgumentError, match="text 1 has no tokens"):
        owner.embed(["a", ""])
    wrong: Any = [3]
    with pytest.raises(InvalidArgumentError, match="str or bytes"):
        bert.embed(wrong)
    with pytest.raises(InvalidArgumentError, match="n_treads"):
        bert.embed(["the"], n_treads=1)


def test_context_without_embeddings(owner: Model) -> None:
    with owner.context(n_ctx=64, pooling_type="mean") as context, pytest.raises(LlamaError, match="embeddings"):
        context.embed(["a"])
    with pytest.raises(FreedHandleError):
        context.embed(["a"])


def test_rank(ranker: Model) -> None:
    assert ranker.classifier_labels == ["label 0"]
    query, documents = "where is the dog", ["the house", "a dog in the house", "today", "the father of the king"]
    ranked = ranker.rerank(query, documents)
    assert [each.document for each in ranked] == [documents[each.index] for each in ranked]
    assert sorted(each.index for each in ranked) == [0, 1, 2, 3]
    scores = [each.score for each in ranked]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == 4
    # This vocabulary asks for: [CLS] query [SEP] document
    vocab = ranker.vocab
    assert vocab.bos is not None
    assert vocab.sep is not None
    for index, score, document in ranked:
        both = [vocab.tokenize(text, add_special=False) for text in (query, document)]
        tokens = [vocab.bos, *both[0], vocab.sep, *both[1]]
        with ranker.context(embeddings=True, pooling_type="rank", n_ctx=128, n_batch=128, n_ubatch=128) as context:
            context.decode(tokens)
            assert context.embeddings_seq().shape == (1,)
            assert context.embeddings_seq()[0] == pytest.approx(score, abs=1e-4)
            assert rerank(context, query, documents)[0].document == ranked[0].document
        assert documents[index] == document
    assert ranker.rerank(query, []) == []


def test_rank_by_the_models_template(folder: Path) -> None:
    template = "the query {query} the document {document} the end"
    more = {"tokenizer.chat_template.rerank": template}
    path = tiny_models.write_bert(folder / "template.gguf", pooling=4, n_cls_out=2, **more)
    with Model(path) as model, model.context(embeddings=True, n_ctx=128, n_batch=128, n_ubatch=128) as context:
        assert context.pooling_type == "rank"
        query, document = "where is {document}", "a dog"
        ((index, score, _),) = context.rerank(query, [document])
        assert index == 0
        text = f"the query {query} the document {document} the end"
        context.decode(model.vocab.tokenize(text, add_special=False))
        assert context.embeddings_seq().shape == (2,)
        assert context.embeddings_seq()[0] == pytest.approx(score, abs=1e-4)


def test_what_does_not_rank(bert: Model) -> None:
    sizes = {"n_ctx": 64, "n_batch": 32, "n_ubatch": 32}
    with bert.context(embeddings=True, **sizes) as context:
        assert isinstance(context, Context)
        with pytest.raises(InvalidArgumentError, match="pooling_type is mean"):
            rerank(context, "the", ["dog"])
