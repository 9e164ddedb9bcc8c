"""Beginnings and ends: exits at any moment, forks, threads, Ctrl-C, and garbage collected in any order."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import tiny_models
from fixture_types import Run
from llamacffi import ffi, lib
from llamacffi.native import encode_path

TESTS = Path(__file__).resolve().parent

# What every program begins with: a model, contexts, and tokens behind a prompt.
PRELUDE = f"""
import os, sys, threading, time
sys.path[:0] = [{str(TESTS)!r}, {str(TESTS.parent / "tools")!r}]
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
import demo_model, greedy, llamacffi
from llamacffi import ffi, lib
from greedy import tokenize
model = lib.llama_model_load_from_file(os.fsencode(demo_model.obtain()), lib.llama_model_default_params())
tokens = tokenize(lib.llama_model_get_vocab(model), "1, 2, 3, 4,")

def context(n_ctx=256, **fields):
    params = lib.llama_context_default_params()
    params.n_ctx, params.n_threads, params.n_threads_batch = n_ctx, 2, 2
    for name, value in fields.items():
        setattr(params, name, value)
    return lib.llama_init_from_model(model, params)

def generate(ctx, n=6):
    lib.llama_memory_clear(lib.llama_get_memory(ctx), True)
    return greedy.continuation(ctx, tokens, n)
"""

posix_only = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and POSIX signals")


def quiet(done: subprocess.CompletedProcess[str]) -> str:
    """What a program printed that ended well and without a message."""
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


# --- exit ---------------------------------------------------------------------------------------------------------


def test_exit_with_everything_alive(run_python: Run) -> None:
    code = """
ctx = context()
generate(ctx)
memory = lib.llama_get_memory(ctx)
chain = lib.llama_sampler_chain_init(lib.llama_sampler_chain_default_params())
grammar = lib.llama_sampler_init_grammar(lib.llama_model_get_vocab(model), b'root ::= "a"', b"root")
lib.llama_sampler_chain_add(chain, grammar)
batch = lib.llama_batch_init(8, 0, 1)
ggml = lib.ggml_init(ffi.new("struct ggml_init_params *", {"mem_size": 1 << 20})[0])
graph = lib.ggml_new_graph(ggml)
gguf = lib.gguf_init_empty()
backend = lib.ggml_backend_cpu_init()
buffer = lib.ggml_backend_alloc_buffer(backend, 1000)
pool = lib.ggml_threadpool_new(ffi.new("struct ggml_threadpool_params *", lib.ggml_threadpool_params_default(2)))
lib.llama_attach_threadpool(ctx, pool, pool)
callback = llamacffi.callback("ggml_abort_callback", lambda: False)
lib.llama_set_abort_callback(ctx, callback.function, callback.user_data)
generate(ctx)
print("alive")
"""
    assert quiet(run_python("-c", PRELUDE + code)) == "alive\n"


@pytest.mark.parametrize("how", ["pass", "sys.exit(0)", "raise SystemExit"])
def test_exit_while_daemons_generate(run_python: Run, how: str) -> None:
    code = f"""
def work():
    ctx = context()
    while True:
        generate(ctx)
        started.release()

started = threading.Semaphore(0)
for _ in range(2):
    threading.Thread(target=work, daemon=True).start()
for _ in range(2):
    started.acquire()
time.sleep(0.05)
{how}
"""
    for _ in range(3):
        quiet(run_python("-c", PRELUDE + code))


def test_exit_while_a_daemon_decodes_one_long_batch(run_python: Run) -> None:
    code = """
ctx = context(8192, n_batch=8192)
many = ffi.new("llama_token[]", [1 + i % 1000 for i in range(8000)])
started = threading.Event()
def work():
    started.set()
    lib.llama_decode(ctx, lib.llama_batch_get_one(many, len(many)))
threading.Thread(target=work, daemon=True).start()
started.wait()
time.sleep(0.3)
"""
    quiet(run_python("-c", PRELUDE + code))


def test_exit_waits_for_a_thread_that_is_no_daemon(run_python: Run) -> None:
    code = """
ctx = context()
expected = generate(ctx, 20)
def work():
    assert generate(ctx, 20) == expected
    print("finished")
