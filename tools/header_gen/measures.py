"""Which calls tell how large a struct is in the library that was loaded: one line each for src/native/measures.cpp."""

from __future__ import annotations

from typing import Optional

from model import API, Function, Named
from policy import Policy

# A struct that is no larger may come back in registers, on one processor or another.
_IN_REGISTERS = 32


def measures_h(api: API, policy: Policy) -> str:
    """`MEASURE(function, struct, its last member, the call that measures it)` for each."""
    records = {record.c_name: record for record in api.records}
    lines = ["// Generated from llama.cpp's headers by tools/header_gen."]
    for function in api.functions:
        result = function.signature.result
        record = records.get(result.name) if isinstance(result, Named) else None
        arguments = _arguments(function, policy)
        if function.module or function.deprecated or arguments is None or not record or not record.fields:
            continue
        last = record.fields[-1]
        if record.size and record.size.integer > _IN_REGISTERS and last.name and last.size:
            call = f"written({', '.join(filter(None, [function.name, arguments]))})"
            lines.append(f"MEASURE({function.name}, {record.c_name}, {last.name}, {call})")
    return "\n".join(lines) + "\n"


def _arguments(function: Function, policy: Policy) -> Optional[str]:
    """The arguments to call it with; None where none are known."""
    known = policy.last("measures", function.name)
    return known if known is not None else None if function.signature.parameters else ""
