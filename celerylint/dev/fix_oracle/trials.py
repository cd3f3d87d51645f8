"""Faults whose mending shows only when a task runs, or when a module can be imported at all: small projects, and what to run.

What a probe prints must be the same after the fixes as before them; where Celery cannot use what is faulty, the same as from
what was meant.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template


@dataclass(frozen=True)
class Trial:
    """A project with one fault. Texts name what every project calls otherwise: `$p` its package, `$f` a task, `$v` a variable."""

    code: str
    files: Mapping[str, str]
    """By path below the package."""
    probe: str
    """A program that uses it."""
    meant: Mapping[str, str] | None = None
    """Files in place of those above, as they were meant to be, where the fault keeps anything from running."""


_RUN = """\
from $p.tasks import $f
for given in {given}:
    done = $f.apply((given,))
    print(done.state, type(done.result).__name__)
"""
_FAILS = """\
import $p.tasks
runs = []
$p.tasks.note = runs.append
done = $p.tasks.$f.apply(("x",))
print(done.state, type(done.result).__name__, len(runs))
"""
_DJANGO = {
    "settings.py": 'SECRET_KEY = "x"\nUSE_TZ = True\nINSTALLED_APPS = ["$p"]\n'
    'DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}\n',
    "models.py": "from django.db import models\n\n\nclass Page(models.Model):\n    title = models.TextField()\n"
    "    hits = models.IntegerField(default=0)\n    left = models.IntegerField(default=9)\n",
    "celery.py": "import os\n\nfrom celery import Celery\n\n"
    'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "$p.settings")\n'
    'app = Celery("$p", broker="memory://")\napp.autodiscover_tasks()\n',
    "__init__.py": 'from .celery import app as celery_app\n\n__all__ = ["celery_app"]\n',
}
_SET_UP = """\
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "$p.settings"
import django
django.setup()
from django.core.management import call_command
call_command("migrate", run_syncdb=True, verbosity=0)
from $p.celery import app
app.conf.task_always_eager = app.conf.task_eager_propagates = True
from $p import tasks
from $p.models import Page
"""
_COUNTED = (
    _SET_UP
    + """\
page = Page.objects.create(title="One")
for _ in range(3):
    tasks.$f.delay(page.pk)
page.refresh_from_db()
print(page.hits, page.left)
"""
)
_SENT = (
    _SET_UP
    + """\
