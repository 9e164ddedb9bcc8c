"""Samplers, which choose the next token: chains of them, each of llama.cpp's kinds, and those written in Python."""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Optional, Union, cast

import llamacffi

from . import callbacks, logs
from .candidates import Candidates
from .checks import did_you_mean, several
from .errors import ArgumentTypeError, InvalidArgumentError, LlamaError, NativeExceptionError, reason
from .native import ffi, lib, text_of
from .owner import Owner
from .plans import Plan, plan_of, sample_by
from .python_samplers import LogitsProcessors, PythonSampler
from .types import Null, llama_sampler_p, llama_token_data_array_p, llama_vocab_p

if TYPE_CHECKING:
    from .context import Context
    from .model import Model
    from .types import llama_context_p, llama_model_p
    from .vocab import Vocab

    Vocabulary = Union[Model, Vocab, llama_model_p, llama_vocab_p]
    """What has a vocabulary, or is one."""

__all__ = ["Candidates", "Sampler", "SamplerPerf"]

Processor = Callable[[Any, Any], Any]
"""A logits processor: see `Sampler.logits_processor`."""
LogitBias = Union[Mapping[int, float], Iterable["tuple[int, float]"]]
"""What is to be added to logits, by token."""


class SamplerPerf(NamedTuple):
    """What a chain has measured (C: `struct llama_perf_sampler_data`).

    Attributes:
        t_sample_ms: the time that it took, in milliseconds; 0 unless it was made with `no_perf=False`.
        n_sample: how many tokens it has accepted.
    """

    t_sample_ms: float
    n_sample: int


