"""One run of one shell script in the abstract.

Variables, defaults, functions and `case` on the arguments are computed. Where a condition cannot be known both branches run, what
they start is not certain, and variables that they leave different are unknown.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple, Protocol

from celerylint.facts.deploy import shell
from celerylint.facts.deploy.ir import (
    Hole,
    ScriptFile,
    ShellAssign,
    ShellCase,
    ShellCommand,
    ShellFunction,
    ShellIf,
    ShellOpaque,
    ShellStmt,
    ShellWord,
)
from celerylint.finding import Place
from celerylint.model.deploy.process import UNKNOWN, Invocation, Load, Word
from celerylint.model.deploy.texts import place_of
from celerylint.model.deploy.words import is_program

DEEPEST = 12
"""Scripts and functions inside each other."""
_ROUNDS = 40
"""Times that a loop is run."""
_LONGEST = 100_000
"""Characters of a variable."""


class Start(NamedTuple):
    """How a command is started."""

    signalled: bool | None = True
    certain: bool = True
    via: tuple[Place, ...] = ()
    place: Place | None = None
    """Where the whole command stands."""
    runners: tuple[str, ...] = ()
    depth: int = 0
    exec_at: Place | None = None
    """Where `exec` would let signals through, as of an invocation."""


class Follower(Protocol):
    """Who follows the commands of a script further."""

    load: Load
    found: list[Invocation]
    """What was found to be started so far."""
    fuel: int
    """Statements that may still be run."""
    outside: bool
    """Whether arguments and variables may be given that are not known."""

    def start(self, words: Sequence[Word], environment: Mapping[str, str | None], how: Start) -> None:
        """Follow a command to the programs that it starts."""

    def record(self, words: Sequence[Word], environment: Mapping[str, str | None], how: Start) -> None:
        """Note a program."""


def both(outer: bool | None, inner: bool | None) -> bool | None:
    """Whether a signal reaches what is inside, if it must pass both."""
    if outer is False or inner is False:
        return False
    return None if outer is None or inner is None else True


def files_of(word: Word) -> Iterator[str]:
    """Paths that a program may be a script at."""
    name = word.text
    folder = posixpath.dirname(word.place.path)
    if UNKNOWN in name:
        # `$(dirname "$0")/start.sh`
        rest = name.rpartition(UNKNOWN)[2].lstrip("/")
        if rest and "/" not in rest and name.endswith(f"/{rest}"):
            yield posixpath.join(folder, rest)
        return
    if is_program(word) or not name or len(name) > 500:
        return
    if "/" in name or "." in name:
        yield name
        if not name.startswith("/"):
            yield posixpath.normpath(posixpath.join(folder, name))
    else:
        for place in ("/usr/local/bin", "/usr/bin", "/bin"):
            yield f"{place}/{name}"


_GOES_ON, _EXIT, _EXEC, _RETURN, _BREAK, _CONTINUE, _LOST = "", "exit", "exec", "return", "break", "continue", "lost"
_RAN = "ran"
"""The status of a program: it is expected to succeed, and may fail."""

_QUIET_NAMES = """
echo printf wait sleep kill jobs fg bg disown umask ulimit shopt hash type alias unalias pwd let times history
enable complete bind dirs popd compgen logout suspend mkdir chown chmod rm cp mv ln touch cat grep sed awk
date ls id whoami hostname uname basename dirname tee head tail sort tr cut wc find mktemp nc curl wget pgrep
pkill killall ps sync seq rmdir install
"""
_QUIET = frozenset(_QUIET_NAMES.split())
"""Builtins and tools that start nothing."""


def evaluate(
    follower: Follower,
    script: ScriptFile,
    path: str,
    environment: Mapping[str, str | None],
    argv: Sequence[Word],
    how: Start,
    tail: ShellStmt | None,
) -> None:
    """Run a script, and let the follower start what it starts.

    Args:
        follower: who notes what is started.
        script: the script.
        path: the file that it is written in.
        environment: its variables, None for one whose value is not known.
        argv: its arguments, from `$1` on.
        how: how the script itself is started.
        tail: the statement, if any, that the shell becomes instead of starting it beside itself.
    """
    via = (*how.via, how.place) if how.place is not None else how.via
    inside = how._replace(via=via, place=None, depth=how.depth + 1, exec_at=None)
    evaluation = _Evaluation(follower, path, environment, argv, inside, tail, frozenset(_last(script.body)))
    if evaluation.block(script.body) == _LOST:
        where = Word(UNKNOWN, Place(path, script.body[-1].span))
        follower.record((where,), environment, evaluation.how._replace(certain=False))


def _last(body: Sequence[ShellStmt]) -> Iterator[int]:
    """The commands of a block, by `id`, of which one may be the last that it runs: a shell may become them."""
    last = body[-1] if body else None
    if isinstance(last, ShellCommand) and not (last.background or last.piped or last.conditional == "||"):
        yield id(last)
    elif isinstance(last, ShellIf) and last.kind == "if":
        yield from _last(last.body)
        yield from _last(last.orelse)
    elif isinstance(last, ShellCase):
        for arm in last.arms:
            yield from _last(arm.body)


class _Snapshot(NamedTuple):
    variables: dict[str, str | tuple[str, ...]]
    exported: frozenset[str]
    positional: tuple[Word, ...]
    open: bool
    functions: dict[str, ShellFunction]
    status: bool | str | None
    trapped: bool


class _Evaluation:
    """One run of one script."""

    def __init__(
        self,
        follower: Follower,
        path: str,
        environment: Mapping[str, str | None],
        argv: Sequence[Word],
        how: Start,
        tail: ShellStmt | None,
        last: frozenset[int],
    ) -> None:
        self.follower = follower
        self.path = path
        self.how = how
        self.tail = tail
        self.last = last
        """Commands, by `id`, that nothing follows."""
        self.variables: dict[str, str | tuple[str, ...]] = {
            name: UNKNOWN if value is None else value for name, value in environment.items()
        }
        self.exported = frozenset(environment)
        self.positional = tuple(argv)
        self.open = follower.outside and not argv
        """Whether there may be more or other arguments than `positional`."""
        self.functions: dict[str, ShellFunction] = {}
        self.status: bool | str | None = True
        self.trapped = False
        self.quiet = 0
        """Inside a test: nothing that stays is started there."""
        self.export_all = False
        self.depth = how.depth

    # --- flow ---

    def block(self, statements: Iterable[ShellStmt]) -> str:
        """Run statements; how the block is left."""
        for statement in statements:
            self.follower.fuel -= 1
            if self.follower.fuel < 0:
                return _LOST
            flow = self.statement(statement)
            if flow:
                return flow
        return _GOES_ON

    def statement(self, statement: ShellStmt) -> str:
        if isinstance(statement, ShellCommand):
            return self.conditional(statement)
        if isinstance(statement, ShellAssign):
            self.assign(statement)
            self.status = True
        elif isinstance(statement, ShellFunction):
            self.functions[statement.name] = statement
        elif isinstance(statement, ShellCase):
            return self.case(statement)
        elif isinstance(statement, ShellIf):
            if statement.kind == "if":
                return self.if_(statement)
            return self.for_(statement) if statement.kind == "for" else self.while_(statement)
        elif isinstance(statement, ShellOpaque):
            self.unknown(statement)
        return _GOES_ON

    def unknown(self, statement: ShellOpaque) -> None:
        """Something that could not be read: it may start anything, and from here on nothing is certain."""
        where = Word(UNKNOWN, place_of(self.path, statement))
        self.follower.record((where,), self.environment(), self.how._replace(certain=False))
        self.how = self.how._replace(certain=False)

    def conditional(self, command: ShellCommand) -> str:
        """A command that may hang on the one before it by `&&` or `||`."""
        if not command.conditional:
            return self.command(command)
        wanted = command.conditional == "&&"
        if isinstance(self.status, bool):
            return self.command(command) if self.status is wanted else _GOES_ON
        if self.status == _RAN and wanted:
            return self.command(command)
        return self.fork([[_plainly(command)], []])

    def if_(self, statement: ShellIf) -> str:
        flow = self.test(statement.test)
        if flow:
            return flow
        if isinstance(self.status, bool):
            if self.status:
                return self.block(statement.body)
            if statement.orelse:
                return self.block(statement.orelse)
            # An `if` that runs nothing succeeds; `a && { b; }` is as its left side was.
            self.status = bool(statement.test) or self.status
            return _GOES_ON
        if not statement.test and self.status == _RAN and statement.body:
            return self.block(statement.body)
        return self.fork([statement.body, statement.orelse])

    def test(self, statements: Sequence[ShellStmt]) -> str:
        self.quiet += 1
        try:
            return self.block(statements)
        finally:
            self.quiet -= 1

    def case(self, statement: ShellCase) -> str:
        subject = self.text(statement.subject)
        possible: list[Sequence[ShellStmt]] = []
        for arm in statement.arms:
            for pattern in arm.patterns:
                matched = _matches(subject, self.text(pattern))
                if matched is True and not possible:
                    return self.block(arm.body)
                if matched is not False:
                    possible.append(arm.body)
                if matched is True:
                    return self.fork(possible)
                if matched is None:
                    break
        return self.fork([*possible, []]) if possible else _GOES_ON

    def for_(self, statement: ShellIf) -> str:
        assign = statement.test[0] if statement.test else None
        if not isinstance(assign, ShellAssign):
            return self.fork([statement.body, []])
        words = [word for each in assign.words for word in self.expand(each)]
        several = self.open and any(isinstance(p, Hole) and p.name in "@*" for each in assign.words for p in each.parts)
        if several or len(words) > _ROUNDS or any(UNKNOWN in word.text for word in words):
            self.variables[assign.name] = UNKNOWN
            flow = self.fork([statement.body, []])
            return "" if flow in (_BREAK, _CONTINUE) else flow
        for word in words:
            self.variables[assign.name] = word.text
            flow = self.block(statement.body)
            if flow == _BREAK:
                break
            if flow and flow != _CONTINUE:
                return flow
        return _GOES_ON

    def while_(self, statement: ShellIf) -> str:
        until = statement.kind == "until"
        for _ in range(_ROUNDS):
            flow = self.test(statement.test)
            if flow:
                return flow
            if not isinstance(self.status, bool):
                flow = self.fork([statement.body, []])
                return "" if flow in (_BREAK, _CONTINUE) else flow
            if self.status is until:
                break
            before = self.snapshot()
            flow = self.block(statement.body)
            if flow == _BREAK or (not flow and self.snapshot()._replace(status=None) == before._replace(status=None)):
                break
            if flow and flow != _CONTINUE:
                return flow
        self.status = True
        return _GOES_ON

    def fork(self, branches: Sequence[Sequence[ShellStmt]]) -> str:
        """Run branches of which one will be taken, and join what they leave."""
        before, certain = self.snapshot(), self.how.certain
        alive: list[_Snapshot] = []
        flows: list[str] = []
        left_for_good = False
        for branch in branches:
            self.restore(before)
            self.how = self.how._replace(certain=False)
            count = len(self.follower.found)
            flow = self.block(branch)
            if flow == _LOST:
                return flow
            if not flow:
                alive.append(self.snapshot())
            elif len(self.follower.found) > count:
                left_for_good = True
            flows.append(flow)
        self.how = self.how._replace(certain=certain and not left_for_good)
        if not alive:
            return _EXEC if _EXEC in flows else flows[0]
        self.restore(_joined(alive))
        return _GOES_ON

    def snapshot(self) -> _Snapshot:
        return _Snapshot(
            dict(self.variables),
            self.exported,
            self.positional,
            self.open,
            dict(self.functions),
            self.status,
            self.trapped,
        )

    def restore(self, state: _Snapshot) -> None:
        self.variables, self.functions = dict(state.variables), dict(state.functions)
        self.exported, self.positional, self.open = state.exported, state.positional, state.open
        self.status, self.trapped = state.status, state.trapped

    # --- commands ---

    def command(self, command: ShellCommand) -> str:
        words = [word for each in command.words for word in self.expand(each)]
        if not words:
            self.status = None
            return _GOES_ON
        name = words[0].text
        if name in self.functions:
            last = self.last
            self.last = frozenset(_last(self.functions[name].body)) if id(command) in last else frozenset()
            left = self.call(self.functions[name], words[1:])
            self.last = last
            return left
        if name in ("command", "builtin") and len(words) > 1 and not words[1].text.startswith("-"):
            words, name = words[1:], words[1].text
        builtin = getattr(self, f"do_{_METHODS[name]}", None) if name in _METHODS else None
        if builtin is not None:
            flow: str = builtin(command, words)
            return flow
        if name in _QUIET or name == "command":
            self.status = _RAN if not self.quiet else None
            return _GOES_ON
        outer = self.how
        if self.how.signalled and id(command) in self.last and isinstance(command.words[0].parts[0], str):
            self.how = self.how._replace(exec_at=place_of(self.path, command.words[0]))
        self.external(command, words, self.signalled(command))
        self.how = outer
        self.status = _RAN
        return _GOES_ON

    def signalled(self, command: ShellCommand) -> bool | None:
        """Whether a signal for the shell reaches a program that it starts beside itself."""
        if command is self.tail and not command.background and not command.piped:
            return self.how.signalled
        return None if self.trapped else False

    def external(self, command: ShellCommand, words: Sequence[Word], signalled: bool | None) -> None:
        if self.quiet:
            return
        environment = self.environment()
        for assign in command.environment:
            value = self.joined(assign.words)
            environment[assign.name] = None if UNKNOWN in value else value
        how = self.how._replace(
            signalled=both(self.how.signalled, signalled), place=place_of(self.path, command), depth=self.depth
        )
        if self.depth >= DEEPEST:
            self.follower.record(words, environment, how)
        else:
            self.follower.start(words, environment, how)

    def call(self, function: ShellFunction, words: Sequence[Word]) -> str:
        if self.depth >= DEEPEST:
            return _LOST
        positional, opened = self.positional, self.open
        self.positional, self.open = tuple(words), self.open and any(UNKNOWN in word.text for word in words)
        self.depth += 1
        flow = self.block(function.body)
        self.depth -= 1
        self.positional, self.open = positional, opened
        return _GOES_ON if flow == _RETURN else flow

    def do_exec(self, command: ShellCommand, words: Sequence[Word]) -> str:
        if len(words) < 2:
            return _GOES_ON
        rest = unwrap_exec(words)
        if rest and rest[0].text in self.functions:
            return self.call(self.functions[rest[0].text], rest[1:]) or _EXEC
        self.external(command, rest, not command.background)
        return _GOES_ON if command.background or command.piped else _EXEC

    def do_exit(self, command: ShellCommand, words: Sequence[Word]) -> str:
        return _GOES_ON if self.quiet and command.piped else _EXIT

    def do_return(self, command: ShellCommand, words: Sequence[Word]) -> str:
        self.status = None if len(words) < 2 or UNKNOWN in words[1].text else words[1].text == "0"
        return _RETURN

    def do_break(self, command: ShellCommand, words: Sequence[Word]) -> str:
        return _BREAK

    def do_continue(self, command: ShellCommand, words: Sequence[Word]) -> str:
        return _CONTINUE

    def do_export(self, command: ShellCommand, words: Sequence[Word]) -> str:
        exports = words[0].text in ("export", "declare", "typeset")
        for each in command.words[1:]:
            text = self.text(each)
            name, equals, value = text.partition("=")
            if not re.fullmatch(r"[A-Za-z_]\w*\+?", name):
                continue
            name, append = name.rstrip("+"), name.endswith("+")
            if equals:
                self.set(name, self.as_text(name) + value if append else value)
            if exports and (words[0].text == "export" or any(word.text == "-x" for word in words)):
                self.exported |= {name}
        self.status = True
        return _GOES_ON

    def do_source(self, command: ShellCommand, words: Sequence[Word]) -> str:
        self.status = _RAN
        if len(words) < 2 or self.depth >= DEEPEST:
            return _GOES_ON
        for name in files_of(words[1]):
            facts = self.follower.load(name)
            if facts is not None and isinstance(facts.content, ScriptFile):
                path, self.path = self.path, facts.path
                self.depth += 1
                positional = self.positional
                if len(words) > 2:
                    self.positional = tuple(words[2:])
                flow = self.block(facts.content.body)
                self.positional = positional
                self.depth -= 1
                self.path = path
                return _GOES_ON if flow == _RETURN else flow
        return _GOES_ON

    def do_eval(self, command: ShellCommand, words: Sequence[Word]) -> str:
        if self.depth >= DEEPEST:
            return _LOST
        line = " ".join(word.text for word in words[1:])
        at = [(command.line, command.col)] * len(line)
        self.depth += 1
        flow = self.block(shell.read(line, at).body)
        self.depth -= 1
        return flow

    def do_set(self, command: ShellCommand, words: Sequence[Word]) -> str:
        for index, word in enumerate(words[1:], 1):
            if word.text in ("--", "-"):
                self.positional = tuple(words[index + 1 :])
                self.open = self.open and any(UNKNOWN in each.text for each in self.positional)
                break
            if word.text[:1] not in ("-", "+"):
                if words[index - 1].text not in ("-o", "+o") and not words[index - 1].text.endswith("o"):
                    self.positional, self.open = tuple(words[index:]), False
                    break
            elif "a" in word.text:
                self.export_all = word.text[0] == "-"
        self.status = True
        return _GOES_ON

    def do_shift(self, command: ShellCommand, words: Sequence[Word]) -> str:
        count = words[1].text if len(words) > 1 else "1"
        if not self.open and count.isdecimal() and count.isascii():
            self.positional = self.positional[int(count) :] if len(count) < 5 else ()
        self.status = True
        return _GOES_ON

    def do_unset(self, command: ShellCommand, words: Sequence[Word]) -> str:
        for word in words[1:]:
            if word.text not in ("-v", "-f"):
                self.variables[word.text] = ""
        self.status = True
        return _GOES_ON

    def do_read(self, command: ShellCommand, words: Sequence[Word]) -> str:
        for word in words[1:]:
            if re.fullmatch(r"[A-Za-z_]\w*", word.text):
                self.variables[word.text] = UNKNOWN
        self.status = None
        return _GOES_ON

    def do_true(self, command: ShellCommand, words: Sequence[Word]) -> str:
        # `: ${X:=default}` assigns while its words are expanded.
        self.status = True
        return _GOES_ON

    def do_false(self, command: ShellCommand, words: Sequence[Word]) -> str:
        self.status = False
        return _GOES_ON

    def do_test(self, command: ShellCommand, words: Sequence[Word]) -> str:
        texts = [self.text(each) for each in command.words] if words[0].text == "[[" else [word.text for word in words]
        if texts[0] in ("[", "[["):
            texts = texts[:-1]
        self.status = _truth(texts[1:], patterns=words[0].text == "[[")
        return _GOES_ON

    def do_cd(self, command: ShellCommand, words: Sequence[Word]) -> str:
        if len(words) > 1:
            here = self.variables.get("PWD", "")
            folder = words[1].text
            known = UNKNOWN not in folder and isinstance(here, str)
            self.set("PWD", posixpath.normpath(posixpath.join(str(here), folder)) if known else UNKNOWN)
            self.exported |= {"PWD"}
        self.status = _RAN
        return _GOES_ON

    def do_trap(self, command: ShellCommand, words: Sequence[Word]) -> str:
        self.trapped = True
        self.status = True
        return _GOES_ON

    # --- variables and words ---

    def environment(self) -> dict[str, str | None]:
        """What a program started here finds in its environment, as far as it is known."""
        found: dict[str, str | None] = {}
        for name in sorted(self.exported):
            value = self.variables.get(name)
            if isinstance(value, str):
                found[name] = None if UNKNOWN in value else value
        return found

    def set(self, name: str, value: str | tuple[str, ...]) -> None:
        too_long = len(value) > _LONGEST
        self.variables[name] = UNKNOWN if too_long else value
        if self.export_all:
            self.exported |= {name}

    def as_text(self, name: str) -> str:
        """A variable's value as text; empty if nothing sets it here."""
        value = self.variables.get(name, "")
        return value if isinstance(value, str) else value[0] if value else ""

    def assign(self, statement: ShellAssign) -> None:
        if statement.array:
            words = tuple(word.text for each in statement.words for word in self.expand(each))
            before = self.variables.get(statement.name, ())
            held = (before,) if isinstance(before, str) else before
            self.set(statement.name, (*held, *words) if statement.append else words)
            return
        value = self.joined(statement.words)
        self.set(statement.name, self.as_text(statement.name) + value if statement.append else value)

    def joined(self, words: Iterable[ShellWord]) -> str:
        return " ".join(self.text(word) for word in words)

    def text(self, word: ShellWord) -> str:
        """A word that is not split."""
        return self.parts(word.parts)

    def parts(self, parts: Iterable[str | Hole]) -> str:
        return "".join(part if isinstance(part, str) else _as_one(self.value(part)) for part in parts)

    def expand(self, word: ShellWord) -> list[Word]:
        """The words that a word becomes."""
        place = place_of(self.path, word)
        if len(word.parts) == 1:
            only = word.parts[0]
            if isinstance(only, str):
                return [Word(only, place)]
            if not only.operator and only.name == "@":
                return list(self.positional) or ([Word(UNKNOWN, place)] if self.open else [])
            if not only.operator and only.name.isdecimal() and 0 < int(only.name[:4]) <= len(self.positional):
                given = self.positional[int(only.name[:4]) - 1]
                if only.quoted or not re.search(r"\s", given.text):
                    return [given]
        fields = _Fields()
        for part in word.parts:
            if isinstance(part, str):
                fields.add(part)
                continue
            value = self.value(part)
            if isinstance(value, tuple):
                fields.splice(value)
            elif part.quoted:
                fields.add(value)
            else:
                fields.split(value)
        return [Word(text, place) for text in fields.finish()]

    def value(self, hole: Hole) -> str | tuple[str, ...]:
        """What a parameter stands for: one text, or several for `$@` and arrays."""
        held = self.parameter(hole.name)
        operator = hole.operator
        if held is None and hole.name.isdecimal() and operator not in ("-", ":-", "+", ":+", "=", ":="):
            held = ""  # an argument that is not given
        if not operator:
            return UNKNOWN if held is None else held
        if operator in (":-", "-", ":=", "=", ":+", "+"):
            return self.defaulted(hole, held)
        if held is None or operator in (":?", "?"):
            return UNKNOWN if held is None else held
        text, operand = _as_one(held), self.parts(hole.operand)
        return UNKNOWN if UNKNOWN in text + operand else _trimmed(text, operator, operand)

    def defaulted(self, hole: Hole, held: str | tuple[str, ...] | None) -> str | tuple[str, ...]:
        operator = hole.operator
        empty = held is None or held in ("", ())
        if operator.endswith("+"):
            if held is None and not hole.name.isdecimal():
                return UNKNOWN
            text = "" if held is None else _as_one(held)
            if UNKNOWN in text:
                return UNKNOWN
            return "" if empty and (held is None or operator == ":+") else self.parts(hole.operand)
        if held is None and self.follower.outside and not hole.name.isdecimal():
            return UNKNOWN
        if held is None or (operator[0] == ":" and empty):
            value = self.parts(hole.operand)
            if operator.endswith("=") and re.fullmatch(r"[A-Za-z_]\w*", hole.name):
                self.set(hole.name, value)
            return value
        return UNKNOWN if isinstance(held, str) and UNKNOWN in held else held

    def parameter(self, name: str) -> str | tuple[str, ...] | None:
        """A parameter's value; None for one that nothing here sets."""
        if name == "?":
            return UNKNOWN
        if name in ("@", "*"):
            texts = tuple(word.text for word in self.positional)
            return (UNKNOWN,) if self.open and not texts else texts if name == "@" else " ".join(texts)
        if name == "#":
            return UNKNOWN if self.open else str(len(self.positional))
        if name == "0":
            return self.path
        if name.isdecimal():
            index = int(name[:6]) - 1
            if index < len(self.positional) and not self.open:
                return self.positional[index].text
            return UNKNOWN if self.open else None
        base, bracket, index_text = name.partition("[")
        held = self.variables.get(base)
        if not bracket:
            return held[0] if isinstance(held, tuple) and held else "" if isinstance(held, tuple) else held
        items = (held,) if isinstance(held, str) else held if held is not None else ()
        if index_text in ("@]", "*]"):
            return items
        at = index_text.rstrip("]")
        if not at.isdecimal():
            return UNKNOWN
        return items[int(at[:6])] if int(at[:6]) < len(items) else ""


