"""A door for what is wrong on purpose: type checkers do not look at what goes through it."""

from __future__ import annotations

from typing import Any

import llamacffi

unchecked: Any = llamacffi
