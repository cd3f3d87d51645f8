"""An independent judge of fixes: what does Celery make of a project before `--fix --unsafe-fixes`, and what after it?

Every task must still be registered under its name; only what the fixes name may differ; every file must parse; and a second
run must find nothing to mend. What shows only when a task runs is judged by running it, in small projects beside.
"""

from __future__ import annotations

import argparse
import subprocess
from collections import Counter
from pathlib import Path

from celerylint.dev.environments import environment, python_for
from celerylint.dev.fix_oracle.run import FIXTURES, Outcome, run_fixture, run_generated
from celerylint.dev.oracle.run import Celery

APPS = {
    "compose_shop": ("shop.app",),
    "compose_shop_faults": ("shop.app",),
    "django_shop": ("config.celery",),
    "fastapi_orders": ("orders.worker",),
    "flask_blog": ("celery_worker",),
    "k8s_orders": ("orders.app",),
    "k8s_orders_faults": ("orders.app",),
    "modern_shop": ("shop.celery",),
    "monorepo": ("services.billing.app", "services.mailer.app"),
    "quickstart": ("shop.app",),
    "supervisord_legacy": ("billing.celery",),
    "supervisord_legacy_faults": ("billing.celery",),
}
"""The modules of each fixture project that make its apps."""

NEEDS = {"modern_shop": (3, 14)}
"""The Python that a fixture project is written for."""


_IMPORTED = ("django", "flask", "httpx", "redis", "requests", "sqlalchemy")
"""What the fixture projects import beside Celery."""


def _python_of_fixtures(celery_minor: str) -> Path:
    return environment(f"fixtures-{celery_minor}", (f"celery=={celery_minor}.*", *_IMPORTED))


def main(argv: list[str]) -> int:
    """Mend all fixture projects and invented ones, and print a summary; 1 if something is wrong."""
    options = _parser().parse_args(argv)
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
    python = options.python or python_for(options.celery)
    outcomes = fixtures(options.python or _python_of_fixtures(options.celery))
    seeds = range(options.seed, options.seed + options.count)
    outcomes += run_generated(seeds, options.celery, python, jobs=options.jobs, keep=options.keep)
    for outcome in outcomes:
        for line in outcome.faults:
            print(f"{outcome.name}: {line}")
        if outcome.not_loaded:
            print(f"{outcome.name}: Celery cannot load it as it is\n{outcome.not_loaded}")
    applied = sum((outcome.applied for outcome in outcomes), Counter[str]())
    print(f"{len(outcomes)} projects, {applied.total()} fixes applied:")
    print("  " + ", ".join(f"{code} {count}" for code, count in sorted(applied.items())))
    print("rules whose fixes never came up: " + (", ".join(sorted(_with_fixes() - applied.keys())) or "none"))
    bad = sum(bool(outcome.faults or outcome.not_loaded) for outcome in outcomes)
    print(f"{bad} projects with faults")
    return 1 if bad else 0


def fixtures(python: Path) -> list[Outcome]:
    """The outcomes for the fixture projects that this interpreter can load."""
    celery = Celery(python)
    version = _version(python)
    names = [name for name in sorted(APPS) if (FIXTURES / name).is_dir() and version >= NEEDS.get(name, (3,))]
    outcomes = [run_fixture(name, APPS[name], celery) for name in names]
    celery.close()
    return outcomes


def _version(python: Path) -> tuple[int, ...]:
    asked = [str(python), "-c", "import sys; print(*sys.version_info[:2])"]
    done = subprocess.run(asked, capture_output=True, text=True, check=True)
    return tuple(map(int, done.stdout.split()))


def _with_fixes() -> set[str]:
    from celerylint.rules.registry import all_rules

    return {rule.code for rule in all_rules() if "## Fix safety" in rule.explanation}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m celerylint.dev fix-oracle", description=__doc__)
    parser.add_argument(
        "--count", type=int, default=100, help="invented projects, beside the fixtures; as many small ones"
    )
    parser.add_argument("--seed", type=int, default=1, help="the first project's seed; the others follow")
    parser.add_argument("--celery", default="5.6", help="the minor version of Celery")
    parser.add_argument("--keep", type=Path, help="keep projects that fail below this folder, before and after")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument(
        "--python", type=Path, help="an interpreter that has Celery, instead of the environment kept for it"
    )
    return parser
