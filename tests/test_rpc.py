"""Workers: a model spread over several, and all that can go wrong with one. Each is a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

import llamacffi
import workers
from fixture_types import Run
from known_text import COUNTED, COUNTING, N_COUNTED
from llamacffi import InvalidArgumentError, LlamaError, WorkerError, rpc

posix_only = pytest.mark.skipif(os.name != "posix", reason="needs POSIX's signals")

# What the programs below share. Their arguments: the model's path, the workers' addresses and process ids as JSON.
PROGRAM = """
import json, os, signal, sys, time
import llamacffi
from llamacffi import ffi, lib, rpc

path, addresses, pids = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])
answers = []

def load(device, **fields):
    params = llamacffi.llama_model_default_params()
    parts = None if device == "none" else [1] * len(device)
    llamacffi.choose_devices(params, device=device, gpu_layers="all", tensor_split=parts)
    for name, value in fields.items():
        setattr(params, name, value)
    return llamacffi.llama_model_load_from_file(path, params)

def context(model):
    params = llamacffi.llama_context_default_params()
    params.n_ctx, params.n_threads, params.n_threads_batch = 256, 1, 1
    return llamacffi.llama_init_from_model(model, params)

def generate(model, n_predict, before=lambda step: None, api=llamacffi):
    "The tokens, and the logits of each."
    ctx = context(model)
    vocab = llamacffi.llama_model_get_vocab(model)
    n_vocab = llamacffi.llama_vocab_n_tokens(vocab)
    batch = ffi.new("llama_token[64]")
    n = llamacffi.llama_tokenize(vocab, "1, 2, 3, 4,", 11, batch, 64, True, True)
    tokens, logits = [], []
    try:
        for step in range(n_predict):
            before(step)
            status = api.llama_decode(ctx, llamacffi.llama_batch_get_one(batch, n))
            if status:
                return status
            logits.append(ffi.unpack(llamacffi.llama_get_logits_ith(ctx, -1), n_vocab))
            tokens.append(logits[-1].index(max(logits[-1])))
            batch[0], n = tokens[-1], 1
    finally:
        llamacffi.llama_free(ctx)
    return tokens, logits

def attempt(function, *arguments, **options):
    "What becomes of a call: the exception's kind and words, or what it returned."
    try:
        return function(*arguments, **options)
    except llamacffi.LlamaError as error:
        return [type(error).__name__, str(error)]

def kill_at(step, pid, number=signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM):
    return lambda now: os.kill(pid, number) if now == step else None
"""


@pytest.fixture
def program(run_python: Run, model_path: str) -> Callable[..., list[Any]]:
    """A function that runs a program with workers; the answers that it prints."""

    def run(code: str, started: list[workers.Worker], **env: str) -> list[Any]:
        addresses = [worker.address for worker in started]
        pids = [worker.process.pid for worker in started]
        arguments = (model_path, json.dumps(addresses), json.dumps(pids))
        done = run_python("-c", PROGRAM + code + "print(json.dumps(answers))", *arguments, **env)
        assert (done.returncode, done.stderr) == (0, "")  # what went wrong is in the exceptions
        answers: list[Any] = json.loads(done.stdout)
        return answers

    return run


@pytest.fixture
def add(run_python: Run) -> Callable[[list[str]], Any]:
    """A function that adds workers in a process of its own: their addresses, or the exception's kind and words.

    And how many devices there are more after that, after adding the first again, and after removing all. A process that
    has a model loaded could not remove them.
    """

    def run(addresses: list[str]) -> Any:
        done = run_python("-c", ADDING, json.dumps(addresses))
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


ADDING = """
import json, sys
import llamacffi
from llamacffi import rpc

def more():
    counts.append(llamacffi.ggml_backend_dev_count() - before)

addresses, before, counts = json.loads(sys.argv[1]), llamacffi.ggml_backend_dev_count(), []
rpc.set_timeouts(connect=5, answer=5)
try:
    answer = [each.description for each in rpc.add_servers(addresses)]
