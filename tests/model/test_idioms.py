"""How real projects spell things: each case a small project, and what must be understood of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from celerylint import engine
from celerylint.config import Options
from celerylint.report import inspect_json


def inspected(root: Path, files: dict[str, str], **options: Any) -> dict[str, Any]:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    report = engine.inspect([str(root)], Options(no_cache=True, jobs=1, **options), root=root)
    found: dict[str, Any] = json.loads(inspect_json.render(report))
    return found


def setting(found: dict[str, Any], name: str) -> Any:
    (app,) = found["apps"]
    answer = app["settings"][name]
    return answer["value"] if answer["known"] else "unknown"


def names(found: dict[str, Any]) -> list[str]:
    return sorted(task["name"] for task in found["tasks"])


DJANGO_APP = """\
import os
from celery import Celery
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "proj.settings")
app = Celery("proj")
app.config_from_object("django.conf:settings", namespace="CELERY")
"""


def test_an_optional_override_that_is_not_there_changes_nothing(tmp_path: Path) -> None:
    settings = (
        "from contextlib import suppress\nCELERY_TASK_TIME_LIMIT = 30\n"
        "with suppress(ImportError):\n    from .local import *\n"
        "try:\n    from local_settings import *\nexcept ImportError:\n    pass\n"
    )
    found = inspected(tmp_path, {"proj/__init__.py": "", "proj/celery.py": DJANGO_APP, "proj/settings.py": settings})
    assert setting(found, "task_time_limit") == 30
    assert setting(found, "task_acks_late") is False


def test_an_override_that_is_needed_and_not_there_may_set_anything(tmp_path: Path) -> None:
    settings = "CELERY_TASK_TIME_LIMIT = 30\nfrom company_settings import *\n"
    found = inspected(tmp_path, {"proj/__init__.py": "", "proj/celery.py": DJANGO_APP, "proj/settings.py": settings})
    assert setting(found, "task_time_limit") == 30
    assert setting(found, "task_acks_late") == "unknown"


def test_settings_that_a_class_writes_into_its_module(tmp_path: Path) -> None:
    loader = (
        "import inspect\nimport sys\nclass Settings:\n    @classmethod\n    def load(cls, name):\n"
        "        for member, value in inspect.getmembers(cls()):\n"
        "            if member.isupper():\n                setattr(sys.modules[name], member, value)\n"
    )
    settings = (
        "from .loader import Settings\nclass Base(Settings):\n    CELERY_TASK_ACKS_LATE = True\n"
        "    @property\n    def CELERY_TASK_TIME_LIMIT(self):\n        return 40\nBase.load(__name__)\n"
    )
    found = inspected(
        tmp_path,
        {"proj/__init__.py": "", "proj/celery.py": DJANGO_APP, "proj/settings.py": settings, "proj/loader.py": loader},
    )
    assert setting(found, "task_acks_late") is True
    assert setting(found, "task_time_limit") == 40


def test_a_condition_on_the_environment_leaves_both_branches_open(tmp_path: Path) -> None:
    settings = (
        "import os\nif os.environ.get('FAST'):\n    CELERY_TASK_TIME_LIMIT = 1\nelse:\n    CELERY_TASK_TIME_LIMIT = 2\n"
    )
    found = inspected(tmp_path, {"proj/__init__.py": "", "proj/celery.py": DJANGO_APP, "proj/settings.py": settings})
    assert setting(found, "task_time_limit") == "unknown"


def test_a_default_of_the_environment_is_the_value(tmp_path: Path) -> None:
    settings = (
        "import environ\nfrom decouple import config\nenv = environ.Env(LIMIT=(int, 7))\n"
        "CELERY_TASK_TIME_LIMIT = env('LIMIT')\nCELERY_TASK_ACKS_LATE = env.bool('LATE', default=True)\n"
        "CELERY_WORKER_CONCURRENCY = config('N', default='3', cast=int)\nCELERY_TIMEZONE = env('ZONE')\n"
    )
    found = inspected(tmp_path, {"proj/__init__.py": "", "proj/celery.py": DJANGO_APP, "proj/settings.py": settings})
    assert setting(found, "task_time_limit") == 7
    assert setting(found, "task_acks_late") is True
    assert setting(found, "worker_concurrency") == 3
    assert setting(found, "timezone") == "unknown"


def test_an_app_of_another_package_still_makes_tasks(tmp_path: Path) -> None:
    found = inspected(
        tmp_path,
        {
            "app.py": "from company.celery import CompanyCelery\nqueue = CompanyCelery('x')\n",
            "tasks.py": "from app import queue\n\n@queue.task(acks_late=True)\ndef pull(): ...\n",
        },
    )
    (task,) = found["tasks"]
    assert task["options"]["acks_late"]["value"] is True
    assert not task["options"]["max_retries"]["known"]


def test_an_app_that_a_proxy_makes_when_it_is_used_first(tmp_path: Path) -> None:
    text = """\
