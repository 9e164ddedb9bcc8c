"""What is installed and what this machine offers: versions, devices, backends, folders.

A backend whose driver crashes or hangs when it is loaded would take this process along. So each is first loaded in a
process of its own; one that does not come back is left out and said to be broken.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, suppress
from typing import IO, Any, Optional

import _cffi_backend

import llamacffi

from .. import backends, devices, native
from . import shared, terminal

_BUILT_IN = ("cpu", "rpc")  # they have no driver
_PROBE = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from llamacffi import devices
for device in devices.devices():
    device.facts()
"""


def add_options(command: argparse.ArgumentParser) -> None:
    shared.add_json(command)
    shared.add_rpc(command)
    command.add_argument(
        "--timeout",
        type=shared.seconds,
        default=30.0,
        metavar="S",
        help="for each backend to load, in seconds (%(default)g)",
    )


def run(options: argparse.Namespace) -> None:
    facts = info(options.timeout, options.rpc)
    if options.json:
        terminal.write_json(facts, indent=2)
    else:
        terminal.write("".join(f"{line}\n" for line in lines(facts)))


def info(limit: float = 30.0, workers: Optional[str] = None) -> dict[str, Any]:
    """All of it, for `json.dumps`.

    Args:
        limit: how many seconds the backends have to load and to tell their devices.
        workers: addresses of RPC workers to add, as for `rpc.add_servers`.

    Raises:
        BackendError: a backend that was asked for is not there, or the CPU's does not load.
        WorkerError: a worker is not there, or does not answer as it should.
    """
    broken = _probe([name for name in backends.selected() if name not in _BUILT_IN], limit)
    backends.load_backends(left_out={name: f"is broken: {why}" for name, why in broken.items()})
    if workers:
        from .. import rpc

        rpc.add_servers(workers)
    return {
        "llamacffi": llamacffi.__version__,
        "llama.cpp": native.llama_cpp_version(),
        "commit": native.llama_cpp_commit(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "cffi": _cffi_version(),
        "backends": [{"name": each.name, "variant": each.variant, "path": each.path} for each in backends.backends()],
        "problems": backends.problems(),
        "devices": [each.facts() for each in devices.devices()],
        "libraries": native.get_library_dir(),
        "headers": native.get_include(),
    }


def _cffi_version() -> str:
    return str(_cffi_backend.__version__)


def _probe(names: list[str], limit: float) -> dict[str, str]:
    """Load each backend in a child process, all at once.

    Returns:
        Those that can't be loaded without harm, each with the reason.
    """
    broken: dict[str, str] = {}
    with ExitStack() as files:
        end = time.monotonic() + limit
        started: list[tuple[str, subprocess.Popen[bytes], IO[bytes]]] = []
        for name in names:
            output = files.enter_context(tempfile.TemporaryFile())  # a pipe may be held open by a driver's processes
            started.append((name, _start(name, output), output))
        for name, process, stream in started:
            try:
                status = process.wait(max(0.0, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                broken[name] = f"loading it does not end within {limit:g} s"
            else:
                if status:
                    broken[name] = _how_it_ended(status, stream)
        for _, process, _ in started:
            with suppress(subprocess.TimeoutExpired):  # one that hangs in the kernel can't be ended
                process.wait(1)
    return broken


def _start(name: str, output: IO[bytes]) -> subprocess.Popen[bytes]:
    """A child process that loads a backend."""
    environment = {**os.environ, "LLAMACFFI_BACKENDS": name, "GGML_NO_BACKTRACE": "1"}
    environment.pop("GGML_BACKEND_PATH", None)
    command = [sys.executable, "-c", _PROBE, json.dumps(list(map(str, sys.path)))]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=environment)


def _how_it_ended(status: int, output: IO[bytes]) -> str:
    """How a probe ended, and a line of what it said: an exception's last, otherwise the first."""
    output.seek(0)
    said = [line.strip() for line in output.read().decode("utf-8", "replace").splitlines() if line.strip()]
    how = f"loading it fails (status {status})"
    if status < 0:
        try:
            how = f"loading it crashes ({signal.Signals(-status).name})"
        except ValueError:
            how = f"loading it crashes (signal {-status})"
    return f"{how}: {said[0 if status < 0 else -1][:300]}" if said else how


def lines(facts: dict[str, Any]) -> list[str]:
    """What `info` returns, for people."""
    text = [f"{name:<10} {value}" for name, value in facts.items() if isinstance(value, str)]
    for each in facts["backends"]:
        text.append(f"{'backend':<10} {each['name']}{each['variant'] and ' '}{each['variant']}")
    for name, why in facts["problems"].items():
        text.append(f"{'problem':<10} the {name} backend {why}")
    for each in facts["devices"]:
        memory = f", {each['memory_free'] / 2**30:.1f} of {each['memory_total'] / 2**30:.1f} GiB free"
        line = f"{'device':<10} {each['index']} {each['name']}: {each['description']}, {each['type']}"
        text.append(line + memory * bool(each["memory_total"]))  # an accelerator has none of its own
    return text
