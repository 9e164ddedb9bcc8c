"""RPC workers on loopback, each a process of its own that computes on this machine's CPU."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from typing import NamedTuple

# For a program whose first argument is the workers' addresses: makes them devices RPC0, RPC1, …
ADD = """
import sys
import llamacffi
from llamacffi import rpc
rpc.add_servers(sys.argv.pop(1))
"""


class Worker(NamedTuple):
    address: str
    process: subprocess.Popen[bytes]


@contextlib.contextmanager
def workers(count: int) -> Generator[list[str], None, None]:
    """Start as many workers; their addresses."""
    with started(count) as all_of_them:
        yield [worker.address for worker in all_of_them]


@contextlib.contextmanager
def started(count: int, *options: str) -> Generator[list[Worker], None, None]:
    """Start as many workers, with these options beside the usual; end those that are left."""
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        ports = [each.getsockname()[1] for each in held]  # all at once, so that they differ
        stack.close()
        found: list[Worker] = []
        for port in ports:
            process = subprocess.Popen(
                [sys.executable, "-m", "llamacffi", "rpc-server", "-p", str(port), "-dev", "CPU", "-t", "1", *options],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            found.append(Worker(f"127.0.0.1:{port}", process))
        for port in ports:
            for _ in range(600):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                    break
                time.sleep(0.1)
        yield found
