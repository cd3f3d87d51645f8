"""Programs that Python code starts: `subprocess.run(["celery", ...])`, `app.worker_main([...])`, `app.start([...])`."""

from __future__ import annotations

import shlex

from celerylint.model.celery_values import App, Command
from celerylint.model.evaluate import Evaluator
from celerylint.model.values import Arguments, At, Made, Scalar, Sequence, Value


def started(ev: Evaluator, app: App | None, args: Arguments, words: Value | None) -> Value:
    """Note that a command is started, and return what stands for its process."""
    if words is not None and args.at is not None:
        read = _words(ev, words, args.at)
        if any(word == "worker" for word, _ in read):
            ev.celery.commands.append(Command(app, read, args.at, tuple(ev.context)))
    return Made("subprocess.Popen", args.positional, args.keywords, args.at, ev.born)


def _words(ev: Evaluator, value: Value, at: At) -> list[tuple[str | None, At]]:
    value = ev.need(value)
    if isinstance(value, Scalar) and isinstance(value.value, str):
        where = value.at or at
        try:
            return [(word, where) for word in shlex.split(value.value)]
        except ValueError:
            return []
    if not isinstance(value, Sequence):
        return []
    out: list[tuple[str | None, At]] = []
    for item in map(ev.need, value.items):
        known = isinstance(item, Scalar) and isinstance(item.value, (str, int))
        out.append((str(item.value) if known and isinstance(item, Scalar) else None, item.at or at))
    return out


def _first(ev: Evaluator, args: Arguments) -> Value:
    return started(ev, None, args, args.get(0, "args"))


def _second(ev: Evaluator, args: Arguments) -> Value:
    return started(ev, None, args, args.get(1, "args"))


def _command(ev: Evaluator, args: Arguments) -> Value:
    return started(ev, None, args, args.get(0, "command"))


CALLS = {
    **{f"subprocess.{name}": _first for name in ("run", "call", "check_call", "check_output", "Popen")},
    **{f"os.{name}": _second for name in ("execv", "execve", "execvp", "execvpe")},
    "os.system": _command,
    "subprocess.getoutput": _command,
}
