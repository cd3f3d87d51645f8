"""CLY902."""

from __future__ import annotations

from celerylint.finding import Confidence, Severity
from celerylint.rules.base import Rule


class UnknownCodeInSuppression(Rule):
    """A comment names a rule that does not exist, so it silences nothing.

    A slip in the code or in the name of a rule, or in the word after `celerylint:`. The finding that the comment was
    meant for is still reported; the message names the rule that was probably meant.

    Only our own comments are judged, and `# noqa` where it names a code that begins with `CLY`.
    """

    code = "CLY902"
    name = "unknown-code-in-suppression"
    summary = "A comment names a rule that does not exist, so it silences nothing."
    severity = Severity.WARNING
    confidence = Confidence.HIGH
    preset = "recommended"
    since = "0.1.0"
    bad = """\
from celery import shared_task


@shared_task(acks_late=True)  # celerylint: ignore[CLY999] the API is flaky
def pull(): ...
"""
    good = """\
from celery import shared_task


@shared_task(acks_late=True)
def pull(): ...
"""
