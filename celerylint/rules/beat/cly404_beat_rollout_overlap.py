"""CLY404."""

from __future__ import annotations

from collections.abc import Iterable

from celerylint.finding import Edit, Finding, Fix, Related, Severity
from celerylint.model.deploy.process import Known, Process
from celerylint.model.project import Project
from celerylint.rules import mending
from celerylint.rules.base import Rule
from celerylint.rules.beats import Runner, runners, without_lock
from celerylint.rules.commanding import text_of
from celerylint.rules.outline import Outline, instead, makes_several


class BeatRolloutOverlap(Rule):
    """Kubernetes starts the new beat before it stops the old one: for that time both send what is on schedule.

    A Deployment is updated with the strategy `RollingUpdate` unless it says otherwise. With one replica `maxSurge`, 25 %
    by default, is rounded up to one pod: the new pod runs and is ready before the old one is told to stop. Each
    beat sends everything that falls due, so a task that is due meanwhile is sent twice, with every new version.

    A `maxSurge` of 0 stops the old pod first. RedBeat and other schedulers that may hold a lock are left alone.

    ## What to do

    ```yaml
    spec:
      replicas: 1
      strategy:
        type: Recreate
    ```

    ## Fix safety

    The fix gives the Deployment the strategy `Recreate`, and takes out `rollingUpdate`, which Kubernetes refuses beside it.
    It is unsafe: between the old pod and the new one nothing runs, so what else the pod does is interrupted as well.

    [Starting the scheduler](https://docs.celeryq.dev/en/stable/userguide/periodic-tasks.html#starting-the-scheduler) ·
    [Strategies](https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#strategy)
    """

    code = "CLY404"
    name = "beat-rollout-overlap"
    summary = "A rolling update runs the old and the new beat side by side."
    severity = Severity.WARNING
    shown_in = "k8s/beat.yaml"
    beside = {"shop.py": 'from celery import Celery\n\napp = Celery("shop", broker="redis://")\n'}  # noqa: RUF012
    bad = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: beat
spec:
  replicas: 1
  template:
    spec:
      containers:
        - name: beat
          image: shop
          command: [celery, -A, shop, beat]
"""
    good = bad.replace("  replicas: 1\n", "  replicas: 1\n  strategy:\n    type: Recreate\n")

    def check_project(self, project: Project) -> Iterable[Finding]:
        for runner in runners(project):
            process = runner.held.start.process
            strategy = _overlapping(runner)
            if process is None or strategy is None or not without_lock(runner.held):
                continue
            named = "set here" if strategy.place is not None else "Kubernetes' default"
            yield self.finding(
                strategy.place or process.place,
                f"with each new version the old and the new pod of `{runner.name}` run side by side (RollingUpdate,"
                f" {named}), and both run beat: what is due meanwhile is sent twice",
                "give the Deployment `strategy: {type: Recreate}`",
                symbol=runner.app.name if runner.app is not None else runner.name,
                related=[Related(runner.place, "beat runs here")],
                fix=_recreated(process, strategy, project),
            )


def _recreated(process: Process, strategy: Known, project: Project) -> Fix | None:
    """Another strategy, where the Deployment is written."""
    text = text_of(process.place.path, project)
    if text is None or makes_several(process, project):
        return None
    outline = Outline(text)
    top = outline.top(process.place.line)
    keys = outline.keys(top["spec"]) if "spec" in top else {}
    edits: list[Edit | None]
    if "strategy" in keys:
        inner = outline.keys(keys["strategy"])
        rolling = [outline.without(inner["rollingUpdate"])] if "rollingUpdate" in inner else []
        if strategy.place is not None and "type" in inner and strategy.place.line == inner["type"]:
            edits = [instead(text, strategy.place, "RollingUpdate", "Recreate"), *rolling]
        elif "rollingUpdate" in inner and "type" not in inner:
            edits = [outline.before(inner["rollingUpdate"], "type: Recreate"), *rolling]
        else:
            return None
    elif "replicas" in keys:
        edits = [outline.after(keys["replicas"], "strategy:", "  type: Recreate")]
    else:
        edits = [outline.before(keys["template"], "strategy:", "  type: Recreate")] if "template" in keys else []
    made = [edit for edit in edits if edit is not None]
    whole = made and len(made) == len(edits)
    return mending.unsafe("stop the old beat before the new one starts", *made) if whole else None


def _overlapping(runner: Runner) -> Known | None:
    """The strategy of its Deployment, where that starts a pod more before it stops one."""
    process = runner.held.start.process
    if process is None or runner.held.start.replicas.value == 0:
        return None
    strategy = process.attributes.get("strategy")
    surge = process.attributes.get("max_surge")
    none_more = surge is not None and (surge.value is None or str(surge.value).rstrip("%") == "0")
    return strategy if strategy is not None and strategy.value == "RollingUpdate" and not none_more else None
