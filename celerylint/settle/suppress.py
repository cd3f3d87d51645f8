"""Which findings a comment silences, and what is to be said of the comments themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from celerylint.facts.comments import Suppression
from celerylint.finding import Confidence, DropCodes, Finding, Fix, Place, Span
from celerylint.settle.meta import NO_REASON, UNKNOWN_CODE, UNUSED, RuleLike
from celerylint.text import did_you_mean


class Silenced(Struct, frozen=True):
    """Findings, parted by whether a comment silences them, and the codes of comments that did something."""

    kept: tuple[Finding, ...]
    suppressed: tuple[Finding, ...]
    used: frozenset[tuple[str, Suppression, str]]
    """Path, comment and code as written; the code is empty for a comment that names none."""


def silence(
    findings: Iterable[Finding],
    comments: Mapping[str, Sequence[Suppression]],
    names: Mapping[str, str],
    *,
    explicit: bool = False,
) -> Silenced:
    """Part `findings` by the comments in their files. `names` maps rule names to codes.

    With `explicit`, only a comment that names the very code counts: what is said of a comment is not silenced by it.
    """
    kept: list[Finding] = []
    suppressed: list[Finding] = []
    used: set[tuple[str, Suppression, str]] = set()
    for finding in findings:
        path = finding.place.path
        hits = [
            (path, comment, written)
            for comment in comments.get(path, ())
            if _reaches(comment, finding.place.span)
            for written in comment.codes or ("",)
            if (finding.code == _code(written, names) if explicit else finding.code.startswith(_code(written, names)))
        ]
        used.update(hits)
        (suppressed if hits else kept).append(finding)
    return Silenced(tuple(kept), tuple(suppressed), frozenset(used))


def _reaches(comment: Suppression, span: Span) -> bool:
    if comment.kind == "ignore-file":
        return True
    return comment.kind != "unknown" and comment.first <= span.end_line and span.line <= comment.last


def _code(written: str, names: Mapping[str, str]) -> str:
    return names.get(written, written.upper())


def about_comments(
    comments: Mapping[str, Sequence[Suppression]],
    used: frozenset[tuple[str, Suppression, str]],
    rules: Sequence[RuleLike],
    selected: frozenset[str],
    preset: frozenset[str],
) -> tuple[Finding, ...]:
    """Comments that silence nothing, name no rule, or give no reason.

    `selected` are the codes of this run, `preset` those of its preset. A comment for a rule that did not run is not
    called unused, nor is one for many rules when only some of them ran.
    """
    names = {rule.name: rule.code for rule in rules}
    said = {rule.code: rule for rule in rules if rule.code in selected}
    found: list[Finding] = []

    def say(code: str, path: str, comment: Suppression, message: str, help: str, fix: Fix | None = None) -> None:
        if rule := said.get(code):
            span = Span(comment.line, comment.column, comment.line, comment.end_column)
            found.append(
                Finding(
                    code=code,
                    name=rule.name,
                    message=message,
                    help=help,
                    severity=rule.severity,
                    confidence=Confidence.HIGH,
                    place=Place(path, span),
                    fix=fix,
                )
            )

    def unused(path: str, comment: Suppression, written: str) -> bool:
        meant = {code for code in names.values() if code.startswith(_code(written, names))}
        return (path, comment, written) not in used and _judgeable(meant, comment, written, selected, preset)

    for path, file_comments in comments.items():
        for comment in file_comments:
            if comment.kind == "unknown":
                word = comment.codes[0]
                hint = did_you_mean(word, ("ignore", "ignore-file")) or "; write `ignore` or `ignore-file`"
                message = f'this comment silences nothing: "{word}" is not known{hint}'
                say(UNKNOWN_CODE, path, comment, message, "Write `# celerylint: ignore[CODE] reason`.")
                continue
            fix = _without(path, comment, [w for w in comment.codes or ("",) if unused(path, comment, w)])
            for written in comment.codes or ("",):
                prefix = _code(written, names)
                meant = {code for code in names.values() if code.startswith(prefix)}
                if not meant:
                    message = f'this comment silences nothing: no rule is called "{written}"'
                    hint = did_you_mean(written, [*names, *names.values()])
                    say(UNKNOWN_CODE, path, comment, message + hint, "Correct the code, or delete it.")
                elif unused(path, comment, written):
                    what = f"for {written}" if written else "for every rule"
                    message = f"this comment asks for silence {what}, but nothing is found here"
                    say(
                        UNUSED, path, comment, message, "Delete it, or it will hide the next finding on this line.", fix
                    )
            if comment.kind != "noqa" and not comment.reason:
                message = "this comment silences a finding without saying why"
                say(NO_REASON, path, comment, message, "Write the reason after the closing bracket.")
    return tuple(found)


def _without(path: str, comment: Suppression, codes: Sequence[str]) -> Fix | None:
    """Without the codes that silence nothing, or without the comment where these are all."""
    if not codes:
        return None
    span = Span(comment.line, comment.column, comment.line, comment.end_column)
    named = tuple(code for code in codes if code)
    return Fix("ask for no silence that is not needed", "safe", (DropCodes(Place(path, span), named),))


def _judgeable(
    meant: set[str], comment: Suppression, written: str, selected: frozenset[str], preset: frozenset[str]
) -> bool:
    if comment.kind == "noqa" and not written:
        return False  # it may speak to another tool
    if UNUSED in meant and len(meant) == 1:
        return False
    return bool(meant & selected) and meant & preset <= selected