except llamacffi.WorkerError as error:
    answer = ["WorkerError", str(error)]
more()
if counts[0]:
    rpc.add_servers(addresses[0])
    more()
rpc.remove_servers(addresses)
more()
print(json.dumps([answer, counts]))
"""


@pytest.fixture
def three() -> Iterator[list[workers.Worker]]:
    with workers.started(3) as started:
        yield started


ADD = "names = [each.name for each in rpc.add_servers(addresses)]\n"


# --- computing ----------------------------------------------------------------------------------------------------


def test_three_workers_compute_as_one_process_does(program: Callable[..., Any], three: list[workers.Worker]) -> None:
    code = (
        """
model = load("none")
alone = generate(model, 24)
llamacffi.llama_model_free(model)
"""
        + ADD
        + """
before = [each.memory[0] for each in llamacffi.devices.devices() if each.name in names]
model = load(names)
together = generate(model, 24)
assert names == ["RPC0", "RPC1", "RPC2"], names
difference = sum((a - b) ** 2 for x, y in zip(alone[1], together[1]) for a, b in zip(x, y)) ** 0.5
norm = sum(a * a for x in alone[1] for a in x) ** 0.5
answers = [alone[0] == together[0], difference / norm]
"""
    )
    same_tokens, difference = program(code, three)
    assert same_tokens
    assert difference < 1e-4


# --- faults of a worker in use ------------------------------------------------------------------------------------


def test_killed_while_generating(program: Callable[..., Any], three: list[workers.Worker]) -> None:
    """All that needs the worker raises from then on; what does not need it works, and all can be freed."""
    code = (
        ADD
        + """
model = load(names)
answers.append(attempt(generate, model, 24, kill_at(5, pids[1])))
answers.append(attempt(generate, model, 2))
answers.append(attempt(lambda: [each.memory for each in llamacffi.devices.devices()]))
llamacffi.llama_model_free(model)
answers.append(attempt(load, names))
rpc.remove_servers(addresses[1])
answers.append([each.name for each in llamacffi.devices.devices() if each.backend == "RPC"])
model = load([names[0], names[2]])
answers.append(generate(model, 5)[0] == generate(model, 5)[0])
"""
    )
    *lost, left, works = program(code, three)
    assert [kind for kind, _ in lost] == ["WorkerError"] * 4
    assert all(three[1].address in words for _, words in lost), lost
    assert lost[0][1].startswith("llama_decode: an RPC worker is lost: ")
    assert left == ["RPC0", "RPC2"]
    assert works is True


def test_killed_while_generating_through_lib(program: Callable[..., Any], three: list[workers.Worker]) -> None:
    code = (
        ADD
        + """
model = load(names)
status = generate(model, 24, kill_at(5, pids[0]), lib)
error = llamacffi.last_error()
answers = [status, type(error).__name__]
"""
    )
    status, kind = program(code, three)
    assert status < 0
    assert kind == "WorkerError"


def test_killed_while_loading(program: Callable[..., Any], three: list[workers.Worker]) -> None:
    code = (
        ADD
        + """
def progress(part):
    kill_at(0, pids[2])(int(part < 0.1))
    return True

report = llamacffi.callback("llama_progress_callback", progress)
fields = {"progress_callback": report.function, "progress_callback_user_data": report.user_data}
answers = [attempt(load, names, **fields), attempt(load, names)]
"""
    )
    for kind, words in program(code, three):
        assert kind == "WorkerError"
        assert three[2].address in words


def test_started_again(program: Callable[..., Any], run_python: Run) -> None:
    """A worker that is back can be used again, once what used the old one has been freed."""
    with workers.started(1) as started:
        code = (
            ADD
            + """
