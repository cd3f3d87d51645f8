"""CLY901."""

from __future__ import annotations

from celerylint.finding import Confidence, Severity
from celerylint.rules.base import Rule


class UnusedSuppression(Rule):
    """A comment asks for silence where there is nothing to silence.

    It was needed once, or was put on the wrong line. Left standing it does harm later: the next real fault on this
    line is hidden by a comment that was written about another one.

    A comment speaks for its own line, for every line of the finding it stands in and, at the end of a decorator or of a
    `def`, for the whole header of the task. A comment for a rule that did not run is left in peace, and so is a bare
    `# noqa`, which may speak to another tool.

    To keep one, name this rule in it: `# celerylint: ignore[CLY201,CLY901] until 5.7`.

    ## Fix safety

    The fix takes the codes that silence nothing out of the comment, and the comment with the last of them. It is safe: nothing
    is silenced by them.
    """

    code = "CLY901"
    name = "unused-suppression"
    summary = "A comment asks for silence where there is nothing to silence."
    severity = Severity.WARNING
    confidence = Confidence.HIGH
    preset = "recommended"
    since = "0.1.0"
    bad = """\
from celery import shared_task


@shared_task(acks_late=True)  # celerylint: ignore[CLY201] the API is flaky
def pull(): ...
"""
    good = """\
from celery import shared_task


@shared_task(acks_late=True)
def pull(): ...
"""
