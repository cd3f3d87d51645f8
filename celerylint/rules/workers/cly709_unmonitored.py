"""CLY709."""

from __future__ import annotations

import re
from collections.abc import Iterable

from celerylint.finding import Confidence, Finding, Severity
from celerylint.model.project import Project, Worker
from celerylint.rules.base import Rule, related

_PACKAGES = frozenset(
    {
        *("sentry_sdk", "raven", "rollbar", "bugsnag", "honeybadger", "airbrake", "pybrake", "appsignal", "glitchtip"),
        *("ddtrace", "datadog", "newrelic", "elasticapm", "elastic_apm", "scout_apm", "instana", "oneagent", "logfire"),
        *("opencensus", "aws_xray_sdk", "applicationinsights", "azure_monitor_opentelemetry", "google_cloud_trace"),
        *("prometheus_client", "django_prometheus", "celery_exporter", "celery_prometheus_exporter", "statsd"),
        *(
            "django_statsd",
            "flower",
            "kanchi",
            "clearly",
            "leek",
            "celery_director",
            "django_celery_monitor",
            "sherlog",
        ),
    }
)
"""Packages that show or report what workers do."""
_WATCHERS = re.compile(
    r"flower|exporter|datadog|ddtrace|newrelic|new-relic|otel|opentelemetry|telemetry|sentry|prometheus|monitor|elastic-?apm|leek"
    r"|instana|dynatrace|statsd|watchdog|health",
    re.IGNORECASE,
)
"""Names of services that do so, and of what runs in front of a worker."""
_HANDLERS = (b"task_failure", b"opentelemetry", b"sentry")
"""What the code of one's own that does so mentions."""


class Unmonitored(Rule):
    """Workers are deployed, and nothing is seen to watch them.

    A worker that fails, hangs or falls behind tells nobody: the web application goes on sending, `delay()` returns, and
    the messages pile up. That is found out by whoever looks, or by users.

    Anything that looks as if it watched keeps this rule silent: Flower or an exporter beside the workers, a package such as
    Sentry's, OpenTelemetry's, Datadog's or Prometheus', a handler of `task_failure`. What runs outside of the files
    cannot be seen; switch the rule off then.

    ## What to do

    The least is to be told of errors, which one line does for all tasks:

    ```python
    sentry_sdk.init(dsn=..., integrations=[CeleryIntegration(monitor_beat_tasks=True)])
    ```

    Beyond that, watch the length of the queues and the age of their oldest message: Flower, or an exporter for
    Prometheus with workers that send events (`-E`).

    [Monitoring](https://docs.celeryq.dev/en/stable/userguide/monitoring.html)
    """

    code = "CLY709"
    name = "unmonitored"
    summary = "Workers are deployed, and nothing is seen to watch them."
    severity = Severity.INFO
    confidence = Confidence.MEDIUM
    preset = "playbook"
    shown_in = "docker-compose.yml"
    bad = """\
services:
  worker:
    image: shop
    command: celery -A shop worker
"""
    good = """\
services:
  worker:
    image: shop
    command: celery -A shop worker -E
  exporter:
    image: danihodovic/celery-exporter
    command: --broker-url=redis://redis
"""

    def check_project(self, project: Project) -> Iterable[Finding]:
        workers = [worker for worker in project.workers if not worker.start.development and worker.start.process]
        if not workers or _watched(project):
            return
        first = workers[0]
        others = {worker.start.place: worker for worker in workers if worker.start.place != first.start.place}
        yield self.finding(
            first.start.place,
            f"nothing is seen to watch {_name(first)}: no Flower, no exporter, and no package that reports errors, traces"
            " or metrics: nobody is told when tasks fail or pile up",
            "report errors (sentry_sdk) and watch the queues (Flower, or an exporter for Prometheus)",
            symbol=_name(first),
            related=[link for place in list(others)[:3] for link in related(place, "nor this worker")],
        )


def _name(worker: Worker) -> str:
    process = worker.start.process
    return f"`{process.name}`" if process is not None else "the worker"


def _watched(project: Project) -> bool:
    """Whether anything is seen that may watch workers."""
    if any(not monitor.start.development for monitor in project.monitors):
        return True
    packages = project.packages
    if packages & _PACKAGES or any(name.startswith("opentelemetry") for name in packages):
        return True
    for process in project.processes:
        runners = (runner for invocation in process.invocations for runner in invocation.runners)
        image = process.attributes.get("image")
        names = (process.name, str(image.value) if image is not None else "", *runners)
        if not process.development and any(map(_WATCHERS.search, names)):
            return True
    sources = (project.source(path) or b"" for path in project.functions)
    return any(word in source.lower() for source in sources for word in _HANDLERS)
