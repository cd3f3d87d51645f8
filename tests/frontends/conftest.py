from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest
from fake_engine import FakeEngine, Rule


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    fake = FakeEngine()
    module = ModuleType("celerylint.engine")
    module.check = fake.check  # type: ignore[attr-defined]
    module.inspect = fake.inspect  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "celerylint.engine", module)
    return fake


@pytest.fixture
def rules(monkeypatch: pytest.MonkeyPatch) -> tuple[Rule, ...]:
    known = (Rule("CLY202", "autoretry-without-backoff"), Rule("CLY201", "broad-autoretry"))
    module = ModuleType("celerylint.rules.registry")
    module.all_rules = lambda: known  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "celerylint.rules.registry", module)
    return known


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "tasks.py").write_text("from celery import shared_task\n")
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path
