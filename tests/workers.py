"""RPC workers on loopback, each a process of its own that computes on this machine's CPU."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

SERVE = """
import sys
from llamacffi import ffi, lib
devices = ffi.new("ggml_backend_dev_t[]", [lib.ggml_backend_dev_by_type(lib.GGML_BACKEND_DEVICE_TYPE_CPU)])
lib.ggml_backend_rpc_start_server(sys.argv[1].encode(), ffi.NULL, 1, 1, devices)
"""

# For a program whose first argument is the workers' addresses: makes them devices RPC0, RPC1, …
ADD = """
import sys
import llamacffi
for address in sys.argv.pop(1).split(","):
    llamacffi.ggml_backend_register(llamacffi.ggml_backend_rpc_add_server(address))
"""


@contextlib.contextmanager
def workers(count: int) -> Iterator[list[str]]:
    """Start as many workers; their addresses."""
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        ports = [each.getsockname()[1] for each in held]  # all at once, so that they differ
        stack.close()
        for port in ports:
            process = subprocess.Popen(
                [sys.executable, "-c", SERVE, f"127.0.0.1:{port}"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            stack.enter_context(process)
            stack.callback(process.kill)
        for port in ports:
            for _ in range(600):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                    break
                time.sleep(0.1)
        yield [f"127.0.0.1:{port}" for port in ports]
