"""What a command comes down to: shells, scripts and runner prefixes followed to the programs that they start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from celerylint.facts.deploy import shell
from celerylint.facts.deploy.ir import ScriptFile
from celerylint.finding import Place
from celerylint.model.deploy.evaluation import DEEPEST, Start, both, evaluate, files_of
from celerylint.model.deploy.process import Invocation, Load, Word
from celerylint.model.deploy.texts import of_word
from celerylint.model.deploy.words import SHELLS, base_name, unwrap, unwrap_unknown

_FUEL = 20_000
"""Statements that one command may run."""


def invocations(
    words: Sequence[Word],
    environment: Mapping[str, str | None],
    load: Load,
    *,
    via: tuple[Place, ...] = (),
) -> tuple[Invocation, ...]:
    """The programs that a command starts: runner prefixes removed, `sh -c` and scripts that `load` finds followed.

    The command is run without a shell, as in the exec form; for the shell form, begin the words with `sh` and `-c`.
    A variable that `environment` does not name takes the default that a script gives it, and is unknown without one.
    What could not be followed is an invocation whose program is not known, or is the script itself.
    """
    follower = _Follower(load)
    if words:
        follower.start(words, environment, Start(via=via, place=words[0].place))
    return tuple(follower.found)


def run(
    script: ScriptFile,
    argv: Sequence[Word],
    environment: Mapping[str, str | None],
    load: Load,
    path: str,
    *,
    via: tuple[Place, ...] = (),
    outside: bool = False,
) -> tuple[Invocation, ...]:
    """The programs that a script starts.

    Args:
        script: the script.
        argv: its arguments from `$1` on.
        environment: its variables, None for one whose value is not known.
        load: finds the scripts that it runs in turn.
        path: the file that it is written in.
        via: where it is followed from.
        outside: whether who runs it is not known, so that it may be given other arguments, and variables in place of the
            defaults that it has for them.
    """
    follower = _Follower(load, outside)
    follower.script(script, argv, environment, path, Start(via=via))
    return tuple(follower.found)


class _Follower:
    """Follows one command, and collects what it starts."""

    def __init__(self, load: Load, outside: bool = False) -> None:
        self.load = load
        self.outside = outside
        self.found: list[Invocation] = []
        self.fuel = _FUEL

    def start(self, words: Sequence[Word], environment: Mapping[str, str | None], how: Start) -> None:
        """Follow a command to the programs that it starts."""
        program = unwrap(words, environment)
        how = how._replace(runners=(*how.runners, *program.runners))
        how = _behind(how, program.forwards)
        if not program.words:
            return
        name = base_name(program.words[0])
        if program.string:
            self.string(
                program.words[0], (), program.environment, how._replace(signalled=both(how.signalled, None)), "sh"
            )
        elif name in SHELLS and len(program.words) > 1:
            self.shell(program.words, program.environment, how)
        elif not self.named(program.words, program.environment, how):
            inner = unwrap_unknown(program)
            if inner is None:
                self.record(program.words, program.environment, how)
            else:
                added = inner.runners[len(program.runners) :]
                how = _behind(how._replace(runners=(*how.runners, *added)), inner.forwards)
                self.start(inner.words, inner.environment, how)

    def shell(self, words: Sequence[Word], environment: Mapping[str, str | None], how: Start) -> None:
        """`bash -c "..."` or `bash script.sh`."""
        index = 1
        string = False
        while index < len(words) and words[index].text[:1] in ("-", "+") and len(words[index].text) > 1:
            text = words[index].text
            index += 1
            if text == "--":
                break
            if not text.startswith("--"):
                string = string or "c" in text[1:]
                index += text.count("o") if text[1:].strip("abcefhiklmnoprstuvx") == "" and "o" in text else 0
        if index >= len(words):
            return
        if string:
            self.string(words[index], words[index + 2 :], environment, how, base_name(words[0]))
        elif not self.named(words[index:], environment, how):
            self.record(words[index:], environment, how)

    def string(
        self, word: Word, argv: Sequence[Word], environment: Mapping[str, str | None], how: Start, interpreter: str
    ) -> None:
        """A command line that a shell is given."""
        text = of_word(word)
        script = shell.read(text.text, text.at)
        # Bash becomes the last command of `-c`; the `sh` of Debian starts it beside itself and keeps signals for itself.
        tail = script.body[-1] if script.body and interpreter in ("bash", "zsh", "ksh") else None
        evaluate(self, script, word.place.path, environment, argv, how, tail)

    def named(self, words: Sequence[Word], environment: Mapping[str, str | None], how: Start) -> bool:
        """Follow the script that the first word names; False if there is none."""
        for name in files_of(words[0]):
            facts = self.load(name)
            if facts is not None and isinstance(facts.content, ScriptFile) and how.depth < DEEPEST:
                self.script(facts.content, words[1:], environment, facts.path, how)
                return True
        return False

    def script(
        self,
        script: ScriptFile,
        argv: Sequence[Word],
        environment: Mapping[str, str | None],
        path: str,
        how: Start,
    ) -> None:
        """Run a script file."""
        evaluate(self, script, path, environment, argv, how, None)

    def record(self, words: Sequence[Word], environment: Mapping[str, str | None], how: Start) -> None:
        """Note a program."""
        if len(self.found) >= _FUEL // 10:
            return
        found = Invocation(
            tuple(words),
            _whole(words, how.place),
            dict(environment),
            how.signalled,
            how.via,
            how.certain,
            how.runners,
            how.exec_at if how.signalled is False else None,
        )
        if found not in self.found:
            self.found.append(found)


def _behind(how: Start, forwards: bool | None) -> Start:
    """How a command is started behind a runner that hands signals on, or does not."""
    kept = how.exec_at if forwards is not False else None
    return how._replace(signalled=both(how.signalled, forwards), exec_at=kept)


def _whole(words: Sequence[Word], place: Place | None) -> Place:
    """Where a command stands: as a whole if it is written there, else where its program is."""
    first = words[0].place
    return place if place is not None and place.path == first.path and place.span <= first.span else first
