"""CLY812."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote

from celerylint.finding import Finding, Severity
from celerylint.model.project import App, Project
from celerylint.rules.base import Rule
from celerylint.rules.raw import for_production

_URLS = ("broker_url", "broker_read_url", "broker_write_url", "result_backend", "cache_backend")
_URL = re.compile(r"^[\w+.]+://(?P<user>[^:/@?#\s]*):(?P<password>[^@/?#\s]+)@(?P<host>\[[^\]]*\]|[^:/?#,;\s]*)")
_HERE = re.compile(r"^(localhost|127\.\d+\.\d+\.\d+|0\.0\.0\.0|\[?::1\]?|host\.docker\.internal|)$", re.IGNORECASE)
_EXAMPLE = re.compile(r"(^|\.)(example(\.\w+)?|test|invalid|local|internal)$", re.IGNORECASE)
"""Hosts that nobody outside can reach."""
_PLACEHOLDER = re.compile(r"[<>{}$%*]|^(x+|\.+|guest)$", re.IGNORECASE)


class CredentialsInCode(Rule):
    """The password of the broker or result backend stands in the code, for everybody who can read the repository.

    Whoever can write to the broker can make the workers do anything that their tasks can do, with any arguments.
    A password that was committed once stays in the history, and cannot be changed without a new release.

    `guest:guest`, hosts such as `localhost`, placeholders, and files for development and tests are left alone. So are
    defaults that the environment replaces, unless the host has a domain or an address: those of containers
    (`amqp://shop:shop@rabbitmq//`) open nothing but the machine of whoever develops.

    ## What to do

    Take the URL from the environment or a store of secrets, and change the password.

    [broker_url](https://docs.celeryq.dev/en/stable/userguide/configuration.html#broker-url)
    """

    code = "CLY812"
    name = "credentials-in-code"
    summary = "The URL of the broker or result backend holds a password, written in the code."
    severity = Severity.WARNING
    bad = """\
from celery import Celery

app = Celery("shop", broker="amqp://shop:s3cr3t@mq.shop.example//")
"""
    good = """\
import os
from celery import Celery

app = Celery("shop", broker=os.environ["BROKER_URL"])
"""

    def check_app(self, app: App, project: Project) -> Iterable[Finding]:
        for name in _URLS:
            held = app.own_settings.get(name)
            if held is None or held.at is None or not held.known or not for_production(held.at[0]):
                continue
            for url in held.value if isinstance(held.value, list) else str(held.value).split(";"):
                host = _exposed(url) if isinstance(url, str) else None
                if host is not None and not (held.env and ("." not in host or _EXAMPLE.search(host))):
                    unless = f", unless {held.env} is set," if held.env else ""
                    yield self.finding(
                        held.at,
                        f"{name} holds{unless} the password of {host}: everybody who can read this file has it",
                        "read the URL from the environment, and change the password",
                        symbol=app.name,
                    )
                    break


def _exposed(url: str) -> str | None:
    """The host whose password a URL gives away; None if it gives none."""
    found = _URL.match(url.removeprefix("db+"))
    if found is None or _HERE.match(found["host"]):
        return None
    password = unquote(found["password"])
    return None if _PLACEHOLDER.search(password) else found["host"]