threading.Thread(target=work).start()
"""
    assert quiet(run_python("-c", PRELUDE + code)) == "finished\n"


def test_callbacks_while_the_interpreter_ends(run_python: Run) -> None:
    """Python callbacks of every call that is running when the main thread is done."""
    code = """
import logging
logging.getLogger("llamacffi").setLevel(logging.DEBUG)
logging.getLogger("llamacffi").addHandler(logging.NullHandler())
started = threading.Semaphore(0)

def work():
    def watch(tensor, ask):
        return False
    eval_callback = llamacffi.callback("ggml_backend_sched_eval_callback", watch)
    while True:
        ctx = context(cb_eval=eval_callback.function, cb_eval_user_data=eval_callback.user_data)
        generate(ctx, 2)
        started.release()
        lib.llama_free(ctx)

for _ in range(2):
    threading.Thread(target=work, daemon=True).start()
for _ in range(2):
    started.acquire()
"""
    for _ in range(3):
        quiet(run_python("-c", PRELUDE + code))


def test_calls_from_exit_handlers(run_python: Run) -> None:
    code = """
import atexit, weakref
ctx = context()
expected = generate(ctx)
class Owner:
    def close(self):
        assert generate(ctx) == expected
        lib.llama_free(ctx)
        lib.llama_model_free(model)
        assert not lib.llamacffi_failed()
        print("freed")
atexit.register(Owner().close)
"""
    assert quiet(run_python("-c", PRELUDE + code)) == "freed\n"


def test_frees_in_finalizers_at_the_very_end(run_python: Run) -> None:
    code = """
class Owner:
    def __init__(self, ctx): self.ctx, self.free = ctx, lib.llama_free
    def __del__(self): self.free(self.ctx)
kept = Owner(context())
cycle = [Owner(context())]
cycle.append(cycle)
"""
    quiet(run_python("-c", PRELUDE + code))


def test_garbage_in_any_order(run_python: Run) -> None:
    """Callbacks in cycles with what uses them, collected while contexts live and after."""
    code = """
import gc, random
for seed in range(6):
    things = []
    for number in range(5):
        seen = []
        def abort(seen=seen):
            seen.append(1)
            return False
        callback = llamacffi.callback("ggml_abort_callback", abort)
        seen.append(callback)
        ctx = context()
        lib.llama_set_abort_callback(ctx, callback.function, callback.user_data)
        things += [callback, seen, ctx]
        del callback, abort
    contexts = [each for each in things if isinstance(each, ffi.CData)]
    random.Random(seed).shuffle(things)
    while things:
        things.pop()
        gc.collect()
        if len(things) % 5 == 0:
            assert generate(contexts[0], 1)
    for ctx in contexts:
        assert generate(ctx, 1)
        lib.llama_free(ctx)
    gc.collect()
assert not lib.llamacffi_failed()
"""
    quiet(run_python("-c", PRELUDE + code))


# --- fork ---------------------------------------------------------------------------------------------------------


@posix_only
def test_fork_after_computing(run_python: Run) -> None:
    """A child computes with what it has inherited, and with what is its own; the parent goes on."""
    code = """
ctx = context()
expected = generate(ctx)
for _ in range(3):
    child = os.fork()
    if not child:
        assert generate(ctx) == expected
        own = context()
        assert generate(own) == expected
        lib.llama_free(own)
        os._exit(7)
    assert generate(ctx) == expected
    assert os.WEXITSTATUS(os.waitpid(child, 0)[1]) == 7
"""
    quiet(run_python("-W", "ignore", "-c", PRELUDE + code))


@posix_only
def test_fork_while_another_thread_computes(run_python: Run) -> None:
    code = """
ctx, other = context(), context()
expected = generate(ctx)
stop = threading.Event()
def work():
    while not stop.is_set():
        assert generate(other) == expected
thread = threading.Thread(target=work)
thread.start()
time.sleep(0.1)
for _ in range(5):
    child = os.fork()
    if not child:
        try:
            own = context()
            assert generate(own) == expected
            assert generate(ctx) == expected
            os._exit(7)
        finally:
            os._exit(1)
    assert os.WEXITSTATUS(os.waitpid(child, 0)[1]) == 7
