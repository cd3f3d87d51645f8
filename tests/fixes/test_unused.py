"""Imports that go with their last use."""

from __future__ import annotations

import pytest

from celerylint.fixes.unused import without_unused

USE = "\n\nnow = datetime.now()\n"
NONE = "\n\nnow = timezone.now()\n"


def tidied(imports: str, *, use: str = USE, left: str = NONE, path: str = "a.py") -> str:
    after = without_unused(path, imports + use, imports + left, lambda module: module == "proj")
    assert after.endswith(left)
    return after.removesuffix(left)


@pytest.mark.parametrize(
    ("imports", "expected"),
    [
        ("from datetime import datetime\nimport os\n", "import os\n"),
        ("import os\nfrom datetime import datetime  # the clock\n", "import os\n"),
        ("from datetime import datetime\n\nimport celery\n", "import celery\n"),
        ("import os\n\nfrom datetime import datetime\n\nimport celery\n", "import os\n\nimport celery\n"),
        ("from datetime import datetime, timedelta\n", "from datetime import timedelta\n"),
        ("from datetime import date, datetime\n", "from datetime import date\n"),
        ("from datetime import date, datetime, timedelta\n", "from datetime import date, timedelta\n"),
        ("from datetime import (date, datetime)\n", "from datetime import (date)\n"),
        ("from datetime import (\n    date,\n    datetime,\n)\n", "from datetime import (\n    date,\n)\n"),
        ("from datetime import (\n    datetime,\n    date\n)\n", "from datetime import (\n    date\n)\n"),
        ("from pendulum import Clock as datetime\nimport os\n", "import os\n"),
        ("'''É.'''\nimport os, datetime\n", "'''É.'''\nimport os\n"),
        ("import os\r\nfrom datetime import datetime\r\n", "import os\r\n"),
    ],
)
def test_it_goes(imports: str, expected: str) -> None:
    assert tidied(imports) == expected


@pytest.mark.parametrize(
    "imports",
    [
        "from datetime import datetime  # noqa: F401\nimport os\n",
        "from proj.clock import datetime\nimport os\n",  # importing it may register something
        "from .clock import datetime\nimport os\n",
        "import datetime.clock\nimport os\n",
        "if True:\n    from datetime import datetime\n",
        "import os; from datetime import datetime\n",
        "from datetime import datetime\n\n__all__ = ['datetime']\n",
        "from datetime import datetime\n\n\ndef due(at: 'datetime'): ...\n",
        "from datetime import datetime\n\ntry:\n    import arrow\nexcept ImportError:\n    datetime = None\n",
    ],
)
def test_it_stays(imports: str) -> None:
    assert tidied(imports) == imports


def test_what_was_not_used_before_is_not_ours_to_take() -> None:
    imports = "import os\nimport json\n"
    assert tidied(imports) == imports


def test_what_others_import_from_a_package_stays() -> None:
    imports = "from datetime import datetime\nimport os\n"
    assert tidied(imports, path="proj/__init__.py") == imports


def test_a_file_that_is_newer_than_the_interpreter_is_left_as_it_is() -> None:
    imports = "from datetime import datetime\nimport os\nif if: pass\n"
    assert tidied(imports) == imports


def test_two_that_go_stand_side_by_side() -> None:
    imports = "from datetime import datetime, time, tzinfo\n"
    assert tidied(imports, use="\ndatetime, time, tzinfo\n", left="\ntzinfo\n") == "from datetime import tzinfo\n"
    assert tidied(imports, use="\ndatetime, time, tzinfo\n", left="\ndatetime\n") == "from datetime import datetime\n"
    assert tidied(imports, use="\ndatetime, time, tzinfo\n", left="\ntime\n") == "from datetime import time\n"
