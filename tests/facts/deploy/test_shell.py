"""Shell scripts as they are written: every spelling that starts a worker somewhere, and nothing that breaks the reader."""

from __future__ import annotations

import random
import shlex
import time

import pytest

from celerylint.facts.deploy.ir import (
    Hole,
    ShellAssign,
    ShellCase,
    ShellCommand,
    ShellFunction,
    ShellIf,
    ShellOpaque,
    ShellStmt,
    ShellWord,
)
from celerylint.facts.deploy.shell import MAX_ERRORS, read
from celerylint.finding import Span


def shown(statements: list[ShellStmt]) -> list[object]:
    """Statements without their places."""
    return [_shown(statement) for statement in statements]


def _shown(statement: ShellStmt) -> object:
    match statement:
        case ShellCommand():
            marks = [statement.conditional, "&" * statement.background, "|" * statement.piped]
            return " ".join([*map(_word, statement.words), *filter(None, marks)])
        case ShellAssign():
            words = " ".join(map(_word, statement.words))
            return f"{statement.name}{'+' * statement.append}={f'({words})' if statement.array else words}"
        case ShellIf():
            return (statement.kind, shown(statement.test), shown(statement.body), shown(statement.orelse))
        case ShellCase():
            arms = [("|".join(map(_word, arm.patterns)), shown(arm.body)) for arm in statement.arms]
            return ("case", _word(statement.subject), arms)
        case ShellFunction():
            return (f"{statement.name}()", shown(statement.body))
        case _:
            return "opaque"


def _word(word: ShellWord) -> str:
    return "".join(map(_part, word.parts)) or "''"


def _part(part: str | Hole) -> str:
    if isinstance(part, str):
        return part
    inside = part.name + part.operator + "".join(map(_part, part.operand))
    return f'"{{{inside}}}"' if part.quoted else f"{{{inside}}}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("celery -A proj worker", ["celery -A proj worker"]),
        ("celery \\\n  -A proj \\\n  worker # all of it\nwait", ["celery -A proj worker", "wait"]),
        ("celery worker#1 -Q a\\ b 'c d' \"e f\"", ["celery worker#1 -Q a b c d e f"]),
        ('exec "$@"', ['exec "{@}"']),
        ("a; b & c && d || e", ["a", "b &", "c", "d &&", "e ||"]),
        ("a | b |& c", ["a |", "b |", "c |"]),
        ("celery worker >/log 2>&1 </dev/null &", ["celery worker &"]),
        ("celery worker &>> log", ["celery worker"]),
        ("cat <<EOF | psql\nit's $(\nEOF\nnext", ["cat |", "psql |", "next"]),
        ("cat <<-'EOF'\n\tx\n\tEOF\nnext", ["cat", "next"]),
        ("cat <<< 'text'\nnext", ["cat", "next"]),
        ("Q=a,b; N=$M C=4 celery worker", ["Q=a,b", "celery worker"]),
        ('A=(-Q a "$b")\nA+=(-c 4)\ncelery "${A[@]}"', ['A=(-Q a "{b}")', "A+=(-c 4)", 'celery "{A[@]}"']),
        ("declare -a X=(a b) Y=1", ["declare -a Y=1", "X=(a b)"]),
        ("export A=1 B=$C", ["export A=1 B={C}"]),
        ("x ${A} ${B:-4} ${C:=d} ${D-} ${E:+-c $E} ${F:?no}", ["x {A} {B:-4} {C:=d} {D-} {E:+-c {E}} {F:?no}"]),
        ('x "${A:-"b c"}" "${B:-\'d\'}"', ['x "{A:-b c}" "{B:-\'d\'}"']),
        ("x ${1#-} ${A%%.*} ${A:0:1}", ["x {1#-} {A%%.*} {A:0:1}"]),
        ("x ${#A} ${!A} ${A//a/b} $(nproc) `nproc` $((1 + 2)) $$ $!", ["x " + " ".join(["{?}"] * 8)]),
        ("x $1 $# $* $0 ${10}", ["x {1} {#} {*} {0} {10}"]),
        ("x '' \"\" $", ["x '' '' $"]),
        ("if a; then b; elif c; then d; else e; fi", [("if", ["a"], ["b"], [("if", ["c"], ["d"], ["e"])])]),
        ('if [ -z "$A" ]\nthen\n  b\nfi >&2', [("if", ['[ -z "{A}" ]'], ["b"], [])]),
        ("[[ $A == w* && ( -n $B || ! -f c ) ]] && d", ["[[ {A} == w* && ( -n {B} || ! -f c ) ]]", "d &&"]),
        ("[[ ! $V =~ (^a.*|b) ]] || c", ["[[ ! {V} =~ (^a.*|b) ]]", "c ||"]),
        ("a && { b; c; }", ["a", ("if", [], ["b", "c"], [])]),
        ("a || (b; c)", ["a", ("if", [], [], ["b", "c"])]),
        ("! a && b", [("if", ["a"], ["false"], ["true"]), "b &&"]),
        ("(sleep 1; celery worker) &", ["sleep 1 &", "celery worker &"]),
        ("while :; do (a) & done", [("while", [":"], ["a &"], [])]),
        ("until a; do\n b\ndone; c", [("until", ["a"], ["b"], []), "c"]),
        ('for q in a "$b"; do x $q; done', [("for", ['q=(a "{b}")'], ["x {q}"], [])]),
        ("for q\ndo x; done", [("for", ['q=("{@}")'], ["x"], [])]),
        ("for ((i=0; i<3; i++)); do x; done", [("for", [], ["x"], [])]),
        (
            'case "$1" in\n  w|worker) a ;;\n  (b*) c; d ;;\n  *)\n    e\nesac',
            [("case", '"{1}"', [("w|worker", ["a"]), ("b*", ["c", "d"]), ("*", ["e"])])],
        ),
        (
            "f() { a; }\nfunction g { b; }\nfunction h()\n(\n c\n)\nk ( ) { d; }",
            [
                ("f()", ["a"]),
                ("g()", ["b"]),
                ("h()", ["c"]),
                ("k()", ["d"]),
            ],
        ),
        ("((x++)); a <(b c) d", ["{?}", "a {?} d"]),
    ],
)
def test_spellings(text: str, expected: list[object]) -> None:
    assert shown(read(text).body) == expected


