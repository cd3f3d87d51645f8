"""What edits make of Python code, in whatever style it is written."""

from __future__ import annotations

import textwrap

import pytest

from celerylint.finding import (
    AddDictEntry,
    AddImport,
    Confidence,
    Edit,
    Finding,
    Fix,
    InsertStatement,
    Needed,
    Place,
    RemoveItem,
    RemoveKeyword,
    ReplaceExpr,
    SetKeyword,
    Severity,
    Span,
)
from celerylint.fixes.bench import Bench
from celerylint.fixes.text import FixError

OURS = frozenset({"proj"})


def at(text: str, part: str) -> Place:
    """The place of a part of a text."""
    start = text.index(part)
    end = start + len(part)

    def position(offset: int) -> tuple[int, int]:
        before = text[:offset].replace("\r\n", "\n")
        return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1

    return Place("tasks.py", Span(*position(start), *position(end)))


def fixed(text: str, *edits: Edit, encoding: str = "utf-8") -> str:
    finding = _finding(*edits)
    bench = Bench(lambda path: text.encode(encoding), lambda path, module: module in OURS)
    done = bench.round([finding])
    if done.refused:
        raise FixError(done.refused[0][1])
    assert not done.broken
    return done.changed["tasks.py"].decode(encoding) if done.changed else text


def dedented(text: str) -> str:
    return textwrap.dedent(text).lstrip("\n")


@pytest.mark.parametrize(
    ("before", "place", "after"),
    [
        ("@task\ndef f(): ...\n", "task", "@task(a=1)\ndef f(): ...\n"),
        ("@app.task\ndef f(): ...\n", "app.task", "@app.task(a=1)\ndef f(): ...\n"),
        ("@task()\ndef f(): ...\n", "task()", "@task(a=1)\ndef f(): ...\n"),
        ("@task(b=2)\ndef f(): ...\n", "task(b=2)", "@task(b=2, a=1)\ndef f(): ...\n"),
        ("@task(b=2, )\ndef f(): ...\n", "task(b=2, )", "@task(b=2, a=1, )\ndef f(): ...\n"),
        ("@task(a=None)\ndef f(): ...\n", "task(a=None)", "@task(a=1)\ndef f(): ...\n"),
        ("@task(**more)\ndef f(): ...\n", "task(**more)", "@task(**more, a=1)\ndef f(): ...\n"),
        ("x = task(\n    b=2,\n)\n", "b=2", "x = task(\n    b=2,\n    a=1,\n)\n"),
        ("x = task(\n    b=2\n)\n", "b=2", "x = task(\n    b=2,\n    a=1,\n)\n"),
        ("x = task(\n    b=2,  # two\n)\n", "b=2", "x = task(\n    b=2,  # two\n    a=1,\n)\n"),
        ("x = task(\n    b=2  # two\n)\n", "b=2", "x = task(\n    b=2,  # two\n    a=1\n)\n"),
        ("x = task(c=3,\n         b=2)\n", "b=2", "x = task(c=3,\n         b=2,\n         a=1)\n"),
        ("x = task(\n    c=3, b=2\n)\n", "b=2", "x = task(\n    c=3, b=2, a=1\n)\n"),
        ("x = task(\n\tb=2,\n)\n", "b=2", "x = task(\n\tb=2,\n\ta=1,\n)\n"),
        ("d = {'b': 2}\n", "'b'", "d = {'b': 2, 'a': 1}\n"),
        ('d = {\n    "b": 2,\n}\n', '"b"', 'd = {\n    "b": 2,\n    "a": 1,\n}\n'),
        ("d['b'] = 2\n", "d['b'] = 2", "d['b'] = 2\nd['a'] = 1\n"),
        ("t.b = 2\n", "t.b = 2", "t.b = 2\nt.a = 1\n"),
        ("t.a = 2\n", "t.a = 2", "t.a = 1\n"),
        (
            "class T:\n    b = 2\n\n    def run(self): ...\n",
            "b = 2",
            "class T:\n    b = 2\n    a = 1\n\n    def run(self): ...\n",
        ),
        ("class T:\n    a: int = 2  # why\n", "a: int = 2", "class T:\n    a: int = 1  # why\n"),
    ],
)
def test_an_option_is_set_in_the_style_around_it(before: str, place: str, after: str) -> None:
    assert fixed(before, SetKeyword(at(before, place), "a", "1")) == after
    assert fixed(before.replace("\n", "\r\n"), SetKeyword(at(before, place), "a", "1")) == after.replace("\n", "\r\n")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("class T(Task):\n    def run(self): ...\n", "class T(Task):\n    a = 1\n\n    def run(self): ...\n"),
        ("class T(Task):\n    pass\n", "class T(Task):\n    a = 1\n"),
        ('class T(Task):\n    """Doc."""\n', 'class T(Task):\n    """Doc."""\n\n    a = 1\n'),
        (
            "class T(Task):\n    b = 2\n    def run(self): ...\n",
            "class T(Task):\n    b = 2\n    a = 1\n    def run(self): ...\n",
        ),
    ],
)
def test_an_option_is_set_in_a_class(before: str, after: str) -> None:
    whole = before.rstrip("\n")
    assert fixed(before, SetKeyword(at(before, whole), "a", "1")) == after


