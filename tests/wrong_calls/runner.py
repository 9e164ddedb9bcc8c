"""Runs the corpus of wrong and right calls, each in a process of its own, and prints one JSON line for each.

    python tests/wrong_calls/runner.py [PATTERN …]

A case is a function `wrong_…(c, w)` or `right_…(c, w)` of the modules beside this one. `c` is what calls go through:
the checked facade, or `lib`; each case runs once with either. `w` is the world (world.py). A wrong case's docstring
says what must come of its last statement: "function: Error", or several errors with | between them.

The model is loaded once, and each case is a fork of that process; where there is no fork, a new interpreter.
"""

from __future__ import annotations

import fnmatch
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable, Optional

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent.parent / "tools")]

# Threads that wait without spinning: on busy processors, all else takes many times as long. Read once, at loading.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from loading import load_module  # noqa: E402

TOPICS = ("llama", "ggml", "backend", "gguf", "mtmd")
TIERS = ("facade", "lib")
LIMIT = 120.0  # seconds for one case, on a machine that has other things to do


def cases() -> dict[str, Callable[[Any, Any], None]]:
    """All cases, by "topic.name"."""
    found: dict[str, Callable[[Any, Any], None]] = {}
    for topic in TOPICS:
        named: dict[str, Any] = load_module(f"wrong_calls_{topic}", HERE / f"{topic}.py").__dict__
        names = [name for name in named if name.startswith(("wrong_", "right_"))]
        found.update({f"{topic}.{name}": named[name] for name in names})
    return found


def run(name: str, tier: str, world: Any) -> Optional[str]:
    """Run one case in this process: what is not as it must be, None if all is."""
    import llamacffi

    case = cases()[name]
    c = llamacffi if tier == "facade" else llamacffi.lib
    if name.partition(".")[2].startswith("right_"):
        case(c, world)
        problem = None
        if llamacffi.lib.llamacffi_failed():
            problem = f"a right call was refused: {llamacffi.last_error()!r}"
    else:
        assert case.__doc__, f"{name} does not say what must come of it"
        function, _, errors = case.__doc__.strip().partition(": ")
        problem = _outcome(case, c, world, function, [error.strip() for error in errors.split("|")])
    world.check()
    return problem


def _outcome(case: Callable[[Any, Any], None], c: Any, world: Any, function: str, errors: list[str]) -> Optional[str]:
    import llamacffi

    try:
        case(c, world)
    except llamacffi.LlamaError as error:
        if c is llamacffi.lib:
            return f"lib raised {error!r}"
        raised: Optional[llamacffi.LlamaError] = error
    else:
        if c is not llamacffi.lib:
            return "nothing was raised"
        if not llamacffi.lib.llamacffi_failed():
            return "the call did not fail"
        raised = llamacffi.last_error()
    if raised is None:
        return "the call has failed, and there is no error"
    if type(raised).__name__ not in errors:
        return f"{raised!r}, and not {' or '.join(errors)}"
    if raised.function != function:
        return f"{raised!r} names {raised.function}"
    return None


def _child(name: str, tier: str, world: Any, output: int) -> None:
    """A forked process's whole life."""
    status = 1
    try:
        os.dup2(output, 1)
        os.dup2(output, 2)
        problem = run(name, tier, world)
        if problem:
            print(problem)
        status = 1 if problem else 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


class Running:
    """A case in a process of its own."""

    def __init__(self, name: str, tier: str, world: Any) -> None:
        self.name, self.tier = name, tier
        self.output = tempfile.TemporaryFile()  # noqa: SIM115  (it is read when the process is done)
        self.deadline = time.monotonic() + LIMIT
        sys.stdout.flush()
        self.pid = os.fork()
        if not self.pid:
            _child(name, tier, world, self.output.fileno())

    def result(self) -> Optional[dict[str, Any]]:
        """What came of it; None as long as it runs."""
        done, status = os.waitpid(self.pid, os.WNOHANG)
        if done:
            ended = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
            return _result(self.name, self.tier, ended, self.output)
        if time.monotonic() < self.deadline:
            return None
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        return _result(self.name, self.tier, None, self.output)


def _forked(names: list[str], world: Any) -> Iterator[dict[str, Any]]:
    """Run the cases, as many at once as there are processors."""
    waiting = [(name, tier) for name in reversed(names) for tier in TIERS]
    running: list[Running] = []
    while waiting or running:
        while waiting and len(running) < (os.cpu_count() or 1):
            running.append(Running(*waiting.pop(), world))
        for each in list(running):
            result = each.result()
            if result:
                running.remove(each)
                yield result
        time.sleep(0.002)


def _started(names: list[str]) -> Iterator[dict[str, Any]]:
    for name in names:
        for tier in TIERS:
            with tempfile.TemporaryFile() as output:
                command = [sys.executable, __file__, "--one", name, tier]
                status: Optional[int]
                try:
                    status = subprocess.run(command, stdout=output, stderr=output, timeout=LIMIT).returncode
                except subprocess.TimeoutExpired:
                    status = None
                yield _result(name, tier, status, output)


def _result(name: str, tier: str, status: Optional[int], output: Any) -> dict[str, Any]:
    output.seek(0)
    return {"case": name, "tier": tier, "status": status, "output": output.read()[-6000:].decode("utf-8", "replace")}


def main(arguments: list[str]) -> int:
    from world import World

    if arguments[:1] == ["--one"]:
        problem = run(arguments[1], arguments[2], World())
        print(problem or "")
        return 1 if problem else 0
    world = World()
    patterns = arguments or ["*"]
    names = [name for name in cases() if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)]
    if hasattr(os, "fork"):
        assert world.model  # loaded once for all, with nothing computed before the forks
        results = _forked(names, world)
    else:
        results = _started(names)
    for result in results:
        print(json.dumps(result), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