@pytest.mark.parametrize(
    ("line", "interpreter"),
    [
        ("#!/bin/sh", "sh"),
        ("#!/usr/bin/env bash", "bash"),
        ("#! /bin/bash -e", "bash"),
        ("#!/usr/bin/with-contenv bash", "with-contenv"),
        ("celery worker", ""),
    ],
)
def test_the_interpreter(line: str, interpreter: str) -> None:
    assert read(f"{line}\ntrue\n").interpreter == interpreter


def test_places_are_those_of_the_file() -> None:
    script = read("set -e\n\nexec celery -A proj \\\n    worker -Q 'a b'\n")
    command = script.body[1]
    assert isinstance(command, ShellCommand)
    assert command.span == Span(3, 1, 4, 20)
    assert [(word.line, word.col, word.end_line, word.end_col) for word in command.words[-1:]] == [(4, 15, 4, 20)]


def test_places_of_a_script_that_stands_in_another_file() -> None:
    text = "celery worker"
    at = [(7, 20 + index) for index in range(6)] + [(8, 5 + index) for index in range(7)]
    command = read(text, at).body[0]
    assert isinstance(command, ShellCommand)
    assert [(word.line, word.col) for word in command.words] == [(7, 20), (8, 6)]


@pytest.mark.parametrize(
    "text",
    [
        "echo 'open",
        'echo "open',
        "x $(",
        "x ${",
        "if a",
        "if a; then b",
        "while a",
        "for",
        "case x",
        "case x in a",
        "{ a",
        "(",
        "f() {",
        "x=(",
        "[[ a",
        "done",
        "}",
        ")",
        ";;",
        "`",
        "fi",
    ],
)
def test_what_cannot_be_read_is_opaque_and_the_rest_is_read(text: str) -> None:
    assert "opaque" in shown(read(text).body)
    assert shown(read(f"before\n{text}\n").body)[0] == "before"


def test_it_goes_on_behind_a_line_that_cannot_be_read() -> None:
    assert shown(read("a\n)\nb\ndone\nc").body) == ["a", "opaque", "b", "opaque", "c"]


@pytest.mark.parametrize(
    "piece",
    [
        "(",
        "{ ",
        "if a; then ",
        "case a in ",
        "$(",
        "${A:-",
        '"$(',
        "a $(\n",
        "a `\n",
        "a '\n",
        "[[ ",
        "x=(\n",
        "<<E\n",
        "! ",
        "while a; do ",
    ],
)
def test_hostile_scripts_are_read_in_bounded_time(piece: str) -> None:
    started = time.monotonic()
    body = read(piece * 20_001).body
    assert time.monotonic() - started < 20
    assert sum(isinstance(each, ShellOpaque) for each in body) <= MAX_ERRORS + 2


def test_no_text_breaks_it() -> None:
    pieces = [
        *"'\"$(){}[]`\\ \n;&|<>#a=X!-:?*@\t0\r",
        "if ",
        "then ",
        "fi ",
        "do ",
        "done ",
        "case ",
        " in ",
        "esac ",
        "[[",
        "]]",
        "((",
        "<<",
        "${X:-",
        "&&",
        "||",
        ";;",
        "for ",
        "function ",
    ]
    rng = random.Random(0)
    for _ in range(4000):
        read("".join(rng.choice(pieces) for _ in range(rng.randrange(1, 30))))


def test_plain_commands_are_split_as_shlex_splits_them() -> None:
    rng = random.Random(1)
    alphabet = "ab \t'\"\\,=-/."
    compared = 0
    for _ in range(4000):
        text = "x " + "".join(rng.choice(alphabet) for _ in range(rng.randrange(20)))
        try:
            expected = shlex.split(text)
        except ValueError:
            continue
        (command,) = read(text).body
        assert isinstance(command, ShellCommand)
        assert ["".join(str(part) for part in word.parts) for word in command.words] == expected, text
        compared += 1
    assert compared > 1000
