"""What the owning classes share: a native object that lives until its owner is closed, within its parents' lives."""

from __future__ import annotations

import os
import sys
import warnings
import weakref
from collections.abc import Iterator
from contextlib import suppress
from types import TracebackType
from typing import Any, ClassVar, Generic, Optional, TypeVar, cast

import llamacffi

from .errors import FreedHandleError
from .handles import is_freed
from .native import ffi
from .types import AnyPointer

Self = TypeVar("Self", bound="Owner[Any]")
Handle = TypeVar("Handle", bound=ffi.CData, covariant=True)

_locked: weakref.WeakValueDictionary[int, Owner[Any]] = weakref.WeakValueDictionary()


def _after_fork() -> None:
    """In a forked child: a lock that another thread of the parent's held would never be released here."""
    for owner in list(_locked.values()):
        owner._make_locks()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class Owner(Generic[Handle]):
    """An object that owns a native one.

    It is closed by `close()`, or at the end of a `with` block. What was made from it is closed first, the latest of
    them before the others; using any of them afterwards raises `FreedHandleError`. An object that is dropped without
    having been closed is closed then, with a `ResourceWarning`, as a file is; don't rely on it.

    Args:
        handle: the C object, which this owns from now on.
        parents: what must outlive it.
    """

    _free: ClassVar[str] = ""
    """The C function that frees the handle."""
    _warns: ClassVar[bool] = True
    """Whether to drop this without having closed it is a mistake."""
    _handle: Optional[Handle] = None  # as long as making it has not succeeded, and once it was closed

    def __init__(self, handle: Handle, *parents: Owner[Any]) -> None:
        self._take(handle, *parents)

    def _take(self, handle: Any, *parents: Owner[Any]) -> None:
        self._handle = handle
        self._owned = True
        self._abandoned = False
        self._parents = parents
        self._children: dict[int, weakref.ref[Owner[Any]]] = {}
        for parent in parents:
            parent._children[id(self)] = weakref.ref(self)

    @classmethod
    def _borrowing(cls: type[Self], handle: ffi.CData, *parents: Owner[Any]) -> Self:
        """An object over a handle that still belongs to whom it belonged: closing this does not free it."""
        made = cls.__new__(cls)
        made._take(handle, *parents)
        made._owned = False
        return made

    @property
    def handle(self) -> Handle:
        """The C object, for `lib` and for `llamacffi.<C name>`; it still belongs to this one.

        Raises:
            FreedHandleError: this was closed.
        """
        if self._handle is None:
            raise FreedHandleError(f"this {type(self).__name__} was closed")
        return self._handle

    @property
    def closed(self) -> bool:
        """Whether this was closed."""
        return self._handle is None

    def close(self) -> None:
        """Free the native object, and before it what was made from it. Closing twice does nothing.

        Raises:
            BusyError: another thread is using it; it stays open.
        """
        if self._handle is None:
            return
        for child in reversed(list(self._living_children())):
            child.close()
        if self.closed:  # by a child, which was what it was there for
            return
        self._close_handle()
        self._handle = None
        parents, self._parents = self._parents, ()
        for parent in parents:
            parent._children.pop(id(self), None)
            if parent._abandoned:
                with suppress(FreedHandleError):  # others were made from it, too
                    parent.close()

    def _close_handle(self) -> None:
        handle = self._handle
        if not self._owned or handle is None:  # another thread has just closed it
            return
        try:
            getattr(llamacffi, self._free)(handle)
        except FreedHandleError:
            if not is_freed(cast("AnyPointer", handle)):  # what is not ours uses it
                raise

    def _living_children(self) -> Iterator[Owner[Any]]:
        for reference in list(self._children.values()):
            child = reference()
            if child is not None:
                yield child

    def _use_locks(self) -> None:
        self._make_locks()
        _locked[id(self)] = self

    def _make_locks(self) -> None:
        """Make the locks that this has; in a forked child, anew."""

    def __enter__(self: Self) -> Self:
        self.handle  # noqa: B018 - raises
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], traceback: Optional[TracebackType]
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if self._handle is None or sys.is_finalizing():  # the process's end frees everything
            return
        if self._owned and self._warns:
            warnings.warn(f"{self!r} was not closed", ResourceWarning, source=self, stacklevel=2)
        try:
            self.close()
        except FreedHandleError:  # what was made from it is garbage as well, and then closes it
            self._abandoned = True

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError(f"a {type(self).__name__} can be neither copied nor pickled: it owns a native object")

    def __repr__(self) -> str:
        state = " (closed)" if self._handle is None else ""
        return f"<llamacffi.{type(self).__name__}{state}>"
