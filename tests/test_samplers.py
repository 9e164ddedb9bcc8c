"""Samplers: each kind against the C function, chains and who owns what, grammars, and those written in Python."""

from __future__ import annotations

import gc
import math
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import pytest

import llamacffi
import tiny_models
from fixture_types import MakeContext
from llamacffi import Model, Sampler, callbacks, ffi, lib
from llamacffi.samplers import Candidates
from llamacffi.types import llama_context_p, llama_model_p, llama_sampler_p
from untyped import unchecked

np = pytest.importorskip("numpy")

N = tiny_models.N_VOCAB
GRAMMAR = 'root ::= "yes" | "no"'


@pytest.fixture(scope="module")
def tiny(tiny_path: Path) -> Iterator[Model]:
    with Model(tiny_path) as model:
        yield model


@pytest.fixture
def ctx(tiny: Model) -> Iterator[llama_context_p]:
    """A context in which three tokens were decoded."""
    params = llamacffi.llama_context_default_params()
    params.n_ctx, params.n_threads = 64, 1
    ctx = llamacffi.llama_init_from_model(tiny.handle, params)
    llamacffi.llama_decode(ctx, llamacffi.llama_batch_get_one(ffi.new("llama_token[]", [1, 2, 3]), 3))
    yield ctx
    llamacffi.llama_free(ctx)


def logits_of(ctx: llama_context_p) -> Any:
    return np.array(list(llamacffi.llama_get_logits_ith(ctx, -1)[0:N]), np.float32)


def names(sampler: Sampler) -> list[str]:
    return [link.name for link in sampler]


# --- each kind ------------------------------------------------------------------------------------------------------

VOCAB, N_VOCAB = object(), object()  # to be replaced by the model's
# The name, arguments here, arguments of C where they differ.
KINDS: list[tuple[str, list[Any], list[Any]]] = [
    ("greedy", [], []),
    ("dist", [7], [7]),
    ("top_k", [5], [5]),
    ("top_p", [0.5, 2], [0.5, 2]),
    ("min_p", [0.2, 2], [0.2, 2]),
    ("typical", [0.4, 2], [0.4, 2]),
    ("temp", [0.6], [0.6]),
    ("temp_ext", [0.8, 0.5, 1.5], [0.8, 0.5, 1.5]),
    ("xtc", [1.0, 0.001, 1, 3], [1.0, 0.001, 1, 3]),
    ("top_n_sigma", [1.0], [1.0]),
    ("mirostat", [VOCAB, 3, 4.0, 0.2, 50], [N_VOCAB, 3, 4.0, 0.2, 50]),
    ("mirostat_v2", [3, 4.0, 0.2], [3, 4.0, 0.2]),
    ("adaptive_p", [0.3, 0.8, 5], [0.3, 0.8, 5]),
    ("grammar", [VOCAB, GRAMMAR, "root"], [VOCAB, GRAMMAR.encode(), b"root"]),
    ("penalties", [VOCAB, 8, 1.5, 0.1, 0.2], [N_VOCAB, 8, 1.5, 0.1, 0.2]),
    ("dry", [VOCAB, 2.0, 1.75, 1, 64, ["\n"]], [VOCAB, 2.0, 1.75, 1, 64, ["\n"], 1]),
    ("logit_bias", [VOCAB, {3: 5.0, 9: -math.inf}], [N_VOCAB, 2, [(3, 5.0), (9, -math.inf)]]),
    ("infill", [VOCAB], [VOCAB]),
    ("grammar_lazy", [VOCAB, GRAMMAR, "root"], [VOCAB, GRAMMAR, "root", [], 0, [], 0]),
    ("grammar_lazy_patterns", [VOCAB, GRAMMAR, "root"], [VOCAB, GRAMMAR, "root", [], 0, [], 0]),
]


def test_every_sampler_of_the_c_api_is_here() -> None:
    in_c = {name[len("llama_sampler_init_") :] for name in dir(lib) if name.startswith("llama_sampler_init_")}
    assert in_c == {name for name, _, _ in KINDS}
    assert all(f"llama_sampler_init_{name}`" in getattr(Sampler, name).__doc__.replace(",", "`") for name in in_c)


