"""Shell scripts and command lines, read as POSIX shells and bash write them.

Tolerant: what cannot be read becomes a `ShellOpaque`, and the rest is read. Groups and subshells are flattened, redirections and
here-documents dropped.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence

from msgspec.structs import replace

from celerylint.facts.deploy.ir import (
    Hole,
    ScriptFile,
    ShellArm,
    ShellAssign,
    ShellCase,
    ShellCommand,
    ShellFunction,
    ShellIf,
    ShellOpaque,
    ShellStmt,
    ShellWord,
)

MAX_DEPTH = 50
"""Levels of nesting: compound commands, and variables in each other's defaults."""

MAX_STATEMENTS = 20_000
"""Statements of one script."""

MAX_ERRORS = 20
"""Stretches of one script that cannot be read; after that many, the rest is one."""

_SHEBANG = re.compile(r"#!\s*(\S+)(?:\s+(\S+))?")
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(\+?=)")
_ARRAY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\+?=\(")
_ELEMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\[[^]\s]*\]\+?=")
_FUNCTION = re.compile(r"([^\s(){}$'\"`;&|<>=]+)[ \t]*\([ \t]*\)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\[[@*0-9]+\])?|[0-9]+|[@*#?$!-]")
_SHORT_PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9@*#?$!-]")
_TEST_OPERATOR = re.compile(r"&&|\|\||[()<>]")
_PLAIN = re.compile(r"[^\\'\"$` \t\n;&|()<>]+")
_OPERATOR = re.compile(r":?[-=+?]|##?|%%?|:(?=\s*[0-9$(-])")
_REDIRECTION = re.compile(r"(?:[0-9]+|\{[A-Za-z_]\w*\})?(?:&>>?|<<<|<<-?|<>|<&|>&|>>|>\||<|>)")
_PROCESS = re.compile(r"[<>]\(")
_WORD_END = " \t\n;&|()<>"
_DECLARES = frozenset({"export", "readonly", "local", "declare", "typeset"})
_CLOSERS = frozenset({"then", "elif", "else", "fi", "do", "done", "esac", "}"})
_UNREADABLE = Hole("?")


def read(text: str, at: Sequence[tuple[int, int]] | None = None) -> ScriptFile:
    """A script.

    Args:
        text: the script, lines ended by `\\n`.
        at: line and column of each character, for a script that stands in another file.
    """
    found = _SHEBANG.match(text)
    interpreter = ""
    if found is not None:
        program = found[1].rpartition("/")[2]
        interpreter = (found[2] or "").rpartition("/")[2] if program == "env" else program
    return ScriptFile(interpreter, _Reader(text, at).script())


class _ConfusedError(Exception):
    """The text is not what the grammar asks for at this point."""


