"""Random calls of the whole API on living objects, right and wrong ones mixed: nothing may end the process.

    python tests/stress.py [--minutes M] [--seed S]

Arguments are made by type: handles that live, were freed, or are NULL; numbers that are small, at the edge or absurd;
buffers that are long enough or not. Rounds of calls run in a child process, which prints its seeds; what a round made
is freed at its end, and after every round the models must still give the same tokens. The parent prints what became of
each child, and the child's memory as the rounds go on.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Optional

os.environ.setdefault("OMP_WAIT_POLICY", "passive")
sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent / "tools")]

CALLS = 400  # in a round
CHILD_SECONDS = 60.0

# Function, or the beginning of names: why it is not among the random calls.
LEFT_OUT = {
    "ggml_backend_rpc_": "connects to servers, and one of them is a server that runs until it is killed",
    "ggml_print_": "prints, without end",
    "ggml_graph_print": "prints, without end",
    "ggml_numa_init": "changes where the whole process may run",
    "ggml_backend_load": "looks for files of any name",
    "ggml_backend_unload": "takes the CPU away from all that follows",
    "llama_numa_init": "changes where the whole process may run",
    "llama_log_set": "the log is looked at by the tests of the log",
    "ggml_log_set": "the log is looked at by the tests of the log",
}
# Handles by the function that frees them.
FREES = {
    "llama_model": "llama_model_free",
    "llama_context": "llama_free",
    "llama_sampler": "llama_sampler_free",
    "llama_batch_ext": "llama_batch_ext_free",
    "ggml_context": "ggml_free",
    "gguf_context": "gguf_free",
    "ggml_threadpool": "ggml_threadpool_free",
    "ggml_gallocr": "ggml_gallocr_free",
    "ggml_backend": "ggml_backend_free",
    "ggml_backend_buffer": "ggml_backend_buffer_free",
    "ggml_backend_sched": "ggml_backend_sched_free",
    "ggml_opt_context": "ggml_opt_free",
    "ggml_opt_dataset": "ggml_opt_dataset_free",
    "ggml_opt_result": "ggml_opt_result_free",
    "mtmd_context": "mtmd_free",
    "mtmd_bitmap": "mtmd_bitmap_free",
    "mtmd_input_chunks": "mtmd_input_chunks_free",
    "mtmd_batch": "mtmd_batch_free",
}
# In what order a round's objects go: those that use others first.
ORDER = [
    "llama_batch_ext",
    "mtmd_batch",
    "llama_sampler",
    "llama_context",
    "llama_adapter_lora",
    "llama_model",
    "ggml_opt_context",
    "ggml_opt_result",
    "ggml_opt_dataset",
    "ggml_backend_sched",
    "ggml_gallocr",
    "ggml_backend_buffer",
    "ggml_backend",
    "ggml_threadpool",
    "ggml_context",
    "gguf_context",
    "mtmd_input_chunks",
    "mtmd_bitmap",
    "mtmd_context",
]


class Player:
    """One child's state: the objects at hand, and how arguments are made of them."""

    def __init__(self, folder: Path) -> None:
        import greedy
        import llamacffi
        import tiny_models
        from llamacffi import ffi, lib
        from llamacffi.native import encode_path

        self.api, self.ffi, self.lib, self.greedy = llamacffi, ffi, lib, greedy
        self.folder = folder
        self.path = encode_path(str(tiny_models.write_llama(folder / "tiny.gguf")))
        table = json.loads(Path(llamacffi.__file__).with_name("api.json").read_text("utf-8"))
        self.functions = [
            each
            for each in table["functions"]
            if each["module"].strip() not in ("cuda",) and not any(each["name"].startswith(name) for name in LEFT_OUT)
        ]
        self.living: dict[str, list[Any]] = {}
        self.freed: dict[str, list[Any]] = {}
        self.model = lib.llama_model_load_from_file(self.path, lib.llama_model_default_params())
        assert self.model
        self.expected = self._tokens()

    def _tokens(self) -> list[int]:
        """What the model says, from a context of its own."""
        params = self.lib.llama_context_default_params()
        params.n_ctx, params.n_threads, params.n_threads_batch = 64, 1, 1
        ctx = self.lib.llama_init_from_model(self.model, params)
        tokens = self.greedy.continuation(ctx, [1, 5, 7], 4)
        self.lib.llama_free(ctx)
        return tokens

    def round(self, seed: int) -> None:
        chance = self.chance = random.Random(seed)
        self._begin()
        for _ in range(CALLS):
            self._call(chance.choice(self.functions))
        self._end()
        assert self._tokens() == self.expected, f"seed {seed}: the model gives other tokens"

    def _begin(self) -> None:
        """A few right objects of the most used kinds."""
        ffi, lib = self.ffi, self.lib
        self.living = {kind: [] for kind in ORDER}
        self.freed = {kind: [] for kind in ORDER}
        params = lib.llama_context_default_params()
        params.n_ctx, params.n_batch, params.n_ubatch, params.n_seq_max = 64, 32, 32, 2
        params.n_threads, params.n_threads_batch = 1, 1
        model = lib.llama_model_load_from_file(self.path, lib.llama_model_default_params())
        self._keep(model)
        self._keep(lib.llama_init_from_model(model, params))
        self._keep(lib.llama_model_get_vocab(model))
        chain = lib.llama_sampler_chain_init(lib.llama_sampler_chain_default_params())
        lib.llama_sampler_chain_add(chain, lib.llama_sampler_init_greedy())
        self._keep(chain)
        ggml = lib.ggml_init(ffi.new("struct ggml_init_params *", {"mem_size": 1 << 20})[0])
        self._keep(ggml)
        for ne in ((4,), (4,), (8, 3), (3, 8)):
            self._keep(lib.ggml_new_tensor(ggml, lib.GGML_TYPE_F32, len(ne), ffi.new("int64_t[]", ne)))
        self._keep(lib.gguf_init_from_file(self.path, ffi.new("struct gguf_init_params *", {"no_alloc": True})[0]))
        self._keep(lib.ggml_backend_cpu_init())
        self._keep(lib.mtmd_test_create_input_chunks())

    def _end(self) -> None:
        for batch in self.living.pop("batches", []):
            self.lib.llama_batch_free(batch)
        for kind in ORDER:
            for handle in self.living.get(kind, []):
                free = getattr(self.lib, FREES.get(kind, ""), None)
                if free:
                    free(handle)  # it fails where another object owns it, or it is gone with one
        self.living.clear()
        self.freed.clear()
        gc.collect()
        for path in self.folder.iterdir():
            if path.name != "tiny.gguf":
                path.unlink()

    def _kind(self, ctype: Any) -> str:
        """The struct that a pointer type points to, "" for other types."""
        if ctype.kind == "pointer" and ctype.item.kind == "struct":
            return str(ctype.item.cname).replace("struct ", "")
        return ""

    def _keep(self, value: Any) -> None:
        kind = self._kind(self.ffi.typeof(value))
        if kind and value:
            self.living.setdefault(kind, []).append(value)

    def _call(self, entry: dict[str, Any]) -> None:
        name = entry["name"]
        ctype = self.ffi.typeof(getattr(self.lib, name))
        names = [each["name"] for each in entry["parameters"]]
        arguments = [self._argument(name, each, label) for each, label in zip(ctype.args, names)]
        print(name, *(repr(each)[:80] for each in arguments), file=self.log, flush=True)
        try:
            result = getattr(self.api, name)(*arguments)
        except (self.api.LlamaError, TypeError, ValueError, OverflowError):
            return
        if name == "llama_batch_init":
            self.batches.append(result)
        elif isinstance(result, self.ffi.CData):
            self._keep(result)
        for handle in arguments:
            if isinstance(handle, self.ffi.CData):
                kind = self._kind(self.ffi.typeof(handle))
                if FREES.get(kind) == name and handle in self.living.get(kind, []):
                    self.living[kind].remove(handle)
                    self.freed.setdefault(kind, []).append(handle)

    log: Any = None

    def _argument(self, function: str, ctype: Any, name: str) -> Any:
        chance, ffi = self.chance, self.ffi
        if ctype.kind == "enum":
            return chance.choice([*ctype.elements, *ctype.elements, 0, 77, -1 & 0x7FFFFFFF])
        if ctype.kind == "primitive":
            return self._number(ctype, name)
        if ctype.kind == "struct":
            return self._struct(ctype)
        kind = self._kind(ctype)
        if kind in self.living or kind in self.freed:
            pool = self.freed if chance.random() < 0.1 else self.living
            if pool.get(kind) and chance.random() < 0.95:
                return chance.choice(pool[kind])
        if ctype.kind != "pointer" or (ctype.item.kind in ("function", "pointer", "void") and chance.random() < 0.5):
            return None
        if ctype.item.kind == "function":
            return None
        if ctype.item.cname == "char":
            return self._text(function, name)
        if ctype.item.kind == "struct":
            try:
                if chance.random() < 0.7:
                    # Kept, as some functions return a tensor that they were given, and it is used again.
                    self.made.append(ffi.new(ctype))
                    return self.made[-1]
                return None
            except (TypeError, ffi.error):  # opaque
                return None
        if ctype.item.kind in ("primitive", "enum"):
            return ffi.new(ffi.getctype(ctype.item, "[]"), chance.choice([1, 4, 64, 1024, 65536]))
        return None

    def _text(self, function: str, name: str) -> Any:
        chance = self.chance
        if "path" in name or "fname" in name or name == "dir":
            # What is written must not be a file that is mapped: the kernel ends a process for that.
            written = any(word in function for word in ("write", "save", "quantize", "dump"))
            other = os.fsencode(self.folder / f"file{chance.randrange(3)}")
            return chance.choice([other if written else self.path, b"", None])
        texts = [
            b"",
            b"abc",
            b"general.architecture",
            b'root ::= "a"',
            b"root",
            b"CPU",
            b"%s%n",
            b"100%%",
            b"\xff\xfe",
            None,
        ]
        return chance.choice([*texts, b"x" * 5000])

    def _number(self, ctype: Any, name: str) -> Any:
        chance = self.chance
        if ctype.cname in ("float", "double"):
            return chance.choice([0.0, 1.0, 0.5, -1.0, float("inf"), float("nan"), 1e30])
        if ctype.cname == "_Bool":
            return chance.random() < 0.5
        size = self.ffi.sizeof(ctype)
        signed = int(self.ffi.cast(ctype, -1)) < 0
        low, high = (-(2 ** (8 * size - 1)), 2 ** (8 * size - 1) - 1) if signed else (0, 2 ** (8 * size) - 1)
        if chance.random() < 0.75:
            return chance.choice([0, 1, 1, 2, 3, 4, 4, 8])
        if "thread" in name:
            return chance.choice([0, -1, 2, 100000])
        value = chance.choice([-1, 16, 64, 511, 512, 1000, 65536, 10**6, low, high, high // 2])
        return min(max(value, low), high)

    def _struct(self, ctype: Any) -> Any:
        ffi, lib, chance = self.ffi, self.lib, self.chance
        makers = {
            "struct llama_model_params": lib.llama_model_default_params,
            "struct llama_context_params": lib.llama_context_default_params,
            "struct llama_sampler_chain_params": lib.llama_sampler_chain_default_params,
            "struct mtmd_context_params": lib.mtmd_context_params_default,
            "struct llama_batch": self._batch,
        }
        value = makers[ctype.cname]() if ctype.cname in makers else ffi.new(ffi.getctype(ctype, "*"))[0]
        if ctype.cname == "struct llama_context_params":
            value.n_ctx, value.n_threads, value.n_threads_batch = 64, 1, 1
        if ctype.cname != "struct llama_batch" and chance.random() < 0.6:
            numbers = [(name, field) for name, field in ctype.fields if field.type.kind in ("primitive", "enum")]
            if numbers:
                name, field = chance.choice(numbers)
                if field.type.kind == "enum":
                    setattr(value, name, chance.choice([*field.type.elements, 99]))
                else:
                    setattr(value, name, self._number(field.type, name))
        return value

    def _batch(self) -> Any:
        chance = self.chance
        n = chance.choice([1, 2, 5, 32])
        batch = self.lib.llama_batch_init(n, 0, 2)
        self.batches.append(batch)
        batch.n_tokens = n if chance.random() < 0.9 else chance.choice([0, -1])
        for i in range(n):
            batch.token[i] = chance.randrange(512) if chance.random() < 0.98 else chance.choice([-1, 512, 10**6])
            batch.pos[i] = i if chance.random() < 0.97 else chance.choice([-1, 60, 2**31 - 1])
            batch.n_seq_id[i] = 1 if chance.random() < 0.98 else 0
            batch.seq_id[i][0] = 0 if chance.random() < 0.97 else chance.choice([1, 5, -1])
            batch.logits[i] = i == n - 1
        return batch

    @property
    def batches(self) -> list[Any]:
        return self.living.setdefault("batches", [])

    @property
    def made(self) -> list[Any]:
        return self.living.setdefault("made", [])


def resident() -> float:
    """This process's memory, MB, without what malloc has in reserve."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim:
        trim(0)
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6


def child(seed: int, seconds: float) -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        player = Player(folder)
        os.chdir(folder)  # a name may be taken for a file's
        player.log = open(os.environ["STRESS_LOG"], "w")  # noqa: SIM115  (until the process ends)
        end = time.monotonic() + seconds
        memory: list[float] = []
        while time.monotonic() < end:
            player.log.seek(0)
            player.log.truncate()
            print(f"seed {seed}", file=player.log, flush=True)
            print(seed, end=" ", flush=True)
            player.round(seed)
            memory.append(resident())
            seed += 1
        tenth = max(len(memory) // 10, 1)
        print(f"\nrounds {len(memory)}; MB after the first tenth {memory[tenth - 1]:.1f}, at the end {memory[-1]:.1f}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--child", type=float, help=argparse.SUPPRESS)
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) * 1000 if options.seed is None else options.seed
    if options.child:
        child(seed, options.child)
        return 0
    end = time.monotonic() + 60 * options.minutes
    failures = 0
    while time.monotonic() < end:
        seconds = min(CHILD_SECONDS, max(end - time.monotonic(), 1))
        failures += bool(_run_child(seed, seconds))
        seed += 1000
    print(f"{failures} processes ended badly")
    return bool(failures)


def _run_child(seed: int, seconds: float) -> Optional[str]:
    with tempfile.TemporaryDirectory() as folder:
        log, errors = Path(folder, "calls"), Path(folder, "errors")
        command = [sys.executable, __file__, "--seed", str(seed), "--child", str(seconds)]
        with open(errors, "wb") as file:
            process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=file, env={**os.environ, "STRESS_LOG": str(log)}
            )
            try:
                out, _ = process.communicate(timeout=seconds + 120)
                status: Optional[int] = process.returncode
            except subprocess.TimeoutExpired:
                process.send_signal(getattr(signal, "SIGABRT", signal.SIGTERM))
                out, _ = process.communicate()
                status = None
        print(f"from seed {seed}: status {status}: {out.decode().splitlines()[-1] if out else ''}", flush=True)
        if status == 0:
            return None
        calls = log.read_text().splitlines() if log.exists() else []
        report = "\n".join([*calls[:1], *calls[-12:], errors.read_text(errors="replace")[-3000:]])
        print(report, flush=True)
        return report


if __name__ == "__main__":
    sys.exit(main())
