"""Every command of the README and of the handwritten pages does what the page says."""

from __future__ import annotations

from pathlib import Path

import pytest

from celerylint.dev.docs import ROOT, commands

_PAGES = commands.pages(ROOT)


@pytest.mark.parametrize("page", _PAGES, ids=[page.stem for page in _PAGES])
def test_a_page(page: Path) -> None:
    wrong = [
        f"{page.name}:{ran.step.line}: {ran.wrong}" for ran in commands.run(page.read_text("utf-8"), ROOT) if ran.wrong
    ]
    assert not wrong, "\n\n".join(wrong)


def test_what_is_left_out_has_a_reason() -> None:
    for page in _PAGES:
        for number, line in enumerate(page.read_text("utf-8").splitlines(), 1):
            assert line.strip() != "<!-- not run -->", f"{page.name}:{number}: say why"


# --- the runner itself


def _ran(text: str) -> list[commands.Ran]:
    return commands.run(text, ROOT)


def test_steps_run_in_one_shell_and_are_compared() -> None:
    text = "<!-- file: new/a.txt -->\n```text\none\n```\n\n```console\n$ cd new\n$ cat a.txt\none\n$ cat a.txt\ntwo\n$ false\n```\n"
    made, moved, same, different, failed = _ran(text)
    assert [step.wrong for step in (made, moved, same)] == ["", "", ""]
    assert "says:\none\n\nand not:\ntwo" in different.wrong
    assert "status 1" in failed.wrong


def test_a_diff_is_applied_unless_it_is_only_shown() -> None:
    diff = "```diff\n--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-one\n+two\n```\n"
    start = "<!-- first: echo one > a.txt -->\n"
    *_, last = _ran(f"{start}<!-- only shown -->\n{diff}\n```console\n$ cat a.txt\none\n```\n")
    assert not last.wrong
    *_, last = _ran(f"{start}\n{diff}\n```console\n$ cat a.txt\ntwo\n```\n")
    assert not last.wrong


def test_trimmed_output() -> None:
    assert commands.matches(["a", "[...]", "d"], ["a", "b", "c", "d"])
    assert commands.matches(["in [...] s"], ["in 0.3 s"])
    assert not commands.matches(["a", "[...]"], ["b"])
    assert not commands.matches(["a"], ["a", "b"])


def test_output_is_filled_in(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```console\n$ echo new\n[?]\n$ echo same\nsame\n$ echo b\na[...]\n```\n", "utf-8")
    text, trouble = commands.refreshed(page, ROOT)
    assert text == "```console\n$ echo new\nnew\n$ echo same\nsame\n$ echo b\na[...]\n```\n"
    assert len(trouble) == 1
    assert trouble[0].startswith("6: ")


def test_blocks_of_other_kinds_are_not_mistaken_for_ends() -> None:
    ran = _ran("```{image} a.svg\n:alt: a\n```\n\n```console\n$ echo a\nb\n```\n")
    assert [step.wrong != "" for step in ran] == [True]
