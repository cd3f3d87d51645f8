"""A page for each rule, made of its class and of what the tool says about its example."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from celerylint import engine, rules
from celerylint.config import load, option_table
from celerylint.finding import Report
from celerylint.repair import diff, repair
from celerylint.report import full
from celerylint.report.style import Style
from celerylint.rules.base import Rule
from celerylint.rules.registry import all_rules
from celerylint.settle.meta import ALWAYS

_WIDTH = 100
"""Columns of the terminal that output is shown for."""
_EXAMPLES = ("CLY9",)
"""Rules whose examples need all other rules: comments are unused, or not, only by what was run."""
_LANGUAGES = {".py": "python", ".toml": "toml", ".yml": "yaml", ".yaml": "yaml", ".sh": "bash", ".ini": "ini"}


class Shown(Struct, frozen=True):
    """What the tool makes of the example of a rule."""

    output: str
    diff: str
    """The fixes as a diff; empty where there are none."""
    safety: str
    """`safe`, `unsafe` or empty."""


def pages() -> Mapping[str, str]:
    """The pages of all rules and their index, by path in `docs/`."""
    known = [rule for rule in all_rules() if isinstance(rule, Rule)]
    known.sort(key=lambda rule: rule.code)
    return {"rules/index.md": index(known), **{f"rules/{rule.code}.md": page(rule) for rule in known}}


# --- one rule ---------------------------------------------------------------------------------------------------------


def page(rule: Rule) -> str:
    """The page of a rule, in Markdown."""
    written = sections(rule.explanation)
    seen = shown(rule)
    parts = [
        f"# {rule.code}: {rule.name}",
        _facts(rule, seen),
        written[""],
        *_example(rule, seen),
        *(f"## {title}\n\n{text}" for title, text in written.items() if title not in ("", _LINKS)),
        _settings(rule),
        _silence(rule),
    ]
    if links := written.get(_LINKS):
        parts.append(f"## See also\n\n{_list(links)}")
    return "\n\n".join(part for part in parts if part) + "\n"


_LINKS = "links"
_LINK = re.compile(r"\[[^\]]+\]\([^)]+\)")


def sections(explanation: str) -> dict[str, str]:
    """The parts of a rule's docstring: what stands before the first heading under "", the links at the end under `links`."""
    *blocks, last = explanation.strip().split("\n\n")
    only_links = not re.sub(r"[\s,.;·]", "", _LINK.sub("", last))
    text = "\n\n".join(blocks) if only_links and blocks else explanation.strip()
    lead, *rest = re.split(r"^## +(.+)$", text, flags=re.M)
    found = {"": lead.strip()}
    found.update({title.strip(): body.strip() for title, body in zip(rest[::2], rest[1::2], strict=True)})
    if only_links and blocks:
        found[_LINKS] = last
    return found


def _list(links: str) -> str:
    return "\n".join(f"- {link}" for link in _LINK.findall(links))


def _facts(rule: Rule, seen: Shown) -> str:
    fix = _FIXES[offered(rule, seen)]
    rows = {
        "Severity": rule.severity.value,
        "Confidence": rule.confidence.value,
        "Preset": "none: it always runs" if rule.code in ALWAYS else f"`{rule.preset}`",
        "Fix": fix,
        "Since": rule.since,
    }
    return f"| {' | '.join(rows)} |\n|{'---|' * len(rows)}\n| {' | '.join(rows.values())} |"


_FIXES = {
    "safe": "`--fix`",
    "unsafe": "`--fix --unsafe-fixes`",
    "safe or unsafe": "`--fix`; some with `--unsafe-fixes`",
    "": "by hand",
}


def offered(rule: Rule, seen: Shown) -> str:
    """Which fixes there are: that of the example, and what *Fix safety* says of others."""
    said = sections(rule.explanation).get("Fix safety", "")
    safe = seen.safety == "safe" or re.search(r"\b(?:is|are) safe\b", said)
    unsafe = seen.safety == "unsafe" or "unsafe" in said
    return " or ".join(word for word, holds in (("safe", safe), ("unsafe", unsafe)) if holds)


def _example(rule: Rule, seen: Shown) -> list[str]:
    if not rule.bad.strip():
        return []
    parts = ["## Example", _file(rule.shown_in, rule.bad)]
    parts += [_file(path, text) for path, text in rule.beside.items() if text.strip()]
    if rule.configuration.strip():
        parts.append(_file("celerylint.toml", rule.configuration))
    parts.append(f"celerylint says:\n\n```text\n{seen.output.strip()}\n```")
    if seen.diff:
        flags = "--diff" if seen.safety == "safe" else "--diff --unsafe-fixes"
        parts.append(f"Its fix, as `celerylint {flags}` shows it:\n\n```diff\n{seen.diff.rstrip()}\n```")
    if rule.good.strip():
        title = "Mended by hand:" if not seen.diff else "Nothing is found in:"
        parts.append(f"{title}\n\n{_fence(rule.shown_in, rule.good)}")
    return parts