stop.set()
thread.join()
"""
    quiet(run_python("-W", "ignore", "-c", PRELUDE + code))


@posix_only
def test_callback_after_a_fork_uses_its_own_context(run_python: Run) -> None:
    """The thread that computes for the child has what the call has locked."""
    code = """
ctx = context()
expected = generate(ctx)
child = os.fork()
if not child:
    errors = []
    def abort():
        try:
            llamacffi.llama_perf_context_reset(ctx)
        except llamacffi.LlamaError as error:
            errors.append(error)
        return False
    llamacffi.llama_set_abort_callback(ctx, abort, None)
    assert generate(ctx, 2) == expected[:2]
    os._exit(7 if not errors else 1)
assert os.WEXITSTATUS(os.waitpid(child, 0)[1]) == 7
"""
    quiet(run_python("-W", "ignore", "-c", PRELUDE + code))


@posix_only
def test_training_after_a_fork(run_python: Run) -> None:
    """Its callbacks come from the thread that computes in the child."""
    code = f"""
ctx = context()
generate(ctx)
child = os.fork()
if not child:
    sys.path.insert(0, {str(TESTS / "wrong_calls")!r})
    import runner, world
    try:
        for name in runner.cases():
            if name in ("backend.right_training", "backend.right_epochs", "backend.right_fit"):
                problem = runner.run(name, "facade", world.World())
                assert not problem, problem
                print(name)
        sys.stdout.flush()
        os._exit(7)
    finally:
        os._exit(1)
assert os.WEXITSTATUS(os.waitpid(child, 0)[1]) == 7
"""
    done = run_python("-W", "ignore", "-c", PRELUDE + code)
    assert done.returncode == 0, done.stderr
    assert "backend.right_fit" in done.stdout


@posix_only
def test_fork_and_a_whole_exit(run_python: Run) -> None:
    code = """
ctx = context()
expected = generate(ctx)
child = os.fork()
assert generate(ctx) == expected
if not child:
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
"""
    quiet(run_python("-W", "ignore", "-c", PRELUDE + code))


# --- threads ------------------------------------------------------------------------------------------------------


def test_two_threads_with_a_context_each_run_at_once(run_python: Run) -> None:
    """Each finds the other inside llama_decode, again and again."""
    code = """
contexts = [context(n_threads=1, n_threads_batch=1) for _ in range(2)]
expected = generate(contexts[0], 12)
inside, together = [0], [0]
ready = threading.Barrier(2)

def work(ctx):
    def abort():
        together[0] += inside[0] == 2
        return False
    callback = llamacffi.callback("ggml_abort_callback", abort)
    lib.llama_set_abort_callback(ctx, callback.function, callback.user_data)
    ready.wait()
    inside[0] += 1
    assert generate(ctx, 12) == expected
    inside[0] -= 1

threads = [threading.Thread(target=work, args=(ctx,)) for ctx in contexts]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert together[0] > 100, together
"""
    quiet(run_python("-c", PRELUDE + code))


def test_one_context_in_two_threads_raises(run_python: Run) -> None:
    code = """
ctx = context(1024, n_batch=1024)
expected = generate(ctx)
many = ffi.new("llama_token[]", [1 + i % 1000 for i in range(1000)])
started, outcome = threading.Event(), []

def slow():
    lib.llama_memory_clear(lib.llama_get_memory(ctx), True)
    started.set()
    return outcome.append(lib.llama_decode(ctx, lib.llama_batch_get_one(many, len(many))))

thread = threading.Thread(target=slow)
thread.start()
started.wait()
time.sleep(0.1)
for call in (
    lambda: llamacffi.llama_decode(ctx, llamacffi.llama_batch_get_one(many, 1)),
    lambda: llamacffi.llama_memory_clear(llamacffi.llama_get_memory(ctx), True),
    lambda: llamacffi.llama_get_logits_ith(ctx, -1),
    lambda: llamacffi.llama_state_get_size(ctx),
    lambda: llamacffi.llama_free(ctx),
    lambda: llamacffi.llama_model_free(model),
):
    try:
        call()
    except llamacffi.LlamaError as error:
        print(type(error).__name__)
