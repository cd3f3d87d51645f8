"""The engine's promises: the same answer however it is reached, nothing executed, nothing lost to a crash."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from celerylint import engine
from celerylint.config import ConfigError, Options, load
from celerylint.forked import WorkQueue
from celerylint.model.project import Task
from celerylint.report import inspect_json
from celerylint.report import json as report_json
from celerylint.rules.base import Rule

PROJECTS = Path(__file__).parents[2] / "fixtures" / "projects"
APP = 'from celery import Celery\n\napp = Celery("shop", broker="redis://localhost")\n'


def project(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        past = time.time() - 60
        os.utime(path, (past, past))
    return root


def linted(root: Path, **options: object) -> str:
    return report_json.render(engine.check([str(root)], Options(**options), root=root))


def inspected(root: Path, **options: object) -> dict[str, object]:
    found: dict[str, object] = json.loads(
        inspect_json.render(engine.inspect([str(root)], Options(**options), root=root))
    )
    return found


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Enough files for several processes, some of them tasks."""
    files = {"shop/__init__.py": "", "shop/app.py": APP}
    for n in range(450):
        text = f"VALUE = {n}\n"
        if n % 30 == 0:
            text = f"from shop.app import app\n\n@app.task(autoretry_for=(Exception,))\ndef job{n}():\n    return {n}\n"
        files[f"shop/module{n}.py"] = text
    return project(tmp_path, files)


def test_the_number_of_processes_changes_nothing(many: Path) -> None:
    alone = linted(many, jobs=1, no_cache=True)
    assert alone == linted(many, jobs=2, no_cache=True)
    assert json.loads(alone)["summary"]["tasks"] == 15
    assert json.loads(alone)["summary"]["by_code"]["CLY201"] == 15


@pytest.fixture
def bodies(tmp_path: Path) -> Path:
    """Enough tasks for two processes to share, which send each other in circles and call what nobody else reads."""
    files = {"manage.py": "", "shop/__init__.py": "", "shop/app.py": APP}
    for n in range(48):
        files[f"shop/lib{n}.py"] = (
            "import requests\n\nfrom shop.models import Order\n\n\n"
            f"def post{n}(pk):\n    order = Order.objects.get(pk=pk)\n    if order.state == {n % 3}:\n        return\n"
            f"    requests.post('https://shop.example/{n}', json={{'pk': pk}})\n"
            f"    order.state = {n % 2}\n    order.save()\n"
        )
        files[f"shop/part{n}/tasks.py"] = (
            f"from shop.app import app\nfrom shop.lib{n} import post{n}\n\n\n"
            f"@app.task(autoretry_for=(OSError,))\ndef send{n}(pk):\n"
            f"    from shop.part{(n + 7) % 48}.tasks import send{(n + 7) % 48}\n\n"
            f"    post{n}(pk)\n    send{(n + 7) % 48}.delay(pk)\n"
        )
        files[f"shop/part{n}/__init__.py"] = ""
    files["shop/models.py"] = (
        "from django.db import models\n\n\nclass Order(models.Model):\n    state = models.IntegerField()\n"
    )
    return project(tmp_path, files)


