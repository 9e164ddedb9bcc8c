"""Other machines: llama.cpp's RPC backend, from both sides.

A worker (`serve`, `python -m llamacffi rpc-server`) offers its devices; `add_servers` makes them devices of this
process. There is neither authentication nor encryption: whoever can reach a worker can use it, and read and write its
process's memory. Keep workers to loopback, a trusted network or a tunnel.
"""

from __future__ import annotations

import os
import re

import llamacffi

from . import backends, devices
from .errors import BackendError, InvalidArgumentError, LlamaError
from .native import encode_path, ffi, lib, report, text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Optional, Union

    from .types import AnyPointer, ggml_backend_dev_t

__all__ = ["add_servers", "remove_servers", "serve", "set_timeouts"]

PORT = 50052
"""The port of a worker, as of llama.cpp's own."""


def add_servers(endpoints: Union[str, Iterable[str]]) -> list[devices.Device]:
    """Make workers' devices ones of this process: "RPC0", "RPC1", … in the order of adding.

    Models that are loaded from then on use them, unless they are told which devices to use (`choose_devices`). A worker
    that has been added stays where it is in the list when it is added again. C: `ggml_backend_rpc_add_server`,
    `ggml_backend_register`.

    Args:
        endpoints: "host:port", several separated by commas, or an iterable of them.

    Returns:
        The devices of these workers.

    Raises:
        InvalidArgumentError: an endpoint is not of this form.
        WorkerError: a worker is not there, does not answer in time, or speaks another version of the protocol. Those
            before it have been added.
        BackendError: the RPC backend is not there.
    """
    added: list[ggml_backend_dev_t] = []
    for endpoint in _split(endpoints):
        name = endpoint.encode()
        reg = llamacffi.ggml_backend_rpc_add_server(name)
        if not reg:
            raise LlamaError(f"the RPC worker at {endpoint} has no devices")
        memory = ffi.new("size_t[2]")
        llamacffi.ggml_backend_rpc_get_device_memory(name, 0, memory, memory + 1)  # it may have been added, and be gone
        llamacffi.ggml_backend_register(reg)
        added += [llamacffi.ggml_backend_reg_dev_get(reg, i) for i in range(llamacffi.ggml_backend_reg_dev_count(reg))]
    return [device for device in devices.devices() if device.handle in added]


def remove_servers(endpoints: Union[str, Iterable[str]]) -> None:
    """Take workers out of the list of devices, such as one that is gone: to load a model, llama.cpp asks all of them.

    Args:
        endpoints: as for `add_servers`; one that was not added is no error.

    Raises:
        InvalidArgumentError: an endpoint is not of the form "host:port", or a model is loaded, which may use it.
    """
    gone = {f"RPC[{endpoint}]" for endpoint in _split(endpoints)}
    regs = [llamacffi.ggml_backend_reg_get(index) for index in range(llamacffi.ggml_backend_reg_count())]
    names = [text_of(llamacffi.ggml_backend_reg_name(reg)) for reg in regs]
    if gone.isdisjoint(names):
        return
    # All workers' devices belong to the one backend "RPC", and go with it: the others are registered anew.
    for name, reg in zip(names, regs):
        if name == "RPC" or name.startswith("RPC["):
            llamacffi.ggml_backend_unload(reg)
    llamacffi.ggml_backend_register(llamacffi.ggml_backend_rpc_reg())
    for name in names:
        if name.startswith("RPC[") and name not in gone:
            llamacffi.ggml_backend_register(llamacffi.ggml_backend_rpc_add_server(name[4:-1]))


def set_timeouts(connect: Optional[float] = None, answer: Optional[float] = None) -> None:
    """Limit the waiting for workers, all of this process's; what is None stays.

    Args:
        connect: for the connection and the first answer, in seconds; 10 unless `LLAMACFFI_RPC_CONNECT_TIMEOUT` says
            else.
        answer: for every answer after that, in seconds, on connections made from now on; the computing of one batch
            must fit in. 300 unless `LLAMACFFI_RPC_TIMEOUT` says else. A worker whose process or machine is gone is
            found out earlier.

    Raises:
        InvalidArgumentError: not a number above 0, or more than a million.
        BackendError: the RPC backend is not there.
    """
    set_limits = backends.find("rpc", "llamacffi_rpc_set_limits")
    _set_limits(
        set_limits,
        _connect if connect is None else _check_seconds("connect", connect),
        _answer if answer is None else _check_seconds("answer", answer),
    )


_connect, _answer = 10.0, 300.0


