"""CLY900."""

from __future__ import annotations

from celerylint.finding import Confidence, Severity
from celerylint.rules.base import Rule


class UnreadableFile(Rule):
    """A file could not be read, so nothing that it decides is known.

    The rest of the project is linted. What the file defines is missing from the picture, though: a task in it is not
    judged, and a setting in it may be the one that mends, or breaks, every other task. A run that passes with this
    finding in it has not passed.

    The usual causes are a syntax error (a merge conflict, a template with a `.py` name), bytes that are not in the
    file's encoding, and a folder that may not be listed.

    Mend the file, or leave it out by name:

    ```toml
    [tool.celerylint]
    extend-exclude = ["templates/"]
    ```

    It is reported even to those who select other rules. `--ignore CLY900` leaves it out.
    """

    code = "CLY900"
    name = "unreadable-file"
    summary = "A file could not be read: nothing that it decides is known."
    severity = Severity.ERROR
    confidence = Confidence.HIGH
    preset = "recommended"
    since = "0.1.0"
    bad = ""
    good = ""
