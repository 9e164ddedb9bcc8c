"""The command line's commands: each is a module of its name here, with `add_options` and `run`, imported when used."""

from __future__ import annotations

__all__ = ["COMMANDS"]

COMMANDS = {
    "info": "versions, devices, backends, folders",
    "generate": "continue a prompt",
    "chat": "talk with a model",
    "tokenize": "show the tokens of a text",
    "embed": "embeddings of texts",
    "perplexity": "how well a model foretells a text",
    "quantize": "make a model's file smaller",
    "bench": "measure a model's speed",
    "gguf": "show a GGUF file's metadata and tensors",
    "rpc-server": "offer this machine's devices to another: be an RPC worker",
}
"""What each does, for --help."""