def test_several_options_of_one_fix_stand_together() -> None:
    text = "x = task(\n    b=2\n)\n"
    place = at(text, "b=2")
    assert (
        fixed(text, SetKeyword(place, "a", "1"), SetKeyword(place, "c", "3"))
        == "x = task(\n    b=2,\n    a=1,\n    c=3,\n)\n"
    )
    text = "@task\ndef f(): ...\n"
    place = at(text, "task")
    assert fixed(text, SetKeyword(place, "a", "1"), SetKeyword(place, "c", "3")) == "@task(a=1, c=3)\ndef f(): ...\n"


def test_a_line_that_would_be_too_long_is_folded() -> None:
    text = f"@task(first={'x' * 40!r}, second={'y' * 15!r})\ndef f(): ...\n"
    after = fixed(text, SetKeyword(at(text, text.split("\n")[0][1:]), "third", "3"))
    assert after == f"@task(\n    first={'x' * 40!r}, second={'y' * 15!r}, third=3\n)\ndef f(): ...\n"
    bare = "@app.task\ndef f(): ...\n"
    value = repr("z" * 80)
    after = fixed(bare, SetKeyword(at(bare, "app.task"), "name", value))
    assert after == f"@app.task(\n    name={value}\n)\ndef f(): ...\n".replace("'", '"')
    text = text.replace("y" * 15, "y" * 30)
    after = fixed(text, SetKeyword(at(text, text.split("\n")[0][1:]), "third", "3"))
    assert after == f"@task(\n    first={'x' * 40!r},\n    second={'y' * 30!r},\n    third=3,\n)\ndef f(): ...\n"


def _finding(*edits: Edit) -> Finding:
    return Finding(
        code="CLY201",
        name="x",
        message="",
        help="",
        severity=Severity.ERROR,
        confidence=Confidence.HIGH,
        place=Place("tasks.py", Span(1, 1, 1, 1)),
        fix=Fix("mend it", "safe", edits),
    )


@pytest.mark.parametrize("length", [10, 60, 70])
@pytest.mark.parametrize("comma", ["", ","])
def test_of_two_fixes_of_one_call_one_waits_for_the_next_round(length: int, comma: str) -> None:
    text = f"@task(b={'b' * length!r}{comma})\ndef f(): ...\n"
    place = at(text, text.split("\n")[0][1:])
    findings = [_finding(SetKeyword(place, "first", repr("x" * 20))), _finding(SetKeyword(place, "z", "1"))]
    done = Bench(lambda path: text.encode(), lambda path, module: False).round(findings)
    assert [finding is findings[0] for finding in done.applied] == [True]
    assert not done.broken
    assert not done.refused


@pytest.mark.parametrize(
    ("before", "place", "after"),
    [
        ("t(a=1)\n", "a=1", "t()\n"),
        ("t(a=1, b=2)\n", "a=1", "t(b=2)\n"),
        ("t(b=2, a=1)\n", "a=1", "t(b=2)\n"),
        ("t(b=2, a=1,)\n", "a=1", "t(b=2,)\n"),
        ("t(\n    b=2,\n    a=1,  # one\n    c=3,\n)\n", "a=1", "t(\n    b=2,\n    c=3,\n)\n"),
        ("t(\n    b=2,\n    a=1\n)\n", "a=1", "t(\n    b=2\n)\n"),
        ("class T:\n    a = 1\n    b = 2\n", "a = 1", "class T:\n    b = 2\n"),
        ("class T:\n    a = 1\n", "a = 1", "class T:\n    pass\n"),
        ('d = {"a": 1, "b": 2}\n', '"a"', 'd = {"b": 2}\n'),
        ('d = {\n    "a": {\n        "x": 1,\n    },\n    "b": 2,\n}\n', '"a"', 'd = {\n    "b": 2,\n}\n'),
    ],
)
def test_an_option_is_taken_out(before: str, place: str, after: str) -> None:
    assert fixed(before, RemoveKeyword(at(before, place))) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = (A, B)\n", "x = (B,)\n"),
        ("x = (A, B,)\n", "x = (B,)\n"),
        ("x = (A,)\n", "x = ()\n"),
        ("x = [A]\n", "x = []\n"),
        ("x = [A, B]\n", "x = [B]\n"),
        ("x = (\n    A,\n    B,\n)\n", "x = (\n    B,\n)\n"),
        ("x = (B, A)\n", "x = (B,)\n"),
        ("x = (B, C, A)\n", "x = (B, C)\n"),
    ],
)
def test_an_item_is_taken_out(before: str, after: str) -> None:
    assert fixed(before, RemoveItem(at(before, "A"))) == after