def watch(module: AnyPointer) -> None:
    """Have the RPC backend's module fail the calls that need a worker that is lost (src/native/rpc_faults.cpp).

    Args:
        module: its handle, `void *`, just loaded.

    Raises:
        BackendError: a time limit in the environment is none.
    """
    set_hooks = lib.llamacffi_module_symbol(module, b"llamacffi_rpc_set_hooks")
    if set_hooks:  # else it is one that others have built
        lib.llamacffi_watch_workers(set_hooks)
        set_limits = lib.llamacffi_module_symbol(module, b"llamacffi_rpc_set_limits")
        _set_limits(
            set_limits,
            _from_environment("LLAMACFFI_RPC_CONNECT_TIMEOUT", _connect),
            _from_environment("LLAMACFFI_RPC_TIMEOUT", _answer),
        )


def _from_environment(name: str, usual: float) -> float:
    value = os.environ.get(name)
    if not value:
        return usual
    try:
        return _check_seconds(name, float(value))
    except ValueError as error:
        raise BackendError(f"{name}={value}: must be a number of seconds above 0, up to a million") from error


def _set_limits(set_limits: AnyPointer, connect: float, answer: float) -> None:
    global _connect, _answer
    ffi.cast("void(*)(int, int)", set_limits)(max(1, round(connect * 1000)), max(1, round(answer * 1000)))
    _connect, _answer = connect, answer


def serve(
    host: str = "127.0.0.1",
    port: int = PORT,
    device: Union[str, int, devices.Device, Sequence[Union[str, int, devices.Device]], None] = None,
    n_threads: Optional[int] = None,
    cache_dir: Union[str, os.PathLike[str], None] = None,
) -> None:
    """Be a worker: offer devices to one process at a time, until Ctrl-C. C: `ggml_backend_rpc_start_server`.

    Args:
        host: the IPv4 address to listen on. Any other than loopback is warned of.
        port: the port.
        device: the devices to offer, as for `choose_devices`; unset, the GPUs, or the CPU if there are none.
        n_threads: how many threads compute on the CPU; None takes as many as there are processors for this process.
        cache_dir: a folder to keep large tensors in, so that they need not be sent again.

    Raises:
        InvalidArgumentError: there is no such device, or host and port are none.
        LlamaError: it can't listen there.
        KeyboardInterrupt: Ctrl-C.
    """
    from .params import processors

    offered = _offered(device)
    if cache_dir is not None:
        try:
            os.makedirs(cache_dir, exist_ok=True)
        except OSError as error:
            raise LlamaError(f"can't keep tensors in {os.fspath(cache_dir)}: {error.strerror}") from None
    if not host.startswith("127."):
        report(
            f"listening on {host}: whoever can reach this port can use the worker, and read and write its memory; "
            "there is neither authentication nor encryption. Let only machines that you trust reach it."
        )
    _check_address(host, port)
    while True:
        # A client that sends nonsense must not end the service; its own call fails.
        try:
            llamacffi.ggml_backend_rpc_start_server(
                f"{host}:{port}".encode(),
                ffi.NULL if cache_dir is None else encode_path(os.fspath(cache_dir)),
                n_threads or processors(),
                len(offered),
                ffi.new("ggml_backend_dev_t[]", [each.handle for each in offered]),
            )
        except (llamacffi.NativeAssertionError, llamacffi.NativeExceptionError) as error:
            report(f"a client's connection has ended: {error}")
        else:
            raise LlamaError(f"the RPC server on {host}:{port} has stopped: llama.cpp could not accept a connection")


def _offered(
    device: Union[str, int, devices.Device, Sequence[Union[str, int, devices.Device]], None],
) -> list[devices.Device]:
    if device is None:
        there = devices.devices()
        return [each for each in there if each.takes_layers] or [each for each in there if each.type == "CPU"]
    return devices.find(device)


def _check_address(host: str, port: int) -> None:
    """That it can be listened on: llama.cpp says only that it can't."""
    import socket

    try:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            if os.name == "posix":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except (OSError, OverflowError, TypeError) as error:
        raise LlamaError(f"can't listen on {host}:{port}: {error}") from None


def _split(endpoints: Union[str, Iterable[str]]) -> list[str]:
    names = endpoints.split(",") if isinstance(endpoints, str) else list(endpoints)
    names = [name.strip() for name in names]
    for name in names:
        if not re.fullmatch(r"[^:\s]+:\d{1,5}", name):
            raise InvalidArgumentError(f"{name!r}: an RPC worker's address is written host:port, as 127.0.0.1:{PORT}")
    return names


def _check_seconds(name: str, value: float) -> float:
    if not 0 < value <= 1e6:
        raise InvalidArgumentError(f"{name}={value}: a time limit is a number of seconds above 0, up to a million")
    return float(value)
