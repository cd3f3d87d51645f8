from __future__ import annotations

import json
from typing import Any

import pytest

from celerylint.finding import Confidence, Finding, Known, Place, Severity, Span
from celerylint.settle.baseline import BaselineError, Compared, combined, compare, read, recorded, said, written
from celerylint.settle.fingerprint import family, gist, with_fingerprints


def finding(line: int = 1, **more: Any) -> Finding:
    fields: dict[str, Any] = {
        "code": "CLY201",
        "name": "n",
        "message": "`shop.tasks.pull` is retried 3 times",
        "help": "h",
        "severity": Severity.WARNING,
        "confidence": Confidence.HIGH,
        "place": Place(more.pop("path", "shop/tasks.py"), Span(line, 1, line, 9)),
        "symbol": "shop.tasks.pull",
    }
    return Finding(**{**fields, **more})


def against(known: tuple[Known, ...], *found: Finding, **more: Any) -> Compared:
    options: dict[str, Any] = {"judged": lambda entry: True, "is_gone": lambda path: False, **more}
    return compare(found, known, **options)


def lines(findings: tuple[Finding, ...]) -> list[int]:
    return [found.place.line for found in findings]


# -- what is the same


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("waits 180 s (3 min)", "waits 60 s (1 min)"),
        ("shop.tasks.pull is lost", "shop.tasks.pull is lost"),
        ("it loses `shop.mail.send`", "it loses `shop.mail.post`"),
        ("it is lost (also shop.mail.send)", "it is lost"),
        ("it is lost (also a.b, a.c and 4 more)", "it is lost (also a.b, a.d and 12 more)"),
        ("loses any of 4 tasks (a.b, a.c, a.d and 1 more)", "loses any of 2 tasks (a.b and x.y)"),
        ("one of a.b, a.c or a.d", "one of a.b or a.c"),
        ("it runs any of 4 tasks (a.b, a.c, a.d and 1 more)", "it runs a.b"),
        ("2 of 9 tasks (a.b, a.c) run", "any of 3 tasks run"),
        ("both tasks of `app`, 2 mails", "all 3 tasks of `app`, 3 mails"),
        ("it is lost; of 4 a second run would do no harm", "it is lost"),
    ],
)
def test_numbers_and_names_of_others_are_no_part_of_what_is_said(before: str, after: str) -> None:
    assert gist(before, "shop.tasks.pull") == gist(after, "shop.tasks.pull")


def test_the_name_of_the_task_itself_is_none_either() -> None:
    assert gist("pull waits, pulls wait", "pull") == gist("push waits, pulls wait", "push")


@pytest.mark.parametrize("other", ["shop.tasks.pull is kept", "is lost shop.tasks.pull"])
def test_other_words_are_another_fault(other: str) -> None:
    assert gist("shop.tasks.pull is lost", "shop.tasks.pull") != gist(other, "shop.tasks.pull")


def test_families_are_the_first_fingerprints() -> None:
    first, second = with_fingerprints([finding(1), finding(9)])
    assert family(second) == first.fingerprint != second.fingerprint


# -- the file


def test_a_baseline_is_sorted_has_a_line_for_each_entry_and_no_line_numbers() -> None:
    found = [finding(9), finding(3), finding(4, path="a.py"), finding(5, code="CLY101")]
    text = written(recorded(found))
    assert text == written(recorded(reversed(found)))
    assert text.count("\n") == 5
    held = json.loads(text)["findings"]
    assert [(entry["path"], entry["code"], entry["count"]) for entry in held] == [
        ("a.py", "CLY201", 1),
        ("shop/tasks.py", "CLY101", 1),
        ("shop/tasks.py", "CLY201", 2),
    ]
    assert list(held[0]) == ["path", "code", "symbol", "message", "fingerprint", "count"]
    assert read(text) == recorded(found)


@pytest.mark.parametrize("path", ["caf\udce9.py", 'a"\n.py', "日本.py", "\ud800.py"])
def test_any_path_can_be_written_and_read(path: str) -> None:
    entries = recorded([finding(path=path, symbol=path)])
    text = written(entries)
    again = read(text.encode().decode())
    assert [entry.path for entry in again] == [path]


def test_an_empty_baseline_is_one() -> None:
    assert read(written(())) == ()


def test_a_fault_of_ours_is_never_written_down() -> None:
    assert recorded([finding(code="CLY990")]) == ()
    assert against((), finding(code="CLY990")).new