INTERVAL = Needed("celery.utils.time", "rate")
TIMEOUT = Needed("requests", "Timeout", qualified=True)


@pytest.mark.parametrize(
    ("before", "need", "after"),
    [
        ("import os\n\nX\n", TIMEOUT, "import os\n\nimport requests\n\nrequests.Timeout\n"),
        ("import requests\n\nX\n", TIMEOUT, "import requests\n\nrequests.Timeout\n"),
        ("import requests as r\n\nX\n", TIMEOUT, "import requests as r\n\nr.Timeout\n"),
        ("from requests import Timeout as T\n\nX\n", TIMEOUT, "from requests import Timeout as T\n\nT\n"),
        ("from celery.utils import time\n\nX\n", INTERVAL, "from celery.utils import time\n\ntime.rate\n"),
        ("X\n", TIMEOUT, "import requests\n\nrequests.Timeout\n"),
        ('"""Doc."""\n\nX\n', TIMEOUT, '"""Doc."""\n\nimport requests\n\nrequests.Timeout\n'),
        (
            "#!/usr/bin/python\n# -*- coding: utf-8 -*-\nX\n",
            TIMEOUT,
            "#!/usr/bin/python\n# -*- coding: utf-8 -*-\n\nimport requests\n\nrequests.Timeout\n",
        ),
        (
            "from __future__ import annotations\n\nX\n",
            TIMEOUT,
            "from __future__ import annotations\n\nimport requests\n\nrequests.Timeout\n",
        ),
        (
            "import os\n\nfrom celery import shared_task\n\nfrom proj import x\n\nX\n",
            INTERVAL,
            "import os\n\nfrom celery import shared_task\nfrom celery.utils.time import rate\n\nfrom proj import x\n\nrate\n",
        ),
        (
            "import os\n\nfrom proj import x\n\nX\n",
            INTERVAL,
            "import os\n\nfrom celery.utils.time import rate\n\nfrom proj import x\n\nrate\n",
        ),
        (
            "from .models import A\n\nX\n",
            INTERVAL,
            "from celery.utils.time import rate\n\nfrom .models import A\n\nrate\n",
        ),
        (
            "from celery.utils.time import maybe_iso8601, timezone\n\nX\n",
            INTERVAL,
            "from celery.utils.time import maybe_iso8601, rate, timezone\n\nrate\n",
        ),
        (
            "from celery.utils.time import (\n    maybe_iso8601,\n    timezone,\n)\n\nX\n",
            INTERVAL,
            "from celery.utils.time import (\n    maybe_iso8601,\n    rate,\n    timezone,\n)\n\nrate\n",
        ),
        (
            "import requests\nfrom celery import x\nimport zlib2\n\nX\n",
            INTERVAL,
            "import requests\nfrom celery import x\nfrom celery.utils.time import rate\nimport zlib2\n\nrate\n",
        ),
    ],
)
def test_an_import_goes_where_isort_would_put_it(before: str, need: Needed, after: str) -> None:
    text = f"{need.module}.{need.name}"
    assert fixed(before, ReplaceExpr(at(before, "X"), text, (need,))) == after


IMPORTS = "from functools import partial\n\nimport requests\nfrom django.db import transaction\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("from proj import a\n", f"{IMPORTS}\nfrom proj import a\n"),
        (
            "import os\n\nx = 1\n",
            f"import os\n{IMPORTS}\nx = 1\n",
        ),
        ("x = 1\n", f"{IMPORTS}\nx = 1\n"),
        (
            "from django.utils import html\n",
            f"{IMPORTS}from django.utils import html\n",
        ),
    ],
)  # fmt: skip
def test_several_imports_at_one_place_are_sorted(before: str, after: str) -> None:
    needs = (Needed("django.db", "transaction"), Needed("requests", "Timeout", qualified=True), PARTIAL)
    assert fixed(before, *(AddImport("tasks.py", need) for need in needs)) == after


PARTIAL = Needed("functools", "partial")


