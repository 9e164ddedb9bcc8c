"""llama.cpp's log lines in Python's `logging`, and as the reasons of failures."""

from __future__ import annotations

import gc
import logging
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import llamacffi
from fixture_types import MakeContext, Run
from llamacffi import ffi, lib
from llamacffi.native import encode_path
from llamacffi.types import llama_model_p

AddHandler = Callable[[Callable[[str], Any]], None]

LOGGER = logging.getLogger("llamacffi")


@pytest.fixture
def level() -> Iterator[Callable[[int], None]]:
    """A function that sets the logger's level; it is as before when the test ends."""
    before = LOGGER.level
    yield LOGGER.setLevel
    LOGGER.setLevel(before)


def log(*pieces: tuple[int, str]) -> None:
    """Log pieces of text as llama.cpp does."""
    function, data = ffi.new("ggml_log_callback *"), ffi.new("void **")
    lib.llama_log_get(function, data)
    for native_level, text in pieces:
        function[0](native_level, text.encode(), data[0])


def load_nothing() -> None:
    lib.llama_model_load_from_file(b"/no/such/file", lib.llama_model_default_params())


def lines_of(caplog: pytest.LogCaptureFixture) -> list[tuple[int, str]]:
    return [(record.levelno, record.getMessage()) for record in caplog.records if record.name == "llamacffi"]


# --- lines ------------------------------------------------------------------------------------------------------------


def test_levels(caplog: pytest.LogCaptureFixture, level: Callable[[int], None]) -> None:
    level(logging.DEBUG)
    levels = {
        lib.GGML_LOG_LEVEL_DEBUG: logging.DEBUG,
        lib.GGML_LOG_LEVEL_INFO: logging.INFO,
        lib.GGML_LOG_LEVEL_WARN: logging.WARNING,
        lib.GGML_LOG_LEVEL_ERROR: logging.ERROR,
        lib.GGML_LOG_LEVEL_NONE: logging.INFO,
    }
    log(*((native, f"{native}\n") for native in levels))
    assert lines_of(caplog) == [(python, str(native)) for native, python in levels.items()]


def test_pieces_become_lines(caplog: pytest.LogCaptureFixture) -> None:
    more, warn = lib.GGML_LOG_LEVEL_CONT, lib.GGML_LOG_LEVEL_WARN
    log((warn, "one"), (more, ", two"), (more, ", three\nfour "), (more, "%s größer\n"), (more, "\n"), (warn, "five\n"))
    texts = ["one, two, three", "four %s größer", "five"]
    assert lines_of(caplog) == [(logging.WARNING, text) for text in texts]


def test_line_without_an_end_ends_with_the_next(caplog: pytest.LogCaptureFixture) -> None:
    log((lib.GGML_LOG_LEVEL_WARN, "no end"), (lib.GGML_LOG_LEVEL_ERROR, "next\n"))
    assert lines_of(caplog) == [(logging.WARNING, "no end"), (logging.ERROR, "next")]


def test_rest_of_a_line_that_is_not_wanted(caplog: pytest.LogCaptureFixture, level: Callable[[int], None]) -> None:
    level(logging.WARNING)
    log((lib.GGML_LOG_LEVEL_INFO, "one"), (lib.GGML_LOG_LEVEL_CONT, ", two\n"), (lib.GGML_LOG_LEVEL_WARN, "three\n"))
    assert lines_of(caplog) == [(logging.WARNING, "three")]


def test_bytes_that_are_no_text(caplog: pytest.LogCaptureFixture) -> None:
    function, data = ffi.new("ggml_log_callback *"), ffi.new("void **")
    lib.llama_log_get(function, data)
    function[0](lib.GGML_LOG_LEVEL_ERROR, b"\xff!\n", data[0])
    assert lines_of(caplog) == [(logging.ERROR, "\ufffd!")]


def test_threads_do_not_mix_their_lines(caplog: pytest.LogCaptureFixture) -> None:
    turns = threading.Barrier(2)

    def work(name: str) -> None:
        for piece in range(20):
            turns.wait()
            log((lib.GGML_LOG_LEVEL_CONT if piece else lib.GGML_LOG_LEVEL_WARN, name))
        log((lib.GGML_LOG_LEVEL_CONT, "\n"))

    threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(lines_of(caplog)) == [(logging.WARNING, "a" * 20), (logging.WARNING, "b" * 20)]


# --- what is wanted ---------------------------------------------------------------------------------------------------


