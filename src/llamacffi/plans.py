"""How to sample with a chain without llama.cpp's list of the whole vocabulary, which takes longer than the rest."""

from __future__ import annotations

from typing import Any, Optional, Union

import llamacffi

from .errors import LlamaError, failure
from .native import lib
from .python_samplers import LogitsProcessors, PythonSampler
from .types import float_p, llama_context_p, llama_sampler_p

Plan = Union["tuple[()]", "tuple[Union[LogitsProcessors, PythonSampler, None], int, int, int]"]
"""What `plan_of` returns."""

# A context that samples itself, on its device, tells what it has chosen or left; not in older versions.
_SAMPLED = [
    getattr(lib, name) for name in ("llama_get_sampled_probs_ith", "llama_get_sampled_logits_ith") if hasattr(lib, name)
]


def plan_of(members: Optional[list[Any]]) -> Plan:
    """Whether a chain can be sampled so, and how.

    It can if it begins with a sampler in Python, with top-k or greedy, or with logits processors and these.

    Args:
        members: what each member of the chain is, as `Sampler` knows it.

    Returns:
        What is written in Python, if anything is; how many members there are; the first of those to be applied to the
        most likely tokens; and how many tokens that are, 0 if it is another that comes then. () if it is no such chain.
    """
    if not members:
        return ()
    in_python = members[0] if isinstance(members[0], (LogitsProcessors, PythonSampler)) else None
    place = 1 if in_python else 0
    kind = members[place] if place < len(members) else None
    if kind == "greedy":
        return in_python, len(members), place, 1
    if isinstance(kind, int) and 0 < kind <= lib.LLAMACFFI_SAMPLE_TOP:
        return in_python, len(members), place + 1, kind
    return (in_python, len(members), place, 0) if isinstance(in_python, PythonSampler) else ()


def sample_by(plan: Any, chain: llama_sampler_p, context: llama_context_p, i: int) -> Optional[int]:
    """A token, which was accepted; None if it must be sampled in the usual way."""
    in_python, n_members, first, k = plan
    n = lib.llama_vocab_n_tokens(lib.llama_model_get_vocab(llamacffi.llama_get_model(context)))
    if _SAMPLED and lib.llama_get_sampled_token_ith(context, i) != lib.LLAMA_TOKEN_NULL:
        return None
    if any(function(context, i) for function in _SAMPLED):
        return None
    logits = llamacffi.llama_get_logits_ith(context, i)
    if not logits:
        return None
    if isinstance(in_python, PythonSampler):
        token = _sample_by_python(in_python, chain, n_members, first, logits, n, k)
    else:
        if in_python:
            logits = in_python.process(logits, n)
        token = lib.llamacffi_sample_top(chain, n_members, first, logits, n, k)
    if token != lib.LLAMA_TOKEN_NULL:
        return int(token)
    if lib.llamacffi_failed():
        raise failure()
    if llamacffi.llama_sampler_chain_n(chain) == n_members:
        raise LlamaError(
            "nothing in this chain has chosen a token: its last must be one that does", "llama_sampler_sample"
        )
    return None


def _sample_by_python(
    sampler: PythonSampler, chain: llama_sampler_p, n_members: int, first: int, logits: float_p, n: int, k: int
) -> int:
    candidates = sampler.look(logits, n)
    try:
        chosen = -1 if candidates.is_listed else candidates.selected
        if chosen >= 0 and n_members == 1:
            llamacffi.llama_sampler_accept(chain, chosen)
            return chosen
        if k and chosen < 0 and not candidates.is_listed:
            return int(lib.llamacffi_sample_top(chain, n_members, first, candidates.floats, n, k))
        return int(lib.llamacffi_sample_list(chain, n_members, 1, candidates.handle))
    finally:
        candidates.end()
