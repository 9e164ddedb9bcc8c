"""A context: what computes with a model, what it remembers, and what came out last."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, Optional, Union

import llamacffi

from . import arrays, held, logs, states
from .batch import Batch, dense
from .errors import ArgumentTypeError, InvalidArgumentError, LlamaError, reason
from .memory import Memory
from .model import Model
from .native import ffi
from .owner import Owner
from .params import enum_name, fill, processors
from .tokens import as_tokens
from .types import llama_context_p

if TYPE_CHECKING:
    from .adapters import LoraAdapter
    from .generation import Generation
    from .many import Generations
    from .samplers import Sampler
    from .tokens import Tokens
    from .types import BufferLike


class Perf(NamedTuple):
    """What a context has done since it was made, or `perf_reset()`.

    A context takes times only if it is made with `no_perf=False`.

    Attributes:
        t_start_ms: when it was made: milliseconds of a clock that began at any time.
        t_load_ms: milliseconds that loading the model took.
        t_p_eval_ms, n_p_eval: milliseconds spent on, and number of, tokens of prompts: those decoded together.
        t_eval_ms, n_eval: the same of tokens that were decoded alone.
        n_reused: how often a compute graph could be used again.
    """

    t_start_ms: float
    t_load_ms: float
    t_p_eval_ms: float
    t_eval_ms: float
    n_p_eval: int
    n_eval: int
    n_reused: int


class Sampled(NamedTuple):
    """What was sampled where it was computed; what the sampler does not make is None.

    Attributes:
        token: the token that was chosen.
        candidates: the tokens that were left to choose from, int32; None, all of the vocabulary in its order.
        probs, logits: theirs, float32. All three are views, as of `Context.logits()`.
    """

    token: Optional[int]
    candidates: Any
    probs: Any
    logits: Any


class Context(Owner[llama_context_p]):
    """A context over a model: it decodes tokens, and remembers them by sequence and position.

    It is for one thread at a time: another's call raises `BusyError`. Several contexts over one model are independent.

    Args:
        model: the model, which outlives it.
        n_ctx: for how many tokens there is room, those of all sequences together; 0, as many as the model was
            trained on.
        n_batch: how many tokens can be decoded together.
        n_ubatch: how many of them are computed at once.
        n_seq_max: how many sequences there can be.
        n_threads, n_threads_batch: how many threads compute single tokens, and several; None, one for each processor
            that this process may use.
        **params: any other field of C's `struct llama_context_params` by its name: `embeddings=True`,
            `pooling_type="mean"`, `type_k="q8_0"`, `flash_attn_type="enabled"`, `no_perf=False`,
            `abort_callback=function`, `samplers={0: sampler}`; enums by llama.cpp's short names, or as numbers.

    What is None is llama.cpp's default.

    Raises:
        LlamaError: llama.cpp can't make such a context; the message has its reason.
        InvalidArgumentError: there is no such parameter, or C can't take its value.

    C: `llama_init_from_model`, `llama_free`; the handle is a `struct llama_context *`.
    """

    _free = "llama_free"

    def __init__(
        self,
        model: Model,
        *,
        n_ctx: Optional[int] = None,
        n_batch: Optional[int] = None,
        n_ubatch: Optional[int] = None,
        n_seq_max: Optional[int] = None,
        n_threads: Optional[int] = None,
        n_threads_batch: Optional[int] = None,
        **params: Any,
    ) -> None:
        struct = llamacffi.llama_context_default_params()
        n_threads = processors() if n_threads is None else n_threads
        values = {
            "n_ctx": n_ctx,
            "n_batch": n_batch,
            "n_ubatch": n_ubatch,
            "n_seq_max": n_seq_max,
            "n_threads": n_threads,
            "n_threads_batch": n_threads if n_threads_batch is None else n_threads_batch,
            **params,
        }
        fill(struct, values, "Context")
        kept = logs.Kept()
        try:
            with kept:
                handle = llamacffi.llama_init_from_model(model.handle, struct)
        finally:
            # A model without a pooling type (-1) has to be told one: that this differs is no news.
            kept.pass_on(but="model default pooling_type is [-1]")
        if not handle:
            raise LlamaError("llama.cpp could not make this context", native=reason())
        other: Any = params.get("ctx_other")
        others: list[Any] = [other] if isinstance(params.get("ctx_other"), Owner) else []
        self._begin(handle, model, *others)
        samplers: dict[int, Any] = params.get("samplers") or {}
        for seq, sampler in samplers.items():
            if isinstance(sampler, Owner):
                self._samplers[seq] = _Attachment(self, samplers[seq])

    @classmethod
    def from_handle(cls, handle: llama_context_p) -> Context:
        """A `struct llama_context *` as an object, which borrows it: closing this does not free the context.

        Raises:
            LlamaError: it is no context, or was freed.
        """
        context = cls.__new__(cls)
        context._begin(handle, Model.from_handle(llamacffi.llama_get_model(handle)))
        context._owned = False
        return context

    def _begin(self, handle: llama_context_p, model: Model, *others: Owner[Any]) -> None:
        super().__init__(handle, model, *others)
        self._memory: Optional[weakref.ref[Memory]] = None  # a weak one: it holds the context
        self._loras: dict[LoraAdapter, tuple[float, _Attachment]] = {}
        self._samplers: dict[int, _Attachment] = {}
        self._held: dict[int, list[int]] = {}  # held.py's
        self._held_version = 0
        self._begun: set[int] = set()
        self._version = version = arrays.version_of(handle)
        self._n_vocab = int(llamacffi.llama_vocab_n_tokens(llamacffi.llama_model_get_vocab(model.handle)))
        self._n_embd = int(getattr(llamacffi, "llama_model_n_embd_out", llamacffi.llama_model_n_embd)(model.handle))
        ranks = self.pooling_type == "rank"
        self._n_pooled = int(llamacffi.llama_model_n_cls_out(model.handle)) if ranks else self._n_embd
        self._logits = arrays.Rows(Context._logits_at, self._n_vocab, version)
        self._embeddings = arrays.Rows(Context._embeddings_at, self._n_embd, version)
        self._embeddings_seq = arrays.Rows(Context._embeddings_of, self._n_pooled, version)

    # --- what it is ---

    @property
    def model(self) -> Model:
        """The model. C: `llama_get_model`.

        Raises:
            FreedHandleError: the context was closed.
        """
        self.handle  # noqa: B018 - raises
        parents: tuple[Any, ...] = self._parents
        model: Model = parents[0]
        return model

    @property
    def memory(self) -> Memory:
        """What it remembers, as an object that is a part of it. C: `llama_get_memory`."""
        memory = self._memory() if self._memory else None
        if memory is None or memory.closed:
            memory = Memory(self)
            self._memory = weakref.ref(memory)
        return memory

    @property
    def n_ctx(self) -> int:
        """For how many tokens there is room. C: `llama_n_ctx`."""
        return int(llamacffi.llama_n_ctx(self.handle))

    @property
    def n_ctx_seq(self) -> int:
        """For how many tokens of each sequence there is room. C: `llama_n_ctx_seq`."""
        # Where there is no such function, all sequences share one cache.
        return int(getattr(llamacffi, "llama_n_ctx_seq", llamacffi.llama_n_ctx)(self.handle))

    @property
    def n_batch(self) -> int:
        """How many tokens can be decoded together. C: `llama_n_batch`."""
        return int(llamacffi.llama_n_batch(self.handle))

    @property
    def n_ubatch(self) -> int:
        """How many tokens are computed at once. C: `llama_n_ubatch`."""
        return int(llamacffi.llama_n_ubatch(self.handle))

    @property
    def n_seq_max(self) -> int:
        """How many sequences there can be. C: `llama_n_seq_max`."""
        return int(llamacffi.llama_n_seq_max(self.handle))

    @property
    def n_embd(self) -> int:
        """How many numbers each embedding has that it makes of a token. C: `llama_model_n_embd_out`."""
        return self._n_embd

    @property
    def pooling_type(self) -> str:
        """How a sequence's embeddings become one: "none", "mean", "cls", "last", "rank". C: `llama_pooling_type`."""
        return str(enum_name("llama_pooling_type", llamacffi.llama_pooling_type(self.handle)))

    @property
    def n_threads(self) -> int:
        """How many threads compute single tokens; it can be set. C: `llama_n_threads`, `llama_set_n_threads`."""
        return int(llamacffi.llama_n_threads(self.handle))

    @n_threads.setter
    def n_threads(self, n: int) -> None:
        llamacffi.llama_set_n_threads(self.handle, n, self.n_threads_batch)

    @property
    def n_threads_batch(self) -> int:
        """How many threads compute several tokens; it can be set. C: `llama_n_threads_batch`, `llama_set_n_threads`."""
        return int(llamacffi.llama_n_threads_batch(self.handle))

    @n_threads_batch.setter
    def n_threads_batch(self, n: int) -> None:
        llamacffi.llama_set_n_threads(self.handle, self.n_threads, n)

    @property
    def causal_attn(self) -> bool:
        """Whether tokens see only what is before them. C: `llama_get_causal_attn`."""
        return bool(llamacffi.llama_get_causal_attn(self.handle))

    def set_causal_attn(self, on: bool) -> None:
        """Have tokens see only what is before them, or all of their batch. C: `llama_set_causal_attn`."""
        llamacffi.llama_set_causal_attn(self.handle, on)

    def set_embeddings(self, on: bool) -> None:
        """Have `decode()` make embeddings, too, from the next call on. C: `llama_set_embeddings`."""
        llamacffi.llama_set_embeddings(self.handle, on)

    # --- computing ---

    def decode(self, batch: Union[Batch, Tokens, int]) -> None:
        """Compute tokens, and remember them.

        Args:
            batch: a `Batch`; or tokens, as an array, list or other sequence, or a single one, that continue sequence 0.
                The last of such tokens gets an output; if the context makes embeddings, all of them do.

        More than `n_batch` tokens are decoded in parts, of which the last one's outputs remain; a `Batch` that wants
        outputs of others is refused.

        Raises:
            LlamaError: there is no room for them in the context, the work was aborted, or failed. The message says
                which; in the first case nothing has changed.
            InvalidArgumentError: these are no tokens of the vocabulary, or their positions don't follow.
            KeyboardInterrupt, or what a callback raises: computing was interrupted.

        C: `llama_decode`.
        """
        with batch.in_use() if isinstance(batch, Batch) else nullcontext():
            self._compute(llamacffi.llama_decode, batch, self._in_parts())

    def encode(self, batch: Union[Batch, Tokens, int]) -> None:
        """Compute tokens with the encoder, remembering nothing but what the decoder is to see.

        Args:
            batch: as for `decode()`, `n_batch` tokens at most: each sees all others.

        Raises:
            LlamaError, InvalidArgumentError, KeyboardInterrupt: as there; or the model has no encoder.

        C: `llama_encode`.
        """
        with batch.in_use() if isinstance(batch, Batch) else nullcontext():
            self._compute(llamacffi.llama_encode, batch, False)

    def _in_parts(self) -> bool:
        return bool(llamacffi.llama_get_memory(self.handle))

    def _compute(self, function: Any, batch: Any, in_parts: bool) -> None:
        handle = self.handle
        if isinstance(batch, Batch):
            struct = batch.handle
            n = struct.n_tokens
            if n > self.n_batch and in_parts:
                self._check_outputs(batch)
                parts: Any = batch.parts(self.n_batch)
            else:
                parts = (struct,)
        else:
            ids, n = as_tokens(batch, single=True)
            size = self.n_batch if in_parts else n
            parts = (
                llamacffi.llama_batch_get_one(ids + start, min(size, n - start)) for start in range(0, n, size or 1)
            )
        if n == 0:
            raise InvalidArgumentError("there are no tokens to compute")
        for part in parts:
            status = function(handle, part)
            if status:
                self._raise_status(status, part.n_tokens)

    def _check_outputs(self, batch: Batch) -> None:
        n_batch = self.n_batch
        n = len(batch)
        kept = n - ((n - 1) % n_batch + 1)
        if any(ffi.buffer(batch.handle.logits, kept)[:]):
            raise InvalidArgumentError(
                f"{n} tokens are more than the context's n_batch = {n_batch} and are decoded in parts: only of the "
                f"last part (from index {kept}) can there be outputs"
            )

    def _raise_status(self, status: int, n: int) -> NoReturn:
        if status == 1:
            raise LlamaError(
                f"no room for {n} more tokens in the context (n_ctx = {self.n_ctx}, n_seq_max = {self.n_seq_max}): "
                "remove tokens or sequences from its memory, or make a context with a larger n_ctx",
                native=reason(),
            )
        if status == 2:
            raise LlamaError("computing was aborted; parts of the batch may be in the memory: see memory.pos_max()")
        if status == -1:
            raise InvalidArgumentError(f"llama.cpp does not take this batch of {n} tokens", native=reason())
        raise LlamaError(
            f"computing failed ({status}); parts of the batch may be in the memory: see memory.pos_max()",
            native=reason(),
        )

    def set_abort_callback(self, function: Optional[Callable[[], bool]]) -> None:
        """Have a function called now and then while the CPU computes: if it returns True, that is aborted.

        Args:
            function: without arguments; None, no more.

        C: `llama_set_abort_callback`.
        """
        llamacffi.llama_set_abort_callback(self.handle, function, None)

    def synchronize(self) -> None:
        """Wait until all is computed, as reading an output does by itself. C: `llama_synchronize`."""
        llamacffi.llama_synchronize(self.handle)

    # --- outputs ---

    def logits(self, i: int = -1) -> Any:
        """The logits of one token of the latest batch: what each token of the vocabulary has to be the next one.

        Args:
            i: the token's index in the batch; negative: counted from the last of those that have an output.

        Returns:
            A float32 array of shape (vocabulary,): a view, without a copy. It may be written to, and is stale after the
            next `decode()` (see `arrays`). Asking again gives the same object. Without NumPy, a `memoryview`.

        Raises:
            LlamaError: there was no such token, or no output was asked for it.

        C: `llama_get_logits_ith`.
        """
        return self._logits.get(self, i)

    def logits_all(self) -> Any:
        """The logits of all tokens of the latest batch that have an output, in its order.

        Returns:
            Such a view, of shape (outputs, vocabulary).

        Raises:
            LlamaError: there are none.

        C: `llama_get_logits`.
        """
        return self._all(self._logits_at, llamacffi.llama_get_logits, self._n_vocab)

    def embeddings(self, i: int = -1) -> Any:
        """The embedding of one token of the latest batch, if the context makes embeddings and does not pool them.

        Args:
            i: as for `logits()`.

        Returns:
            Such a view, of shape (`n_embd`,).

        Raises:
            LlamaError: there is none.

        C: `llama_get_embeddings_ith`.
        """
        return self._embeddings.get(self, i)

    def embeddings_all(self) -> Any:
        """The embeddings of all tokens of the latest batch that have an output.

        Returns:
            Such a view, of shape (outputs, `n_embd`).

        Raises:
            LlamaError: there are none.

        C: `llama_get_embeddings`.
        """
        return self._all(self._embeddings_at, llamacffi.llama_get_embeddings, self._n_embd)

    def embeddings_seq(self, seq: int = 0) -> Any:
        """The embedding of a sequence of the latest batch, made of its tokens' as `pooling_type` says.

        Returns:
            Such a view, of shape (`n_embd`,); with "rank", the scores that the classifier gives, (outputs,).

        Raises:
            LlamaError: there is none: the sequence was not in the batch, or embeddings are not made, or not pooled.

        C: `llama_get_embeddings_seq`.
        """
        return self._embeddings_seq.get(self, seq)

    def _logits_at(self, i: int) -> Any:
        pointer = llamacffi.llama_get_logits_ith(self._handle or self.handle, i)
        if not pointer:
            raise LlamaError(f"no logits of token {i}", native=reason())
        return pointer

    def _embeddings_at(self, i: int) -> Any:
        pointer = llamacffi.llama_get_embeddings_ith(self._handle or self.handle, i)
        if not pointer:
            hint = ""
            if self.pooling_type != "none":
                hint = f" (pooling_type is {self.pooling_type}: see embeddings_seq())"
            raise LlamaError(f"no embedding of token {i}{hint}", native=reason())
        return pointer

    def _embeddings_of(self, seq: int) -> Any:
        pointer = llamacffi.llama_get_embeddings_seq(self._handle or self.handle, seq)
        if not pointer:
            raise LlamaError(
                f"no embedding of sequence {seq} (pooling_type is {self.pooling_type}): it was not in the batch that "
                "was computed last, or the context does not make embeddings, or does not pool them",
                native=reason(),
            )
        return pointer

    def _all(self, at: Any, first: Any, n: int) -> Any:
        last = at(-1)
        begin = first(self.handle)
        return arrays.view(begin, ((last - begin) // n + 1, n), "f", version=self._version)

    # --- adapters, samplers ---

    def set_lora(self, adapters: Mapping[LoraAdapter, float]) -> None:
        """Use these LoRA adapters, and no others, from now on.

        Args:
            adapters: each with its scale, 1.0 for its full effect. {} uses none. One that is closed is taken out.

        Raises:
            InvalidArgumentError: an adapter of another model, or one that was closed.

        C: `llama_set_adapters_lora`.
        """
        if not isinstance(adapters, Mapping) or not all(isinstance(adapter, Owner) for adapter in adapters):
            raise ArgumentTypeError(f"adapters = {adapters!r}: must be a dict of LoraAdapters, each with its scale")
        try:
            scales = {adapter: float(scale) for adapter, scale in adapters.items()}
        except (TypeError, ValueError, OverflowError) as error:
            raise InvalidArgumentError(f"adapters: a scale must be a number: {error}") from None
        self._apply_loras(scales)
        old, self._loras = self._loras, {}
        for adapter, (_, attachment) in old.items():
            if adapter not in adapters:
                attachment.forget()
        for adapter, scale in scales.items():
            attachment = old[adapter][1] if adapter in old else _Attachment(self, adapter)
            self._loras[adapter] = scale, attachment

    def _apply_loras(self, adapters: Mapping[LoraAdapter, float]) -> None:
        handles = [adapter.handle for adapter in adapters]
        scales = list(adapters.values())
        status = llamacffi.llama_set_adapters_lora(self.handle, handles, len(handles), scales)
        if status:
            raise LlamaError("llama.cpp could not set these adapters", native=reason())
        held.changed(self)  # with other weights, prompts begin otherwise

    def set_control_vector(self, data: Optional[BufferLike], *, layers: Optional[tuple[int, int]] = None) -> None:
        """Add a control vector to what the layers compute, from now on.

        Args:
            data: float32, of shape (layers, `n_embd`), the first row being layer 1's; None takes away what was set.
            layers: the first and the last layer that it is applied to; None, all of them.

        Raises:
            InvalidArgumentError: an array of another shape.
            LlamaError: llama.cpp does not take it.

        C: `llama_set_adapter_cvec`.
        """
        handle, n_embd = self.handle, self.model.n_embd
        values: Any = ffi.NULL
        n = 0
        if data is not None:
            try:
                given: Any = data
                memory = memoryview(given)
            except TypeError as error:
                raise ArgumentTypeError(f"a control vector is a float32 array: {error}") from None
            shape = memory.shape or ()
            if memory.format != "f" or len(shape) != 2 or shape[1] != n_embd:
                raise InvalidArgumentError(
                    f"a control vector is a float32 array of shape (layers, {n_embd}), not of shape {memory.shape} and "
                    f"format {memory.format!r}"
                )
            values = ffi.from_buffer("float[]", dense(data))
            n = len(values)
        first, last = layers or (1, self.model.n_layer)
        if llamacffi.llama_set_adapter_cvec(handle, values, n, n_embd, first, last):
            raise LlamaError("llama.cpp could not set this control vector", native=reason())
        held.changed(self)

    def set_sampler(self, seq: int, sampler: Optional[Sampler]) -> bool:
        """Have a sequence's tokens sampled where they are computed, as on a GPU. (An experiment of llama.cpp's.)

        Args:
            seq: the sequence.
            sampler: a chain, which outlives its use here; None, no more.

        Returns:
            Whether the backend does so; if not, sample as usual.

        Raises:
            InvalidArgumentError: it is no chain, or made for another vocabulary.

        C: `llama_set_sampler`.
        """
        if sampler is not None and not isinstance(sampler, Owner):
            raise ArgumentTypeError(f"sampler = {sampler!r}: must be a Sampler, or None")
        handle = ffi.NULL if sampler is None else sampler.handle
        done = bool(llamacffi.llama_set_sampler(self.handle, seq, handle))
        before = self._samplers.pop(seq, None)
        if before is not None:
            before.forget()
        if done and sampler is not None:
            self._samplers[seq] = _Attachment(self, sampler)
        return done

    def sampled(self, i: int = -1) -> Sampled:
        """What came of sampling in the context, after `set_sampler()`, for one token of the latest batch.

        Args:
            i: as for `logits()`.

        C: `llama_get_sampled_token_ith`, `llama_get_sampled_probs_ith`, `llama_get_sampled_logits_ith`,
        `llama_get_sampled_candidates_ith`.
        """
        handle, version = self.handle, self._version

        def view(what: str, dtype: str) -> Any:
            pointer = getattr(llamacffi, f"llama_get_sampled_{what}_ith")(handle, i)
            n = getattr(llamacffi, f"llama_get_sampled_{what}_count_ith")(handle, i)
            return arrays.view(pointer, n, dtype, version=version) if pointer and n else None

        token = llamacffi.llama_get_sampled_token_ith(handle, i)
        chosen = None if token == llamacffi.LLAMA_TOKEN_NULL else token
        return Sampled(chosen, view("candidates", "i"), view("probs", "f"), view("logits", "f"))

    def _detach(self, attachment: _Attachment) -> None:
        """Let go of what is about to be closed."""
        for adapter, (_, each) in list(self._loras.items()):
            if each is attachment:
                self._apply_loras({key: scale for key, (scale, _) in self._loras.items() if key is not adapter})
                del self._loras[adapter]
        for seq, each in list(self._samplers.items()):
            if each is attachment:
                llamacffi.llama_set_sampler(self.handle, seq, ffi.NULL)
                del self._samplers[seq]

    # --- states ---

    def state(self, *, seq: Optional[int] = None) -> bytes:
        """What it remembers, to be restored by `set_state()` of a context over the same model.

        Args:
            seq: a single sequence; None, all.

        C: `llama_state_get_data`, `llama_state_seq_get_data`.
        """
        return states.read(self.handle, seq)

    def set_state(self, data: BufferLike, *, seq: Optional[int] = None) -> None:
        """Restore what `state()` has given. What it remembered before, of this sequence or at all, is gone.

        Args:
            data: bytes, or whatever else has them.
            seq: the sequence that it becomes; None, if it is the state of all.

        Raises:
            LlamaError: it is no such state, or of another model, or does not fit; what the context (the sequence)
                remembered may be gone then.

        C: `llama_state_set_data`, `llama_state_seq_set_data`.
        """
        handle = self.handle
        held.changed(self, *([] if seq is None else [seq]))
        states.write(handle, data, seq)

    def save_state(
        self, path: Union[str, os.PathLike[str]], tokens: Optional[Tokens] = None, *, seq: Optional[int] = None
    ) -> None:
        """Write `state()` to a file, which appears under its name once it is whole.

        Args:
            path: the file.
            tokens: what `load_state()` is to return; None, the tokens that the sequence (the first one) is known to
                hold since `generate()`.
            seq: a single sequence; None, all.

        Raises:
            LlamaError: the file can't be written; what was there before is unchanged.

        C: `llama_state_save_file`, `llama_state_seq_save_file`.
        """
        states.save(self.handle, path, held.tokens(self, seq or 0) if tokens is None else tokens, seq)

    def load_state(self, path: Union[str, os.PathLike[str]], *, seq: Optional[int] = None) -> list[int]:
        """Restore what `save_state()` has written.

        Args:
            path: the file.
            seq: the sequence that it becomes; None, if it is the state of all.

        Returns:
            The tokens that were saved with it.

        Raises:
            LlamaError: it can't be read, is no such file, or of another model, or does not fit; in the latter two cases
                what the context (the sequence) remembered may be gone then.

        C: `llama_state_load_file`, `llama_state_seq_load_file`.
        """
        handle = self.handle
        held.changed(self, *([] if seq is None else [seq]))
        tokens = states.load(handle, path, seq)
        held.note(self, seq or 0, tokens)
        return tokens

    # --- performance ---

    def perf(self) -> Perf:
        """Times and numbers of tokens, if it was made with `no_perf=False`. C: `llama_perf_context`."""
        data = llamacffi.llama_perf_context(self.handle)
        return Perf(*(getattr(data, name, 0) for name in Perf._fields))

    def perf_reset(self) -> None:
        """Begin to count anew. C: `llama_perf_context_reset`."""
        llamacffi.llama_perf_context_reset(self.handle)

    # --- what other modules do with it ---

    def generate(self, prompt: Any, **options: Any) -> Generation:
        """Continue a prompt: see `generation.generate`."""
        from .generation import generate

        return generate(self, prompt, **options)

    def generate_many(self, prompts: Sequence[Any], **options: Any) -> Generations:
        """Continue many prompts at once: see `many.generate_many`."""
        from .many import generate_many

        return generate_many(self, prompts, **options)

    def chat(self, messages: Sequence[Mapping[str, str]], **options: Any) -> Generation:
        """Answer in a conversation: see `chat.chat`."""
        from .chat import chat

        return chat(self, messages, **options)

    def embed(self, texts: Any, **options: Any) -> Any:
        """The embeddings of texts: see `embedding.embed`."""
        from .embedding import embed

        return embed(self, texts, **options)

    def rerank(self, query: str, documents: Sequence[str], **options: Any) -> Any:
        """How well documents answer a query: see `embedding.rerank`."""
        from .embedding import rerank

        return rerank(self, query, documents, **options)


class _Attachment(Owner[Any]):
    """That a context uses an adapter or a sampler, which can't be freed before: closing either ends it."""

    def __init__(self, context: Context, used: Owner[Any]) -> None:
        super().__init__(used.handle, context, used)
        self._owned = False
        self._context = context

    def _close_handle(self) -> None:
        self._context._detach(self)

    def forget(self) -> None:
        """The context uses it no more."""
        self._close_handle = lambda: None  # type: ignore[method-assign]
        self.close()