_METHODS = {
    **{
        name: name
        for name in ("exec", "exit", "return", "break", "continue", "export", "source", "eval", "set", "shift")
    },
    **{name: name for name in ("unset", "read", "true", "false", "test", "cd", "trap")},
    **dict.fromkeys(("readonly", "local", "declare", "typeset"), "export"),
    **dict.fromkeys(("getopts", "mapfile", "readarray"), "read"),
    ".": "source",
    ":": "true",
    "[": "test",
    "[[": "test",
    "pushd": "cd",
}


class _Fields:
    """Words under construction, as a shell splits them."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.current = ""
        self.begun = False

    def add(self, text: str) -> None:
        """Text that is not split."""
        self.current += text
        self.begun = True

    def split(self, text: str) -> None:
        """Text that is split at blanks."""
        pieces = re.split(r"\s+", text)
        for index, piece in enumerate(pieces):
            if index:
                self.end()
            if piece:
                self.add(piece)

    def splice(self, values: tuple[str, ...]) -> None:
        """`"$@"`: each value a word, the first and last joined with what stands beside them."""
        for index, value in enumerate(values):
            if index:
                self.end()
            self.add(value)

    def end(self) -> None:
        """The word is over."""
        if self.begun:
            self.done.append(self.current)
        self.current, self.begun = "", False

    def finish(self) -> list[str]:
        """All words."""
        self.end()
        return self.done


def unwrap_exec(words: Sequence[Word]) -> Sequence[Word]:
    """The command of `exec`, its own options removed."""
    index = 1
    while index < len(words) and words[index].text in ("-a", "-c", "-l", "--"):
        index += 2 if words[index].text == "-a" else 1
    return words[index:]


def _plainly(command: ShellCommand) -> ShellCommand:
    return ShellCommand(
        command.line,
        command.col,
        command.end_line,
        command.end_col,
        command.words,
        command.environment,
        command.background,
        command.piped,
        "",
    )


def _as_one(value: str | tuple[str, ...]) -> str:
    return value if isinstance(value, str) else " ".join(value)


def _joined(states: Sequence[_Snapshot]) -> _Snapshot:
    """What is known after one of several branches was taken."""
    first, *others = states
    for other in others:
        variables: dict[str, str | tuple[str, ...]] = {}
        for name in {*first.variables, *other.variables}:
            one, two = first.variables.get(name), other.variables.get(name)
            variables[name] = UNKNOWN if one is None or two is None else one if one == two else _either(one, two)
        same = first.positional == other.positional
        first = _Snapshot(
            variables,
            first.exported | other.exported,
            first.positional if same else (),
            first.open or other.open or not same,
            {**other.functions, **first.functions},
            first.status if first.status == other.status else None,
            first.trapped or other.trapped,
        )
    return first


def _either(one: str | tuple[str, ...], two: str | tuple[str, ...]) -> str | tuple[str, ...]:
    """One of two values. Words that only one of them has at its end are kept, each behind `UNKNOWN`: they may be there."""
    if isinstance(one, tuple) and isinstance(two, tuple):
        short, long = sorted((one, two), key=len)
        if long[: len(short)] == short:
            return (*short, *(UNKNOWN + word for word in long[len(short) :]))
    elif isinstance(one, str) and isinstance(two, str):
        start, rest = sorted((one, two), key=len)
        if rest.startswith(start) and (not start or rest[len(start)] == " " or start[-1] == " "):
            return start + "".join(f" {UNKNOWN}{word}" for word in rest[len(start) :].split())
    return UNKNOWN


def _matches(subject: str, pattern: str) -> bool | None:
    """Whether a `case` pattern takes the subject; None if that cannot be known."""
    if pattern == "*":
        return True
    if UNKNOWN in subject or UNKNOWN in pattern:
        return None
    return fnmatchcase(subject, pattern.replace("[^", "[!"))


def _trimmed(text: str, operator: str, operand: str) -> str:
    """`${X#prefix}`, `${X%suffix}` and `${X:offset:length}`."""
    if operator == ":":
        found = re.fullmatch(r"\s*(-?\d{1,6})(?::(-?\d{1,6}))?", operand)
        if found is None:
            return UNKNOWN
        start = int(found[1])
        start = max(len(text) + start, 0) if start < 0 else start
        if found[2] is None:
            return text[start:]
        length = int(found[2])
        return text[start : length if length < 0 else start + length]
    cuts = range(len(text) + 1)
    if operator[0] == "#":
        order = cuts if operator == "#" else reversed(cuts)
        return next((text[cut:] for cut in order if fnmatchcase(text[:cut], operand)), text)
    order = reversed(cuts) if operator == "%" else cuts
    return next((text[:cut] for cut in order if fnmatchcase(text[cut:], operand)), text)


def _truth(words: Sequence[str], patterns: bool) -> bool | None:
    """What `[` or `[[` says; None if that cannot be known."""
    for connective in (("||", "-o"), ("&&", "-a")):
        for index in range(1, len(words) - 1):
            if words[index] in connective and "(" not in words:
                left, right = _truth(words[:index], patterns), _truth(words[index + 1 :], patterns)
                decisive = connective[0] == "||"
                if left is decisive or right is decisive:
                    return decisive
                return None if left is None or right is None else not decisive
    if words and words[0] == "!":
        inner = _truth(words[1:], patterns)
        return None if inner is None else not inner
    if any(UNKNOWN in word for word in words):
        return None
    if len(words) == 1:
        return bool(words[0])
    if len(words) == 2 and words[0] in ("-n", "-z"):
        return bool(words[1]) is (words[0] == "-n")
    return _compared(*words, patterns=patterns) if len(words) == 3 else None


def _compared(left: str, operator: str, right: str, *, patterns: bool) -> bool | None:
    if operator in ("=", "=="):
        return _matches(left, right) if patterns else left == right
    if operator == "!=":
        same = _matches(left, right) if patterns else left == right
        return None if same is None else not same
    if re.fullmatch(r"-?\d{1,15}", left) and re.fullmatch(r"-?\d{1,15}", right):
        one, two = int(left), int(right)
        numbers = {
            "-eq": one == two,
            "-ne": one != two,
            "-gt": one > two,
            "-ge": one >= two,
            "-lt": one < two,
            "-le": one <= two,
        }
        return numbers.get(operator)
    return None