class Sampler(Owner[llama_sampler_p]):
    """A chain of samplers, in llama.cpp's usual order (C: `llama_sampler_chain_init`).

    What is off, as most of it is unless it is asked for, is left out. The order is: `processors`, `logit_bias`,
    `grammar`, penalties, DRY, top-n-sigma, top-k, typical, top-p, min-p, XTC, infill, temperature, and one that
    chooses: by chance, or the likeliest if the temperature is 0. `mirostat` replaces all from top-n-sigma to infill and
    chooses itself; `adaptive_target` chooses in the place of chance. At temperature 0, what only leaves out unlikely
    tokens (top-n-sigma, top-k, top-p, min-p) is left out itself.

    `Sampler.chain` makes a chain of samplers in any other order. A single one is made by the function that has its
    name in C: `Sampler.top_k(40)` is `llama_sampler_init_top_k(40)`. A sampler has a state (a random number generator,
    the tokens that it has accepted): it is for one text, and for one thread at a time.

    Args:
        vocab: a Model, a Vocab, or the handle of either. Needed for logit_bias, grammar, infill, penalties, DRY and
            mirostat 1. With it, tokens that the model says are never to be chosen are not.
        temperature: logits are divided by it; 0 or less: the likeliest token.
        top_k: the most likely tokens to keep; 0 or less: all.
        top_p: keep the most likely tokens that have this probability together; 1: all.
        min_p: keep tokens that have at least this part of the likeliest one's probability; 0: all.
        typical_p: keep the tokens nearest to the expected surprise that have this probability together; 1: all.
        top_n_sigma: keep logits within this many standard deviations of the largest; 0 or less: all.
        xtc_probability, xtc_threshold: with this probability, remove all but the least likely of the tokens that are
            more likely than the threshold.
        min_keep: the least number of tokens that these keep.
        dynatemp_range, dynatemp_exponent: let the temperature vary by as much, with the entropy.
        penalty_last_n: how many of the latest tokens the penalties look at; -1 is as 0: none.
        repeat_penalty: what the logits of those are divided by, or multiplied if negative; 1: off.
        frequency_penalty, presence_penalty: what is subtracted for each time, and once.
        dry_multiplier: how much DRY subtracts for a repeated sequence; 0: off.
        dry_base, dry_allowed_length, dry_penalty_last_n, dry_sequence_breakers: DRY's, as in llama.cpp.
        mirostat: 1 or 2 for Mirostat 1.0 or 2.0; 0: off.
        mirostat_tau, mirostat_eta: its target entropy, and its learning rate.
        adaptive_target, adaptive_decay: the probability that chosen tokens are to have, and how slowly it adapts;
            a negative target: off.
        logit_bias: what to add to logits, by token; `-math.inf` forbids a token.
        grammar: a grammar in GBNF, which all text must follow.
        grammar_root: the name of its first rule.
        trigger_words, trigger_patterns, trigger_tokens: if any are given, the text must follow the grammar only from
            where one of them comes up: a word, or what the first group of a regular expression matches, or a token.
        infill: whether to sample for a text's middle.
        seed: of the random numbers, 0 to 2**32 - 2; None: a random one.
        processors: functions, as `Sampler.logits_processor` takes them.
        no_perf: whether not to measure the time.

    Raises:
        InvalidArgumentError: a value that can't be, a grammar that can't be parsed, or a vocabulary is needed.
    """

    _free = "llama_sampler_free"
    # What this is, as far as `plan_of` wants to know: what is written in Python, "greedy", or the number of a top-k.
    _kind: Union[LogitsProcessors, PythonSampler, str, int, None] = None
    # Of a chain that was made here, what its members are; and how to sample with it, once that is known.
    _members: Optional[list[Any]] = None
    _plan: Optional[Plan] = None

    def __init__(
        self,
        vocab: Optional[Vocabulary] = None,
        *,
        temperature: float = 0.8,
        top_k: int = 40,
        top_p: float = 0.95,
        min_p: float = 0.05,
        typical_p: float = 1.0,
        top_n_sigma: float = -1.0,
        xtc_probability: float = 0.0,
        xtc_threshold: float = 0.1,
        min_keep: int = 0,
        dynatemp_range: float = 0.0,
        dynatemp_exponent: float = 1.0,
        penalty_last_n: int = 64,
        repeat_penalty: float = 1.0,
        frequency_penalty: float = 0.0,
        presence_penalty: float = 0.0,
        dry_multiplier: float = 0.0,
        dry_base: float = 1.75,
        dry_allowed_length: int = 2,
        dry_penalty_last_n: int = 64,
        dry_sequence_breakers: Sequence[str] = ("\n", ":", '"', "*"),
        mirostat: int = 0,
        mirostat_tau: float = 5.0,
        mirostat_eta: float = 0.1,
        adaptive_target: float = -1.0,
        adaptive_decay: float = 0.9,
        logit_bias: Optional[LogitBias] = None,
        grammar: str = "",
        grammar_root: str = "root",
        trigger_words: Sequence[str] = (),
        trigger_patterns: Sequence[str] = (),
        trigger_tokens: Sequence[int] = (),
        infill: bool = False,
        seed: Optional[int] = None,
        processors: Sequence[Processor] = (),
        no_perf: bool = True,
    ) -> None:
        if mirostat not in (0, 1, 2):
            raise InvalidArgumentError(f"Sampler: mirostat = {mirostat!r}: 1, 2, or 0 for none")
        if (trigger_words or trigger_patterns or trigger_tokens) and not grammar:
            raise InvalidArgumentError("Sampler: there are triggers, and no grammar that they could set off")
        numbers = {name: value for name, value in locals().items() if name in _FLOATS}
        for name, value in numbers.items():
            _number("Sampler", name, value)
        super().__init__(_new_chain(no_perf))
        self._members = [] if no_perf else None
        cls = type(self)
        source: Any = vocab  # which says itself what it lacks
        try:
            if processors:
                self.append(cls._of_processors(processors))
            biases = [*_suppressed(source), *_pairs(logit_bias)]
            if biases:
                self.append(cls.logit_bias(source, biases))
            if trigger_words or trigger_patterns or trigger_tokens:
                self.append(
                    cls.grammar_lazy_patterns(
                        source,
                        grammar,
                        grammar_root,
                        trigger_patterns=[
                            *map(_escaped, _listed("trigger_words", trigger_words)),
                            *_listed("trigger_patterns", trigger_patterns),
                        ],
                        trigger_tokens=trigger_tokens,
                    )
                )
            elif grammar:
                self.append(cls.grammar(source, grammar, grammar_root))
            if repeat_penalty != 1 or frequency_penalty != 0 or presence_penalty != 0:
                self.append(cls.penalties(source, penalty_last_n, repeat_penalty, frequency_penalty, presence_penalty))
            if dry_multiplier != 0:
                self.append(
                    cls.dry(
                        source, dry_multiplier, dry_base, dry_allowed_length, dry_penalty_last_n, dry_sequence_breakers
                    )
                )
            greedy = temperature <= 0
            truncates = not mirostat and not greedy
            if truncates and top_n_sigma > 0:
                self.append(cls.top_n_sigma(top_n_sigma))
            if truncates and top_k > 0:
                self.append(cls.top_k(top_k))
            if not mirostat and typical_p < 1:
                self.append(cls.typical(typical_p, min_keep))
            if truncates and top_p < 1:
                self.append(cls.top_p(top_p, min_keep))
            if truncates and min_p > 0:
                self.append(cls.min_p(min_p, min_keep))
            if not mirostat and xtc_probability > 0:
                self.append(cls.xtc(xtc_probability, xtc_threshold, min_keep, seed))
            if not mirostat and infill:
                self.append(cls.infill(source))
            if not greedy and dynatemp_range > 0:
                self.append(cls.temp_ext(temperature, dynatemp_range, dynatemp_exponent))
            elif not greedy and temperature != 1:
                self.append(cls.temp(temperature))
            if greedy:
                self.append(cls.greedy())
            elif mirostat == 1:
                self.append(cls.mirostat(source, seed, mirostat_tau, mirostat_eta))
            elif mirostat == 2:
                self.append(cls.mirostat_v2(seed, mirostat_tau, mirostat_eta))
            elif adaptive_target >= 0:
                self.append(cls.adaptive_p(adaptive_target, adaptive_decay, seed))
            else:
                self.append(cls.dist(seed))
        except BaseException:
            self.close()
            raise

    @classmethod
    def _of(cls, handle: llama_sampler_p, *parents: Owner[Any], kind: Any = None) -> Sampler:
        made = cls.__new__(cls)
        made._take(handle, *parents)
        made._kind = kind
        return made

    @classmethod
    def from_handle(cls, handle: llama_sampler_p) -> Sampler:
        """The sampler of another tier, which still belongs to whom it belonged.

        Args:
            handle: `struct llama_sampler *`.
        """
        return cls._borrowing(handle)

    @classmethod
    def from_options(cls, vocab: Vocabulary, sampler: Any = None, **keywords: Any) -> tuple[Sampler, bool]:
        """The sampler that a function with `sampler=` and with the keywords of `Sampler` is to use.

        Args:
            vocab: a Model, a Vocab, or the handle of either.
            sampler: a Sampler or a handle, or None to have one made.
            **keywords: for the one to be made.

        Returns:
            The sampler, and whether it was made here and is the caller's to close.

        Raises:
            InvalidArgumentError: a keyword that there is not, a wrong value, or both a sampler and keywords.
        """
        for name in keywords:
            if name not in (cls.__init__.__kwdefaults__ or {}):
                hint = did_you_mean(name, cls.__init__.__kwdefaults__ or ())
                raise ArgumentTypeError(f"{name!r} is no keyword here, nor of Sampler{hint}")
        if sampler is None:
            return cls(vocab, **keywords), True
        if keywords:
            raise InvalidArgumentError(
                f"a sampler was given, and {', '.join(keywords)} as well: give them to the sampler where it is made"
            )
        if isinstance(sampler, Sampler):
            return sampler, False
        if isinstance(sampler, ffi.CData):
            return cls.from_handle(cast("llama_sampler_p", sampler)), False
        raise ArgumentTypeError(f"sampler = {sampler!r}: not a Sampler, nor a struct llama_sampler *")

    # --- chains -----------------------------------------------------------------------------------------------------

    @classmethod
    def chain(cls, samplers: Iterable[Sampler] = (), *, no_perf: bool = True) -> Sampler:
        """A chain of one's own (C: `llama_sampler_chain_init`, `llama_sampler_chain_add`).

        Args:
            samplers: what it applies, in this order; they belong to it from now on, and end with it. To sample, the
                last must be one that chooses: greedy, dist, mirostat, adaptive_p, or one in Python.
            no_perf: whether not to measure the time.

        Raises:
            InvalidArgumentError: one is in a chain already; those before it belong to this chain, and are closed.
        """
        made = cls._of(_new_chain(no_perf))
        made._members = [] if no_perf else None
        try:
            for sampler in _listed("samplers", samplers):
                made.append(sampler)
        except BaseException:
            made.close()
            raise
        return made

    def append(self, sampler: Sampler) -> None:
        """Add a sampler to the end of this chain, to which it belongs from now on (C: `llama_sampler_chain_add`).

        Raises:
            InvalidArgumentError: this is no chain, or the other is in one.
        """
        if not isinstance(sampler, Sampler):
            raise ArgumentTypeError(f"Sampler.append: {sampler!r} is no Sampler")
        llamacffi.llama_sampler_chain_add(self.handle, sampler.handle)
        sampler._owned = False
        if self._members is not None:
            self._members.append(sampler._kind)
            self._plan = None
        for parent in sampler._parents:
            self._need(parent)
        sampler._need(self)

    def remove(self, index: int) -> Sampler:
        """Take a sampler out of this chain (C: `llama_sampler_chain_remove`).

        Returns:
            It, which is the caller's from now on.

        Raises:
            IndexError: the chain has none at this place.
        """
        place = self._place(index)
        handle = llamacffi.llama_sampler_chain_remove(self.handle, place)
        kind = None if self._members is None else self._members.pop(place)
        self._plan = None
        return self._of(handle, *self._outer_parents(), kind=kind)

    def __len__(self) -> int:
        """How many samplers this chain has (C: `llama_sampler_chain_n`)."""
        return int(llamacffi.llama_sampler_chain_n(self.handle))

    def __bool__(self) -> bool:
        return True

    def __getitem__(self, index: int) -> Sampler:
        """A sampler of this chain, which still belongs to it (C: `llama_sampler_chain_get`)."""
        return self._borrowing(llamacffi.llama_sampler_chain_get(self.handle, self._place(index)), self)

    def __iter__(self) -> Iterator[Sampler]:
        return (self[index] for index in range(len(self)))

    def _place(self, index: int) -> int:
        n = len(self)
        if not -n <= index < n:
            raise IndexError(f"this chain has {n} samplers, and none at {index}")
        return index % n

    def _need(self, parent: Owner[Any]) -> None:
        if parent is not self and parent not in self._parents:
            self._parents = (*self._parents, parent)
            parent._children[id(self)] = weakref.ref(self)

    def _outer_parents(self) -> list[Owner[Any]]:
        return [parent for parent in self._parents if not isinstance(parent, Sampler)]

    # --- use --------------------------------------------------------------------------------------------------------

    def sample(self, ctx: Union[Context, llama_context_p], i: int = -1) -> int:
        """Choose a token by the logits of an output, and accept it (C: `llama_sampler_sample`).

        Args:
            ctx: a Context, or its handle.
            i: the output, by its token's place in the latest batch; negative: from the end.

        Raises:
            LlamaError: there is no such output, or nothing in the chain has chosen. What a Python sampler raises is
                raised here.
        """
        handle, given = self.handle, cast("Any", ctx)
        context: llama_context_p = getattr(given, "handle", given)
        plan = self.plan
        if plan:
            token = sample_by(plan, handle, context, i)
            if token is not None:
                return token
        return int(llamacffi.llama_sampler_sample(handle, context, i))

    @property
    def plan(self) -> Plan:
        """How to sample with this in a quicker way than llama.cpp's: what `plan_of` says."""
        if self._plan is None:
            self._plan = plan_of(self._members)
        return self._plan

    def accept(self, token: int) -> None:
        """Tell the sampler of a token of the text that it did not choose itself (C: `llama_sampler_accept`).

        Raises:
            LlamaError: a grammar in it does not allow the token.
        """
        llamacffi.llama_sampler_accept(self.handle, token)

    def accept_prompt(self, tokens: Iterable[int]) -> None:
        """Tell the samplers of this chain of a prompt: those that look back on the text, and not grammars, which start
        after it. That is what llama.cpp's own programs do.
        """
        links = [link.handle for link in self if link.name != "grammar"]
        for token in tokens:
            for link in links:
                llamacffi.llama_sampler_accept(link, token)

    def apply(self, candidates: Union[Candidates, llama_token_data_array_p]) -> None:
        """Apply the sampler to candidates, in place (C: `llama_sampler_apply`).

        Args:
            candidates: Candidates, or a `llama_token_data_array *`.
        """
        array = candidates.handle if isinstance(candidates, Candidates) else candidates
        llamacffi.llama_sampler_apply(self.handle, array)

    def reset(self) -> None:
        """Forget all that was accepted, and seed the random numbers again (C: `llama_sampler_reset`)."""
        llamacffi.llama_sampler_reset(self.handle)

    def clone(self) -> Sampler:
        """A copy in the same state, which the caller owns (C: `llama_sampler_clone`).

        Raises:
            LlamaError: it can't be copied.
        """
        handle = llamacffi.llama_sampler_clone(self.handle)
        if not handle:
            raise LlamaError("this sampler can't be copied", "llama_sampler_clone", native=reason())
        kinds: list[Any] = [self._kind, *(self._members or ())]
        copies: dict[int, Any] = {id(each): each.take_copy() for each in kinds if hasattr(each, "take_copy")}
        made = self._of(handle, *self._outer_parents(), kind=copies.get(id(self._kind), self._kind))
        if self._members is not None:
            made._members = [copies.get(id(each), each) for each in self._members]
        return made

    @property
    def name(self) -> str:
        """What kind of sampler this is (C: `llama_sampler_name`)."""
        return text_of(llamacffi.llama_sampler_name(self.handle))

    @property
    def seed(self) -> Optional[int]:
        """The seed of its random numbers, in a chain that of the last that has one; None if it has none
        (C: `llama_sampler_get_seed`).
        """
        seed = int(llamacffi.llama_sampler_get_seed(self.handle))
        return None if seed == lib.LLAMA_DEFAULT_SEED else seed

    def perf(self) -> SamplerPerf:
        """What this chain has measured (C: `llama_perf_sampler`)."""
        data = llamacffi.llama_perf_sampler(self.handle)
        return SamplerPerf(data.t_sample_ms, data.n_sample)

    def perf_reset(self) -> None:
        """Start measuring anew (C: `llama_perf_sampler_reset`)."""
        llamacffi.llama_perf_sampler_reset(self.handle)

    # --- written in Python ------------------------------------------------------------------------------------------

    @classmethod
    def python(cls, function: Any, *, name: str = "") -> Sampler:
        """A sampler that is written in Python (C: `llama_sampler_init`).

        Args:
            function: is called with the Candidates for each token. Or an object that has such a function by the name
                `apply`, and as far as it needs them `accept(token)`, `reset()` and `clone()`, which returns the object
                for a copy of the sampler; without it, `copy.copy` makes one.
            name: the sampler's; by default that of the function, or of the object's type.

        Raises:
            ArgumentTypeError: it is no such thing.
        """
        if not callable(getattr(function, "apply", function)):
            raise ArgumentTypeError(f"Sampler.python: {function!r} can't be called, nor has a function `apply`")
        sampler = PythonSampler(function)
        return cls._of(callbacks.sampler(sampler, name=name or _name_of(function)), kind=sampler)

    @classmethod
    def logits_processor(cls, function: Processor) -> Sampler:
        """A function that sees the logits of all tokens, as a sampler: the first of its chain.

        Args:
            function: gets the tokens that the sampler has accepted until now, an int32 array that must not be changed,
                and the logits, a float32 array with one for each token of the vocabulary. That is a view of llama.cpp's
                memory, valid until the function returns. It changes them in place, or returns others, which are copied.

        Raises:
            ArgumentTypeError: it can't be called.
        """
        return cls._of_processors([function])

    @classmethod
    def _of_processors(cls, functions: Sequence[Processor]) -> Sampler:
        functions = _listed("processors", functions)
        for function in functions:
            if not callable(function):
                raise ArgumentTypeError(f"a logits processor is a function, and {function!r} can't be called")
        processors = LogitsProcessors(functions)
        return cls._of(callbacks.sampler(processors, name="logits-processors"), kind=processors)

    # --- one for each sampler of the C API --------------------------------------------------------------------------

    @classmethod
    def greedy(cls) -> Sampler:
        """Chooses the likeliest token (C: `llama_sampler_init_greedy`)."""
        return cls._of(llamacffi.llama_sampler_init_greedy(), kind="greedy")

    @classmethod
    def dist(cls, seed: Optional[int] = None) -> Sampler:
        """Chooses by chance, by the probabilities (C: `llama_sampler_init_dist`)."""
        return cls._of(llamacffi.llama_sampler_init_dist(_seed(seed)))

    @classmethod
    def top_k(cls, k: int) -> Sampler:
        """Keeps the `k` most likely tokens; 0 or less: all (C: `llama_sampler_init_top_k`)."""
        return cls._of(llamacffi.llama_sampler_init_top_k(k), kind=k)

    @classmethod
    def top_p(cls, p: float, min_keep: int = 0) -> Sampler:
        """Keeps the most likely tokens that have the probability `p` together (C: `llama_sampler_init_top_p`)."""
        return cls._of(llamacffi.llama_sampler_init_top_p(p, min_keep))

    @classmethod
    def min_p(cls, p: float, min_keep: int = 0) -> Sampler:
        """Keeps tokens of at least `p` times the likeliest one's probability (C: `llama_sampler_init_min_p`)."""
        return cls._of(llamacffi.llama_sampler_init_min_p(p, min_keep))

    @classmethod
    def typical(cls, p: float, min_keep: int = 0) -> Sampler:
        """Keeps the tokens nearest to the expected surprise that have the probability `p` together
        (C: `llama_sampler_init_typical`).
        """
        return cls._of(llamacffi.llama_sampler_init_typical(p, min_keep))

    @classmethod
    def temp(cls, t: float) -> Sampler:
        """Divides the logits by `t`; at 0 or less, the likeliest token alone is possible
        (C: `llama_sampler_init_temp`).
        """
        return cls._of(llamacffi.llama_sampler_init_temp(t))

    @classmethod
    def temp_ext(cls, t: float, delta: float, exponent: float = 1.0) -> Sampler:
        """The same with a temperature between `t - delta` and `t + delta`, by the entropy to the power of `exponent`
        (C: `llama_sampler_init_temp_ext`).
        """
        return cls._of(llamacffi.llama_sampler_init_temp_ext(t, delta, exponent))

    @classmethod
    def xtc(cls, p: float, t: float, min_keep: int = 0, seed: Optional[int] = None) -> Sampler:
        """With the probability `p`, removes all but the least likely of the tokens that are more likely than `t`
        (C: `llama_sampler_init_xtc`).
        """
        return cls._of(llamacffi.llama_sampler_init_xtc(p, t, min_keep, _seed(seed)))

    @classmethod
    def top_n_sigma(cls, n: float) -> Sampler:
        """Keeps logits within `n` standard deviations of the largest (C: `llama_sampler_init_top_n_sigma`)."""
        return cls._of(llamacffi.llama_sampler_init_top_n_sigma(n))

    @classmethod
    def mirostat(
        cls, vocab: Union[Vocabulary, int], seed: Optional[int] = None, tau: float = 5.0, eta: float = 0.1, m: int = 100
    ) -> Sampler:
        """Chooses by Mirostat 1.0 (C: `llama_sampler_init_mirostat`).

        Args:
            vocab: a Model, a Vocab, the handle of either, or the number of its tokens.
            seed: of the random numbers; None: a random one.
            tau: the target entropy.
            eta: the learning rate.
            m: how many tokens to estimate by.
        """
        return cls._of(llamacffi.llama_sampler_init_mirostat(_n_vocab("mirostat", vocab), _seed(seed), tau, eta, m))

    @classmethod
    def mirostat_v2(cls, seed: Optional[int] = None, tau: float = 5.0, eta: float = 0.1) -> Sampler:
        """Chooses by Mirostat 2.0 (C: `llama_sampler_init_mirostat_v2`); see `mirostat`."""
        return cls._of(llamacffi.llama_sampler_init_mirostat_v2(_seed(seed), tau, eta))

    @classmethod
    def adaptive_p(cls, target: float, decay: float = 0.9, seed: Optional[int] = None) -> Sampler:
        """Chooses tokens whose probability is near `target`, over time (C: `llama_sampler_init_adaptive_p`).

        Args:
            target: 0 to 1; negative: as `dist`.
            decay: 0 to 0.99: how slowly it adapts.
            seed: of the random numbers; None: a random one.
        """
        return cls._of(llamacffi.llama_sampler_init_adaptive_p(target, decay, _seed(seed)))

    @classmethod
    def grammar(cls, vocab: Vocabulary, text: str, root: str = "root") -> Sampler:
        """Allows only tokens that continue a text by a grammar (C: `llama_sampler_init_grammar`).

        Args:
            vocab: a Model, a Vocab, or the handle of either, which must outlive it.
            text: the grammar, in GBNF.
            root: the name of its first rule.

        Raises:
            InvalidArgumentError: it can't be parsed, with the parser's reason.
        """
        handle, parents = _vocab("grammar", vocab)
        return cls._of_grammar(parents, llamacffi.llama_sampler_init_grammar, handle, text, root)

    @classmethod
    def grammar_lazy_patterns(
        cls,
        vocab: Vocabulary,
        text: str,
        root: str = "root",
        *,
        trigger_patterns: Sequence[str] = (),
        trigger_tokens: Sequence[int] = (),
    ) -> Sampler:
        """A grammar that holds from where one of these comes up in the text
        (C: `llama_sampler_init_grammar_lazy_patterns`).

        Args:
            vocab: a Model, a Vocab, or the handle of either, which must outlive it.
            text: the grammar, in GBNF.
            root: the name of its first rule.
            trigger_patterns: regular expressions (ECMAScript's): it holds from what the first group matches, or from
                the match if there is no group. One from `^` to `$` must match all of the text until then.
            trigger_tokens: it holds from these tokens on, which it must allow.

        Raises:
            InvalidArgumentError: it can't be parsed, with the parser's reason, or a pattern can't.
        """
        handle, parents = _vocab("grammar_lazy_patterns", vocab)
        patterns, tokens = _listed("trigger_patterns", trigger_patterns), _listed("trigger_tokens", trigger_tokens)
        try:
            return cls._of_grammar(
                parents,
                llamacffi.llama_sampler_init_grammar_lazy_patterns,
                handle,
                text,
                root,
                patterns,
                len(patterns),
                tokens,
                len(tokens),
            )
        except NativeExceptionError as error:  # std::regex's
            raise InvalidArgumentError(f"a pattern of {patterns} can't be used: {error}", error.function) from None

    @classmethod
    def grammar_lazy(
        cls,
        vocab: Vocabulary,
        text: str,
        root: str = "root",
        *,
        trigger_words: Sequence[str] = (),
        trigger_tokens: Sequence[int] = (),
    ) -> Sampler:
        """The same with words (C: `llama_sampler_init_grammar_lazy`, deprecated there): see `grammar_lazy_patterns`."""
        handle, parents = _vocab("grammar_lazy", vocab)
        words, tokens = _listed("trigger_words", trigger_words), _listed("trigger_tokens", trigger_tokens)
        init: Any = llamacffi.llama_sampler_init_grammar_lazy
        return cls._of_grammar(parents, init, handle, text, root, words, len(words), tokens, len(tokens))

    @classmethod
    def _of_grammar(
        cls, parents: tuple[Owner[Any], ...], init: Callable[..., Union[llama_sampler_p, Null]], *arguments: Any
    ) -> Sampler:
        kept = logs.Kept()
        with kept:
            handle = init(*arguments)
        if not handle:  # the exception has what was logged
            raise InvalidArgumentError("this grammar can't be used", "llama_sampler_init_grammar", "grammar", reason())
        kept.pass_on()
        return cls._of(handle, *parents)

    @classmethod
    def penalties(
        cls,
        vocab: Union[Vocabulary, int],
        penalty_last_n: int = 64,
        penalty_repeat: float = 1.0,
        penalty_freq: float = 0.0,
        penalty_present: float = 0.0,
    ) -> Sampler:
        """Makes tokens less likely that were accepted lately (C: `llama_sampler_init_penalties`).

        Args:
            vocab: a Model, a Vocab, the handle of either, or the number of its tokens.
            penalty_last_n: how many of the latest tokens count; 0: none.
            penalty_repeat: more than 0: positive logits are divided by it, others multiplied; 1: off.
            penalty_freq: what is subtracted for each time that the token came.
            penalty_present: what is subtracted if it came.

        Raises:
            InvalidArgumentError: a value that can't be.
        """
        for name, value in (
            ("penalty_repeat", penalty_repeat),
            ("penalty_freq", penalty_freq),
            ("penalty_present", penalty_present),
        ):
            if not math.isfinite(_number("penalties", name, value)):
                raise InvalidArgumentError(f"penalties: {name} = {value}: not finite")
        if penalty_repeat <= 0:
            raise InvalidArgumentError(f"penalties: penalty_repeat = {penalty_repeat}: more than 0 is needed, 1 is off")
        made = _by_name(
            llamacffi.llama_sampler_init_penalties,
            n_vocab=_n_vocab("penalties", vocab),
            penalty_last_n=penalty_last_n,
            penalty_repeat=penalty_repeat,
            penalty_freq=penalty_freq,
            penalty_present=penalty_present,
        )
        return cls._of(made)

    @classmethod
    def dry(
        cls,
        vocab: Vocabulary,
        dry_multiplier: float,
        dry_base: float = 1.75,
        dry_allowed_length: int = 2,
        dry_penalty_last_n: int = 64,
        seq_breakers: Sequence[str] = ("\n", ":", '"', "*"),
    ) -> Sampler:
        """Makes tokens less likely that would repeat a sequence (C: `llama_sampler_init_dry`).

        Args:
            vocab: a Model, a Vocab, or the handle of either.
            dry_multiplier: how much; 0: off.
            dry_base: what that is multiplied by for each token of the sequence beyond the allowed length.
            dry_allowed_length: how long a sequence may be repeated.
            dry_penalty_last_n: how many of the latest tokens count; 0: none.
            seq_breakers: texts that end a sequence.
        """
        handle, parents = _vocab("dry", vocab)
        breakers = _listed("seq_breakers", seq_breakers)
        made = _by_name(
            llamacffi.llama_sampler_init_dry,
            vocab=handle,
            n_ctx_train=max(0, dry_penalty_last_n),
            dry_multiplier=dry_multiplier,
            dry_base=dry_base,
            dry_allowed_length=dry_allowed_length,
            dry_penalty_last_n=dry_penalty_last_n,
            seq_breakers=breakers,
            num_breakers=len(breakers),
        )
        return cls._of(made, *parents)

    @classmethod
    def logit_bias(cls, vocab: Union[Vocabulary, int], logit_bias: LogitBias) -> Sampler:
        """Adds to the logits of some tokens (C: `llama_sampler_init_logit_bias`).

        Args:
            vocab: a Model, a Vocab, the handle of either, or the number of its tokens.
            logit_bias: what to add, by token, or pairs of both; `-math.inf` forbids a token.

        Raises:
            InvalidArgumentError: there is no such token, or it is no number.
        """
        n_vocab = _n_vocab("logit_bias", vocab)
        pairs = _pairs(logit_bias)
        for token, bias in pairs:
            if not 0 <= token < n_vocab:
                raise InvalidArgumentError(f"logit_bias: there is no token {token}: there are {n_vocab}")
            _number("logit_bias", f"[{token}]", bias)
        return cls._of(
            llamacffi.llama_sampler_init_logit_bias(n_vocab, len(pairs), ffi.new("llama_logit_bias[]", pairs))
        )

    @classmethod
    def infill(cls, vocab: Vocabulary) -> Sampler:
        """For filling in a text's middle, after top-k and top-p (C: `llama_sampler_init_infill`).

        Args:
            vocab: a Model, a Vocab, or the handle of either, which must outlive it.
        """
        handle, parents = _vocab("infill", vocab)
        return cls._of(llamacffi.llama_sampler_init_infill(handle), *parents)


