"""CLY903."""

from __future__ import annotations

from celerylint.finding import Confidence, Severity
from celerylint.rules.base import Rule


class SuppressionWithoutReason(Rule):
    """A comment silences a finding without saying why.

    Whoever meets it in a year cannot tell a decision from a habit. The reason stands after the closing bracket:
    `# celerylint: ignore[CLY201] the API fails in no other way`.

    For teams that want every exception explained; `# noqa` has no place for a reason and is not judged.
    """

    code = "CLY903"
    name = "suppression-without-reason"
    summary = "A comment silences a finding without saying why."
    severity = Severity.INFO
    confidence = Confidence.HIGH
    preset = "all"
    since = "0.1.0"
    bad = """\
from celery import shared_task


@shared_task(autoretry_for=(Exception,), retry_backoff=True)  # celerylint: ignore[CLY201]
def pull(): ...
"""
    good = """\
from celery import shared_task


@shared_task(autoretry_for=(Exception,), retry_backoff=True)  # celerylint: ignore[CLY201] the API fails in no other way
def pull(): ...
"""