import subprocess
model = load(names)
answers.append(attempt(generate, model, 24, kill_at(5, pids[0]))[0])
llamacffi.llama_model_free(model)
again = [sys.executable, "-m", "llamacffi", "rpc-server", "-p", addresses[0].split(":")[1], "-dev", "CPU"]
with subprocess.Popen(again, stdout=subprocess.DEVNULL) as process:
    for _ in range(100):
        if attempt(rpc.add_servers, addresses)[0] != "WorkerError":
            break
        time.sleep(0.1)
    model = load(names)
    answers.append(len(generate(model, 3)[0]))
    llamacffi.llama_model_free(model)
    process.kill()
"""
        )
        assert program(code, started) == ["WorkerError", 3]


@posix_only
def test_does_not_answer_any_more(program: Callable[..., Any], three: list[workers.Worker]) -> None:
    """The process is there, and hangs."""
    code = (
        ADD
        + """
model = load(names)
answers.append(attempt(generate, model, 24, kill_at(5, pids[1], signal.SIGSTOP)))
"""
    )
    try:
        ((kind, words),) = program(code, three, LLAMACFFI_RPC_TIMEOUT="1.5")
    finally:
        three[1].process.send_signal(signal.SIGCONT)
    assert kind == "WorkerError"
    assert "did not answer within 1.5 s" in words


@posix_only
def test_ctrl_c_while_a_worker_hangs(program: Callable[..., Any], three: list[workers.Worker]) -> None:
    code = (
        ADD
        + """
import threading
model = load(names)
def hang(step):
    if step == 5:
        os.kill(pids[1], signal.SIGSTOP)
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    generate(model, 24, hang)
except KeyboardInterrupt:
    answers.append("interrupted")
"""
    )
    try:
        assert program(code, three) == ["interrupted"]
    finally:
        three[1].process.send_signal(signal.SIGCONT)


# --- faults of a worker that is added -----------------------------------------------------------------------------


@contextlib.contextmanager
def listening(answer: Callable[[socket.socket], object]) -> Generator[str, None, None]:
    """The address of something that answers each connection in its own way."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            kept: list[socket.socket] = []
            with contextlib.suppress(OSError):
                while True:
                    kept.append(listener.accept()[0])
                    answer(kept[-1])

        threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def short_timeouts() -> Iterator[None]:
    rpc.set_timeouts(connect=1, answer=1)
    yield
    rpc.set_timeouts(connect=10, answer=300)


def count() -> int:
    return llamacffi.ggml_backend_dev_count()


@pytest.mark.usefixtures("short_timeouts")
def test_is_not_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    before = count()
    with pytest.raises(WorkerError, match=f"Failed to connect to 127.0.0.1:{port}"):
        rpc.add_servers(f"127.0.0.1:{port}")
    assert count() == before


@pytest.mark.usefixtures("short_timeouts")
@pytest.mark.skipif(sys.platform != "linux", reason="other systems answer though nobody accepts")
def test_does_not_take_connections() -> None:
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):  # those that it does not accept fill its queue
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        with pytest.raises(WorkerError, match="did not answer within 1 s"):
            rpc.add_servers(f"127.0.0.1:{listener.getsockname()[1]}")


@pytest.mark.usefixtures("short_timeouts")
def test_says_nothing() -> None:
    with listening(lambda connection: None) as address, pytest.raises(WorkerError, match="did not answer within 1 s"):
        rpc.add_servers(address)


@pytest.mark.usefixtures("short_timeouts")
def test_hangs_up() -> None:
    with listening(socket.socket.close) as address, pytest.raises(WorkerError, match=address):
        rpc.add_servers(address)


@pytest.mark.usefixtures("short_timeouts")
@pytest.mark.parametrize("junk", [b"HTTP/1.1 400 Bad Request\r\n\r\n" * 9, bytes(range(256)), b"\xff" * 64, bytes(8)])
def test_is_something_else(junk: bytes) -> None:
    with listening(lambda connection: connection.sendall(junk)) as address, pytest.raises(WorkerError):
        rpc.add_servers(address)