thread.join()
assert outcome == [0]
assert generate(ctx) == expected
llamacffi.llama_free(ctx)
"""
    assert quiet(run_python("-c", PRELUDE + code)).split() == ["BusyError"] * 5 + ["FreedHandleError"]


def test_many_threads_make_and_free(run_python: Run) -> None:
    code = """
expected = generate(context())
errors = []
def work():
    try:
        for _ in range(4):
            ctx = context()
            assert generate(ctx) == expected
            chain = llamacffi.llama_sampler_chain_init(llamacffi.llama_sampler_chain_default_params())
            for _ in range(20):
                llamacffi.llama_sampler_chain_add(chain, llamacffi.llama_sampler_init_greedy())
            llamacffi.llama_sampler_free(chain)
            llamacffi.llama_free(ctx)
    except BaseException as error:
        errors.append(error)
threads = [threading.Thread(target=work) for _ in range(6)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert not errors, errors
"""
    quiet(run_python("-c", PRELUDE + code))


def test_free_races_with_use(run_python: Run) -> None:
    """Threads use a context while another frees it: each call works or raises."""
    code = """
for _ in range(12):
    ctx = context(64)
    ready = threading.Barrier(4)
    def use():
        ready.wait()
        for _ in range(200):
            try:
                llamacffi.llama_n_ctx(ctx)
                llamacffi.llama_state_get_size(ctx)
                llamacffi.llama_decode(ctx, llamacffi.llama_batch_get_one(ffi.new("llama_token[1]", [1]), 1))
                llamacffi.llama_memory_clear(llamacffi.llama_get_memory(ctx), False)
            except llamacffi.FreedHandleError:
                return
            except llamacffi.BusyError:
                pass
    def free():
        ready.wait()
        while True:
            try:
                return llamacffi.llama_free(ctx)
            except llamacffi.BusyError:
                pass
    threads = [threading.Thread(target=each) for each in (use, use, use, free)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
"""
    quiet(run_python("-c", PRELUDE + code))


# --- Ctrl-C -------------------------------------------------------------------------------------------------------


def interrupt(code: str, after: float) -> tuple[float, subprocess.CompletedProcess[str]]:
    """Send SIGINT to a program some time after it printed "go": the seconds until its end, and the rest."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("LLAMACFFI_B", "GGML_"))}
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env=environment,
    )
    assert process.stdout
    assert process.stdout.readline() == "go\n"
    time.sleep(after)
    start = time.perf_counter()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    took = time.perf_counter() - start
    print(f"{took:.2f} s from the signal to the end of the process")
    return took, subprocess.CompletedProcess(process.args, process.returncode, out, err)


@posix_only
@pytest.mark.parametrize("tier", ["llamacffi", "lib"])
def test_interrupted_decode(tier: str) -> None:
    """The batch would take minutes; afterwards the context still works."""
    code = f"""
ctx = context(8192, n_batch=8192)
expected = generate(ctx)
many = ffi.new("llama_token[]", [1 + i % 1000 for i in range(8000)])
lib.llama_memory_clear(lib.llama_get_memory(ctx), True)
print("go", flush=True)
try:
    {tier}.llama_decode(ctx, {tier}.llama_batch_get_one(many, len(many)))
    time.sleep(0.1)  # where `lib` returns, Python's own handler raises next
except KeyboardInterrupt:
    assert generate(ctx) == expected
    print("interrupted")
"""
    took, done = interrupt(PRELUDE + code, 0.7)
    assert (done.returncode, done.stdout) == (0, "interrupted\n"), done.stderr
    assert took < 15


def write_large(path: Path, n_embd: int = 2048, n_ff: int = 8192, n_layer: int = 12) -> Path:
    """A model of 3 GB, all zero, that takes hardly any room on the disk."""
    tiny = tiny_models.write_llama(path.with_name("tiny.gguf"))
    init = ffi.new("struct gguf_init_params *", {"no_alloc": True})
    gguf, large = lib.gguf_init_from_file(encode_path(str(tiny)), init[0]), lib.gguf_init_empty()
    lib.gguf_set_kv(large, gguf)
    lib.gguf_free(gguf)
    for key, value in (("embedding_length", n_embd), ("feed_forward_length", n_ff), ("block_count", n_layer)):
        lib.gguf_set_val_u32(large, f"llama.{key}".encode(), value)
    lib.gguf_set_val_u32(large, b"llama.rope.dimension_count", n_embd // tiny_models.N_HEAD)
    ggml = lib.ggml_init(ffi.new("struct ggml_init_params *", {"mem_size": 1 << 20, "no_alloc": True})[0])
    n_kv = n_embd * tiny_models.N_HEAD_KV // tiny_models.N_HEAD
    shapes = {"attn_norm": (n_embd,), "attn_q": (n_embd, n_embd), "attn_k": (n_embd, n_kv), "attn_v": (n_embd, n_kv)}
    shapes |= {"attn_output": (n_embd, n_embd), "ffn_norm": (n_embd,), "ffn_gate": (n_embd, n_ff)}
    shapes |= {"ffn_up": (n_embd, n_ff), "ffn_down": (n_ff, n_embd)}
    tensors = {f"blk.{layer}.{name}.weight": ne for layer in range(n_layer) for name, ne in shapes.items()}
    tensors["token_embd.weight"] = tensors["output.weight"] = (n_embd, tiny_models.N_VOCAB)
    tensors["output_norm.weight"] = (n_embd,)
    size = 0
    for name, ne in tensors.items():
        tensor = lib.ggml_new_tensor(ggml, lib.GGML_TYPE_F32, len(ne), ffi.new("int64_t[]", ne))
        lib.ggml_set_name(tensor, name.encode())
        lib.gguf_add_tensor(large, tensor)
        size += lib.ggml_nbytes(tensor)
    assert lib.gguf_write_to_file(large, encode_path(str(path)), True)
    os.truncate(path, lib.gguf_get_meta_size(large) + size)
    lib.gguf_free(large)
    lib.ggml_free(ggml)
    return path


@posix_only
def test_interrupted_load(tmp_path: Path) -> None:
    """A load that takes long, of a model with gigabytes of weights: a file with holes."""
    path = write_large(tmp_path / "large.gguf")
    code = f"""
params = lib.llama_model_default_params()
params.load_mode = lib.LLAMA_LOAD_MODE_NONE  # all is read
params.use_extra_bufts = False
print("go", flush=True)
try:
    while True:
        large = llamacffi.llama_model_load_from_file({str(path)!r}, params)
        assert large
        llamacffi.llama_model_free(large)
except KeyboardInterrupt as error:
    frames = []
    at = error.__traceback__
    while at:
        frames.append(at.tb_frame.f_code.co_name)
        at = at.tb_next
    print("interrupted in a load", "llama_model_load_from_file" in frames and frames[-1] == "_signals")
assert generate(context())
"""
    took, done = interrupt(PRELUDE + code, 0.6)
    assert done.stdout == "interrupted in a load True\n", done.stderr
    assert took < 15


# --- what can't be caught -----------------------------------------------------------------------------------------


@posix_only
def test_failure_outside_of_any_guard_is_told(run_python: Run) -> None:
    """As on one of llama.cpp's own threads: the message and Python's stack, and then the end."""
    code = """
import ctypes
from pathlib import Path

def innermost():
    ctypes.CDLL(str(library)).ggml_abort(b"kernel.c", 7, b"no such row")

(library,) = Path(llamacffi.get_library_dir()).glob("*llamacffi-ggml-base.*")
assert context()
innermost()
"""
    done = run_python("-c", PRELUDE + code)
    assert done.returncode == -signal.SIGABRT
    assert "kernel.c:7: no such row\n" in done.stderr
    assert "in innermost\n" in done.stderr


def test_own_fault_handler_is_left_alone(run_python: Run) -> None:
    code = "import faulthandler; faulthandler.enable(open('faults', 'w')); import llamacffi; faulthandler._sigabrt()"
    done = run_python("-c", code)
    assert done.returncode
    assert done.stderr == ""
