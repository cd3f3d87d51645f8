"""Dockerfiles and Procfiles: one instruction, or process type, after the other."""

from __future__ import annotations

import re

from celerylint.facts.deploy.ir import Instruction, InstructionFile, Scalar
from celerylint.facts.deploy.text import Joined, Origins, cut

_DIRECTIVE = re.compile(r"\s*#\s*(?P<name>[A-Za-z]+)\s*=\s*(?P<value>\S+)\s*$")
_WORD = re.compile(r"\s*(?P<word>[A-Za-z]+)(?:[ \t]+|$)")
_HEREDOC = re.compile(r"<<(?P<dash>-?)(?P<quote>[\"']?)(?P<name>[A-Za-z_]\w*)(?P=quote)")
_WITH_HEREDOCS = frozenset(("RUN", "COPY", "ADD"))
_STRING = r'"(?:[^"\\]|\\.)*"'
_JSON = re.compile(rf"\s*\[\s*(?:{_STRING}\s*(?:,\s*{_STRING}\s*)*)?\]\s*\Z", re.DOTALL)
_WITH_JSON = frozenset(("CMD", "ENTRYPOINT", "RUN", "SHELL", "COPY", "ADD", "VOLUME"))


def dockerfile(text: str) -> InstructionFile:
    """The instructions of a Dockerfile. The texts of heredocs are left out."""
    lines = text.split("\n")
    continued = re.compile(re.escape(_escape(lines)) + r"[ \t]*$")
    found: list[Instruction] = []
    number = 0
    while number < len(lines):
        word = _WORD.match(lines[number])
        if word is None or lines[number].lstrip().startswith("#"):
            number += 1
            continue
        joined, start = Joined(), number
        col = word.end() + 1
        while True:
            line = lines[number]
            more = continued.search(line)
            joined.add(line[col - 1 : more.start() if more else len(line)], number + 1, col)
            end, end_col = number + 1, len(line.rstrip()) + 1
            number += 1
            while more and number < len(lines) and _is_left_out(lines[number]):
                number += 1
            if not more or number >= len(lines):
                break
            col = 1
        body, origins = joined.finish(start + 1, word.end() + 1)
        name = word["word"].upper()
        argv = _argv(body, origins) if name in _WITH_JSON else None
        found.append(Instruction(start + 1, word.start("word") + 1, end, end_col, name, body, origins, argv))
        if name in _WITH_HEREDOCS and argv is None:
            number = _after_heredocs(body, lines, number)
    return InstructionFile(found)


def _escape(lines: list[str]) -> str:
    """The character that continues lines, which a directive above all else may change."""
    for line in lines:
        directive = _DIRECTIVE.match(line)
        if directive is None:
            break
        if directive["name"].lower() == "escape":
            return directive["value"]
    return "\\"


def _is_left_out(line: str) -> bool:
    """Whether a line is left out of the instruction that it stands in."""
    return not line.strip() or line.lstrip().startswith("#")


def _after_heredocs(body: str, lines: list[str], number: int) -> int:
    for heredoc in _HEREDOC.finditer(body):
        at = number
        while at < len(lines) and (lines[at].lstrip("\t") if heredoc["dash"] else lines[at]) != heredoc["name"]:
            at += 1
        if at == len(lines):
            return number  # never closed, so `<<` was something else
        number = at + 1
    return number


def _argv(body: str, origins: Origins) -> list[Scalar] | None:
    """The words of the JSON form; None for the shell form, which is what Docker takes all else for."""
    if not _JSON.match(body):
        return None
    import json

    words = []
    for string in re.finditer(_STRING, body, re.DOTALL):
        try:
            value = json.loads(string[0])
        except ValueError:
            return None
        places = cut(origins, string.start() + 1, string.end() - 1)
        _, line, col = places[0]
        same = value == string[0][1:-1]
        words.append(
            Scalar(line, col - 1, line, col + len(string[0]) - 1, value, value, places if same else places[:1])
        )
    return words


_PROCESS = re.compile(r"\s*(?P<name>[A-Za-z0-9_.-]+):[ \t]*(?P<command>\S.*)$")


def procfile(text: str) -> InstructionFile:
    """The process types of a Procfile. Lines that declare none are left out, as Heroku does."""
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        process = _PROCESS.match(line)
        if process:
            start, end = process.start("name") + 1, len(line.rstrip()) + 1
            origins = [(0, number, process.start("command") + 1)]
            command = process["command"].rstrip()
            found.append(Instruction(number, start, number, end, process["name"], command, origins))
    return InstructionFile(found)