from celery import Celery
from lazy_object_proxy import Proxy

class Holder:
    def __init__(self):
        self._app = None

    @property
    def app(self):
        if self._app is None:
            self._app = Celery("proj")
            self._app.config_from_object("settings")
        return self._app

def make():
    return Holder().app

app: Celery = Proxy(make)
"""
    files = {
        "celery_app.py": text,
        "settings.py": "task_acks_late = True\n",
        "tasks.py": "from celery_app import app\n@app.task(name='pull')\ndef pull(): ...\n",
    }
    found = inspected(tmp_path, files)
    assert names(found) == ["pull"]
    assert setting(found, "task_acks_late") is True


def test_other_frameworks_have_tasks_of_their_own(tmp_path: Path) -> None:
    found = inspected(
        tmp_path,
        {
            "huey_tasks.py": "# not celery\nfrom huey import RedisHuey\nhuey = RedisHuey()\n@huey.task()\ndef a(): ...\n",
            "airflow_tasks.py": "# not celery\nfrom airflow.decorators import task\n@task\ndef b(): ...\n",
            "locust_tasks.py": "# not celery\nfrom locust import task\n@task(3)\ndef c(): ...\n",
            "procrastinate_tasks.py": "# not celery\nimport procrastinate\napp = procrastinate.App()\n@app.task\ndef d(): ...\n",
        },
    )
    assert names(found) == []


def test_a_decorator_that_frameworks_attach_later(tmp_path: Path) -> None:
    core = (
        "import celery\nimport venusian\n\ndef task(**kwargs):\n    def deco(wrapped):\n"
        "        def callback(scanner, name, wrapped):\n"
        "            celery_app = scanner.config.registry['celery.app']\n"
        "            celery_app.task(**kwargs)(wrapped)\n        venusian.attach(wrapped, callback)\n        return wrapped\n"
        "    return deco\n\ndef includeme(config):\n    config.registry['celery.app'] = celery.Celery('x')\n"
        "    config.registry['celery.app'].conf.update(task_acks_late=True)\n"
    )
    found = inspected(
        tmp_path,
        {
            "shop/__init__.py": "",
            "shop/core.py": core,
            "shop/jobs.py": "from shop import core\n\n@core.task(max_retries=9)\ndef pull(): ...\n",
        },
    )
    (task,) = found["tasks"]
    assert (task["name"], task["line"]) == ("shop.jobs.pull", 4)
    assert task["options"]["max_retries"]["value"] == 9
    assert task["options"]["acks_late"]["value"] is True


def test_a_file_that_never_mentions_celery(tmp_path: Path) -> None:
    found = inspected(
        tmp_path,
        {
            "shop/__init__.py": "",
            "shop/core.py": "from celery import shared_task\njob = shared_task(acks_late=True)\n",
            "shop/mail.py": "from shop.core import job\n\n@job\ndef send(): ...\n",
            "shop/helpers.py": "from shop import core\n\n@core.job\ndef pull(): ...\n",
        },
    )
    assert names(found) == ["shop.helpers.pull", "shop.mail.send"]


def test_folders_without_init_are_named_by_who_imports_them(tmp_path: Path) -> None:
    task = "from celery import shared_task\n\n@shared_task\ndef pull(): ...\n"
    found = inspected(
        tmp_path,
        {
            "backend/src/shop/app.py": "from celery import Celery\nfrom shop.limits import X\napp = Celery()\n",
            "backend/src/shop/limits.py": "X = 1\n",
            "backend/src/shop/jobs/mail.py": task,
            "web/__init__.py": "",
            "web/orders/tasks/pay.py": task,
        },
    )
    assert names(found) == ["shop.jobs.mail.pull", "web.orders.tasks.pay.pull"]


def test_where_manage_py_lies_programs_start(tmp_path: Path) -> None:
    manage = "import os\n\ndef main():\n    os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'conf.settings')\n"
    app = "from celery import Celery\napp = Celery()\napp.config_from_object('django.conf:settings', namespace='CELERY')\n"
    found = inspected(
        tmp_path,
        {
            "backend/__init__.py": "",
            "backend/manage.py": manage,
            "backend/conf/__init__.py": "",
            "backend/conf/settings.py": "CELERY_TASK_ACKS_LATE = True\n",
            "backend/conf/celery.py": app,
            "backend/shop/tasks.py": "from celery import shared_task\n\n@shared_task\ndef pull(): ...\n",
        },
    )
    assert names(found) == ["shop.tasks.pull"]
    assert setting(found, "task_acks_late") is True


def test_schedules_that_a_signal_handler_adds(tmp_path: Path) -> None:
    app = (
        "from celery import Celery, signals\nfrom celery.schedules import crontab\napp = Celery()\n"
        "@app.task\ndef pull(n): ...\n@signals.import_modules.connect\ndef add(sender, **kwargs):\n"
        "    sender.add_periodic_task(crontab(minute=5), pull.s(1), name='pulling')\n"
    )
    found = inspected(tmp_path, {"shop.py": app})
    assert [(e["entry"], e["task"], e["schedule"]) for e in found["schedule"]] == [
        ("pulling", "shop.pull", "crontab(minute=5)")
    ]


def test_a_project_dispatcher_is_a_dispatch_where_it_is_called(tmp_path: Path) -> None:
    found = inspected(
        tmp_path,
        {
            "shop.py": "from celery import shared_task\nfrom django.db import transaction\n\n@shared_task\ndef pull(n): ...\n\n"
            "def enqueue(task, *args):\n    transaction.on_commit(lambda: task.delay(*args))\n\n"
            "def view(request):\n    enqueue(pull, 1)\n    (pull.delay if request else pull.apply_async)(2)\n",
        },
    )
    assert [(d["task"], d["method"], d["line"]) for d in found["dispatches"]] == [
        ("shop.pull", "delay", 11),
        ("shop.pull", "apply_async", 12),
        ("shop.pull", "delay", 12),
    ]


def test_what_the_settings_beside_a_missing_module_have_in_common(tmp_path: Path) -> None:
    files = {
        "proj/__init__.py": "",
        "proj/celery.py": DJANGO_APP.replace("proj.settings", "proj.settings.prod"),
        "proj/settings/__init__.py": "",
        "proj/settings/base.py": "CELERY_TASK_ACKS_LATE = True\nCELERY_TASK_TIME_LIMIT = 30\nCELERY_RESULT_EXPIRES = 60\n",
        "proj/settings/helm.py": "from .base import *\nCELERY_TASK_TIME_LIMIT = 60\n",
        "proj/settings/dev.py": "from .base import *\nCELERY_RESULT_EXPIRES = 5\n",
    }
    found = inspected(tmp_path, files)
    assert setting(found, "task_acks_late") is True
    assert setting(found, "task_time_limit") == "unknown"
    assert setting(found, "result_expires") == 60
    assert setting(found, "worker_prefetch_multiplier") == "unknown"


def test_a_shared_task_belongs_to_an_app_that_loads_tasks(tmp_path: Path) -> None:
    app = "from celery import Celery\napp = Celery('shop')\n"
    files = {
        "shop/__init__.py": "",
        "shop/apps/__init__.py": "",
        "shop/apps/beat.py": app,
        "shop/apps/primary.py": f"{app}app.conf.task_acks_late = True\napp.autodiscover_tasks(['shop.jobs'])\n",
        "shop/jobs/__init__.py": "",
        "shop/jobs/tasks.py": "from celery import shared_task\n\n@shared_task\ndef pull(): ...\n",
    }
    (task,) = inspected(tmp_path, files)["tasks"]
    assert task["app"] == "shop.apps.primary.app"


def test_an_empty_package_of_settings_is_not_what_django_is_told_to_use(tmp_path: Path) -> None:
    files = {
        "proj/__init__.py": "",
        "proj/celery.py": DJANGO_APP,
        "proj/settings/__init__.py": "",
        "proj/settings/base.py": "CELERY_TASK_ACKS_LATE = True\nCELERY_TASK_TIME_LIMIT = 30\n",
        "proj/settings/dev.py": "from .base import *\nCELERY_TASK_TIME_LIMIT = 60\n",
    }
    found = inspected(tmp_path, files)
    assert setting(found, "task_acks_late") is True
    assert setting(found, "worker_prefetch_multiplier") == "unknown"


CLASSES = """\
from configurations import Configuration, values