@pytest.mark.parametrize(("name", "ours", "of_c"), KINDS)
def test_as_in_c(tiny: Model, name: str, ours: list[Any], of_c: list[Any]) -> None:
    """The same candidates come out of both, whatever was accepted before."""
    vocab = lib.llama_model_get_vocab(tiny.handle)
    ours = [tiny if each is VOCAB else each for each in ours]
    of_c = [vocab if each is VOCAB else N if each is N_VOCAB else each for each in of_c]
    if name == "logit_bias":
        of_c[2] = ffi.new("llama_logit_bias[]", of_c[2])
    theirs = getattr(llamacffi, f"llama_sampler_init_{name}")(*of_c)
    logits = np.random.default_rng(0).standard_normal(N) * 3
    results: list[tuple[Any, ...]] = []
    with getattr(Sampler, name)(*ours) as sampler:
        assert sampler.name == ffi.string(lib.llama_sampler_name(theirs)).decode()
        ways: list[tuple[Callable[[Candidates], None], Callable[[int], None]]] = [
            (sampler.apply, sampler.accept),
            (
                lambda candidates: llamacffi.llama_sampler_apply(theirs, candidates.handle),
                lambda token: llamacffi.llama_sampler_accept(theirs, token),
            ),
        ]
        for apply, accept in ways:
            if "grammar" not in name:
                for token in (4, 5, 4, 5, 4):
                    accept(token)
            candidates = Candidates(logits)
            apply(candidates)
            results.append((candidates.data.tolist(), candidates.selected, candidates.size, candidates.sorted))
    llamacffi.llama_sampler_free(theirs)
    assert repr(results[0]) == repr(results[1])
    if not name.startswith("grammar_lazy"):
        untouched = Candidates(logits)
        assert repr(results[0]) != repr((untouched.data.tolist(), -1, N, False))


# --- the usual chain ------------------------------------------------------------------------------------------------


def test_the_usual_chain(tiny: Model) -> None:
    with Sampler() as sampler:
        assert names(sampler) == ["top-k", "top-p", "min-p", "temp", "dist"]
    everything = Sampler(
        tiny,
        temperature=0.7,
        dynatemp_range=0.1,
        typical_p=0.9,
        top_n_sigma=2.0,
        xtc_probability=0.5,
        repeat_penalty=1.1,
        dry_multiplier=0.8,
        logit_bias={1: -1},
        grammar=GRAMMAR,
        infill=True,
        processors=[lambda tokens, logits: None],
    )
    with everything as sampler:
        assert names(sampler) == [
            "logits-processors",
            "logit-bias",
            "grammar",
            "penalties",
            "dry",
            "top-n-sigma",
            "top-k",
            "typical",
            "top-p",
            "min-p",
            "xtc",
            "infill",
            "temp-ext",
            "dist",
        ]


@pytest.mark.parametrize(
    ("keywords", "expected"),
    [
        ({"temperature": 0}, "greedy"),
        ({"temperature": -1, "xtc_probability": 0.5, "repeat_penalty": 2}, "penalties xtc greedy"),
        ({"temperature": 1, "top_k": 0, "top_p": 1, "min_p": 0}, "dist"),
        ({"mirostat": 1, "frequency_penalty": 1}, "penalties temp mirostat"),
        ({"mirostat": 2}, "temp mirostat-v2"),
        ({"adaptive_target": 0.3}, "top-k top-p min-p temp adaptive-p"),
        ({"presence_penalty": 1}, "penalties top-k top-p min-p temp dist"),
    ],
)
def test_other_chains(tiny: Model, keywords: dict[str, Any], expected: str) -> None:
    with Sampler(tiny, **keywords) as sampler:
        assert " ".join(names(sampler)) == expected


def test_samples_as_llama_cpp_does(ctx: llama_context_p) -> None:
    """The same tokens as the chain built in C, with the same seed; the likeliest at temperature 0."""
    chain = llamacffi.llama_sampler_chain_init(llamacffi.llama_sampler_chain_default_params())
    for link in (
        llamacffi.llama_sampler_init_top_k(40),
        llamacffi.llama_sampler_init_top_p(0.95, 0),
        llamacffi.llama_sampler_init_min_p(0.05, 0),
        llamacffi.llama_sampler_init_temp(0.8),
        llamacffi.llama_sampler_init_dist(42),
    ):
        llamacffi.llama_sampler_chain_add(chain, link)
    expected = [llamacffi.llama_sampler_sample(chain, ctx, -1) for _ in range(20)]
    llamacffi.llama_sampler_free(chain)
    with Sampler(seed=42) as sampler:
        assert sampler.seed == 42
        assert [sampler.sample(ctx) for _ in range(20)] == expected
        sampler.reset()
        assert [sampler.sample(ctx) for _ in range(20)] == expected
    assert len(set(expected)) > 5
    with Sampler(temperature=0) as sampler:
        assert sampler.sample(ctx) == sampler.sample(ctx, 2) == logits_of(ctx).argmax()
        assert sampler.seed is None


def test_seeds_are_random_unless_given(ctx: llama_context_p) -> None:
    runs: set[tuple[int, ...]] = set()
    for _ in range(4):
        with Sampler(temperature=3, top_k=0, top_p=1, min_p=0) as sampler:
            runs.add(tuple(sampler.sample(ctx) for _ in range(20)))
    assert len(runs) == 4


