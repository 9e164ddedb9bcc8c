"""The exceptions that the package raises, and how a recorded native failure becomes one."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional


class LlamaError(Exception):
    """Something that llama.cpp, or the binding on its behalf, could not do.

    Args:
        message: what went wrong.
        function: the C function's name, "" if no call was wrong.
        argument: the name of the argument that was, "" if it is not known.
        native: llama.cpp's own words, "" if it said nothing.

    Attributes:
        function, argument, native: as above.
    """

    def __init__(self, message: str = "", function: str = "", argument: str = "", native: str = "") -> None:
        super().__init__(message)
        self.function = function
        self.argument = argument
        self.native = native

    def __str__(self) -> str:
        message = super().__str__()
        if not self.native:
            return message
        return f"{message}:\n{self.native}" if "\n" in self.native else f"{message}: {self.native}"


class InvalidArgumentError(LlamaError, ValueError):
    """An argument that the function can't take."""


class ArgumentTypeError(InvalidArgumentError, TypeError):
    """An argument of a type that C can't take."""


class ArgumentRangeError(InvalidArgumentError, OverflowError):
    """A number that does not fit the C type."""


class FreedHandleError(LlamaError):
    """An object that has been freed, that never was one, or that may not be freed now."""


class BusyError(LlamaError):
    """An object that another call is using."""


class NativeAssertionError(LlamaError):
    """A failed assertion in llama.cpp."""


class NativeExceptionError(LlamaError):
    """A C++ exception in llama.cpp."""


class WorkerError(LlamaError):
    """An RPC worker that is not there, has gone, does not answer in time, or speaks another version of the protocol."""


class BackendError(LlamaError):
    """A backend is needed that is not there, was not selected, or does not load."""


def compose(function: str, argument: str, problem: str) -> str:
    """One line: `function: argument = value: what is wrong`; the problem may begin with the value."""
    if not argument:
        return f"{function}: {problem}"
    return f"{function}: {argument}{'' if problem.startswith('= ') else ':'} {problem}"


def last_error() -> Optional[LlamaError]:
    """This thread's latest failed call, as the exception that `llamacffi.<name>` raises; None if none has failed.

    It serves those who call through `lib`, where a failed call returns NULL, 0, or what else C knows for it.
    """
    from .native import lib, text_of

    record = lib.llamacffi_last_error()
    if not record:
        return None
    texts = (record.function, record.argument, record.message, record.native)
    function, argument, message, native = map(text_of, texts)
    kinds = {
        lib.LLAMACFFI_ERROR_ARGUMENT: InvalidArgumentError,
        lib.LLAMACFFI_ERROR_FREED: FreedHandleError,
        lib.LLAMACFFI_ERROR_BUSY: BusyError,
        lib.LLAMACFFI_ERROR_ASSERTION: NativeAssertionError,
        lib.LLAMACFFI_ERROR_EXCEPTION: NativeExceptionError,
        lib.LLAMACFFI_ERROR_BACKEND: BackendError,
        lib.LLAMACFFI_ERROR_WORKER: WorkerError,
    }
    kind = kinds.get(record.kind, LlamaError)
    if kind is not BackendError:  # which names the function where that is of interest
        message = compose(function, argument, message)
    return kind(message, function, argument, native.strip())


def reason() -> str:
    """llama.cpp's own words for a call of this thread that has just failed: the warnings and errors that it logged."""
    from .native import lib, text_of

    return text_of(lib.llamacffi_call_log()).strip()


def failure() -> BaseException:
    """What to raise for the call of this thread that has just failed."""
    from .native import lib

    raised, record = None, lib.llamacffi_last_error()
    if record and record.kind == lib.LLAMACFFI_ERROR_CALLBACK:
        from .callbacks import take_exception

        raised = take_exception()
    return raised or last_error() or LlamaError("a native call failed")