def test_an_import_in_a_try_is_one_and_one_for_types_is_none() -> None:
    tried = "try:\n    import requests\nexcept ImportError:\n    requests = None\nx = f(E)\n"
    edit = ReplaceExpr(at(tried, "E)"), "requests.Timeout)", (TIMEOUT,))
    assert fixed(tried, edit) == tried.replace("E)", "requests.Timeout)")
    typed = "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    import requests\n\nx = f(E)\n"
    edit = ReplaceExpr(at(typed, "E)"), "requests.Timeout)", (TIMEOUT,))
    assert fixed(typed, edit) == typed.replace("E)", "requests.Timeout)").replace(
        "TYPE_CHECKING\n\n", "TYPE_CHECKING\n\nimport requests\n\n", 1
    )


def test_an_import_is_added_once() -> None:
    text = "X\nY\n"
    edits = [ReplaceExpr(at(text, part), "requests.Timeout", (TIMEOUT,)) for part in "XY"]
    assert fixed(text, *edits) == "import requests\n\nrequests.Timeout\nrequests.Timeout\n"
    assert fixed("import requests\n", AddImport("tasks.py", TIMEOUT)) == "import requests\n"


@pytest.mark.parametrize("text", ["rate = 1\nX\n", "def rate(): ...\nX\n", "from proj import rate\nX\n"])
def test_a_name_that_means_something_else_is_left_alone(text: str) -> None:
    with pytest.raises(FixError, match="means something else"):
        fixed(text, ReplaceExpr(at(text, "X"), "celery.utils.time.rate", (INTERVAL,)))


@pytest.mark.parametrize(
    ("name", "after"),
    [
        ("name", "    expires=600, base=Loud, name=True\n"),
        ("n" * 80, f"    expires=600,\n    base=Loud,\n    {'n' * 80}=True,\n"),
    ],
)
def test_arguments_on_one_line_of_their_own_get_one_each_where_it_would_be_too_long(name: str, after: str) -> None:
    text = "@shared_task(\n    expires=600, base=Loud\n)\ndef pull(): ...\n"
    edit = SetKeyword(at(text, "shared_task(\n    expires=600, base=Loud\n)"), name, "True")
    assert fixed(text, edit) == f"@shared_task(\n{after})\ndef pull(): ...\n"


@pytest.mark.parametrize(
    ("rest", "kept"),
    [
        ("    retry_kwargs = {'retry_jitter': retry_jitter}\n", True),
        ("    def run(self): return self.retry_jitter\n", False),
        ("    options = dict(retry_jitter=True)\n", False),
    ],
)
def test_a_name_that_is_used_elsewhere_stays(rest: str, kept: bool) -> None:
    text = f"class Slow(Task):\n    retry_jitter = False\n{rest}"
    edit = RemoveKeyword(at(text, "retry_jitter = False"))
    if kept:
        with pytest.raises(FixError, match="`retry_jitter` is used elsewhere too"):
            fixed(text, edit)
    else:
        assert fixed(text, edit) == f"class Slow(Task):\n{rest}"


def test_a_comment_beside_arguments_is_kept() -> None:
    text = "@shared_task(  # quick\n    expires=600, base=Loud\n)\ndef pull(): ...\n"
    place = at(text, "shared_task(  # quick\n    expires=600, base=Loud\n)")
    assert "(  # quick\n    expires=600, base=Loud, n" in fixed(text, SetKeyword(place, "n" * 80, "True"))


def test_a_keyword_that_would_stand_twice_breaks_the_file() -> None:
    text = "pull.apply_async(taskid=1, task_id=2)\n"
    bench = Bench(lambda path: text.encode(), lambda path, module: False)
    done = bench.round([_finding(ReplaceExpr(at(text, "taskid"), "task_id"))])
    assert (done.changed, list(done.broken)) == ({}, ["tasks.py"])


def test_a_statement_stands_below_another_as_deep_as_it() -> None:
    text = "def make():\n    app = Celery()  # here\n    return app\n"
    after = fixed(text, InsertStatement(at(text, "Celery()"), "app.conf.x = 1"))
    assert after == "def make():\n    app = Celery()  # here\n    app.conf.x = 1\n    return app\n"
    assert fixed("a = 1", InsertStatement(at("a = 1", "a"), "b = 2")) == "a = 1\nb = 2"
    before = fixed("a = 1\n", InsertStatement(at("a = 1", "a"), "b = 2", before=True))
    assert before == "b = 2\na = 1\n"


def test_quotes_are_those_of_the_file() -> None:
    text = "app = Celery('a', broker='b')\n@app.task\ndef f(): ...\n"
    assert "@app.task(name='x')" in fixed(text, SetKeyword(at(text, "app.task"), "name", '"x"'))


