"""One text from a model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Optional, Union

from . import held
from .checks import whole
from .errors import InvalidArgumentError
from .loop import REASONS, WHOLE_US, End, Loop, Prompt, Stop, check_room, to_end, to_tokens
from .native import ffi, lib
from .owner import Owner
from .progress import Progress, Watched
from .samplers import Sampler

if TYPE_CHECKING:
    from .context import Context


class Generation(Loop[str]):
    """The text that a model makes of a prompt: an iterator of its pieces, and an asynchronous one.

    `Context.generate`, `Model.generate` and their kin make it. No piece is empty, and no character is split.

    Attributes:
        prompt: the prompt's tokens, list of int.
        tokens: the tokens made so far, list of int, without one that ended the text.
        stop_reason: why the text has ended: "eog" (the model ended it), "stop" (a stop string or token), "length" (as
            many tokens as were wanted, or the context is full), "cancelled" or "deadline"; None while it goes on.
        reused: how many of the prompt's tokens the context held already.
        prompt_seconds, text_seconds: the time that the prompt has taken, and the text since, float.
    """

    def __init__(
        self,
        context: Context,
        seq: int,
        prompt: list[int],
        parents: Sequence[Owner[Any]],
        step: Optional[int],
        deadline: Optional[float],
        progress: Optional[Progress],
    ) -> None:
        self.prompt = prompt
        self.tokens: list[int] = []
        self.stop_reason: Optional[str] = None
        self.reused: int = 0
        self.prompt_seconds: float = 0.0
        self.text_seconds: float = 0.0
        self._progress = Watched(progress)
        self._seq = seq
        self._texts: list[str] = []
        self._sequence: Any = None
        # What the latest step has made: a text, how much of the prompt is done, and whether that is all.
        self._made, self._stopped = "", False
        self._done: Optional[float] = None
        super().__init__(context, [seq], parents, step, deadline)

    def _begin(self, tokens: list[int], n_held: int, sampler: Sampler, end: End) -> None:
        self._given, self.reused = tokens, n_held
        self._sequence = self._add(self._seq, tokens, n_held, sampler, end)

    def text(self) -> str:
        """Read what is still to come, and return the whole text."""
        self._step_us = WHOLE_US
        for _ in self:
            pass
        return "".join(self._texts)

    def _read(self) -> Optional[str]:
        while self.stop_reason is None and self._handle is not None:
            self._step()
            text, self._made = self._made, ""
            if self._done is not None and not self._progress(self._done):
                self.cancel()
            if self._stopped:
                self.close()
            if text:
                self._texts.append(text)
                return text
        return None

    def _collect(self) -> None:
        sequence = self._sequence
        if sequence.text_size:
            text = ffi.buffer(sequence.text, sequence.text_size)[:]
            self._made = text.decode("utf-8", "replace")
        if sequence.n_tokens:
            self.tokens += ffi.unpack(sequence.tokens, sequence.n_tokens)
        self._stopped = bool(sequence.stop)
        n_new = len(self._given) - self.reused
        in_prompt = not sequence.n_tokens and not self._stopped
        self._done = (n_new - sequence.n_prompt) / n_new if in_prompt else None

    def _end(self) -> None:
        sequence = self._sequence
        if not sequence:
            return
        self.stop_reason = REASONS.get(sequence.stop, "cancelled")
        self.prompt_seconds, self.text_seconds = sequence.prompt_us / 1e6, sequence.text_us / 1e6
        held.keep(self._context, self._seq, [*self._given, *self.tokens][: sequence.pos])
        self._sequence = None


def generate(
    context: Context,
    prompt: Prompt,
    *,
    max_tokens: Optional[int] = None,
    stop: Union[Stop, Iterable[Stop], None] = (),
    sampler: Optional[Sampler] = None,
    step: Optional[int] = None,
    deadline: Optional[float] = None,
    seq: int = 0,
    reuse: bool = True,
    ignore_eog: bool = False,
    add_special: bool = True,
    parse_special: bool = True,
    draft: Optional[Context] = None,
    n_draft: int = 8,
    progress: Optional[Progress] = None,
    closes: Optional[Owner[Any]] = None,
    **sampling: Any,
) -> Generation:
    """Continue a prompt.

    Args:
        context: whose memory serves.
        prompt: a text, or tokens (integers).
        max_tokens: the number of tokens to make; None, until the model ends the text or the context is full; 0, the
            prompt is computed and nothing made of it.
        stop: texts and tokens (integers) that end the text, and are no part of it; one, several, or None.
        sampler: what chooses the tokens; it is reset first and stays yours. None: a `Sampler` of the keywords in
            `sampling`.
        step: how many tokens a piece has; None, those that come within 4 ms, and at least one.
        deadline: when to end, in seconds from now; even within the prompt.
        seq: the number of the sequence in the context that this is. What has been generating in it is closed.
        reuse: whether tokens at the prompt's beginning that the sequence holds already are taken as they are; otherwise
            all of it is computed anew.
        ignore_eog: whether to go on where the model would end the text.
        add_special, parse_special: as `Vocab.tokenize` takes them.
        draft: a context of a smaller model with the same vocabulary, which guesses ahead: the text is chosen as without
            it, and comes quicker where it guesses right.
        n_draft: how many tokens it guesses at a time.
        progress: called after each batch of the prompt with the part that is done, 0 to 1; returning False cancels.
        closes: what to close when this ends.
        **sampling: as `Sampler` takes them: temperature, top_k, seed, grammar, …

    Raises:
        InvalidArgumentError: the prompt is empty, or does not fit into the context; an option is wrong.
        LlamaError: the native reason why it can't be done; so does reading the text.
    """
    model = context.model
    tokens = to_tokens(model.vocab, prompt, add_special, parse_special)
    end = to_end(context, max_tokens, stop, ignore_eog)
    if whole("seq", seq) >= context.n_seq_max:
        raise InvalidArgumentError(f"seq = {seq!r}: the context has {context.n_seq_max} (n_seq_max), from 0 on")
    check_room([tokens], end.limit)
    if draft is not None:
        _check_draft(context, draft, n_draft)
    with ExitStack() as undo:
        sampler, own = Sampler.from_options(model.vocab, sampler, **sampling)
        if own:
            undo.callback(sampler.close)
        else:
            sampler.reset()
        made = Generation(context, seq, tokens, [sampler, *([draft] if draft else [])], step, deadline, progress)
        undo.callback(made.close)
        with made._beginning():
            if draft:
                held.forget(draft, 0)
                lib.llamacffi_loop_draft(made.handle, draft.handle, n_draft)
            if model.has_encoder:
                context.encode(tokens)
                start = model.decoder_start_token
                tokens = [(model.vocab.bos or 0) if start is None else start]
                reuse = False
            n_held = held.begin(context, seq, tokens) if reuse else held.forget(context, seq)
            made._begin(tokens, n_held, sampler, end)
            made._closes = [each for each in (closes, sampler if own else None) if each]
        undo.pop_all()
    return made


def _check_draft(context: Context, draft: Context, n_draft: int) -> None:
    if draft is context or type(draft) is not type(context):
        raise InvalidArgumentError("draft: must be another Context, of a smaller model")
    ours, its = context.model.vocab, draft.model.vocab
    if (ours.n_tokens, ours.type, ours.bos, ours.eos) != (its.n_tokens, its.type, its.bos, its.eos):
        raise InvalidArgumentError("draft: its model has another vocabulary")
    whole("n_draft", n_draft, 1)