@pytest.mark.parametrize(
    ("text", "reason", "line"),
    [
        ("", "not valid JSON", 1),
        ('{"celerylint": 1,\n<<<<<<< HEAD\n', "not valid JSON", 2),
        ("[]", "no baseline", 0),
        ('{"findings": []}', "no baseline", 0),
        ('{"celerylint": 2, "findings": []}', "another version", 0),
        ('{"celerylint": 1, "findings": [{"path": "a.py"}]}', "findings[0]", 0),
        ('{"celerylint": 1, "findings": [3]}', "findings[0]", 0),
        ("[" * 100_000, "", 0),
        ('{"celerylint": ' + "1" * 10_000 + "}", "no baseline", 0),
    ],
)
def test_what_is_no_baseline_is_refused_with_a_reason(text: str, reason: str, line: int) -> None:
    with pytest.raises(BaselineError) as caught:
        read(text)
    assert reason in caught.value.reason
    assert "\n" not in caught.value.reason
    if line:
        assert caught.value.line == line


def test_a_count_below_one_is_refused() -> None:
    text = written(recorded([finding()])).replace('"count": 1', '"count": 0')
    with pytest.raises(BaselineError, match="count"):
        read(text)


def test_entries_that_a_merge_has_doubled_are_one() -> None:
    (entry,) = recorded([finding()])
    assert [one.count for one in read(written([entry, entry]))] == [2]


# -- comparing


def test_known_findings_are_left_out_wherever_they_moved() -> None:
    compared = against(recorded([finding(3), finding(9)]), finding(30), finding(90))
    assert compared.new == ()
    assert lines(compared.baselined) == [30, 90]
    assert compared.baseline.gone == ()


def test_a_copy_is_new() -> None:
    compared = against(recorded([finding(3)]), finding(3), finding(50))
    assert lines(compared.new) == [50]
    assert against(recorded([finding(3)]), finding(3), finding(3, path="b.py", symbol="b.push")).new


def test_of_more_than_are_known_those_come_first_that_nobody_changed() -> None:
    compared = against(recorded([finding(9)]), finding(3), finding(9), first=lambda one: one.place.line == 9)
    assert lines(compared.new) == [3]


def test_what_is_gone_is_said_and_counted() -> None:
    known = recorded([finding(3), finding(9), finding(12), finding(1, code="CLY405")])
    baseline = against(known, finding(3)).baseline
    assert [(entry.code, entry.count) for entry in baseline.entries] == [("CLY201", 1)]
    assert [(entry.code, entry.count) for entry in baseline.gone] == [("CLY201", 2), ("CLY405", 1)]
    assert said(baseline.gone) == "CLY201 shop/tasks.py (2), CLY405 shop/tasks.py"


def test_what_was_not_looked_for_is_neither_gone_nor_lost() -> None:
    known = recorded([finding(3), finding(1, path="b.py")])
    baseline = against(known, finding(3), judged=lambda entry: entry.path != "b.py").baseline
    assert baseline.gone == ()
    assert baseline.entries == known


def test_a_task_that_moved_to_another_file_is_known() -> None:
    moved = finding(3, path="shop/jobs.py", symbol="shop.jobs.pull", message="`shop.jobs.pull` is retried 3 times")
    compared = against(recorded([finding(3)]), moved)
    assert compared.new == ()
    assert compared.baseline.gone == ()
    assert [entry.path for entry in compared.baseline.entries] == ["shop/jobs.py"]
    # Also where only the new file is linted and the old one is not there any more.
    partial = {"judged": lambda entry: entry.path == "shop/jobs.py"}
    assert against(recorded([finding(3)]), moved, **partial).new
    assert against(recorded([finding(3)]), moved, **partial, is_gone=lambda path: path == "shop/tasks.py").new == ()


def test_a_copy_in_another_file_is_new_while_the_first_is_there() -> None:
    copy = finding(3, path="shop/jobs.py", symbol="shop.jobs.pull")
    assert against(recorded([finding(3)]), finding(3), copy).new == (copy,)


def test_a_place_where_tasks_meet_is_known_whoever_is_named_first() -> None:
    before = finding(symbol="a.one", message="a.one is lost (also a.two)")
    after = finding(symbol="a.newer", message="a.newer is lost (also a.one, a.two)")
    assert against(recorded([before]), after).new == ()
    assert against(recorded([after]), before).new == ()
    assert against(recorded([before]), finding(symbol="a.six", message="a.six is lost")).new


def test_numbers_that_changed_do_not_change_the_baseline() -> None:
    known = recorded([finding(3)])
    after = finding(3, message="`shop.tasks.pull` is retried 30 times")
    assert against(known, after).baseline.entries == known


def test_counts_add_up() -> None:
    known = recorded([finding(3), finding(4)])
    assert [entry.count for entry in combined(known, recorded([finding(9)]))] == [3]


def test_a_large_baseline_after_a_large_move_does_not_take_long() -> None:
    import time

    def made(folder: str) -> list[Finding]:
        return [finding(n, path=f"{folder}/t{n}.py", symbol=f"{folder}.t{n}.pull{n}") for n in range(3000)]

    known = recorded(made("old"))
    start = time.perf_counter()
    assert against(known, *made("new")).new == ()
    assert time.perf_counter() - start < 5