def unchanged(number: int, data: bytes) -> bytes:
    return data


def relay(address: str, change: Callable[[int, bytes], bytes]) -> Callable[[socket.socket], None]:
    """Passes all on to a worker, and its answers back, the nth of them as `change` makes it."""
    host, _, port = address.partition(":")

    def answer(client: socket.socket) -> None:
        server = socket.create_connection((host, int(port)))

        def pump(source: socket.socket, target: socket.socket, change: Callable[[int, bytes], bytes]) -> None:
            number = 0
            with contextlib.suppress(OSError):
                while True:
                    data = source.recv(1 << 16)
                    if not data:
                        break
                    target.sendall(change(number, data))
                    number += 1
            with contextlib.suppress(OSError):
                target.shutdown(socket.SHUT_RDWR)

        threading.Thread(target=pump, args=(client, server, unchanged), daemon=True).start()
        threading.Thread(target=pump, args=(server, client, change), daemon=True).start()

    return answer


def hello_with(major: int) -> Callable[[int, bytes], bytes]:
    """The first answer is its size, and then the version."""

    def change(number: int, data: bytes) -> bytes:
        if number == 0:
            (size,) = struct.unpack_from("<Q", data)
            assert len(data) in (8, 8 + size)
            version = 8 if len(data) > 8 else None
        else:
            version = 0 if number == 1 else None
        if version is None:
            return data
        if number == 1 and change_made:
            return data
        change_made.append(True)
        return data[:version] + bytes([major]) + data[version + 1 :]

    change_made: list[bool] = []
    return change


def test_speaks_another_version(add: Callable[[list[str]], Any]) -> None:
    with workers.workers(1) as (address,):
        with listening(relay(address, hello_with(99))) as other:
            (kind, words), counts = add([other])
        assert (kind, counts) == ("WorkerError", [0, 0])
        assert "version mismatch: 99." in words
        with listening(relay(address, lambda number, data: data)) as same:  # the relay itself is no trouble
            assert add([same]) == [[same], [1, 1, 0]]


@pytest.mark.usefixtures("short_timeouts")
def test_is_busy_with_another_process(three: list[workers.Worker]) -> None:
    host, _, port = three[0].address.partition(":")
    with (
        socket.create_connection((host, int(port))),
        pytest.raises(WorkerError, match="did not answer within 1 s"),
    ):
        rpc.add_servers(three[0].address)


def test_those_before_it_are_added(add: Callable[[list[str]], Any]) -> None:
    with workers.workers(1) as (address,), socket.create_server(("127.0.0.1", 0)) as listener:
        closed = f"127.0.0.1:{listener.getsockname()[1]}"
        listener.close()
        (kind, words), counts = add([address, closed])
        assert (kind, counts) == ("WorkerError", [1, 1, 0])
        assert closed in words


@pytest.mark.parametrize("address", ["", "localhost", "127.0.0.1:", ":50052", "127.0.0.1:port", "127.0.0.1:1,"])
def test_wrong_address(address: str) -> None:
    with pytest.raises(InvalidArgumentError, match="is written host:port"):
        rpc.add_servers(address)


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), 1e7])
def test_wrong_timeout(seconds: float) -> None:
    with pytest.raises(InvalidArgumentError, match="number of seconds above 0"):
        rpc.set_timeouts(answer=seconds)


def test_wrong_timeout_in_the_environment(run_python: Run) -> None:
    done = run_python("-m", "llamacffi", "info", LLAMACFFI_RPC_TIMEOUT="soon")
    assert done.returncode == 1
    assert (
        done.stderr == "llamacffi: LLAMACFFI_RPC_TIMEOUT=soon: must be a number of seconds above 0, up to a million\n"
    )


# --- the command line, and the worker itself ----------------------------------------------------------------------


