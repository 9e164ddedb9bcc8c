"""The command line's commands: each is a module of its name here, with `add_options` and `run`, imported when used."""

from __future__ import annotations

__all__ = ["COMMANDS"]

COMMANDS = {
    "info": "versions, devices, backends, folders",
    "generate": "continue a prompt",
    "tokenize": "show the tokens of a text",
    "rpc-server": "offer this machine's devices to another: be an RPC worker",
}
"""What each does, for --help."""
