"""What libraries tell of themselves: their versions, a size, and the names of the values of enums.

    python tools/told.py API.json LIBRARY …

Prints one JSON line for each: the function, and what it returned or, for each value that it takes, the text.
"""

from __future__ import annotations

import ctypes
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Optional

# Those that depend on nothing but the build.
FACTS = ("llama_version", "ggml_version", "ggml_commit", "ggml_tensor_overhead")
_COUNTS = ("_COUNT", "_MAX")


def questions(api: dict[str, Any]) -> Iterator[tuple[str, list[int]]]:
    """The functions to call, each with the values to call it with, none where it takes no argument."""
    functions = {each["name"]: each for each in api["functions"] if not each["module"]}
    yield from ((name, []) for name in FACTS if name in functions)
    enums = {f"enum {each['name']}" if each["tagged"] else each["name"]: each["values"] for each in api["enums"]}
    for name, function in functions.items():
        types = [parameter["type"] for parameter in function["parameters"]]
        if function["returns"] == "const char *" and len(types) == 1 and types[0] in enums:
            # The last value may be their number, and is then none to ask for.
            values = sorted({each["value"]: each["name"] for each in enums[types[0]]}.items())
            if values[-1][1].endswith(_COUNTS):
                values.pop()
            yield name, [value for value, _ in values]


def main(arguments: list[str]) -> int:
    api = json.loads(Path(arguments[0]).read_text("utf-8"))
    libraries = [ctypes.CDLL(path) for path in arguments[1:]]
    for name, values in questions(api):
        function = next((getattr(library, name) for library in libraries if hasattr(library, name)), None)
        if function is None:
            continue
        function.restype = ctypes.c_size_t if name == "ggml_tensor_overhead" else ctypes.c_char_p
        answer = {value: _text(function(value)) for value in values} if values else _text(function())
        print(json.dumps([name, answer]), flush=True)
    return 0


def _text(value: Any) -> Optional[str]:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else None if value is None else str(value)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
