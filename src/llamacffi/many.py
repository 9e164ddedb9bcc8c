"""Texts from many prompts at once, through one context: continuous batching."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Optional, Union

from .errors import InvalidArgumentError
from .held import forget, n_common, shorten
from .loop import REASONS, WHOLE_US, End, Loop, Prompt, Stop, check_room, to_end, to_prompts
from .native import ffi, lib
from .owner import Owner
from .samplers import Sampler

if TYPE_CHECKING:
    from .context import Context


class Generations(Loop["tuple[int, str]"]):
    """The texts that a model makes of many prompts at once: an iterator of (the prompt's index, a piece of its text).

    `Context.generate_many` and `Model.generate_many` make it.

    Attributes:
        prompts: each prompt's tokens, a list of lists of int.
        tokens: the tokens made so far for each prompt, a list of lists of int.
        stop_reasons: why each text has ended, as `Generation.stop_reason` has it; None while it goes on.
        n_shared: how many tokens all prompts begin with, which are decoded only once.
    """

    def __init__(
        self,
        context: Context,
        prompts: list[list[int]],
        sampler: Sampler,
        end: End,
        step: Optional[int],
        deadline: Optional[float],
    ) -> None:
        self.prompts = prompts
        self.tokens: list[list[int]] = [[] for _ in prompts]
        self.stop_reasons: list[Optional[str]] = [None] * len(prompts)
        self._texts: list[list[str]] = [[] for _ in prompts]
        self._waiting = deque(range(len(prompts)))
        self._going: dict[int, tuple[int, Any, Sampler]] = {}  # by the sequence's number
        self._ready: deque[tuple[int, str]] = deque()
        self._sampler, self._end_at = sampler, end
        n_seq = min(context.n_seq_max, len(prompts))
        self._idle = list(range(n_seq))
        self._held = dict.fromkeys(self._idle, 0)  # how many positions each sequence has in memory
        shortest = min(map(len, prompts), default=0)
        self.n_shared: int = min(n_common(prompts), shortest - 1) if n_seq > 1 else 0
        self._shares: Any = None
        super().__init__(context, self._idle, [sampler], step, deadline)

    def _begin(self) -> None:
        for seq in self._idle:
            forget(self._context, seq)
        if self.n_shared:
            alone = self._end_at._replace(n_predict=0)
            self._shares = self._add(0, self.prompts[0][: self.n_shared], 0, self._sampler, alone)

    def texts(self) -> list[str]:
        """Read what is still to come, and return the whole texts, in the order of the prompts."""
        self._step_us = WHOLE_US
        for _ in self:
            pass
        return ["".join(pieces) for pieces in self._texts]

    def _read(self) -> Optional[tuple[int, str]]:
        while not self._ready:
            if self._handle is None:
                return None
            self._step()
            if not self._shares and not self._going and not self._waiting and not self._ready:
                self.close()
        return self._ready.popleft()

    def _prepare(self) -> bool:
        if self._handle is None:
            return False
        if not self._shares:
            self._fill()
        return bool(self._shares or self._going)

    def _fill(self) -> None:
        """Have waiting prompts take the free sequences."""
        while self._idle and self._waiting:
            seq, index = self._idle.pop(0), self._waiting.popleft()
            sampler = self._sampler.clone()
            try:
                sampler.reset()  # random numbers of its own, unless there is a seed
                sequence = self._add(seq, self.prompts[index], self._held[seq], sampler, self._end_at)
            except BaseException:
                sampler.close()
                raise
            self._going[seq] = index, sequence, sampler

    def _collect(self) -> None:
        """Take over what a step has made."""
        if self._shares:
            self._collect_shared()
            return
        for seq, (index, sequence, sampler) in list(self._going.items()):
            if sequence.n_tokens:
                self.tokens[index] += ffi.unpack(sequence.tokens, sequence.n_tokens)
            if sequence.text_size:
                text = ffi.buffer(sequence.text, sequence.text_size)[:].decode("utf-8", "replace")
                self._texts[index].append(text)
                self._ready.append((index, text))
            if not sequence.stop:
                continue
            self.stop_reasons[index] = REASONS[sequence.stop]
            lib.llamacffi_loop_remove(self.handle, sequence)
            del self._going[seq]
            sampler.close()
            self._idle.append(seq)
            # What all prompts begin with stays for the next one, if this model's memory can be shortened.
            kept = self.n_shared and shorten(self._context, seq, self.n_shared)
            self._held[seq] = self.n_shared if kept else forget(self._context, seq)
            if sequence.stop in (lib.LLAMACFFI_STOP_CANCELLED, lib.LLAMACFFI_STOP_DEADLINE):
                self._give_up(self.stop_reasons[index])

    def _give_up(self, why: Optional[str]) -> None:
        while self._waiting:
            self.stop_reasons[self._waiting.popleft()] = why

    def _collect_shared(self) -> None:
        sequence = self._shares
        if not sequence.stop:
            return
        why, whole = REASONS[sequence.stop], not sequence.n_prompt
        lib.llamacffi_loop_remove(self.handle, sequence)
        self._shares = None
        if not whole:
            forget(self._context, 0)
            self._give_up(why)
            return
        for seq in self._idle:
            if seq:
                self._context.memory.copy(0, seq)
            self._held[seq] = self.n_shared

    def _end(self) -> None:
        for seq, (index, _, sampler) in self._going.items():
            self.stop_reasons[index] = "cancelled"
            sampler.close()
            forget(self._context, seq)
        self._going.clear()
        self._give_up("cancelled")
        for seq in self._held:
            forget(self._context, seq)


def generate_many(
    context: Context,
    prompts: Iterable[Prompt],
    *,
    max_tokens: Optional[int] = None,
    stop: Union[Stop, Iterable[Stop], None] = (),
    sampler: Optional[Sampler] = None,
    step: Optional[int] = None,
    deadline: Optional[float] = None,
    ignore_eog: bool = False,
    add_special: bool = True,
    parse_special: bool = True,
    closes: Optional[Owner[Any]] = None,
    **sampling: Any,
) -> Generations:
    """Continue many prompts through one context, as many at once as it has sequences (`n_seq_max`).

    When a text ends, the next prompt takes its place at once. What all prompts begin with is computed once. Each text
    has a clone of the sampler to itself. The context's memory is empty afterwards.

    Args:
        prompts: texts, or lists of tokens.
        closes: what to close when this ends.
        Everything else: as for `generate`.

    Raises:
        As `generate`.
    """
    vocab = context.model.vocab
    if context.model.has_encoder:
        raise InvalidArgumentError("a model with an encoder can't serve many prompts at once: use generate()")
    tokens = to_prompts(vocab, prompts, add_special, parse_special)
    end = to_end(context, max_tokens, stop, ignore_eog)
    check_room(tokens, end.limit)
    with ExitStack() as undo:
        sampler, own = Sampler.from_options(vocab, sampler, **sampling)
        if own:
            undo.callback(sampler.close)
        made = Generations(context, tokens, sampler, end, step, deadline)
        undo.callback(made.close)
        with made._beginning():
            made._begin()
        made._closes = [each for each in (closes, sampler if own else None) if each]
        undo.pop_all()
    return made