def test_warnings_and_errors_by_default(
    caplog: pytest.LogCaptureFixture, model: llama_model_p, make_context: MakeContext
) -> None:
    make_context()
    assert {number for number, _ in lines_of(caplog)} <= {logging.WARNING, logging.ERROR}
    load_nothing()
    assert any("/no/such/file" in text for number, text in lines_of(caplog) if number == logging.ERROR)


def test_level_holds_from_the_next_call_on(
    caplog: pytest.LogCaptureFixture, level: Callable[[int], None], make_context: MakeContext
) -> None:
    level(logging.INFO)
    make_context(n_ctx=512)
    assert any("n_ctx" in text and "512" in text for number, text in lines_of(caplog) if number == logging.INFO)
    assert not any(number < logging.INFO for number, _ in lines_of(caplog))
    caplog.clear()
    level(logging.CRITICAL)
    load_nothing()
    assert not lines_of(caplog)


def test_python_is_not_entered_for_what_is_not_wanted(
    model_path: str, level: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loading logs hundreds of lines."""
    level(logging.WARNING)
    asked: list[int] = []

    def effective_level() -> int:
        asked.append(1)
        return logging.WARNING

    monkeypatch.setattr(LOGGER, "getEffectiveLevel", effective_level)
    lib.llama_model_free(lib.llama_model_load_from_file(encode_path(model_path), lib.llama_model_default_params()))
    assert len(asked) == 1


def test_other_libraries_of_ours_log_there_too(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    path = tmp_path / "broken.gguf"
    path.write_bytes(b"GGUF")
    params = ffi.new("struct gguf_init_params *", {"no_alloc": True})
    assert not lib.gguf_init_from_file(encode_path(str(path)), params[0])
    assert any("gguf" in text for _, text in lines_of(caplog))
    caplog.clear()
    lib.mtmd_get_cap_from_file(encode_path(str(path)))
    assert lines_of(caplog)


# --- handlers ---------------------------------------------------------------------------------------------------------


class Handler(logging.Handler):
    """Calls a function for each line."""

    def __init__(self, function: Callable[[str], Any]) -> None:
        super().__init__()
        self.function = function

    def emit(self, record: logging.LogRecord) -> None:
        self.function(record.getMessage())


@pytest.fixture
def handle() -> Iterator[AddHandler]:
    handlers: list[Handler] = []

    def add(function: Callable[[str], Any]) -> None:
        handlers.append(Handler(function))
        LOGGER.addHandler(handlers[-1])

    yield add
    for handler in handlers:
        LOGGER.removeHandler(handler)


def test_handler_that_raises_does_no_harm(handle: AddHandler, capsys: pytest.CaptureFixture[str]) -> None:
    def raises(text: str) -> None:
        raise KeyError("in the handler")

    handle(raises)
    assert not llamacffi.llama_model_load_from_file(b"/no/such/file", llamacffi.llama_model_default_params())
    assert "KeyError: 'in the handler'" in capsys.readouterr().err


def test_handler_that_calls(handle: AddHandler, model: llama_model_p) -> None:
    counts: list[int] = []
    handle(lambda text: counts.append(lib.llama_model_n_params(model)))
    load_nothing()
    assert counts
    assert set(counts) == {lib.llama_model_n_params(model)}


def test_handler_does_not_get_what_it_logs_itself(handle: AddHandler) -> None:
    texts: list[str] = []

    def again(text: str) -> None:
        texts.append(text)
        load_nothing()

    handle(again)
    load_nothing()
    assert len(texts) == len(set(texts))


# --- no handler -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["", "import logging"])
def test_problems_go_to_standard_error(run_python: Run, first: str) -> None:
    code = f"""
import sys
{first}
import llamacffi
from llamacffi import lib
lib.llama_model_load_from_file(b"/no/such/file", lib.llama_model_default_params())
print("logging" in sys.modules)
"""
    done = run_python("-c", code)
    assert done.stdout == f"{bool(first)}\n"
    assert "/no/such/file" in done.stderr
    assert "Traceback" not in done.stderr


def test_nothing_else_goes_there(run_python: Run, model_path: str) -> None:
    code = """
import os, sys
from llamacffi import lib
lib.llama_model_free(lib.llama_model_load_from_file(os.fsencode(sys.argv[1]), lib.llama_model_default_params()))
"""
    done = run_python("-c", code, model_path)
    assert (done.stdout, done.stderr) == ("", "")


def test_no_standard_error(run_python: Run) -> None:
    code = """
import sys
from llamacffi import lib
sys.stderr = None
lib.llama_model_load_from_file(b"/no/such/file", lib.llama_model_default_params())
"""
    done = run_python("-c", code)
    assert (done.returncode, done.stderr) == (0, "")


def test_end_of_the_interpreter(run_python: Run) -> None:
    code = """
import logging, sys
from llamacffi import lib
logging.basicConfig(level=logging.DEBUG, stream=sys.stdout)
class AtTheEnd:
    def __del__(self):
        lib.llama_model_load_from_file(b"/no/such/file", params)
params = lib.llama_model_default_params()
sys.at_the_end = AtTheEnd()
"""
    done = run_python("-c", code)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
def test_interrupt_in_a_handler_is_not_lost(run_python: Run) -> None:
    code = """
import logging, os, signal, sys
from llamacffi import lib
class Handler(logging.Handler):
    def emit(self, record):
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1000): pass
logging.getLogger("llamacffi").addHandler(Handler())
try:
    lib.llama_model_load_from_file(b"/no/such/file", lib.llama_model_default_params())
