"""The comments that document declarations, found in the headers as they are written."""

from __future__ import annotations

import re
import textwrap
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path

_TOKEN = re.compile(
    r"""(?P<line_comment>//(?:\\\n|[^\n])*)
      | (?P<block_comment>/\*.*?\*/)
      | (?P<directive>^[ \t]*\#(?:\\\n|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|(?!//|/\*)[^\n])*)
      | (?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')""",
    re.DOTALL | re.MULTILINE | re.VERBOSE,
)
_PUNCTUATION = re.compile(r"[()\[\]{};,]")
_BLOCK = re.compile(r"/\*.*?\*/", re.DOTALL)
_DECORATION = re.compile(r"^\s*(?:/\*+(?!/)!?<?|//+!?<?|\*(?!/))|\s*\*+/\s*$")


@dataclass
class _Comment:
    start: int
    end: int
    first_line: int
    last_line: int
    column: int
    leads: bool  # nothing stands before it on its first line
    trails: bool  # nothing stands behind it on its last line


class Comments:
    """Asked for the comments in headers, given as files by name."""

    def __init__(self, files: dict[str, Path]) -> None:
        self._files = files
        self._headers: dict[str, _Header] = {}

    def of_declaration(self, header: str, name: str, line: int, ends: str = ";") -> tuple[int, str]:
        """Where `name`, declared at or soon after `line`, stands, and its comment.

        Args:
            header: the header's name.
            name: the declared name, "" to take `line` as it is.
            line: the line the compiler gives, counted from 1; a macro's expansion may begin before the name.
            ends: the characters that end this kind of declaration.

        Returns:
            The line of the name, and the text of the comment before or behind it, "" if there is none.
        """
        return self._header(header).declaration(name, line, ends)

    def of_directive(self, header: str, line: int) -> str:
        """The comment before or behind the macro defined on `line`."""
        return self._header(header).directive(line)

    def _header(self, name: str) -> _Header:
        if name not in self._headers:
            self._headers[name] = _Header(self._files[name].read_text("utf-8", "replace"))
        return self._headers[name]


class _Header:
    """One header's text.

    Args:
        text: the header's contents.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts = [0, *(at + 1 for at, char in enumerate(text) if char == "\n")]
        comments: list[_Comment] = []

        def note(start: int, end: int) -> None:
            first, last = self._line(start), self._line(end - 1)
            column = start - self._starts[first - 1]
            leads = not text[start - column : start].strip()
            trails = not text[end : self._starts[last] if last < len(self._starts) else None].strip()
            comments.append(_Comment(start, end, first, last, column, leads, trails))

        def mask(found: re.Match[str]) -> str:
            blank = re.sub(r"[^\n]", " ", found[0])
            if found.lastgroup == "directive":
                for block in _BLOCK.finditer(text, found.start(), found.end()):
                    note(block.start(), block.end())
                return blank[:-1] + ";"  # a declaration ends before a directive and begins after it
            if found.lastgroup != "string":
                note(found.start(), found.end())
            return blank

        self._code = _TOKEN.sub(mask, text)
        self._by_first: dict[int, list[_Comment]] = {}
        self._by_last: dict[int, list[_Comment]] = {}
        for comment in comments:
            self._by_first.setdefault(comment.first_line, []).append(comment)
            self._by_last.setdefault(comment.last_line, []).append(comment)

    def _line(self, offset: int) -> int:
        return bisect_right(self._starts, offset)

    def declaration(self, name: str, line: int, ends: str) -> tuple[int, str]:
        offset = self._starts[min(line, len(self._starts)) - 1]
        found = re.compile(rf"\b{re.escape(name)}\b").search(self._code, offset) if name else None
        at = found.start() if found else offset
        begin = max(self._code.rfind(char, 0, at) for char in ";{}" + ends) + 1
        begin += len(self._code[begin:at]) - len(self._code[begin:at].lstrip())
        end = self._end(at, ends)
        first, last = self._line(begin), self._line(end)
        # A function whose parameters have comments of their own: the last of them stands behind the semicolon.
        per_parameter = first < last and any(self._by_first.get(line) for line in range(first, last))
        behind = [] if per_parameter else self._behind(last, end)
        return self._line(at), self._text_of(self._before(begin), behind)

    def directive(self, line: int) -> str:
        begin = self._text.index("#", self._starts[line - 1])
        return self._text_of(self._before(begin), self._carried_on(self._by_first.get(line, [])[:1]))

    def _end(self, at: int, ends: str) -> int:
        """Where the declaration that `at` lies in ends."""
        depth, body = 0, False
        for found in _PUNCTUATION.finditer(self._code, at):
            char = found[0]
            if depth <= 0 and (char in ends or (char == "}" and "," in ends)):
                return found.start()
            if char == "{" and not depth:
                body = self._code[at : found.start()].rstrip().endswith(")")
            depth += (char in "([{") - (char in ")]}")
            if char == "}" and not depth and body:
                return found.start()  # a function's body needs no semicolon
        return len(self._code) - 1

    def _before(self, begin: int) -> list[_Comment]:
        """The comments in front of what begins at `begin`, and those that stand alone on the lines directly above."""
        line = self._line(begin)
        found = [comment for comment in self._by_last.get(line, []) if comment.end <= begin]
        start = found[0].start if found else begin
        if self._code[self._code.rfind("\n", 0, start) + 1 : start].strip():
            return []  # something else is the first on its line
        line = self._line(start) - 1
        while (above := self._by_last.get(line)) and above[-1].leads and above[-1].trails:
            found.insert(0, above[-1])
            line = above[-1].first_line - 1
        # Lines that only carry on the comment behind the declaration before are not ours.
        if above and above[-1].trails:
            while found and found[0].column == above[-1].column:
                found.pop(0)
        return found

    def _behind(self, last: int, end: int) -> list[_Comment]:
        """The comment on the declaration's last line."""
        comments = [comment for comment in self._by_first.get(last, []) if comment.start >= end][:1]
        if comments and self._code[end + 1 : comments[0].start].strip(" \t,;"):
            return []
        return self._carried_on(comments)

    def _carried_on(self, found: list[_Comment]) -> list[_Comment]:
        """A comment behind something, with the lines below that carry it on in the same column."""
        while found and (following := self._by_first.get(found[-1].last_line + 1)):
            if not following[0].leads or following[0].column != found[0].column:
                break
            found.append(following[0])
        return found

    def _text_of(self, *groups: list[_Comment]) -> str:
        """The comments without their marks, indented as among themselves."""
        texts: list[str] = []
        for group in groups:
            lines = [line for comment in group for line in self._text[comment.start : comment.end].splitlines()]
            texts.append(textwrap.dedent("\n".join(_DECORATION.sub("", line).rstrip() for line in lines)).strip("\n"))
        return "\n".join(filter(None, texts))