def _file(path: str, text: str) -> str:
    return f"`{path}`:\n\n{_fence(path, text)}"


def _fence(path: str, text: str) -> str:
    return f"```{_LANGUAGES.get(Path(path).suffix, 'text')}\n{text.strip()}\n```"


def _settings(rule: Rule) -> str:
    own = [option for option in option_table() if re.search(rf"\b{rule.code}\b", option.help)]
    if not own:
        return ""
    rows = "\n".join(f"- [`{option.key}`](../reference/options.md#{option.key}): {option.help}" for option in own)
    return f"## Options\n\n{rows}"


def _silence(rule: Rule) -> str:
    if rule.code in ALWAYS:
        return f"## Turn it off\n\nWith `--ignore {rule.code}`, or for the project:\n\n{_toml(rule)}"
    if rule.preset != "recommended":
        return (
            f"## Turn it on\n\nWith `--extend-select {rule.code}` or `--preset {rule.preset}`, or for the project:\n\n"
            f'```toml\n[tool.celerylint]\nextend-select = ["{rule.code}"]\n```'
        )
    return (
        "## Silence it\n\nWhere you mean it, with a comment on the line of the finding that says why:\n\n"
        f"```text\n# celerylint: ignore[{rule.code}] the reason\n```\n\n"
        f"In some files, or in the whole project:\n\n"
        f'```toml\n[tool.celerylint]\nignore = ["{rule.code}"]\n\n[tool.celerylint.per-file-ignores]\n'
        f'"proj/oneoff/*.py" = ["{rule.code}"]\n```'
    )


def _toml(rule: Rule) -> str:
    return f'```toml\n[tool.celerylint]\nignore = ["{rule.code}"]\n```'


# --- what the tool says -----------------------------------------------------------------------------------------------


@cache
def shown(rule: Rule) -> Shown:
    """What a run says about the example of a rule, and what its fixes make of it."""
    if not rule.bad.strip():
        return Shown("", "", "")
    files = {**rule.beside, rule.shown_in: rule.bad, "celerylint.toml": rule.configuration}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path, text in files.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        (folder / ".git").mkdir()
        codes = (rule.code, *(("ALL",) if rule.code.startswith(_EXAMPLES) else ()))
        settings = load([name], {"no_cache": True, "jobs": 1, "unsafe_fixes": True, "confidence": "low"})
        options = replace(settings.options, select=codes)
        report = _only(engine.check([name], options, root=settings.root), rule.code)
        done = repair([name], options, root=settings.root, report=report, writing=False)
        first = _only(replace(done, report=report).report, rule.code)
    fixes = [finding.fix for finding in first.findings if finding.fix is not None]
    safety = "" if not fixes else "unsafe" if any(fix.safety != "safe" for fix in fixes) else "safe"
    output = full.render(first, Style(width=_WIDTH, summary=False))
    changes = diff(done.changes) if safety else ""
    return Shown(output, changes, safety if changes else "")


def _only(report: Report, code: str) -> Report:
    return replace(report, findings=tuple(finding for finding in report.findings if finding.code == code))


# --- all of them ------------------------------------------------------------------------------------------------------


def index(known: Sequence[Rule]) -> str:
    """The list of all rules, by family."""
    families: dict[str, list[Rule]] = {}
    for rule in known:
        families.setdefault(rule.code[:4], []).append(rule)
    parts = [_INDEX.format(count=len(known), recommended=sum(rule.preset == "recommended" for rule in known))]
    for family, members in families.items():
        title, about = _family(members[0])
        rows = [
            f"| [{rule.code}]({rule.code}.md) | {rule.name} | {rule.summary} | {rule.severity.value} | {rule.preset}"
            f" | {offered(rule, shown(rule))} |"
            for rule in members
        ]
        head = "| code | name | what happens | severity | preset | fix |\n|---|---|---|---|---|---|"
        parts.append(f"## {family}xx: {title}\n\n{about}\n\n{head}\n" + "\n".join(rows))
    toctree = "\n".join(rule.code for rule in known)
    parts.append(f"```{{toctree}}\n:hidden:\n\n{toctree}\n```")
    return "\n\n".join(parts) + "\n"


_INDEX = """\
# Rules

celerylint has {count} rules, {recommended} of them in the preset `recommended`, which is the default. `playbook` adds rules that
a team has to want; `all` adds what is a matter of taste. [Configuration](../configuration.md) says how to choose.

A rule with a *safe* fix is mended by `--fix`, one with an *unsafe* fix by `--fix --unsafe-fixes`: it changes what runs. Not every
finding of such a rule has a fix; the page of the rule says when."""


def _family(rule: Rule) -> tuple[str, str]:
    """The name of a rule's folder, and what its docstring says."""
    name = type(rule).__module__.split(".")[-2]
    package = __import__(f"{rules.__name__}.{name}", fromlist=["__doc__"])
    return name, (package.__doc__ or "").strip()