class Common(Configuration):
    CELERY_TASK_ACKS_LATE = True
    CELERY_TASK_TIME_LIMIT = 30
    CELERY_TASK_TRACK_STARTED = values.BooleanValue(False)

    @property
    def CELERY_TIMEZONE(self):
        return self.TIME_ZONE

class Local(Common):
    CELERY_TASK_ALWAYS_EAGER = True

class Testing(Local):
    CELERY_TASK_TIME_LIMIT = 1

class Staging(Common):
    CELERY_TASK_TIME_LIMIT = 60

class Production(Common):
    CELERY_WORKER_PREFETCH_MULTIPLIER = 1
"""


def configurations(root: Path, choice: str) -> dict[str, Any]:
    app = DJANGO_APP.replace("app = ", f"{choice}\napp = ", 1)
    manage = "import os\nos.environ.setdefault('DJANGO_CONFIGURATION', 'Local')\n"
    files = {"manage.py": manage, "proj/__init__.py": "", "proj/celery.py": app, "proj/settings.py": CLASSES}
    return inspected(root, files)


def test_settings_in_the_class_that_the_environment_names(tmp_path: Path) -> None:
    found = configurations(tmp_path, "os.environ.setdefault('DJANGO_CONFIGURATION', 'Production')")
    assert setting(found, "task_acks_late") is True
    assert setting(found, "task_time_limit") == 30
    assert setting(found, "task_always_eager") is False
    assert setting(found, "worker_prefetch_multiplier") == 1
    assert setting(found, "task_track_started") == "unknown"
    assert setting(found, "timezone") == "unknown"


def test_classes_of_settings_of_which_any_may_be_meant(tmp_path: Path) -> None:
    found = configurations(tmp_path, "")
    assert setting(found, "task_acks_late") is True
    assert setting(found, "task_time_limit") == "unknown"
    assert setting(found, "worker_prefetch_multiplier") == "unknown"
    assert setting(found, "task_always_eager") is False
    assert setting(found, "result_expires") == 86400


def test_a_class_of_settings_that_is_imported_and_one_with_a_foreign_base(tmp_path: Path) -> None:
    app = DJANGO_APP.replace("proj.settings", "proj.settings.cloud")
    cloud = "from company import Defaults\nfrom .common import Common\n\nclass Cloud(Common, Defaults):\n    DEBUG = False\n"
    files = {
        "proj/__init__.py": "",
        "proj/celery.py": app,
        "proj/settings/__init__.py": "",
        "proj/settings/common.py": CLASSES,
    }
    found = inspected(tmp_path, {**files, "proj/settings/cloud.py": cloud.replace(", Defaults", "")})
    assert setting(found, "task_time_limit") == 30
    assert setting(found, "result_expires") == 86400
    found = inspected(tmp_path, {"proj/settings/cloud.py": cloud})
    assert setting(found, "task_acks_late") is True
    assert setting(found, "result_expires") == "unknown"


def test_a_package_that_imports_a_module_of_its_own_from_itself(tmp_path: Path) -> None:
    package = (
        "from celery import Celery\nfrom app import celeryconfig, tasks\n\n"
        "celery = Celery(__name__, broker='redis://')\n\n"
        "def create_app():\n    celery.config_from_object(celeryconfig)\n"
    )
    files = {"app/__init__.py": package, "app/celeryconfig.py": "task_acks_late = True\n", "app/tasks.py": ""}
    assert setting(inspected(tmp_path, files), "task_acks_late") is True


def test_a_package_that_binds_the_name_of_a_module_of_its_own_first(tmp_path: Path) -> None:
    package = (
        "from celery import Celery\n\nconf = {'task_acks_late': True}\nfrom app import conf as chosen\n\n"
        "celery = Celery('app', broker='redis://')\ncelery.config_from_object(chosen)\n"
    )
    files = {"app/__init__.py": package, "app/conf.py": "task_acks_late = False\n"}
    assert setting(inspected(tmp_path, files), "task_acks_late") is True
