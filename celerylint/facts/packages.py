"""Which packages a file says that the project uses, by its bytes alone: for rules that ask whether one is missing.

Words that stand where packages are named, so that some are no packages.
"""

from __future__ import annotations

import posixpath
import re

from celerylint.facts.pins import LOCK_FILES

_IMPORTED = re.compile(rb"^[ \t]*(?:from|import)[ \t]+([A-Za-z_]\w*)", re.MULTILINE)
_INSTALLED = re.compile(rb"""^[ \t]*["']([A-Za-z_]\w*)[\w.]*["'],?[ \t]*(?:#.*)?$""", re.MULTILINE)
_LOCKED = re.compile(
    rb"""^(?:name[ \t]*=[ \t]*|[ \t]+)["']([A-Za-z][\w.-]*)["'](?:[ \t]*:[ \t]*\{|[ \t]*$)""", re.MULTILINE
)
_ASKED_FOR = re.compile(rb"""(?:^[ \t]*(?:-[ \t]+)?|["'])([A-Za-z][\w.-]*)""", re.MULTILINE)

_SETS_UP = re.compile(
    r"(?:^|/)(?:(?:settings|config|conf|configs)/[^/]+"
    r"|[^/]*(?:settings|config|sentry|logging|logger|monitoring|observability|telemetry|tracing|instrumentation)[^/]*"
    r"|__init__|__main__|main|app|apps|server|wsgi|asgi|manage|celery|worker|factory|extensions|bootstrap)\.py$"
)


def sets_up(path: str) -> bool:
    """Whether a Python file, by its name, is one that sets up a program: settings, configuration, an entry point."""
    return _SETS_UP.search(path) is not None


def packages_in(path: str, content: bytes) -> frozenset[str]:
    """The packages that a file imports, asks for, or lists among Django's applications, in lower case with `_`."""
    if path.endswith(".py") and posixpath.basename(path) != "setup.py":
        found = set(_IMPORTED.findall(content))
        if b"APPS" in content:
            found.update(_INSTALLED.findall(content))
    else:
        if content.startswith((b"\xff\xfe", b"\xfe\xff")):  # PowerShell's `pip freeze > requirements.txt`
            content = content.decode("utf-16", "replace").encode()
        locked = posixpath.basename(path) in LOCK_FILES
        found = set((_LOCKED if locked else _ASKED_FOR).findall(content))
    return frozenset(re.sub(r"[-.]+", "_", name.decode("ascii", "replace").lower()) for name in found)