def test_logit_bias(tiny: Model, ctx: llama_context_p) -> None:
    best, second = (int(token) for token in logits_of(ctx).argsort()[::-1][:2])
    with Sampler(tiny.vocab, temperature=0, logit_bias={best: -math.inf}) as sampler:
        assert sampler.sample(ctx) == second
    with Sampler(tiny.handle, temperature=0, logit_bias=[(7, 1000)]) as sampler:
        assert sampler.sample(ctx) == 7


def test_penalties_see_the_prompt(tiny: Model, ctx: llama_context_p) -> None:
    best, second = (int(token) for token in logits_of(ctx).argsort()[::-1][:2])
    with Sampler(tiny, temperature=0, presence_penalty=100, grammar="root ::= .*") as sampler:
        sampler.accept_prompt([best])
        assert sampler.sample(ctx) != best
        sampler.reset()
        sampler.accept_prompt([second])
        assert sampler.sample(ctx) == best


@pytest.mark.parametrize(
    ("keywords", "reason"),
    [
        ({"temperature": math.nan}, "temperature = nan"),
        ({"temperature": "hot"}, "temperature = 'hot'"),
        ({"top_p": None}, "top_p = None"),
        ({"top_k": 2**40}, "int32_t"),
        ({"top_k": 1.5}, "k"),
        ({"seed": -1}, "uint32_t"),
        ({"seed": "x"}, "seed"),
        ({"min_keep": -1}, "min_keep"),
        ({"mirostat": 3}, "mirostat = 3"),
        ({"repeat_penalty": 0}, "penalty_repeat = 0"),
        ({"frequency_penalty": math.inf}, "penalty_freq = inf"),
        ({"penalty_last_n": 2**30, "repeat_penalty": 2}, "memory"),
        ({"logit_bias": {N: 1}}, f"no token {N}"),
        ({"logit_bias": {-1: 1}}, "no token -1"),
        ({"logit_bias": {1: math.nan}}, "nan"),
        ({"logit_bias": [1, 2]}, "dict of numbers"),
        ({"dry_multiplier": 1, "dry_sequence_breakers": [5]}, "seq_breakers"),
        ({"processors": [5]}, "5 can't be called"),
        ({"processors": 5}, "processors: must be several"),
        ({"grammar": GRAMMAR, "trigger_words": "x"}, "trigger_words: must be several"),
        ({"trigger_words": ["x"]}, "no grammar"),
        ({"grammar": GRAMMAR, "grammar_root": "start"}, "does not contain a 'start' symbol"),
        ({"grammar": "root = x"}, r"expecting ::= at = x"),
        ({"grammar": "root ::= other"}, "Undefined rule identifier 'other'"),
        ({"grammar": "root ::= root"}, "left recursion"),
        ({"grammar": GRAMMAR, "trigger_patterns": ["("]}, "a pattern of"),
        ({"grammar": "a\0b"}, "NUL|null"),
    ],
)
def test_wrong_values(tiny: Model, keywords: dict[str, Any], reason: str) -> None:
    with pytest.raises(llamacffi.InvalidArgumentError, match=reason):
        Sampler(tiny, **keywords)


@pytest.mark.parametrize(
    "keywords",
    [{"grammar": GRAMMAR}, {"infill": True}, {"repeat_penalty": 2}, {"dry_multiplier": 1}, {"logit_bias": {1: 1}}],
)
def test_what_needs_a_vocabulary(keywords: dict[str, Any]) -> None:
    with pytest.raises(llamacffi.InvalidArgumentError, match="needs the vocabulary: give a Model"):
        Sampler(**keywords)
    with pytest.raises(llamacffi.InvalidArgumentError, match=r"not 'model.gguf'"):
        unchecked.Sampler("model.gguf", **keywords)


def test_what_is_wrong_with_a_grammar_is_told_once(tiny: Model, caplog: pytest.LogCaptureFixture) -> None:
    """By the exception, and not by the log as well."""
    with pytest.raises(llamacffi.InvalidArgumentError) as raised:
        Sampler.grammar(tiny, "root ::= other")
    assert "Undefined rule identifier 'other'" in raised.value.native
    assert not caplog.records


# --- grammars -------------------------------------------------------------------------------------------------------


