"""Python functions that C is to call, with other parameters than C has for them."""

from __future__ import annotations

import llamacffi
from llamacffi import Context, Model


def log_of_level(level: int) -> None:
    print(level)


def log_of_bytes(level: int, text: bytes) -> None:
    print(level, text.decode())


def too_few_parameters() -> None:
    llamacffi.llama_log_set(log_of_level, None)  # WRONG


def another_parameter() -> None:
    llamacffi.llama_log_set(log_of_bytes, None)  # WRONG


def no_function() -> None:
    llamacffi.llama_log_set("print", None)  # WRONG


def call_and_not_function() -> None:
    llamacffi.callback("ggml_log_callback", print())  # WRONG


def progress_without_parameter() -> Model:
    return Model("model.gguf", progress=lambda: True)  # WRONG


def abort_with_parameter(context: Context, name: str) -> None:
    context.set_abort_callback(name.startswith)  # WRONG
