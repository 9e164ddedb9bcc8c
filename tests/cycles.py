"""Makes everything and frees it, again and again; prints the memory after the warm-up, half-way, and at the end, in MB.

python tests/cycles.py cycle|own [CYCLES]
"""

from __future__ import annotations

import gc
import importlib
import logging
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any, Callable

os.environ.setdefault("OMP_WAIT_POLICY", "passive")
sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent / "tools")]

if sys.implementation.name == "pypy":
    # It goes on compiling, and keeps what it has compiled, for thousands of cycles: memory, but no leak.
    importlib.import_module("pypyjit").set_param("off")

import llamacffi  # noqa: E402
import tiny_models  # noqa: E402
from llamacffi import ffi  # noqa: E402
from llamacffi.types import ggml_tensor_p, llama_context_p, llama_model_p, llama_vocab_p  # noqa: E402

# Of each kind: how many for the warm-up, and with it; and how many MB they may leave. For each address that an object
# ever had an account is kept, and those of many objects that come and go are hardly ever the same. PyPy's heap, too,
# takes longer to settle with more kinds of objects in it.
CYCLES = {"cycle": (1000, 3000, 2), "own": (400, 1200, 8 if sys.implementation.name == "pypy" else 4)}
TOKENS = [1, 5, 7, 11]


class Trouble(Exception):
    """What a callback raises here."""


def keep(parts: list[float], part: float) -> bool:
    parts.append(part)
    return True


def shown_nothing(tensor: ggml_tensor_p, ask: bool) -> bool:
    return False


def raise_trouble(*_: Any) -> bool:
    raise Trouble


def fails(kind: type[Exception], function: Callable[..., Any], *arguments: Any, **options: Any) -> None:
    try:
        function(*arguments, **options)
    except kind:
        return
    raise AssertionError(f"{function.__name__} did not raise {kind.__name__}")


def load(path: Path, progress: Callable[[float], bool], **fields: Any) -> llama_model_p:
    params = llamacffi.llama_model_default_params()
    report = llamacffi.callback("llama_progress_callback", progress)  # not unpacked: no model would hold and end it
    params.progress_callback, params.progress_callback_user_data = report.function, report.user_data
    for name, value in fields.items():
        setattr(params, name, value)
    return llamacffi.llama_model_load_from_file(path, params)


def cycle(path: Path) -> None:
    parts: list[float] = []
    vocabulary = load(path, lambda part: keep(parts, part), vocab_only=True)
    vocab = llamacffi.llama_model_get_vocab(vocabulary)
    fails(llamacffi.InvalidArgumentError, llamacffi.llama_vocab_get_text, vocab, 10**6)
    llamacffi.llama_model_free(vocabulary)
    fails(llamacffi.FreedHandleError, llamacffi.llama_vocab_n_tokens, vocab)

    fails(Trouble, load, path, raise_trouble)
    assert not llamacffi.llama_model_load_from_file(path.with_name("absent"), llamacffi.llama_model_default_params())
    model = load(path, lambda part: keep(parts, part))
    assert parts
    params = llamacffi.llama_context_default_params()
    params.n_ctx, params.n_batch, params.n_ubatch, params.n_threads, params.n_threads_batch = 64, 32, 32, 1, 1
    params.cb_eval, params.cb_eval_user_data = llamacffi.callback("ggml_backend_sched_eval_callback", shown_nothing)
    ctx = llamacffi.llama_init_from_model(model, params)
    fails(llamacffi.FreedHandleError, llamacffi.llama_model_free, model)
    use(llamacffi.llama_model_get_vocab(model), ctx)
    llamacffi.llama_free(ctx)
    fails(llamacffi.FreedHandleError, llamacffi.llama_n_ctx, ctx)
    llamacffi.llama_model_free(model)


