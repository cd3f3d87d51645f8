"""An unchanged project is answered from memory, and from nothing else: whatever could change the answer is asked again."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from celerylint import engine, recall, store
from celerylint.config import Options
from celerylint.finding import Report
from celerylint.report import json as report_json

TASK = """\
from celery import Celery

from jobs import named

app = Celery("shop", broker="redis://localhost")


@app.task(autoretry_for=(Exception,))
def pull(): ...


app.conf.task_acks_late = bool(named.VALUE)
"""

Change = Callable[[Path], object]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose files count as settled at once."""
    monkeypatch.setattr(store, "SETTLED", -60 * 10**9)
    monkeypatch.setattr(store, "own_files", list)  # somebody may be working on the tool just now
    root = tmp_path / "shop"
    (root / "jobs").mkdir(parents=True)
    (root / "manage.py").write_text("")
    (root / "requirements.txt").write_text("celery==5.4\n")
    (root / "jobs/tasks.py").write_text(TASK)
    (root / "jobs/other.py").write_text("VALUE = 'é'\n", "utf-8")
    (root / "jobs/named.py").write_text("VALUE = 1\n")
    (root / "jobs/test_other.py").write_text("VALUE = 1\n")
    return root


def asked(root: Path, **options: object) -> Report:
    chosen = Options(**{"cache_dir": str(root.parent / "cache"), **options})  # type: ignore[arg-type]
    return engine.check([str(root)], chosen, root=root)


def swap(one: Path, other: Path) -> None:
    """Two files change places, with all that tells of their age."""
    aside = one.with_suffix(".aside")
    one.rename(aside)
    other.rename(one)
    aside.rename(other)


def saved_by_an_editor(path: Path, text: str) -> None:
    """Written beside the file first, then put in its place, with a copy left behind."""
    path.with_name(f".{path.name}.swp").write_text(text)
    path.rename(path.with_name(path.name + "~"))
    path.with_name(f".{path.name}.swp").rename(path)


def recalled(report: Report) -> bool:
    return [stage for stage, _ in report.timings] == ["recall"]


def test_the_second_answer_is_the_first_and_nothing_is_read_for_it(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = asked(shop)
    monkeypatch.setattr(engine, "_checked", None)
    second = asked(shop)
    assert recalled(second)
    assert not recalled(first)
    assert report_json.render(second) == report_json.render(first)
    assert second.sources == first.sources
    assert "CLY201" in second.summary.by_code


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "jobs/tasks.py").write_text(TASK.replace("pull", "push")),
        lambda root: (root / "jobs/other.py").write_text("from jobs.tasks import app\n"),
        lambda root: (root / "requirements.txt").write_text("celery==5.3\n"),
        lambda root: (root / "jobs/new.py").write_text(""),
        lambda root: (root / "jobs/other.py").unlink(),
        lambda root: (root / "jobs/tasks.py").rename(root / "jobs/works.py"),
        lambda root: (root / "jobs/other.py").write_text("from kombu import Queue\nq = app.send_task\n"),
        lambda root: (root / "jobs/other.py").write_text("#" * 1_000_001),
        lambda root: (root / "manage.py").write_text("import os\nos.environ['DJANGO_SETTINGS_MODULE'] = 'shop'\n"),
        lambda root: (root / "jobs/named.py").write_text("VALUE = 2\n"),
        lambda root: swap(root / "jobs/tasks.py", root / "jobs/other.py"),
        lambda root: (root / ".gitignore").write_text("jobs\n"),
        lambda root: (root.parent / ".gitignore").write_text("shop/jobs\n"),
        lambda root: (root / "Procfile").write_text("worker: celery -A jobs.tasks worker\n"),
        lambda root: (root / "jobs/deep").mkdir(),
    ],
)
def test_whatever_changes_is_asked_again(shop: Path, change: Change) -> None:
    asked(shop)
    change(shop)
    now = asked(shop)
    assert not recalled(now)
    assert report_json.render(now) == report_json.render(asked(shop, no_cache=True))


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "jobs/test_other.py").write_text("from celery import Celery\n"),
        lambda root: (root / "jobs/other.py").write_text("VALUE = 'another'\n"),
        lambda root: saved_by_an_editor(root / "jobs/other.py", "VALUE = 'another'\n"),
        lambda root: saved_by_an_editor(root / "jobs/tasks.py", TASK),
        lambda root: (root / "jobs/tasks.py").touch(),
        lambda root: (root / "jobs/tasks.py").chmod(0o644),
        lambda root: (root / "jobs/__pycache__").mkdir(),
        lambda root: (root / "jobs/notes.md").write_text("Celery\n"),
    ],
)
def test_what_does_not_matter_is_not_asked_again(shop: Path, change: Change) -> None:
    asked(shop)
    change(shop)
    now = asked(shop)
    assert recalled(now)
    assert report_json.render(now) == report_json.render(asked(shop, no_cache=True))
    assert recalled(asked(shop))