def test_command_line(run_python: Run, model_path: str, three: list[workers.Worker]) -> None:
    addresses = ",".join(worker.address for worker in three)
    options = ["-m", model_path, "-p", COUNTING, "-n", str(N_COUNTED), "--temp", "0"]
    done = run_python("-m", "llamacffi", "generate", *options, "--rpc", addresses, "-ts", "1,1,1")
    assert (done.returncode, done.stdout) == (0, COUNTED + "\n"), done.stderr
    listed = json.loads(run_python("-m", "llamacffi", "info", "--json", "--rpc", addresses).stdout)["devices"]
    assert [each["description"] for each in listed if each["backend"] == "RPC"] == addresses.split(",")
    three[2].process.kill()
    three[2].process.wait()
    done = run_python("-m", "llamacffi", "generate", *options, "--rpc", addresses)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert f"Failed to connect to {three[2].address}" in line
    assert run_python("-m", "llamacffi", "generate", *options, "--rpc", "nowhere").returncode == 1


def test_worker_outlives_clients_that_send_nonsense(
    add: Callable[[list[str]], Any], three: list[workers.Worker]
) -> None:
    host, _, port = three[0].address.partition(":")
    hello = bytes([14]) + struct.pack("<Q", 24) + bytes(24)
    for junk in (b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 100, hello + b"\xff", hello + bytes([6]) + b"\xff" * 8):
        with socket.create_connection((host, int(port))) as client:
            client.settimeout(30)
            with contextlib.suppress(OSError):  # it may have hung up already
                client.sendall(junk)
                client.shutdown(socket.SHUT_WR)
                while client.recv(1 << 16):
                    pass
    assert add([three[0].address]) == [[three[0].address], [1, 1, 0]]
    assert three[0].process.poll() is None


@posix_only
def test_ctrl_c_ends_a_worker(three: list[workers.Worker]) -> None:
    host, _, port = three[1].address.partition(":")
    with socket.create_connection((host, int(port))):  # that serves a client
        time.sleep(0.2)
        for worker in three[:2]:
            worker.process.send_signal(signal.SIGINT)
            assert worker.process.wait(30) == 130


def test_port_in_use(run_python: Run, three: list[workers.Worker]) -> None:
    port = three[0].address.partition(":")[2]
    done = run_python("-m", "llamacffi", "rpc-server", "-p", port)
    assert done.returncode == 1
    assert f"can't listen on 127.0.0.1:{port}" in done.stderr


def test_warning_before_it_listens_elsewhere(run_python: Run) -> None:
    """An address that no machine has: nothing is opened."""
    done = run_python("-m", "llamacffi", "rpc-server", "-H", "192.0.2.1")
    assert done.returncode == 1
    warning, error = done.stderr.splitlines()
    assert "neither authentication nor encryption" in warning
    assert "can't listen on 192.0.2.1:50052" in error


@pytest.mark.parametrize(("option", "value"), [("-p", "0"), ("-p", "65536"), ("-t", "0")])
def test_wrong_usage(run_python: Run, option: str, value: str) -> None:
    assert run_python("-m", "llamacffi", "rpc-server", option, value).returncode == 2


def test_wrong_device_to_offer(run_python: Run) -> None:
    done = run_python("-m", "llamacffi", "rpc-server", "-dev", "CUDA7")
    assert done.returncode == 1
    assert "CPU" in done.stderr


def test_cache(program: Callable[..., Any], tmp_path: Path) -> None:
    """What the worker keeps need not be sent again, and is the same."""
    code = (
        ADD
        + """
for _ in range(2):
    model = load(names)
    answers.append(generate(model, 8)[0])
    llamacffi.llama_model_free(model)
"""
    )
    with workers.started(1, "--cache", str(tmp_path / "cache")) as started:
        first, second = program(code, started)
        assert first == second
        assert [path.stat().st_size for path in (tmp_path / "cache").iterdir()]


def test_cache_where_no_folder_can_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LlamaError, match="can't keep tensors in"):
        rpc.serve(cache_dir=tmp_path / "file")