from $p import views
views.publish("One")
print(*Page.objects.values_list("title", "hits"))
"""
)
_SENDS_NONE = "from .models import Page\n\n\ndef publish(title):\n    page = Page.objects.create(title=title)\n"
_APP = 'from celery import Celery\n\napp = Celery("$p", broker="memory://")\n'
_TASK = "from celery import shared_task\n\n\n@shared_task\ndef $f(url):\n    return len(url)\n"
_REGISTERED = """\
from $p.celery import app
app.loader.import_default_modules()
print(*sorted(name for name in app.tasks if name.startswith("$p")))
"""
_BUILT = """\
import gc
from $p.celery import app
gc.collect()
app.finalize()
app.conf.beat_schedule
print(*sorted(app.conf.beat_schedule))
"""


def _tasks(text: str) -> dict[str, str]:
    return {"tasks.py": text}


TRIALS = (
    Trial(
        "CLY210",
        _tasks(
            f"from urllib.request import urlopen\n\n{_APP}\n\n@app.task(bind=True, max_retries=2)\n"
            "def $f(self, url):\n    try:\n        return len(urlopen(url, timeout=5).read())\n"
            "    except Exception as exc:\n        raise self.retry(exc=exc, countdown=1)\n"
        ),
        _RUN.format(given='"data:,hello", "http://127.0.0.1:9/"'),
    ),
    Trial(
        "CLY210",
        _tasks(
            "import redis\nfrom celery import shared_task\n\n\n@shared_task(bind=True)\ndef $f(self, port):\n"
            "\ttry:\n\t\t$v = redis.Redis(port=port)\n\t\t$v.ping()\n\texcept Exception as error:\n"
            "\t\tself.retry(exc=error, countdown=10)\n"
        ),
        _RUN.format(given="9,"),
    ),
    Trial(
        "CLY213",
        _tasks(
            f"{_APP}\nnote = print\n\n\n@app.task(\n    autoretry_for=ConnectionError,\n    retry_backoff=True,\n)\n"
            "def $f(url):\n    note(url)\n    raise ConnectionError(url)\n"
        ),
        _FAILS,
        _tasks(
            f"{_APP}\nnote = print\n\n\n@app.task(autoretry_for=(ConnectionError,), retry_backoff=True)\n"
            "def $f(url):\n    note(url)\n    raise ConnectionError(url)\n"
        ),
    ),
    Trial(
        "CLY213",
        _tasks(
            "from celery import shared_task\n\nERRORS = TimeoutError  # of the gateway\nnote = print\n\n\n"
            "@shared_task(autoretry_for=(ERRORS), retry_kwargs={'max_retries': 1})\n"
            "def $f(url):\n    note(url)\n    raise TimeoutError(url)\n"
        ),
        _FAILS,
        _tasks(
            "from celery import shared_task\n\nnote = print\n\n\n"
            "@shared_task(autoretry_for=(TimeoutError,), retry_kwargs={'max_retries': 1})\n"
            "def $f(url):\n    note(url)\n    raise TimeoutError(url)\n"
        ),
    ),
    Trial(
        "CLY502",
        {
            **_DJANGO,
            "tasks.py": "from celery import shared_task\n\nfrom .models import Page\n\n\n@shared_task\ndef $f($v, by=1):\n"
            '    """Counts."""\n    Page.objects.filter(pk=$v.pk).update(hits=by, title=$v.title.upper())\n',
            "views.py": "from $p.models import Page\nfrom $p.tasks import $f\n\n\ndef publish(title):\n"
            "    page = Page.objects.create(title=title)\n    $f.delay(page, by=2)\n",
        },
        _SENT,
        {"views.py": _SENDS_NONE + "    Page.objects.filter(pk=page.pk).update(hits=2, title=title.upper())\n"},
    ),
    Trial(
        "CLY502",
        {
            **_DJANGO,
            "tasks.py": "from celery import shared_task\n\nfrom $p import models\nfrom $p.models import Page\n\n\n"
            "@shared_task(bind=True)\ndef $f(self, by, $v):\n    if by:\n        $v.hits = by\n    $v.save()\n"
            "    assert models\n",
            "views.py": "from . import tasks\nfrom .models import Page\n\n\ndef publish(title):\n"
            "    Page.objects.create(title=title)\n    page = Page.objects.get(title=title)\n"
            "    tasks.$f.apply_async((5, page))\n",
        },
        _SENT,
        {"views.py": _SENDS_NONE + "    Page.objects.filter(pk=page.pk).update(hits=5)\n"},
    ),
    Trial(
        "CLY602",
        {
            **_DJANGO,
            "tasks.py": "from celery import shared_task\n\nfrom .models import Page\n\n\n@shared_task\ndef $f(pk):\n"
            "    $v = Page.objects.get(pk=pk)\n    $v.hits += 1\n    $v.save()\n",
        },
        _COUNTED,
    ),
    Trial(
        "CLY602",
        {
            **_DJANGO,
            "tasks.py": "from celery import shared_task\nfrom django.db.models import Q\n\nfrom .models import Page\n\n\n"
            "@shared_task\ndef $f(pk, by=2, last=False):\n\t$v = Page.objects.get(Q(pk=pk))\n\t$v.hits = $v.hits + by\n"
            "\t$v.left -= by if last else 1\n\t$v.save(update_fields=['hits', 'left'])\n",
        },
        _COUNTED,
    ),
    Trial(
        "CLY806",
        _tasks('from celery.task import task\n\n\n@task(name="$p.$f")\ndef $f(url):\n    return len(url)\n'),
        _RUN.format(given='"a", "bc"'),
        _tasks(_TASK),
    ),
    Trial(
        "CLY806",
        _tasks(
            "from celery.decorators import task\nfrom celery.task.schedules import crontab\n\n"
            "NIGHTLY = crontab(hour=3, minute=0)\n\n\n"
            "@task\ndef $f(url):\n    return len(url)\n"
        ),
        _RUN.format(given='"a", "bc"'),
        _tasks(_TASK),
    ),
    Trial(
        "CLY810",
        {"celery.py": f'{_APP}app.autodiscover_tasks("$p")\n', "tasks.py": _TASK},
        _REGISTERED,
        {"celery.py": f'{_APP}app.autodiscover_tasks(["$p"])\n'},
    ),
    Trial(
        "CLY810",
        {
            "celery.py": "from celery import Celery\n\n\ndef create():\n    app = Celery('$p', broker='memory://')\n\n"
            "    @app.task(name='$p.$f')\n    def $f(url): ...\n\n    @app.on_after_configure.connect\n"
            "    def schedule(sender, **kwargs):\n        sender.add_periodic_task(60, $f.s('x'), name='often')\n\n"
            "    return app\n\n\napp = create()\n"
        },
        _BUILT,
        {
            "celery.py": "from celery import Celery\n\napp = Celery('$p', broker='memory://')\n"
            "app.conf.beat_schedule = {'often': {'task': '$p.$f', 'schedule': 60}}\n"
        },
    ),
)
_NAMES = {
    "p": ("shop", "billing", "news"),
    "f": ("refresh", "handle_it", "sync"),
    "v": ("row", "entry", "found"),
}


def trial_of(seed: int) -> Trial:
    """The trial of an invented project: each in turn, under names that its seed chooses."""
    trial = TRIALS[seed % len(TRIALS)]
    chosen = random.Random(seed)
    names = {key: chosen.choice(words) for key, words in _NAMES.items()}

    def filled(files: Mapping[str, str]) -> dict[str, str]:
        return {f"{names['p']}/{path}": Template(text).substitute(names) for path, text in files.items()}

    files = filled({"__init__.py": "", **trial.files})
    meant = {**files, **filled(trial.meant)} if trial.meant is not None else None
    return Trial(trial.code, files, Template(trial.probe).substitute(names), meant)


def put(files: Mapping[str, str], root: Path) -> None:
    """Write files below a folder."""
    shutil.rmtree(root, ignore_errors=True)
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


def printed(probe: str, root: Path, python: Path) -> tuple[int, str]:
    """The exit status of a probe that runs in a folder, and what it prints; the end of what it complains of if it fails."""
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    command = [str(python), "-c", probe]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout if done.returncode == 0 else done.stderr[-2000:]