def generate(model: Any, ctx: llama_context_p, sampler: Sampler, prompt: str, n: int) -> str:
    """Text by the real model, until its end."""
    vocab = lib.llama_model_get_vocab(model)
    tokens = ffi.new("llama_token[]", 64)
    count = llamacffi.llama_tokenize(vocab, prompt, len(prompt), tokens, 64, True, True)
    text = b""
    for _ in range(n):
        llamacffi.llama_decode(ctx, llamacffi.llama_batch_get_one(tokens, count))
        token = sampler.sample(ctx)
        if lib.llama_vocab_is_eog(vocab, token):
            break
        buffer = ffi.new("char[]", 64)
        text += bytes(ffi.buffer(buffer, llamacffi.llama_token_to_piece(vocab, token, buffer, 64, 0, True)))
        tokens[0], count = token, 1
    return text.decode("utf-8", "replace")


def test_text_by_a_grammar(model: llama_model_p, make_context: MakeContext) -> None:
    grammar = 'root ::= "{" digit digit "-" [x-z] "}"\ndigit ::= [0-9]'
    for seed in range(3):
        with Sampler(model, grammar=grammar, temperature=1.5, seed=seed) as sampler:
            text = generate(model, make_context(), sampler, "Some text", 20)
        assert len(text) == 6
        assert (text[0], text[3], text[5]) == ("{", "-", "}")
        assert text[1:3].isdigit()
        assert text[4] in "xyz"


def test_a_grammar_that_is_triggered(model: llama_model_p, make_context: MakeContext) -> None:
    """The model counts; from 3 on, it must write letters."""
    several: list[dict[str, Any]] = [{"trigger_words": ["3"]}, {"trigger_patterns": ["2, (3)"]}]
    for triggers in several:
        with Sampler(model, temperature=0, grammar='root ::= "3" [a-z]+ "."', **triggers) as sampler:
            text = generate(model, make_context(), sampler, "Count: 0, 1, 2, 3, 4, 5, 6. Count: 0, 1,", 24)
        before, _, after = text.partition("3")
        assert before.strip() == "2,"
        assert after
        assert set(after) <= set("abcdefghijklmnopqrstuvwxyz.")


def test_what_a_grammar_does_not_allow(tiny: Model) -> None:
    with Sampler.grammar(tiny, 'root ::= "zzz"') as sampler, pytest.raises(llamacffi.LlamaError):
        sampler.accept(300)


# --- chains and owners ----------------------------------------------------------------------------------------------


def test_a_chain_owns_what_is_in_it(ctx: llama_context_p) -> None:
    links = [Sampler.top_k(5), Sampler.temp(0.5), Sampler.greedy()]
    chain = Sampler.chain(links)
    assert len(chain) == 3
    assert [chain[-1].name, chain[0].name] == ["greedy", "top-k"]
    links[0].close()
    assert links[0].closed
    assert chain.sample(ctx) == logits_of(ctx).argmax()
    assert links[1].name == "temp"
    chain.close()
    for link in links:
        with pytest.raises(llamacffi.FreedHandleError, match="closed"):
            link.sample(ctx)
        link.close()
    with pytest.raises(IndexError), Sampler.chain() as empty:
        empty[0]