class _Reader:
    def __init__(self, text: str, at: Sequence[tuple[int, int]] | None) -> None:
        self.text = text
        self.index = 0
        self.depth = 0
        self.statements = 0
        self.begun = 0
        self.heredocs: list[tuple[str, bool]] = []
        self.at = at
        self.starts = [0, *(found.end() for found in re.finditer("\n", text))] if at is None else []

    # --- places ---

    def place(self, index: int) -> tuple[int, int]:
        """Line and column of a character, or of the end."""
        if self.at is not None:
            if index < len(self.at):
                return self.at[index]
            line, column = self.at[-1] if self.at else (1, 0)
            return line, column + 1
        line = bisect_right(self.starts, index)
        return line, index - self.starts[line - 1] + 1

    def span(self, start: int, end: int | None = None) -> tuple[int, int, int, int]:
        """The span from one character to before another."""
        end = self.index if end is None else end
        while end - 1 > start and self.text[end - 1] in " \t\n":
            end -= 1
        line, column = self.place(start)
        end_line, end_column = self.place(max(end - 1, start))
        return line, column, end_line, end_column + 1

    # --- lists ---

    def script(self) -> list[ShellStmt]:
        """All statements. A closing word that nothing opened is opaque."""
        found: list[ShellStmt] = []
        while True:
            start = self.index
            try:
                self.block(found)
            except (_ConfusedError, RecursionError) as confused:
                self.index = max(self.index, start)
                self.to_line_end()
                self.depth = 0
                found.append(ShellOpaque(*self.span(max(start, self.begun)), str(confused) or "nested too deeply"))
            if self.index >= len(self.text):
                return found
            if self.statements > MAX_STATEMENTS or sum(isinstance(each, ShellOpaque) for each in found) > MAX_ERRORS:
                found.append(ShellOpaque(*self.span(self.index, len(self.text)), "too much to read"))
                return found
            if self.index == start or self.at_closer():
                here = self.index
                self.index += len(self.closer()) or 1
                found.append(ShellOpaque(*self.span(here), "closes what nothing opened"))

    def block(self, into: list[ShellStmt] | None = None) -> list[ShellStmt]:
        """Statements up to a word that closes a compound command, which is not taken."""
        found: list[ShellStmt] = [] if into is None else into
        while True:
            self.blanks(newlines=True)
            if self.index >= len(self.text) or self.at_closer() or self.statements > MAX_STATEMENTS:
                return found
            if self.text[self.index] == ";" and not self.text.startswith(";;", self.index):
                self.index += 1
                continue
            if into is not None:
                self.begun = self.index
            found += self.and_or()

    def at_closer(self) -> bool:
        return bool(self.closer())

    def closer(self) -> str:
        """What closes a compound command here: `)`, `;;` or a reserved word."""
        for mark in (";;&", ";;", ";&", ")"):
            if self.text.startswith(mark, self.index):
                return mark
        word = self.bare()
        return word if word in _CLOSERS else ""

    def bare(self) -> str:
        """The unquoted word that stands here, not taken; empty if it is none or more than that."""
        end = self.index
        while (
            end < len(self.text) and end - self.index < 12 and (self.text[end].isalpha() or self.text[end] in "{}![]")
        ):
            end += 1
        following = self.text[end : end + 1]
        return self.text[self.index : end] if not following or following in _WORD_END else ""

    def and_or(self) -> list[ShellStmt]:
        """Pipelines joined by `&&` and `||`, and the `&` after them."""
        found = self.pipeline()
        while True:
            self.blanks()
            operator = self.text[self.index : self.index + 2]
            if operator not in ("&&", "||"):
                break
            self.index += 2
            self.blanks(newlines=True)
            start = self.index
            right = self.pipeline()
            if len(right) == 1 and isinstance(right[0], ShellCommand):
                found.append(replace(right[0], conditional=operator))
            elif right:
                # What runs only after something else is the branch of a test that is empty: the status before it.
                body, orelse = (right, []) if operator == "&&" else ([], right)
                found.append(ShellIf(*self.span(start), "if", [], body, orelse))
        if self.text.startswith("&", self.index) and not self.text.startswith("&>", self.index):
            self.index += 1
            found = _in_background(found)
        elif self.text.startswith(";", self.index) and not self.text.startswith((";;", ";&"), self.index):
            self.index += 1
        return found

    def pipeline(self) -> list[ShellStmt]:
        """Commands joined by `|`."""
        found: list[ShellStmt] = []
        piped = False
        while True:
            self.blanks(newlines=piped)
            negated = False
            while self.bare() in ("!", "time"):
                negated = negated or self.text[self.index] == "!"
                self.index += 1 if self.text[self.index] == "!" else 4
                self.blanks()
            start = self.index
            part = self.command()
            if negated:
                span = self.span(start)
                part = [ShellIf(*span, "if", part, [_truth(span, "false")], [_truth(span, "true")])]
            self.blanks()
            more = self.text.startswith("|", self.index) and not self.text.startswith("||", self.index)
            piped = piped or more
            if piped:
                part = [replace(each, piped=True) if isinstance(each, ShellCommand) else each for each in part]
            found += part
            if not more:
                return found
            self.index += 2 if self.text.startswith("|&", self.index) else 1

    # --- commands ---

    def command(self) -> list[ShellStmt]:
        """A simple or compound command and its redirections."""
        self.statements += 1
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise _ConfusedError("nested too deeply")
        try:
            compound = self.compound()
            if compound is None:
                return self.simple()
            self.redirections()
            return compound
        finally:
            self.depth -= 1

    def compound(self) -> list[ShellStmt] | None:
        """A compound command; None if a simple one stands here."""
        start = self.index
        if self.text.startswith("((", start):
            self.arithmetic()
            return [
                ShellCommand(*self.span(start), [ShellWord(*self.span(start), [_UNREADABLE])], [], False, False, "")
            ]
        if self.text.startswith("(", start):
            self.index += 1
            return self.closed_by(")")
        match self.bare():
            case "{":
                self.index += 1
                return self.closed_by("}")
            case "if":
                self.index += 2
                return [self.if_(start)]
            case "while" | "until" as kind:
                self.index += 5
                test, body = self.block(), self.do()
                return [ShellIf(*self.span(start), kind, test, body, [])]
            case "for" | "select":
                return [self.for_(start)]
            case "case":
                self.index += 4
                return [self.case(start)]
            case "function":
                self.index += 8
                self.blanks()
                name = self.word()
                self.blanks()
                if self.text.startswith("(", self.index):
                    self.index += 1
                    self.blanks()
                    self.expect(")")
                return [self.function(start, "".join(part for part in name.parts if isinstance(part, str)))]
        named = _FUNCTION.match(self.text, start)
        if named is not None:
            self.index = named.end()
            return [self.function(start, named[1])]
        return None

    def closed_by(self, closer: str) -> list[ShellStmt]:
        body = self.block()
        self.expect(closer)
        return body

    def expect(self, word: str) -> None:
        if self.closer() != word:
            raise _ConfusedError(f"`{word}` is missing")
        self.index += len(word)

    def if_(self, start: int) -> ShellIf:
        test = self.block()
        self.expect("then")
        body = self.block()
        orelse: list[ShellStmt] = []
        here, closer = self.index, self.closer()
        if closer == "elif":
            self.index += 4
            self.depth += 1
            if self.depth > MAX_DEPTH * 2:
                raise _ConfusedError("nested too deeply")
            orelse = [self.if_(here)]
            self.depth -= 1
            return ShellIf(*self.span(start), "if", test, body, orelse)
        if closer == "else":
            self.index += 4
            orelse = self.block()
        self.expect("fi")
        return ShellIf(*self.span(start), "if", test, body, orelse)

    def do(self) -> list[ShellStmt]:
        self.blanks(newlines=True)
        if self.text.startswith(";", self.index):
            self.index += 1
            self.blanks(newlines=True)
        self.expect("do")
        return self.closed_by("done")

    def for_(self, start: int) -> ShellIf:
        """`for NAME in words`: the test is the assignment of the words as an array, or none for `for ((...))`."""
        self.index += len(self.bare())
        self.blanks()
        test: list[ShellStmt] = []
        if self.text.startswith("((", self.index):
            self.arithmetic()
        else:
            name_at = self.index
            name = self.literal_name()
            words = [ShellWord(*self.span(name_at), [Hole("@", quoted=True)])]
            self.blanks(newlines=True)
            if self.bare() == "in":
                self.index += 2
                words = self.words()
            test = [ShellAssign(*self.span(name_at), name, words, True, False)]
        body = self.do()
        return ShellIf(*self.span(start), "for", test, body, [])

    def literal_name(self) -> str:
        found = _NAME.match(self.text, self.index)
        if found is None:
            raise _ConfusedError("a name is missing")
        self.index = found.end()
        return found[0]

    def case(self, start: int) -> ShellCase:
        self.blanks()
        subject = self.word()
        self.blanks(newlines=True)
        if self.bare() != "in":
            raise _ConfusedError("`in` is missing")
        self.index += 2
        arms: list[ShellArm] = []
        while True:
            self.blanks(newlines=True)
            if self.bare() == "esac":
                self.index += 4
                return ShellCase(*self.span(start), subject, arms)
            if self.index >= len(self.text):
                raise _ConfusedError("`esac` is missing")
            arms.append(self.arm())

    def arm(self) -> ShellArm:
        start = self.index
        if self.text.startswith("(", start):
            self.index += 1
        patterns: list[ShellWord] = []
        while True:
            self.blanks()
            patterns.append(self.word())
            self.blanks()
            if not self.text.startswith("|", self.index):
                break
            self.index += 1
        self.expect(")")
        body = self.block()
        closer = self.closer()
        if closer in (";;", ";&", ";;&"):
            self.index += len(closer)
            if closer != ";;":
                body = [*body, ShellOpaque(*self.span(start), "an arm that goes on in the next")]
        return ShellArm(*self.span(start), patterns, body)

    def function(self, start: int, name: str) -> ShellFunction:
        self.blanks(newlines=True)
        body = self.command()
        return ShellFunction(*self.span(start), name, body)

    def arithmetic(self) -> None:
        """Skip `((...))`."""
        self.index = self.closing(self.index, "(", ")")

    def simple(self) -> list[ShellStmt]:
        """Assignments, words and redirections up to the end of the command."""
        start = self.index
        environment: list[ShellAssign] = []
        while (assign := self.assignment()) is not None:
            environment.append(assign)
            self.blanks()
        test = self.text.startswith("[[", self.index) and self.bare() == "[["
        arrays: list[ShellAssign] = []
        words = self.test_words() if test else self.words(arrays)
        if words:
            return [ShellCommand(*self.span(start), words, environment, False, False, ""), *arrays]
        if not environment and self.index == start:
            raise _ConfusedError("a command is missing")
        return list(environment)

    def words(self, arrays: list[ShellAssign] | None = None) -> list[ShellWord]:
        """Words up to the end of the command; redirections are dropped.

        Arrays that `declare` and the like assign go to `arrays`.
        """
        found: list[ShellWord] = []
        while True:
            self.blanks()
            if self.redirection():
                continue
            if self.index >= len(self.text) or (
                self.text[self.index] in "\n;&|()" and not _PROCESS.match(self.text, self.index)
            ):
                return found
            if arrays is not None and found and _declares(found[0]):
                array = _ARRAY.match(self.text, self.index)
                assign = self.assignment() if array is not None else None
                if assign is not None:
                    arrays.append(assign)
                    continue
            found.append(self.word())

    def test_words(self) -> list[ShellWord]:
        """`[[ ... ]]`, its operators as words."""
        found: list[ShellWord] = []
        while True:
            self.blanks(newlines=True)
            start = self.index
            if start >= len(self.text):
                raise _ConfusedError("`]]` is missing")
            regex = bool(found) and found[-1].parts == ["=~"]
            operator = None if regex else _TEST_OPERATOR.match(self.text, start)
            if operator is not None:
                self.index = operator.end()
                found.append(ShellWord(*self.span(start), [operator[0]]))
                continue
            found.append(self.word(until=" \t\n" if regex else _WORD_END))
            if self.index == start:
                raise _ConfusedError("a word is missing in `[[`")
            if found[-1].parts == ["]]"]:
                return found

    def assignment(self) -> ShellAssign | None:
        start = self.index
        found = _ASSIGNMENT.match(self.text, start)
        if found is None:
            element = _ELEMENT.match(self.text, start)
            if element is None:
                return None
            # One element of an array: the array as a whole is not known any more.
            self.index = element.end()
            self.word()
            name = element[0].partition("[")[0]
            return ShellAssign(*self.span(start), name, [ShellWord(*self.span(start), [_UNREADABLE])], True, True)
        self.index = found.end()
        if self.text.startswith("(", self.index):
            self.index += 1
            words = self.array()
            return ShellAssign(*self.span(start), found[1], words, True, found[2] == "+=")
        here = self.index
        at_end = here >= len(self.text) or self.text[here] in _WORD_END
        word = ShellWord(*self.span(start), [""]) if at_end else self.word()
        return ShellAssign(*self.span(start), found[1], [word], False, found[2] == "+=")

    def array(self) -> list[ShellWord]:
        found: list[ShellWord] = []
        while True:
            self.blanks(newlines=True)
            if self.index >= len(self.text):
                raise _ConfusedError("an array is not closed")
            if self.text[self.index] == ")":
                self.index += 1
                return found
            start = self.index
            found.append(self.word())
            if self.index == start:
                raise _ConfusedError("an array holds what is no word")

    # --- redirections ---

    def redirections(self) -> None:
        self.blanks()
        while self.redirection():
            self.blanks()

    def redirection(self) -> bool:
        """Skip one redirection."""
        if _PROCESS.match(self.text, self.index):
            return False
        found = _REDIRECTION.match(self.text, self.index)
        if found is None:
            return False
        self.index = found.end()
        self.blanks()
        start = self.index
        target = self.word()
        if "<<" in found[0] and "<<<" not in found[0]:
            quoted = "".join(part for part in target.parts if isinstance(part, str))
            self.heredocs.append((quoted or self.text[start : self.index], found[0].endswith("-")))
        return True

    def skip_heredocs(self) -> None:
        """The lines after a newline that belong to here-documents."""
        for end, tabs in self.heredocs:
            while self.index < len(self.text):
                stop = self.text.find("\n", self.index)
                stop = len(self.text) if stop < 0 else stop
                line = self.text[self.index : stop]
                self.index = min(stop + 1, len(self.text))
                if (line.lstrip("\t") if tabs else line) == end:
                    break
        self.heredocs = []

    # --- blanks ---

    def blanks(self, newlines: bool = False) -> None:
        """Skip blanks, comments, and newlines if asked to."""
        text = self.text
        while self.index < len(text):
            char = text[self.index]
            if char in " \t\r":
                self.index += 1
            elif char == "\\" and text.startswith("\n", self.index + 1):
                self.index += 2
            elif char == "#":
                # Here a comment begins: a word that goes on is not looked at from its middle.
                stop = text.find("\n", self.index)
                self.index = len(text) if stop < 0 else stop
            elif char == "\n" and newlines:
                self.index += 1
                if self.heredocs:
                    self.skip_heredocs()
            else:
                return

    def to_line_end(self) -> None:
        stop = self.text.find("\n", self.index)
        self.index = len(self.text) if stop < 0 else stop + 1
        if self.heredocs:
            self.skip_heredocs()

    # --- words ---

    def word(self, until: str = _WORD_END, end: int | None = None) -> ShellWord:
        """One word, its quotes removed."""
        start, text = self.index, self.text
        end = len(text) if end is None else end
        parts: list[str | Hole] = []
        while self.index < end:
            plain = _PLAIN.match(text, self.index, end)
            if plain is not None:
                parts.append(plain[0])
                self.index = plain.end()
                continue
            char = text[self.index]
            if char in until and not (char in "<>" and _PROCESS.match(text, self.index)):
                break
            if char == "\\":
                if not text.startswith("\n", self.index + 1):
                    parts.append(text[self.index + 1 : self.index + 2])
                self.index = min(self.index + 2, len(text))
            elif char == "'":
                stop = text.find("'", self.index + 1)
                if stop < 0:
                    raise _ConfusedError("a quote is not closed")
                parts.append(text[self.index + 1 : stop])
                self.index = stop + 1
            elif char == '"' or text.startswith('$"', self.index):
                self.index += 1 if char == '"' else 2
                parts += self.quoted()
            elif text.startswith("$'", self.index):
                parts.append(self.ansi())
            elif char == "$":
                parts.append(self.hole(False))
            elif char == "`":
                parts.append(self.backquoted())
            elif char in "<>":
                self.index = self.closing(self.index + 1, "(", ")")
                parts.append(_UNREADABLE)
            else:
                parts.append(char)
                self.index += 1
        return ShellWord(*self.span(start), _merged(parts))

    def quoted(self, end: int | None = None) -> list[str | Hole]:
        """The inside of double quotes, which are open, up to their end; or up to `end`, quotes inside dropped."""
        text = self.text
        parts: list[str | Hole] = [""]
        while self.index < (len(text) if end is None else end):
            char = text[self.index]
            if char == '"':
                self.index += 1
                if end is None:
                    return parts
            elif char == "\\":
                following = text[self.index + 1 : self.index + 2]
                if following != "\n":
                    parts.append(following if following and following in '$`"\\' else char + following)
                self.index = min(self.index + 2, len(text))
            elif char == "$":
                parts.append(self.hole(True))
            elif char == "`":
                parts.append(self.backquoted())
            else:
                parts.append(char)
                self.index += 1
        if end is None:
            raise _ConfusedError("a quote is not closed")
        return parts

    def ansi(self) -> str:
        stop = self.index + 2
        while stop < len(self.text) and self.text[stop] != "'":
            stop += 2 if self.text[stop] == "\\" else 1
        if stop >= len(self.text):
            raise _ConfusedError("a quote is not closed")
        held = self.text[self.index + 2 : stop]
        self.index = stop + 1
        return re.sub(r"\\(.)", lambda m: {"n": "\n", "t": "\t"}.get(m[1], m[1]), held)

    def backquoted(self) -> Hole:
        stop = self.index + 1
        while stop < len(self.text) and self.text[stop] != "`":
            stop += 2 if self.text[stop] == "\\" else 1
        if stop >= len(self.text):
            raise _ConfusedError("a quote is not closed")
        self.index = stop + 1
        return _UNREADABLE

    def hole(self, quoted: bool) -> str | Hole:
        """What a `$` begins."""
        text, start = self.text, self.index
        if text.startswith("$(", start):
            self.index = self.closing(start + 1, "(", ")")
            return Hole("?", quoted=quoted)
        if text.startswith("${", start):
            return self.braced(quoted)
        found = _SHORT_PARAMETER.match(text, start + 1)
        if found is None:
            self.index += 1
            return "$"
        self.index = found.end()
        return Hole(_readable(found[0]), quoted=quoted)

    def braced(self, quoted: bool) -> Hole:
        start = self.index
        end = self.closing(start + 1, "{", "}")
        self.depth += 1
        try:
            name = _PARAMETER.match(self.text, start + 2)
            if name is None or self.depth > MAX_DEPTH:
                return Hole("?", quoted=quoted)
            if name.end() == end - 1:
                return Hole(_readable(name[0]), quoted=quoted)
            operator = _OPERATOR.match(self.text, name.end())
            if operator is None:
                return Hole("?", quoted=quoted)
            self.index = operator.end()
            return Hole(name[0], operator[0], self.operand(end - 1, quoted), quoted)
        finally:
            self.depth -= 1
            self.index = end

    def operand(self, end: int, quoted: bool) -> list[str | Hole]:
        """The word up to the brace that closes a parameter."""
        return _merged(self.quoted(end)) if quoted else list(self.word(until="", end=end).parts)

    def closing(self, index: int, opening: str, closing: str) -> int:
        """The index behind the bracket that closes the one at `index`; quotes inside are passed over."""
        depth, text = 0, self.text
        while index < len(text):
            char = text[index]
            if char == "\\":
                index += 1
            elif char in "'\"" and opening == "(":
                index = self.past_quote(index)
            elif char == opening:
                depth += 1
            elif char == closing:
                depth -= 1
                if depth == 0:
                    return index + 1
            index += 1
        raise _ConfusedError(f"`{opening}` is not closed")

    def past_quote(self, index: int) -> int:
        """The index of the quote that ends what the one at `index` begins."""
        quote, stop = self.text[index], index + 1
        while stop < len(self.text) and self.text[stop] != quote:
            stop += 2 if self.text[stop] == "\\" and quote == '"' else 1
        if stop >= len(self.text):
            raise _ConfusedError("a quote is not closed")
        return stop


