"""A user's progress function: called with the part that is done; returning False cancels, None does not."""

from __future__ import annotations

from typing import Callable, Optional

from .errors import ArgumentTypeError

Progress = Callable[[float], Optional[bool]]
"""Gets the part that is done, 0 to 1; returning False cancels the work, None does not."""


class Watched:
    """Work that reports to a progress function: an object to be called with the part done, 0 to 1.

    Args:
        function: the user's; None: nobody watches.

    Attributes:
        cancelled: whether the function has said so.

    Raises:
        ArgumentTypeError: it is no function.
    """

    def __init__(self, function: Optional[Progress]) -> None:
        if function is not None and not callable(function):
            raise ArgumentTypeError(f"progress = {function!r}: must be a function, or None", argument="progress")
        self._function = function
        self.cancelled: bool = False

    def __call__(self, part: float) -> bool:
        """Report; whether to go on."""
        self.cancelled = self._function is not None and self._function(part) is False
        return not self.cancelled
