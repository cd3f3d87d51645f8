"""`celerylint explain`: the page of a rule, or the list of those that are meant."""

from __future__ import annotations

import json
from collections.abc import Sequence

from celerylint.config import UsageError
from celerylint.report.style import Style, table
from celerylint.settle.meta import RuleLike
from celerylint.text import did_you_mean, page_of


def find(wanted: str, rules: Sequence[RuleLike]) -> RuleLike:
    """The rule of this code or name. Raises UsageError."""
    for rule in rules:
        if wanted.upper() == rule.code or wanted.lower() == rule.name:
            return rule
    known = [word for rule in rules for word in (rule.code, rule.name)]
    raise UsageError(f'no rule is called "{wanted}"{did_you_mean(wanted, known)}')


def begun(prefix: str, rules: Sequence[RuleLike]) -> list[RuleLike]:
    """The rules whose codes begin with `prefix`, as in `--select CLY4`; none where it is a whole code or a name."""
    start = prefix.upper()
    return [rule for rule in rules if start and rule.code.startswith(start) and rule.code != start]


def page(rule: RuleLike) -> str:
    """The documentation page of a rule, in Markdown."""
    facts = f"{rule.severity.value}, confidence {rule.confidence.value}, preset {rule.preset}, since {rule.since}"
    parts = [f"# {rule.code}: {rule.name}", f"*{facts}*", rule.explanation.strip()]
    path = getattr(rule, "shown_in", "tasks.py")
    named, language = ("", "python") if path.endswith(".py") else (f"`{path}`:\n\n", "")
    for title, code in (("Found", rule.bad), ("Mended", rule.good)):
        if code.strip():
            parts.append(f"## {title}\n\n{named}```{language}\n{code.strip()}\n```")
    return "\n\n".join(part for part in parts if part) + "\n"


def listing(rules: Sequence[RuleLike]) -> str:
    """One line for each rule."""
    rows = [(rule.code, rule.severity.value, rule.preset, rule.name) for rule in sorted(rules, key=lambda r: r.code)]
    return "".join(line + "\n" for line in table(rows, indent="")) if rows else "There are no rules.\n"


def as_json(rules: Sequence[RuleLike]) -> str:
    """Everything that is known of rules, as a JSON array: fields are added, never changed."""
    described = [
        {
            "code": rule.code,
            "name": rule.name,
            "summary": rule.summary,
            "severity": rule.severity.value,
            "confidence": rule.confidence.value,
            "preset": rule.preset,
            "since": rule.since,
            "fix": "## Fix safety" in rule.explanation,
            "risk": getattr(rule, "risk", ""),
            "explanation": rule.explanation,
            "bad": rule.bad,
            "good": rule.good,
            "url": page_of(rule.code),
        }
        for rule in sorted(dict.fromkeys(rules), key=lambda rule: rule.code)
    ]
    return json.dumps(described, indent=2) + "\n"


def render(markdown: str, style: Style) -> str:
    """Markdown for a terminal where there is one; as it is otherwise."""
    if not style.color:
        return markdown
    from io import StringIO

    from rich.console import Console
    from rich.markdown import Markdown

    out = StringIO()
    console = Console(file=out, force_terminal=True, width=min(style.width or 100, 100), color_system="standard")
    console.print(Markdown(markdown))
    return out.getvalue()
