"""CLY990."""

from __future__ import annotations

from celerylint.finding import Confidence, Severity
from celerylint.rules.base import Rule


class InternalError(Rule):
    """A rule, or the reading of a file, crashed: a bug of celerylint, not of the project.

    Everything else is linted. What the rule would have said of this place, or what the file decides, is unknown.

    Please report it, with the message and the shortest piece of code that brings it about. Until it is mended, leave
    the rule out with `--ignore`, or the file with `--extend-exclude`.

    It is reported even to those who select other rules.
    """

    code = "CLY990"
    name = "internal-error"
    summary = "A rule, or the reading of a file, crashed: a bug of celerylint."
    severity = Severity.ERROR
    confidence = Confidence.HIGH
    preset = "recommended"
    since = "0.1.0"
    bad = ""
    good = ""