def test_what_another_process_reads_is_read(shop: Path) -> None:
    """A file that only the body of a task leads to, in a project of so many tasks that two processes go through them."""
    tasks = "".join(f"\n\n@app.task\ndef other_{n}():\n    run_{n}()\n" for n in range(40))
    imports = "".join(f"from jobs.deep{n} import run_{n}\n" for n in range(40))
    (shop / "jobs/tasks.py").write_text(imports + TASK + tasks)
    for n in range(40):
        (shop / f"jobs/deep{n}.py").write_text(f"def run_{n}():\n    requests.get('http://x')\n")
    asked(shop, select=("CLY606",), jobs=2)
    assert recalled(asked(shop, select=("CLY606",), jobs=2))
    for n in (0, 39):
        (shop / f"jobs/deep{n}.py").write_text(f"import requests\n\ndef run_{n}():\n    requests.get('http://x')\n")
        found = asked(shop, select=("CLY606",), jobs=2)
        assert not recalled(found)
        assert any(finding.place.path == f"jobs/deep{n}.py" for finding in found.findings)


def test_a_file_put_back_with_its_size_and_time_is_another_file(shop: Path) -> None:
    asked(shop)
    path = shop / "jobs/tasks.py"
    before = path.stat()
    path.write_text(TASK.replace("pull", "push"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert not recalled(asked(shop))


def test_another_question_has_an_answer_of_its_own(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked(shop)
    assert not recalled(asked(shop, select=("CLY101",)))
    assert not recalled(engine.check([str(shop / "jobs")], Options(cache_dir=str(shop.parent / "cache")), root=shop))
    monkeypatch.setattr(recall, "__version__", "0.0.1")
    assert not recalled(asked(shop))


def test_what_has_just_changed_is_not_trusted(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "SETTLED", 10**9)
    (shop / "jobs/tasks.py").write_text(TASK)
    asked(shop)
    assert not recalled(asked(shop))


@pytest.mark.parametrize("options", [{"no_cache": True}, {"since": "HEAD"}, {"baseline": "base.json"}])
def test_what_files_alone_do_not_tell_is_not_kept(options: dict[str, object]) -> None:
    from celerylint.recall import recalls

    assert recalls(Options(), None)
    assert not recalls(Options(**options), None)  # type: ignore[arg-type]
    assert not recalls(Options(), {"shop.py": b""})


@pytest.mark.parametrize("harm", [lambda data: b"", lambda data: data[: len(data) // 2], lambda data: b"\x94" + data])
def test_a_report_of_another_shape_is_as_good_as_none(shop: Path, harm: Callable[[bytes], bytes]) -> None:
    first = asked(shop)
    (file,) = (shop.parent / "cache").glob("*report*")
    file.write_bytes(harm(file.read_bytes()))
    second = asked(shop)
    assert not recalled(second)
    assert report_json.render(second) == report_json.render(first)
    assert recalled(asked(shop))
