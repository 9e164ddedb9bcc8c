"""The command line, `python -m llamacffi`: a command of `cli`, or what a compiler wants: `--cflags`, `--libs`, …"""

from __future__ import annotations

import argparse
import io
import os
import sys
from importlib import import_module
from typing import Any, Optional, Union

import llamacffi

from . import sdk
from .cli import COMMANDS
from .errors import InvalidArgumentError, LlamaError
from .native import report


class _Command(argparse.ArgumentParser):
    """The parser of a command, whose module is imported when the command is given."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]  # overloads
        command = import_module(f".cli.{self.prog.split()[-1].replace('-', '_')}", __package__)
        self.description = command.__doc__.partition("\n\n")[0] if command.__doc__ else None
        command.add_options(self)
        self.add_argument("-v", "--verbose", action="store_true", help="all that llama.cpp logs, to standard error")
        self.set_defaults(run=command.run)
        return super().parse_known_args(args, namespace)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="llamacffi", description="llama.cpp through cffi")
    parser.set_defaults(run=_print_facts, verbose=False)
    parser.add_argument("--version", action="version", version=f"llamacffi {llamacffi.__version__}")
    for name, value, what in (
        ("--cflags", sdk.cflags, "print a C compiler's arguments"),
        ("--libs", sdk.libs, "print a linker's arguments"),
        ("--cmakedir", sdk.get_cmake_dir, "print the folder of the CMake package"),
        ("--pkgconfigdir", sdk.get_pkgconfig_dir, "print the folder of llamacffi.pc"),
    ):
        parser.add_argument(name, action="append_const", dest="facts", const=value, help=what)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Command)
    for name, what in COMMANDS.items():
        commands.add_parser(name, help=what)
    return parser


def _print_facts(options: argparse.Namespace) -> None:
    """Arguments on one line, as a shell reads them; each folder on a line of its own."""
    import shlex

    from .cli import terminal

    values: list[Union[str, list[str]]] = [fact() for fact in options.facts]
    arguments = [argument for value in values if isinstance(value, list) for argument in value]
    lines = [value for value in values if isinstance(value, str)]
    if arguments:
        if os.name == "nt":
            import subprocess

            lines.insert(0, subprocess.list2cmdline(arguments))
        else:
            lines.insert(0, shlex.join(arguments))
    terminal.write("".join(f"{line}\n" for line in lines))


def main(arguments: Optional[list[str]] = None) -> int:
    """Run one command; the exit status: 0 success, 1 failure, 2 wrong usage, 130 interrupted."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed by whoever started us
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115
    parser = _parser()
    options = parser.parse_args(arguments)
    if bool(options.facts) == bool(options.command):
        parser.error("give either a COMMAND or any of --cflags, --libs, --cmakedir, --pkgconfigdir")
    output: Any = sys.stdout
    if isinstance(sys.stdout, io.TextIOWrapper):
        output.reconfigure(errors="replace")  # the output's encoding may lack what a model writes
    if options.verbose:
        import logging

        logging.basicConfig(format="%(message)s", level=logging.DEBUG)
    from .cli import terminal  # now that there is something to be done

    try:
        options.run(options)
    except LlamaError as error:
        # llama.cpp's own words have been logged, but for those on an argument, such as a grammar.
        report(f"{error if isinstance(error, InvalidArgumentError) else error.args[0]}")
        return 1
    except KeyboardInterrupt:
        return 130
    except terminal.OutputError as error:
        # The interpreter must not try to flush it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), output.fileno())
        if not isinstance(error.__cause__, BrokenPipeError):  # whoever reads no further wants no message either
            report(f"can't write the output: {error}")
        return 1
    except OSError as error:
        report(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