def test_quotes_are_those_of_the_dict_where_they_differ_from_those_of_the_file() -> None:
    text = "A = ['a', 'b', 'c']\nO = {\"queue\": 'x'}\n"
    edit = AddDictEntry(at(text, "{\"queue\": 'x'}"), "expires", "60")
    assert fixed(text, edit) == "A = ['a', 'b', 'c']\nO = {\"queue\": 'x', \"expires\": 60}\n"


def test_an_entry_is_added_to_a_dict() -> None:
    text = "d = {}\n"
    assert fixed(text, AddDictEntry(at(text, "{}"), "a", "1")) == 'd = {"a": 1}\n'


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("task(x for x in y)\n", "task(x for x in y)"),
        ("class T(Task): pass\n", "class T(Task): pass"),
        ("print(1)\n", "print"),
        ("def f(:\n", "f"),
    ],
)
def test_what_cannot_be_edited_is_left_alone(text: str, place: str) -> None:
    with pytest.raises(FixError):
        fixed(text, SetKeyword(at(text, place), "a", "1"))


def test_characters_are_counted_and_not_bytes() -> None:
    text = 'x = "äöü€😀"; task(b="é")\n'
    assert fixed(text, SetKeyword(at(text, 'b="é"'), "a", "1")) == 'x = "äöü€😀"; task(b="é", a=1)\n'


def test_a_text_that_the_encoding_has_no_room_for_is_refused() -> None:
    text = "# -*- coding: latin-1 -*-\nx = 'é'\n"
    assert fixed(text, ReplaceExpr(at(text, "'é'"), "'à'"), encoding="latin-1") == text.replace("é", "à")
    finding_text = "# -*- coding: latin-1 -*-\nx = 'é'\n"
    with pytest.raises(AssertionError):
        fixed(finding_text, ReplaceExpr(at(finding_text, "'é'"), "'€'"), encoding="latin-1")


def test_a_fix_that_breaks_a_file_keeps_no_other_from_it() -> None:
    text = "a = f(1)\nb = f(2)\n"
    good, bad = _finding(ReplaceExpr(at(text, "1"), "3")), _finding(ReplaceExpr(at(text, "2"), "3 4"))
    done = Bench(lambda path: text.encode(), lambda path, module: False).round([good, bad])
    assert done.changed == {"tasks.py": b"a = f(3)\nb = f(2)\n"}
    assert (done.applied, done.broken) == ((good,), {"tasks.py": (bad,)})


@pytest.mark.parametrize(("longest", "folded"), [(79, True), (80, False)])
def test_a_file_that_keeps_to_79_columns_is_left_in_them(longest: int, folded: bool) -> None:
    text = f"@task(first={'x' * 62!r})\ndef f(): ...\n" + f"{'y' * (longest - 4)} = 1\n" * 4
    after = fixed(text, SetKeyword(at(text, text.split("\n")[0][1:]), "a", "1"))
    assert after.startswith("@task(\n") is folded


def test_the_example_of_the_docstring() -> None:
    text = dedented("""
        @task
        def f(): ...
    """)
    assert fixed(text, SetKeyword(at(text, "task"), "acks_late", "True")).startswith("@task(acks_late=True)\n")


_LONG = f"f(\n    {'a' * 30}=1, {'b' * 30}=2\n)"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = t(c=3)\n", f"x = t(c=f({'a' * 30}=1, {'b' * 30}=2))\n"),
        ("y = t(d=4, c=3)\n" + "#", f"y = t(d=4, c=f({'a' * 30}=1, {'b' * 30}=2))\n#"),
        (
            "value = t(\n    dddddddd=4,\n    c=3,\n)\n",
            f"value = t(\n    dddddddd=4,\n    c=f({'a' * 30}=1, {'b' * 30}=2),\n)\n",
        ),
        (
            "if 1:\n  if 2:\n    value = t(\n                  c=3,\n    )\n",
            "if 1:\n  if 2:\n    value = t(\n                  c=f(\n                    "
            + f"{'a' * 30}=1, {'b' * 30}=2\n                  ),\n    )\n",
        ),
        (
            "if 1:\n    value = t(\n                        c=3,\n    )\n",
            "if 1:\n    value = t(\n                        c=f(\n"
            + f"                            {'a' * 30}=1,\n                            {'b' * 30}=2,\n"
            + "                        ),\n    )\n",
        ),
    ],
)
def test_a_long_value_is_folded_where_it_has_to_be(before: str, after: str) -> None:
    assert fixed(before, SetKeyword(at(before, "c=3"), "c", _LONG)) == after