# The keywords of Sampler that are compared before C gets them.
_FLOATS = frozenset(
    {
        "adaptive_target",
        "dry_multiplier",
        "dynatemp_range",
        "frequency_penalty",
        "min_p",
        "presence_penalty",
        "repeat_penalty",
        "temperature",
        "top_k",
        "top_n_sigma",
        "top_p",
        "typical_p",
        "xtc_probability",
    }
)


def _listed(name: str, values: Any) -> list[Any]:
    return several(name, values, "a single one goes into a list")


def _number(function: str, name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ArgumentTypeError(f"{function}: {name} = {value!r}: not a number") from None
    if math.isnan(number):
        raise InvalidArgumentError(f"{function}: {name} = {value!r}: not a number")
    return number


def _new_chain(no_perf: bool) -> llama_sampler_p:
    params = llamacffi.llama_sampler_chain_default_params()
    params.no_perf = no_perf
    return llamacffi.llama_sampler_chain_init(params)


def _by_name(function: Callable[..., llama_sampler_p], **arguments: Any) -> llama_sampler_p:
    """Call a function with those of its arguments that it has: llama.cpp's versions differ."""
    code = function.__code__
    return function(*(arguments[name] for name in code.co_varnames[: code.co_argcount]))


def _seed(seed: Optional[int]) -> int:
    return int(lib.LLAMA_DEFAULT_SEED) if seed is None else seed


def _vocab(function: str, source: Any) -> tuple[llama_vocab_p, tuple[Owner[Any], ...]]:
    """The vocabulary's handle, and what must outlive whatever uses it."""
    handle: Any = getattr(source, "handle", source)
    given: Any = handle
    kind = ffi.typeof(handle).cname if isinstance(handle, ffi.CData) else ""
    if "struct llama_model *" in kind:
        given = llamacffi.llama_model_get_vocab(given)
    elif "struct llama_vocab *" not in kind:
        raise InvalidArgumentError(
            f"Sampler: {function} needs the vocabulary: give a Model, a Vocab, or the handle of one as the first "
            f"argument, not {source!r}"
        )
    owner: Any = source
    return given, (owner,) if isinstance(source, Owner) else ()


def _n_vocab(function: str, source: Any) -> int:
    if isinstance(source, int):
        return source
    return int(llamacffi.llama_vocab_n_tokens(_vocab(function, source)[0]))


def _pairs(logit_bias: Optional[LogitBias]) -> list[tuple[int, float]]:
    if logit_bias is None:
        return []
    try:
        given: Any = logit_bias
        pairs = given.items() if isinstance(logit_bias, Mapping) else given
        return [(int(token), float(bias)) for token, bias in pairs]
    except (TypeError, ValueError) as error:
        raise ArgumentTypeError(f"logit_bias: a dict of numbers by token is needed: {error}") from None


def _suppressed(vocab: Any) -> list[tuple[int, float]]:
    """The tokens that the model says are never to be chosen."""
    if vocab is None or not hasattr(lib, "llama_vocab_get_suppress_tokens"):  # not in older ones
        return []
    n = ffi.new("int32_t *")
    tokens = llamacffi.llama_vocab_get_suppress_tokens(_vocab("suppressing tokens", vocab)[0], n)
    return [(token, -math.inf) for token in (tokens[0 : n[0]] if n[0] else ())]


def _escaped(word: str) -> str:
    """A word as a regular expression."""
    return "".join("\\" + each if each in ".^$|()*+?[]{}\\" else each for each in word)


def _name_of(function: Any) -> str:
    return str(getattr(function, "__name__", type(function).__name__))