def use(vocab: llama_vocab_p, ctx: llama_context_p) -> None:
    """Decode, sample, and put the state back."""
    chain = llamacffi.llama_sampler_chain_init(llamacffi.llama_sampler_chain_default_params())
    llamacffi.llama_sampler_chain_add(chain, llamacffi.llama_sampler_init_grammar(vocab, "root ::= [a-z]*", "root"))
    llamacffi.llama_sampler_chain_add(chain, llamacffi.sampler(apply=lambda *_: None, clone=lambda: None))
    llamacffi.llama_sampler_chain_add(chain, llamacffi.llama_sampler_init_greedy())
    fails(llamacffi.NativeAssertionError, llamacffi.llama_sampler_sample, chain, ctx, -1)

    batch = llamacffi.llama_batch_init(len(TOKENS), 0, 1)
    batch.n_tokens = len(TOKENS)
    for i, token in enumerate(TOKENS):
        batch.token[i], batch.pos[i], batch.n_seq_id[i] = token, i, 1
        batch.seq_id[i][0], batch.logits[i] = 0, i == len(TOKENS) - 1
    llamacffi.llama_set_abort_callback(ctx, raise_trouble, None)
    fails(Trouble, llamacffi.llama_decode, ctx, batch)
    llamacffi.llama_set_abort_callback(ctx, lambda: False, None)
    llamacffi.llama_memory_clear(llamacffi.llama_get_memory(ctx), True)
    assert llamacffi.llama_decode(ctx, batch) == 0
    token = llamacffi.llama_sampler_sample(chain, ctx, -1)

    size = llamacffi.llama_state_get_size(ctx)
    state = ffi.new("uint8_t[]", size)
    assert llamacffi.llama_state_get_data(ctx, state, size) == size
    batch.token[0], batch.pos[0], batch.n_tokens = -1, len(TOKENS), 1
    assert llamacffi.llama_decode(ctx, batch) == -1
    batch.token[0] = token
    batch.logits[0] = True
    assert llamacffi.llama_decode(ctx, batch) == 0
    assert llamacffi.llama_state_set_data(ctx, state, size) == size
    fails(llamacffi.NativeExceptionError, llamacffi.llama_load_mode_from_str, "fast")
    llamacffi.llama_set_abort_callback(ctx, None, None)
    llamacffi.llama_batch_free(batch)
    llamacffi.llama_sampler_free(chain)


def own(path: Path) -> None:
    """The same by the classes that own what they hold."""
    model = llamacffi.Model(path)
    context = model.context(n_ctx=64, n_batch=8, n_seq_max=2, n_threads=1)
    left = context.generate(TOKENS, ignore_eog=True, seq=1)
    next(left)
    text = context.generate(TOKENS * 3, max_tokens=4, ignore_eog=True, stop=["never", 3], repeat_penalty=1.1)
    assert len(text.text()) >= 0
    assert context.generate([*text.prompt, 3], max_tokens=1, ignore_eog=True).reused
    with model.context(n_ctx=64, n_batch=8, n_threads=1) as draft:
        context.generate(TOKENS, max_tokens=6, ignore_eog=True, draft=draft).text()
    with llamacffi.Sampler.python(raise_trouble) as sampler:
        fails(Trouble, context.generate(TOKENS, sampler=sampler).text)
    fails(llamacffi.InvalidArgumentError, context.generate, TOKENS, grammar="root ::= [")
    many = context.generate_many([TOKENS, TOKENS[:3], TOKENS[:2]], max_tokens=3, grammar="root ::= [a-z]*")
    next(many, None)
    tokens = model.vocab.tokenize_many(["once", "upon a time"] * 4)
    with llamacffi.Batch(8) as batch:
        batch.set(tokens[1][:4], seq=1, logits="all")
        context.memory.clear()
        context.decode(batch)
        assert context.logits_all().shape[0] == len(batch)
    context.set_state(context.state())
    assert text.closed
    left.close()
    model.close()
    fails(llamacffi.FreedHandleError, context.decode, TOKENS)
    assert many.closed


def collect() -> None:
    for _ in range(4):  # PyPy needs several
        gc.collect()


def resident() -> float:
    """This process's memory, MB, without what Python has yet to collect."""
    collect()
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6


def main() -> int:
    kind = sys.argv[1]
    warm_up, cycles, _ = CYCLES[kind]
    if len(sys.argv) > 2:
        cycles = int(sys.argv[2])
    logging.getLogger("llamacffi").addHandler(logging.NullHandler())  # the failures are meant
    folder = Path(tempfile.mkdtemp())
    try:
        path = tiny_models.write_llama(folder / "tiny.gguf")
        warm = middle = 0.0
        for number in range(cycles):
            if number % 100 == 0:  # else PyPy's heap takes what garbage needs, and keeps it
                collect()
            if number == warm_up:
                warm = resident()
            if number == (warm_up + cycles) // 2:
                middle = resident()
            globals()[kind](path)
        print(f"{warm:.2f} {middle:.2f} {resident():.2f}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
