"""CLY821."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.finding import Finding, Severity
from celerylint.model.project import App, Project
from celerylint.rules.base import Rule


class StartupRetryByOldSetting(Rule):
    """Workers stop at once when the broker is not there, and from Celery 6 on they will wait for it instead.

    `broker_connection_retry = False` says that a lost connection is not retried. Up to Celery 5 it decides about the
    first connection too, so that a worker which cannot reach its broker exits, and whoever started it notices. Celery 6
    decides about that one by `broker_connection_retry_on_startup` alone, which is true unless set; Celery 5.3 and later
    warn of it when a worker starts.

    ## What to do

    Write what is meant: `broker_connection_retry_on_startup = False`.

    [broker_connection_retry_on_startup](https://docs.celeryq.dev/en/stable/userguide/configuration.html#broker-connection-retry-on-startup)
    """

    code = "CLY821"
    name = "startup-retry-by-old-setting"
    summary = "broker_connection_retry is off and startup is not mentioned: Celery 6 retries there again."
    severity = Severity.INFO
    preset = "all"
    bad = """\
from celery import Celery

app = Celery("shop", broker="redis://")
app.conf.broker_connection_retry = False
"""
    good = """\
from celery import Celery

app = Celery("shop", broker="redis://")
app.conf.broker_connection_retry = False
app.conf.broker_connection_retry_on_startup = False
"""

    def check_app(self, app: App, project: Project) -> Iterable[Finding]:
        retry, startup = app.setting("broker_connection_retry"), app.settings.get("broker_connection_retry_on_startup")
        if startup is None:  # Celery before 5.3 has no such setting.
            return
        # Unset and None are one to Celery.
        unsaid = startup.known and startup.value is None and not startup.env
        if retry.at is None or retry.env or not retry.falsy or not unsaid:
            return
        yield self.finding(
            retry.at,
            "broker_connection_retry is off, which Celery 6 no longer applies at startup: a worker that cannot reach its"
            " broker then retries instead of stopping",
            "set broker_connection_retry_on_startup = False too",
            symbol=app.name,
        )