def test_who_takes_which_body_changes_nothing(bodies: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = linted(bodies, jobs=1, no_cache=True, preset="all")
    assert json.loads(alone)["summary"]["by_code"]["CLY606"] == 48
    assert json.loads(alone)["summary"]["by_code"]["CLY601"] > 10
    for _ in range(3):
        assert linted(bodies, jobs=2, no_cache=True, preset="all") == alone

    class TakesAll(WorkQueue):
        def __iter__(self) -> Iterator[int]:
            if os.getpid() != mine:
                time.sleep(0.3)  # the other process comes too late for any
            return super().__iter__()

    mine = os.getpid()
    monkeypatch.setattr("celerylint.judge.WorkQueue", TakesAll)
    assert linted(bodies, jobs=2, no_cache=True, preset="all") == alone


def test_a_process_that_dies_over_bodies_is_made_up_for(bodies: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from celerylint import judge

    alone = linted(bodies, jobs=1, no_cache=True)
    mine, body = os.getpid(), judge._body

    def dies(task: Task, *rest: Any) -> judge.Body:
        if os.getpid() != mine:
            os._exit(1)
        return body(task, *rest)

    monkeypatch.setattr(judge, "_body", dies)
    assert linted(bodies, jobs=2, no_cache=True) == alone


def test_a_body_that_cannot_be_read_costs_what_is_said_of_it(bodies: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from celerylint.effects.behaviour import Bodies

    of = Bodies.of

    def fails(self: Bodies, task: Task) -> object:
        return 1 / 0 if task.function == "send5" else of(self, task)

    monkeypatch.setattr(Bodies, "of", fails)
    found = [linted(bodies, jobs=jobs, no_cache=True) for jobs in (1, 2)]
    assert found[0] == found[1]
    codes = json.loads(found[0])["summary"]["by_code"]
    assert codes["CLY990"] == 1
    assert codes["CLY606"] == 47


def test_a_warm_cache_changes_nothing_and_spares_the_reading(many: Path, tmp_path: Path, monkeypatch) -> None:
    cache = str(tmp_path / "cache")
    cold = linted(many, cache_dir=cache, jobs=1)
    read: list[str] = []
    monkeypatch.setattr("celerylint.extract.extract", lambda path, source: read.append(path))
    assert linted(many, cache_dir=cache, jobs=1) == cold
    assert read == []


def test_a_changed_file_is_read_again(many: Path, tmp_path: Path) -> None:
    cache = str(tmp_path / "cache")
    linted(many, cache_dir=cache, jobs=1)
    (many / "shop/module7.py").write_text("from shop.app import app\n\n@app.task\ndef fresh(): ...\n")
    assert json.loads(linted(many, cache_dir=cache, jobs=1))["summary"]["tasks"] == 16


@pytest.mark.parametrize(
    "content", [b"", b"\xc1not msgpack", b"\x93\x01\x02\x03", b"\x92\xa1x\x81\xa1a\x94\x01\x02\xc3\xc4\x01x"]
)
def test_a_cache_of_another_shape_is_as_good_as_none(many: Path, tmp_path: Path, content: bytes) -> None:
    cache = tmp_path / "cache"
    cold = linted(many, cache_dir=str(cache), jobs=1)
    (file,) = cache.iterdir()
    file.write_bytes(content)
    assert linted(many, cache_dir=str(cache), jobs=1) == cold


def test_facts_of_another_file_are_not_taken_from_the_cache(many: Path, tmp_path: Path) -> None:
    from celerylint import cache

    folder = str(tmp_path / "cache")
    cold = linted(many, cache_dir=folder, jobs=1)
    entries = cache.read(str(many), folder)
    swapped = entries["shop/module0.py"]
    other = entries["shop/module30.py"]
    forged = cache.Entry(swapped.size, swapped.changed, True, other.facts)
    cache.write(str(many), folder, {**entries, "shop/module0.py": forged})
    assert linted(many, cache_dir=folder, jobs=1) == cold


def test_a_cache_folder_that_cannot_be_written_is_no_obstacle(many: Path, tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the folder should be")
    assert json.loads(linted(many, cache_dir=str(blocked), jobs=1))["summary"]["tasks"] == 15


def test_a_rule_that_crashes_is_said_and_the_others_go_on(tmp_path: Path, monkeypatch) -> None:
    project(tmp_path, {"shop.py": APP + "\n@app.task(autoretry_for=(Exception,))\ndef pull(): ...\n"})
    broken = next(rule for rule in _judges() if rule.code == "CLY202")
    monkeypatch.setattr(type(broken), "check", lambda self, found: 1 / 0)
    codes = json.loads(linted(tmp_path, no_cache=True))["summary"]["by_code"]
    assert codes["CLY990"] == 1
    assert codes["CLY201"] == 1


def _judges() -> tuple[Rule, ...]:
    from celerylint.rules.registry import judges

    return judges()


def test_a_file_that_is_no_python_is_said_and_the_rest_is_linted(tmp_path: Path) -> None:
    project(
        tmp_path,
        {
            "broken.py": "from celery import\n",
            "shop.py": APP + "\n@app.task(autoretry_for=(Exception,))\ndef pull(): ...\n",
        },
    )
    found = json.loads(linted(tmp_path, no_cache=True))
    assert [(f["path"], f["line"]) for f in found["findings"] if f["code"] == "CLY900"] == [("broken.py", 1)]
    assert found["summary"]["by_code"]["CLY201"] == 1


def test_nothing_of_the_project_is_executed(tmp_path: Path) -> None:
    mark = tmp_path / "executed"
    bomb = f"open({str(mark)!r}, 'w').close()\n"
    project(
        tmp_path,
        {
            "celeryconfig.py": bomb + "task_acks_late = True\n",
            "conftest.py": bomb,
            "sitecustomize.py": bomb,
            "shop.py": APP.replace("app =", f"{bomb}app =") + "\napp.config_from_object('celeryconfig')\n",
        },
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    run = subprocess.run(
        [sys.executable, "-m", "celerylint", "--no-cache", "--output-format", "json", str(tmp_path)],
        capture_output=True,
        text=True,
        env=environment,
        cwd="/",
    )
    assert run.returncode in (0, 1), run.stderr
    assert not mark.exists()


def test_a_plain_project_needs_neither_libcst_nor_rich_nor_celery(tmp_path: Path) -> None:
    project(tmp_path, {"shop.py": APP + "\n@app.task(autoretry_for=(Exception,))\ndef pull(): ...\n"})
    script = (
        "import sys\nfrom pathlib import Path\nfrom celerylint import engine\nfrom celerylint.config import Options\n"
        f"report = engine.check([{str(tmp_path)!r}], Options(no_cache=True), root=Path({str(tmp_path)!r}))\n"
        "assert report.findings\n"
        "print([name for name in ('libcst', 'rich', 'yaml', 'celery', 'packaging', 'click') if name in sys.modules])\n"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_newer_syntax_than_the_interpreter_is_read(tmp_path: Path) -> None:
    body = (
        "type Number = int\n\ndef helper[T](value: T) -> T:\n    return value\n\n"
        "@app.task(autoretry_for=(Exception,))\ndef pull(name):\n    try:\n        return f\"{name['a']}\"\n"
        "    except ValueError, TypeError:\n        return helper(name)\n"
    )
    project(tmp_path, {"shop.py": APP + "\n" + body})
    found = json.loads(linted(tmp_path, no_cache=True))
    assert "CLY900" not in found["summary"]["by_code"]
    assert [f["line"] for f in found["findings"] if f["code"] == "CLY201"] == [10]


def test_tests_are_no_part_of_the_project_unless_asked_for(tmp_path: Path) -> None:
    task = "from celery import shared_task\n\n@shared_task\ndef probe(): ...\n"
    project(tmp_path, {"setup.cfg": "", "shop.py": APP, "tests/helpers.py": task, "docs/example.py": task})
    assert inspected(tmp_path, no_cache=True)["tasks"] == []
    named = [t["name"] for t in inspected(tmp_path, no_cache=True, include_tests=True)["tasks"]]  # type: ignore[attr-defined]
    assert named == ["docs.example.probe", "tests.helpers.probe"]


def test_an_option_that_no_task_has_is_said_where_it_is_written(tmp_path: Path) -> None:
    project(tmp_path, {"app.py": APP, "celerylint.toml": 'require = [\n  "acks_late",\n  "task_acks_late",\n]\n'})
    settings = load([str(tmp_path)])
    with pytest.raises(ConfigError) as raised:
        engine.check([str(tmp_path)], settings.options, root=settings.root)
    said = settings.locate(raised.value)
    assert said.endswith(
        'celerylint.toml:3: unknown task option "task_acks_late" in "require"; did you mean "acks_late"?'
    )