except KeyboardInterrupt:
    print("interrupted")
"""
    done = run_python("-c", code)
    assert done.stdout == "interrupted\n", done.stderr


# --- reasons ----------------------------------------------------------------------------------------------------------


def test_failure_has_the_native_reason(level: Callable[[int], None]) -> None:
    """Whatever the logger's level is."""
    level(logging.CRITICAL)
    made = llamacffi.sampler(apply=print)

    def read(offset: int, buffer: Any) -> int:
        load_nothing()
        raise KeyError

    params = ffi.new("struct gguf_init_params *", {"no_alloc": True})
    function, user_data = llamacffi.callback("gguf_reader_callback_t", read)
    assert not lib.gguf_init_from_callback(function, user_data, 0, 100, params[0])
    error = llamacffi.last_error()
    assert error
    assert "/no/such/file" in error.native
    lib.llama_sampler_free(made)


def test_reason_is_of_the_latest_call_and_of_this_thread() -> None:
    load_nothing()
    assert b"/no/such/file" in ffi.string(lib.llamacffi_call_log())
    others: list[bytes] = []
    thread = threading.Thread(target=lambda: others.append(ffi.string(lib.llamacffi_call_log())))
    thread.start()
    thread.join()
    assert others == [b""]
    lib.llama_max_devices()
    assert ffi.string(lib.llamacffi_call_log()) == b""


# --- log callbacks ----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("native_log")
def test_log_callback_takes_the_place_of_logging(caplog: pytest.LogCaptureFixture) -> None:
    pieces: list[tuple[int, str]] = []
    lib.llama_log_set(*llamacffi.callback("ggml_log_callback", lambda *piece: pieces.append(piece)))
    gc.collect()
    load_nothing()
    assert any("/no/such/file" in text for number, text in pieces if number == lib.GGML_LOG_LEVEL_ERROR)
    assert b"/no/such/file" in ffi.string(lib.llamacffi_call_log())
    assert not lines_of(caplog)


@pytest.mark.usefixtures("native_log")
def test_log_callback_that_was_set_is_got() -> None:
    made = llamacffi.callback("ggml_log_callback", print)
    lib.llama_log_set(*made)
    function, data = ffi.new("ggml_log_callback *"), ffi.new("void **")
    for get in (lib.llama_log_get, lib.ggml_log_get):
        get(function, data)
        assert (function[0], data[0]) == (made.function, made.user_data)


def test_log_callback_that_was_got_is_set_again(caplog: pytest.LogCaptureFixture) -> None:
    before = ffi.new("ggml_log_callback *"), ffi.new("void **")
    lib.llama_log_get(*before)
    lib.llama_log_set(*llamacffi.callback("ggml_log_callback", lambda *_: None))
    lib.llama_log_set(before[0][0], before[1][0])
    load_nothing()
    assert lines_of(caplog)


@pytest.mark.usefixtures("native_log")
def test_exception_in_a_log_callback_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    def raises(level: int, text: str) -> None:
        raise KeyError("in the callback")

    lib.llama_log_set(*llamacffi.callback("ggml_log_callback", raises))
    load_nothing()
    assert "KeyError: 'in the callback'" in capsys.readouterr().err
    assert not lib.llamacffi_failed()


def test_no_log_callback_is_llama_cpps_own(run_python: Run, model_path: str) -> None:
    code = """
import os, sys
from llamacffi import ffi, lib
lib.llama_log_set(ffi.NULL, ffi.NULL)
lib.llama_model_free(lib.llama_model_load_from_file(os.fsencode(sys.argv[1]), lib.llama_model_default_params()))
"""
    done = run_python("-c", code, model_path)
    assert "llama_model_loader: loaded meta data" in done.stderr
