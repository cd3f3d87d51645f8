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

app = Celery("shop", broker="redis://localhost")


@app.task(autoretry_for=(Exception,))
def pull(): ...
"""

Change = Callable[[Path], object]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose files count as settled at once."""
    monkeypatch.setattr(store, "SETTLED", -60 * 10**9)
    root = tmp_path / "shop"
    (root / "jobs").mkdir(parents=True)
    (root / "manage.py").write_text("")
    (root / "requirements.txt").write_text("celery==5.4\n")
    (root / "jobs/tasks.py").write_text(TASK)
    (root / "jobs/other.py").write_text("VALUE = 'é'\n", "utf-8")
    (root / "jobs/test_other.py").write_text("VALUE = 1\n")
    return root


def asked(root: Path, **options: object) -> Report:
    chosen = Options(**{"cache_dir": str(root.parent / "cache"), **options})  # type: ignore[arg-type]
    return engine.check([str(root)], chosen, root=root)


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
        lambda root: (root / "jobs/test_other.py").write_text("VALUE = 2\n"),
        lambda root: (root / "requirements.txt").write_text("celery==5.3\n"),
        lambda root: (root / "jobs/new.py").write_text(""),
        lambda root: (root / "jobs/other.py").unlink(),
        lambda root: (root / "jobs/tasks.py").rename(root / "jobs/works.py"),
        lambda root: (root / "jobs/tasks.py").chmod(0o400),
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