def test_a_link_keeps_its_chain(ctx: llama_context_p) -> None:
    link = Sampler.chain([Sampler.greedy()])[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gc.collect()
        assert link.sample(ctx) == logits_of(ctx).argmax()
        del link
        gc.collect()


def test_what_can_not_be_appended(ctx: llama_context_p) -> None:
    with Sampler.chain() as chain, Sampler.greedy() as greedy:
        wrong: Any
        for wrong, reason in ((chain, "itself"), (5, "no Sampler")):
            with pytest.raises(llamacffi.InvalidArgumentError, match=reason):
                chain.append(wrong)
        with pytest.raises(llamacffi.InvalidArgumentError, match="not a sampler chain"):
            greedy.append(Sampler.from_handle(chain.handle))
        chain.append(greedy)
        with pytest.raises(llamacffi.InvalidArgumentError, match="in a chain already"):
            chain.append(greedy)
        with pytest.raises(llamacffi.InvalidArgumentError, match="in a chain already"):
            Sampler.chain([greedy])
        assert chain.sample(ctx) == logits_of(ctx).argmax()


def test_out_of_a_chain(ctx: llama_context_p) -> None:
    with Sampler.chain([Sampler.temp(0.5), Sampler.greedy()]) as chain:
        removed = chain.remove(-1)
        assert names(chain) == ["temp"]
    with removed:
        assert removed.sample(ctx) == logits_of(ctx).argmax()


def test_nothing_is_chosen(ctx: llama_context_p) -> None:
    with Sampler.chain([Sampler.temp(0.5)]) as chain, pytest.raises(llamacffi.LlamaError):
        chain.sample(ctx)
    with Sampler(temperature=0) as sampler:
        for wrong in (3, -9):
            with pytest.raises(llamacffi.LlamaError):
                sampler.sample(ctx, wrong)
        nothing: Any = None
        with pytest.raises(llamacffi.LlamaError):
            sampler.sample(nothing)


def test_a_model_closes_the_samplers_of_its_vocabulary(tmp_path: Path) -> None:
    model = Model(tiny_models.write_llama(tmp_path / "model.gguf"))
    vocab = model.vocab
    whole = Sampler(model, grammar=GRAMMAR)
    part = Sampler.infill(vocab)
    of_parts = Sampler.chain([Sampler.grammar(vocab, GRAMMAR)])
    other = Sampler()
    copy = whole.clone()
    model.close()
    assert [each.closed for each in (whole, part, of_parts, copy, other)] == [True, True, True, True, False]
    other.close()


def test_copies(ctx: llama_context_p) -> None:
    with Sampler(temperature=2, top_k=0, min_p=0, top_p=1, seed=5) as sampler:
        [sampler.sample(ctx) for _ in range(3)]
        with sampler.clone() as copy:
            assert names(copy) == names(sampler)
            assert [copy.sample(ctx) for _ in range(9)] == [sampler.sample(ctx) for _ in range(9)]


def test_after_close(ctx: llama_context_p) -> None:
    sampler = Sampler()
    sampler.close()
    sampler.close()
    for use in (
        lambda: sampler.sample(ctx),
        lambda: sampler.accept(1),
        sampler.reset,
        sampler.clone,
        sampler.perf,
        lambda: sampler.name,
        lambda: len(sampler),
        lambda: sampler.append(unchecked.Sampler.from_handle(ffi.NULL)),
        sampler.__enter__,
    ):
        with pytest.raises(llamacffi.FreedHandleError, match="Sampler was closed"):
            use()


def test_dropped_without_close() -> None:
    def drop() -> None:
        Sampler()
        gc.collect()

    with pytest.warns(ResourceWarning, match="Sampler"):
        drop()


def test_of_options(tiny: Model) -> None:
    made, owned = Sampler.from_options(tiny, temperature=0)
    assert owned
    assert Sampler.from_options(tiny, made) == (made, False)
    borrowed, owned = Sampler.from_options(tiny, made.handle)
    assert not owned
    borrowed.close()
    assert names(made) == ["greedy"]
    for arguments, keywords, reason in (
        ([made], {"temperature": 0}, "give them to the sampler"),
        ([5], {}, "not a Sampler"),
        ([], {"temprature": 0}, "did you mean temperature"),
    ):
        with pytest.raises(llamacffi.InvalidArgumentError, match=reason):
            Sampler.from_options(tiny, *arguments, **keywords)
    made.close()


def test_perf(ctx: llama_context_p) -> None:
    with Sampler(no_perf=False) as sampler:
        for _ in range(5):
            sampler.sample(ctx)
        perf = sampler.perf()
        assert perf.n_sample == 5
        assert perf.t_sample_ms > 0
        sampler.perf_reset()
        assert sampler.perf() == (0, 0)


# --- candidates -----------------------------------------------------------------------------------------------------


def test_candidates() -> None:
    candidates = Candidates([0.5, 2, 1])
    assert len(candidates) == 3
    assert candidates.id.tolist() == [0, 1, 2]
    assert candidates.logit.dtype == np.float32
    assert candidates.data.dtype.names == ("id", "logit", "p")
    candidates.logit[0] = 9
    assert candidates.handle.data[0].logit == 9
    assert candidates.data is candidates.data
    with Sampler.top_k(2) as sampler:
        sampler.apply(candidates)
    assert candidates.id.tolist() == [0, 1]
    assert candidates.sorted
    candidates.selected = 1
    candidates.size = 1
    for name, value in (("size", 0), ("size", 4), ("selected", 1), ("selected", -2)):
        with pytest.raises(llamacffi.InvalidArgumentError, match=f"{name} = {value}"):
            setattr(candidates, name, value)
    for wrong in ([], ["a"], None, 5):
        with pytest.raises(llamacffi.InvalidArgumentError, match="logits"):
            Candidates(wrong)


# --- written in Python ----------------------------------------------------------------------------------------------


def test_a_function_as_a_sampler(ctx: llama_context_p) -> None:
    seen: list[Any] = []

    def least(candidates: Candidates) -> None:
        seen.append((candidates, candidates.logit.copy(), candidates.sorted, candidates.selected))
        candidates.selected = int(candidates.logit.argmin())

    with Sampler.python(least) as sampler:
        assert sampler.name == "least"
        assert sampler.sample(ctx) == logits_of(ctx).argmin()
    candidates, logits, is_sorted, selected = seen[0]
    assert (logits == logits_of(ctx)).all()
    assert (is_sorted, selected) == (False, -1)
    with pytest.raises(llamacffi.FreedHandleError, match="until the sampler returns"):
        candidates.logit.sum()
    with pytest.raises(llamacffi.FreedHandleError):
        candidates.size = 1


def test_views_are_made_once(ctx: llama_context_p) -> None:
    views: list[Any] = []

    def keep(candidates: Candidates) -> None:
        views.append(candidates.logit)
        candidates.selected = 0

    with Sampler.chain([Sampler.python(keep)]) as chain:
        for _ in range(5):
            chain.sample(ctx)
        assert all(view is views[0] for view in views)
        del views[:]


def test_a_sampler_that_cuts_and_orders(ctx: llama_context_p) -> None:
    """Top 3 in Python, then llama.cpp's: it sees what was left."""

    def top_3(candidates: Candidates) -> None:
        order = candidates.logit.argsort()[::-1][:3]
        candidates.data[:3] = candidates.data[order]
        candidates.size = 3
        candidates.sorted = True

    with Sampler.chain([Sampler.python(top_3), Sampler.temp(9), Sampler.dist(1)]) as chain:
        chosen = {chain.sample(ctx) for _ in range(60)}
    assert chosen == set(logits_of(ctx).argsort()[::-1][:3])


class Counter:
    """A sampler that counts what it accepts, and chooses the token of that number."""

    def __init__(self, n: int = 0) -> None:
        self.n = n
        self.accepted: list[int] = []

    def apply(self, candidates: Candidates) -> None:
        candidates.selected = self.n

    def accept(self, token: int) -> None:
        self.n += 1
        self.accepted.append(token)

    def reset(self) -> None:
        self.n = 0

    def clone(self) -> Counter:
        return Counter(100 + self.n)


def test_an_object_as_a_sampler(ctx: llama_context_p) -> None:
    counter = Counter()
    with Sampler.chain([Sampler.python(counter)]) as chain:
        assert names(chain) == ["Counter"]
        assert [chain.sample(ctx) for _ in range(3)] == [0, 1, 2]
        assert counter.accepted == [0, 1, 2]
        with chain.clone() as copy:
            assert copy.sample(ctx) == 103
        chain.reset()
        assert chain.sample(ctx) == 0
    with pytest.raises(llamacffi.InvalidArgumentError, match="can't be called"):
        Sampler.python(5)


def test_what_a_sampler_raises(ctx: llama_context_p) -> None:
    def fail(candidates: Candidates) -> None:
        raise ZeroDivisionError("mine")

    with Sampler.chain([Sampler.python(fail), Sampler.greedy()]) as chain:
        for _ in range(3):
            with pytest.raises(ZeroDivisionError, match="mine"):
                chain.sample(ctx)
    with Sampler.logits_processor(lambda tokens, logits: 1 / 0) as sampler, pytest.raises(ZeroDivisionError):
        sampler.sample(ctx)


def test_a_logits_processor(ctx: llama_context_p) -> None:
    seen: list[tuple[list[int], Any]] = []

    def only_5_and_6(tokens: Any, logits: Any) -> None:
        seen.append((tokens.tolist(), logits.copy()))
        kept = logits[5:7].copy()
        logits[:] = -np.inf
        logits[5:7] = kept

    with Sampler(temperature=0, processors=[only_5_and_6]) as sampler:
        sampler.accept(9)
        first, second = sampler.sample(ctx), sampler.sample(ctx)
    assert first == second == 5 + logits_of(ctx)[5:7].argmax()
    assert [tokens for tokens, _ in seen] == [[9], [9, first]]
    assert all((logits == logits_of(ctx)).all() for _, logits in seen)


FORMS: list[Callable[[Any], Any]] = [np.asarray, list, lambda each: each.astype(np.float64)]


@pytest.mark.parametrize("form", FORMS)
def test_logits_that_are_returned(ctx: llama_context_p, form: Callable[[Any], Any]) -> None:
    with Sampler(temperature=0, processors=[lambda tokens, logits: form(-logits)]) as sampler:
        assert sampler.sample(ctx) == logits_of(ctx).argmin()


@pytest.mark.parametrize("wrong", [0, [1.0], np.zeros(N - 1), np.zeros((N, 2)), ["a"] * N, "text"])
def test_logits_that_are_wrong(ctx: llama_context_p, wrong: Any) -> None:
    with Sampler(processors=[lambda tokens, logits: wrong]) as sampler:
        for _ in range(2):
            with pytest.raises(llamacffi.InvalidArgumentError, match="logits processor returned"):
                sampler.sample(ctx)


def test_several_processors_and_their_state(ctx: llama_context_p) -> None:
    def add(tokens: Any, logits: Any) -> None:
        logits[len(tokens)] += 1000

    def add_to_next(tokens: Any, logits: Any) -> Any:
        return logits + np.eye(1, N, len(tokens) + 1, dtype=np.float32)[0] * 2000

    with Sampler(temperature=0, processors=[add, add_to_next]) as sampler:
        assert [sampler.sample(ctx) for _ in range(300)] == list(range(1, 301))  # more than there was room for
        with sampler.clone() as copy:
            assert [copy.sample(ctx), sampler.sample(ctx), copy.sample(ctx)] == [301, 301, 302]
        sampler.reset()
        assert sampler.sample(ctx) == 1


def test_a_processor_that_is_not_the_first(ctx: llama_context_p) -> None:
    links = [Sampler.top_k(5), Sampler.logits_processor(lambda tokens, logits: None), Sampler.greedy()]
    with Sampler.chain(links) as chain, pytest.raises(llamacffi.LlamaError, match="first of its chain"):
        chain.sample(ctx)


# --- without a list of the whole vocabulary ---------------------------------------------------------------------------


def in_c(links: list[llama_sampler_p]) -> llama_sampler_p:
    chain = llamacffi.llama_sampler_chain_init(llamacffi.llama_sampler_chain_default_params())
    for link in links:
        llamacffi.llama_sampler_chain_add(chain, link)
    return chain


@pytest.mark.parametrize("k", [1, 2, 40, 100, 101, 600])
@pytest.mark.parametrize("kind", ["random", "few", "rising", "falling", "alike"])
def test_the_same_tokens_as_in_llama_cpp(ctx: llama_context_p, k: int, kind: str) -> None:
    """Over logits of many kinds, which are written into the context."""
    random = np.random.default_rng(k)
    logits = {
        "random": random.standard_normal(N) * 5,
        "few": np.where(random.random(N) < 0.1, random.standard_normal(N), -np.inf),
        "rising": np.arange(N) / 50,
        "falling": -np.arange(N) / 50,
        "alike": np.zeros(N),
    }[kind].astype(np.float32)
    ffi.memmove(llamacffi.llama_get_logits_ith(ctx, -1), logits, 4 * N)
    theirs = in_c([llamacffi.llama_sampler_init_top_k(k), llamacffi.llama_sampler_init_dist(3)])
    with Sampler.chain([Sampler.top_k(k), Sampler.dist(3)]) as ours:
        tokens = [ours.sample(ctx) for _ in range(40)]
    expected = [llamacffi.llama_sampler_sample(theirs, ctx, -1) for _ in range(40)]
    llamacffi.llama_sampler_free(theirs)
    if kind == "alike":  # then llama.cpp's own order is any; here it is the vocabulary's
        assert set(tokens) <= set(range(k))
    else:
        assert tokens == expected
    with Sampler(temperature=0) as greedy:
        assert greedy.sample(ctx) == logits.argmax()


def test_a_chain_that_was_changed_elsewhere(ctx: llama_context_p) -> None:
    best = logits_of(ctx).argmax()
    with Sampler.chain([Sampler.top_k(1), Sampler.dist(1)]) as chain:
        assert chain.sample(ctx) == best
        llamacffi.llama_sampler_free(llamacffi.llama_sampler_chain_remove(chain.handle, 0))
        assert len({chain.sample(ctx) for _ in range(50)}) > 1  # no top-k any more
    with Sampler.chain([Sampler.greedy()]) as chain:
        bias = ffi.new("llama_logit_bias[]", [(5, 1000)])
        assert chain.sample(ctx) == best
        llamacffi.llama_sampler_chain_add(chain.handle, llamacffi.llama_sampler_init_logit_bias(N, 1, bias))
        llamacffi.llama_sampler_chain_add(chain.handle, llamacffi.llama_sampler_init_greedy())
        assert chain.sample(ctx) == 5


def test_measuring_changes_nothing(ctx: llama_context_p) -> None:
    with Sampler(seed=3) as sampler, Sampler(seed=3, no_perf=False) as measuring:
        assert [sampler.sample(ctx) for _ in range(30)] == [measuring.sample(ctx) for _ in range(30)]


def test_a_context_that_samples_itself(tiny: Model) -> None:
    """Its own sampler has chosen on the device; the chain's token is that."""
    params = llamacffi.llama_context_default_params()
    params.n_ctx = 64
    context = llamacffi.llama_init_from_model(tiny.handle, params)
    with Sampler.chain([Sampler.logit_bias(tiny, {9: 1000}), Sampler.greedy()]) as chain:
        assert llamacffi.llama_set_sampler(context, 0, chain.handle)
        llamacffi.llama_decode(context, llamacffi.llama_batch_get_one(ffi.new("llama_token[]", [1, 2]), 2))
        assert chain.sample(context) == 9
        with Sampler(temperature=0) as other:
            assert other.sample(context) == 9
        llamacffi.llama_free(context)


@pytest.mark.parametrize("then", ["greedy", "top_k", "dist", "nothing"])
def test_what_a_sampler_in_python_asks_for(ctx: llama_context_p, then: str) -> None:
    """Only logits, or the list, or logits and then the list: the rest of the chain sees what it has made of them."""
    second, third = (int(token) for token in logits_of(ctx).argsort()[::-1][1:3])

    def logits_alone(candidates: Candidates) -> None:
        candidates.logit[second] = 1000
        if then == "nothing":
            candidates.selected = second
            assert candidates.selected == second
        assert (candidates.size, candidates.selected, candidates.sorted) in ((N, -1, False), (N, second, False))

    def the_list(candidates: Candidates) -> None:
        candidates.data["logit"][second] = 1000
        assert candidates.id.tolist() == list(range(N))
        assert candidates.logit[second] == 1000
        if then == "nothing":
            candidates.selected = second

    def both(candidates: Candidates) -> None:
        before = candidates.logit
        before[second] = 1000
        candidates.selected = third
        assert candidates.data[second].tolist() == (second, 1000, 0)
        assert candidates.selected == third
        with pytest.raises(ValueError, match="read-only"):
            before[third] = 2000
        candidates.selected = second if then == "nothing" else -1

    def less(candidates: Candidates) -> None:
        candidates.logit[0] = 2000
        candidates.data[0] = candidates.data[second]
        candidates.size = 1
        if then == "nothing":
            candidates.selected = 0

    rest: dict[str, list[Callable[[], Sampler]]]
    rest = {"greedy": [Sampler.greedy], "top_k": [lambda: Sampler.top_k(1), Sampler.dist], "dist": [Sampler.dist]}
    for function in (logits_alone, the_list, both, less):
        with Sampler.chain([Sampler.python(function), *(make() for make in rest.get(then, []))]) as chain:
            before = logits_of(ctx)
            assert [chain.sample(ctx) for _ in range(3)] == [second] * 3
            assert (logits_of(ctx) == before).all()
            with chain.clone() as copy:
                assert copy.sample(ctx) == second


def test_nothing_leaks(ctx: llama_context_p, tiny: Model) -> None:
    psutil = pytest.importorskip("psutil")

    def turn() -> None:
        sampler = Sampler(tiny, grammar="root ::= .*", repeat_penalty=1.1, processors=[lambda tokens, logits: None])
        with sampler, sampler.clone() as copy, Sampler.chain([Sampler.python(Counter())]) as chain:
            for each in (sampler, copy, chain):
                each.sample(ctx)
        with pytest.raises(llamacffi.InvalidArgumentError):
            Sampler(tiny, grammar=GRAMMAR, grammar_root="none")

    for _ in range(50):
        turn()
    gc.collect()
    before, held = psutil.Process().memory_info().rss, len(callbacks._held)
    for _ in range(500):
        turn()
    gc.collect()
    assert len(callbacks._held) == held
    assert psutil.Process().memory_info().rss - before < 3_000_000


def test_without_numpy(run_python: Callable[..., Any], tmp_path: Path) -> None:
    path = tiny_models.write_llama(tmp_path / "model.gguf")
    code = """
import sys
sys.modules["numpy"] = None
import llamacffi
from llamacffi import Model, Sampler, ffi
from llamacffi.samplers import Candidates

def least(candidates):
    logits = candidates.logit.tolist()
    assert candidates.id.tolist() == list(range(512))
    candidates.selected = logits.index(min(logits))

def only_7(tokens, logits):
    assert tokens.tolist() == [7] * len(tokens)
    logits[7] = 1000

def only_8(tokens, logits):
    return [float(token == 8) for token in range(len(logits))]

with Model(sys.argv[1]) as model, model.context(n_ctx=32) as context:
    context.decode([1, 2, 3])
    plain = list(llamacffi.llama_get_logits_ith(context.handle, -1)[0:512])
    with Sampler.python(least) as sampler:
        assert sampler.sample(context) == plain.index(min(plain))
    with Sampler(temperature=0, processors=[only_7]) as sampler:
        assert [sampler.sample(context) for _ in range(300)] == [7] * 300
    with Sampler(temperature=0, processors=[only_8]) as sampler:
        assert sampler.sample(context) == 8
    with Sampler(temperature=0, processors=[lambda tokens, logits: [1.0]]) as sampler:
        try:
            sampler.sample(context)
        except llamacffi.InvalidArgumentError as error:
            assert "1 logits for 512" in str(error)
        else:
            raise AssertionError
candidates = Candidates([1, 3, 2])
with Sampler.top_k(1) as sampler:
    sampler.apply(candidates)
assert candidates.id.tolist() == [1]
"""
    done = run_python("-X", "dev", "-W", "error", "-c", code, str(path))
    assert done.returncode == 0, done.stderr