def _readable(name: str) -> str:
    """Parameters that say nothing about the command (`$$`, `$?`, `$!`, `$-`) are unreadable."""
    return "?" if name in ("?", "$", "!", "-") else name


def _in_background(statements: list[ShellStmt]) -> list[ShellStmt]:
    return [_backgrounded(statement) for statement in statements]


def _backgrounded(statement: ShellStmt) -> ShellStmt:
    if isinstance(statement, ShellCommand):
        return replace(statement, background=True)
    if isinstance(statement, ShellIf):
        body, orelse = _in_background(statement.body), _in_background(statement.orelse)
        return replace(statement, body=body, orelse=orelse)
    if isinstance(statement, ShellCase):
        return replace(statement, arms=[replace(arm, body=_in_background(arm.body)) for arm in statement.arms])
    return statement


def _declares(word: ShellWord) -> bool:
    return len(word.parts) == 1 and isinstance(word.parts[0], str) and word.parts[0] in _DECLARES


def _merged(parts: list[str | Hole]) -> list[str | Hole]:
    """Literal parts beside each other as one; an empty one stays only where nothing else is."""
    found: list[str | Hole] = []
    for part in parts:
        if isinstance(part, str) and found and isinstance(found[-1], str):
            found[-1] += part
        else:
            found.append(part)
    return [part for part in found if part != ""] or found[:1]


def _truth(span: tuple[int, int, int, int], name: str) -> ShellCommand:
    return ShellCommand(*span, [ShellWord(*span, [name])], [], False, False, "")
