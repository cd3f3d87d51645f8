"""`python -m celerylint.dev new-rule CLY217 retry-in-a-loop`: write the two files that a rule is made of."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

_HOME = Path(__file__).resolve().parents[2]

_RULE = '''\
"""{code}."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.finding import Finding, Severity
from celerylint.model.project import Project, Task
from celerylint.rules.base import Rule


class {cls}(Rule):
    """What happens in production, in a sentence that a tired person understands.

    Why it happens: what Celery does, with the numbers that decide it.

    ## What to do

    What to write instead, and what that changes.

    [Celery's documentation](https://docs.celeryq.dev/en/stable/userguide/tasks.html)
    """

    code = "{code}"
    name = "{name}"
    summary = "TODO: one line, as the list of rules shows it."
    severity = Severity.WARNING
    since = "{since}"
    bad = """\\
from celery import shared_task


@shared_task
def pull(): ...
"""
    good = """\\
from celery import shared_task


@shared_task(name="pull")
def pull(): ...
"""

    def check_task(self, task: Task, project: Project) -> Iterable[Finding]:
        # Judge by effective values: `task.option("max_retries")` says what it is, whether that is known, who chose it.
        if not task.named.chosen:
            message = f"{{task.name}} TODO: what will happen"
            yield self.finding(task.place, message, "TODO: what to do", symbol=task.name)
'''

_SPEC = """\
# {code} {name}

## The plain case
```py
from celery import shared_task

@shared_task  # error: {code}
def pull(): ...
```

## The value comes from another module
`proj/names.py`:
```py
NAME = "pull"
```
`proj/tasks.py`:
```py
from celery import shared_task
from proj.names import NAME

@shared_task(name=NAME)
def pull(): ...
```

## Nothing is said of what cannot be known
```py
import sys
from celery import shared_task

@shared_task(name=sys.argv[1])
def pull(): ...
```
"""


def main(argv: list[str]) -> int:
    """Write `celerylint/rules/<family>/clynnn_name.py` and `tests/rules/CLYnnn.md`; 1 if the code or name is taken."""
    parser = argparse.ArgumentParser(prog="new-rule", description=__doc__)
    parser.add_argument("code", type=_matching(r"CLY\d{3}"), help="CLY and three digits")
    parser.add_argument("name", type=_matching(r"[a-z]+(-[a-z0-9]+)*"), help='the bad pattern; reads after "allow ..."')
    parser.add_argument("--family", help="the folder, where no rule of this hundred has one yet")
    parser.add_argument("--root", type=Path, default=_HOME, help=argparse.SUPPRESS)
    given = parser.parse_args(argv)
    rules, specs = given.root / "celerylint" / "rules", given.root / "tests" / "rules"

    stem = f"{given.code}_{given.name}".lower().replace("-", "_")
    taken = [*rules.glob(f"*/{given.code.lower()}_*.py"), *rules.glob(f"*/cly???_{stem[7:]}.py")]
    if taken:
        print(f"taken: {taken[0].relative_to(given.root)}")
        return 1
    family = given.family or next((f.parent.name for f in sorted(rules.glob(f"*/{stem[:4]}*.py"))), None)
    if family is None:
        parser.error(f"no rule begins with {given.code[:4]} yet: name its folder with --family")

    folder = rules / family
    if not folder.is_dir():
        folder.mkdir()
        (folder / "__init__.py").write_text(f'"""Rules about {family}."""\n', "utf-8")
    words = {
        "code": given.code,
        "name": given.name,
        "cls": "".join(part.capitalize() for part in given.name.split("-")),
        "since": _version(given.root),
    }
    for path, template in ((folder / f"{stem}.py", _RULE), (specs / f"{given.code}.md", _SPEC)):
        path.write_text(template.format(**words), "utf-8")
        print(path.relative_to(given.root))
    return 0


def _matching(pattern: str) -> type:
    class Text(str):
        def __init__(self, text: str) -> None:
            if not re.fullmatch(pattern, text):
                raise ValueError(text)

    return Text


def _version(root: Path) -> str:
    found = re.search(r'__version__ = "([^"]+)"', (root / "celerylint" / "__init__.py").read_text("utf-8"))
    return found[1] if found else ""
