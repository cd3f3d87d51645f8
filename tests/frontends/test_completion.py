"""Completion in shells."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import celerylint
from celerylint.frontends.cli import main

HERE = Path(celerylint.__file__).parents[1]


def complete(
    line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], shell: str = "zsh"
) -> list[str]:
    """What is offered for the last word of a line; types and help are left out."""
    words = line.split(" ")
    monkeypatch.setenv("_CELERYLINT_COMPLETE", f"{shell}_complete")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", words[-1] if shell == "fish" else str(len(words) - 1))
    assert main([]) == 0
    said = capsys.readouterr().out.splitlines()
    if shell == "zsh":
        return [f"<{kind}>" if kind != "plain" else word for kind, word in zip(said[::3], said[1::3], strict=True)]
    return [entry.partition(",")[2].partition("\t")[0] for entry in said]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("celerylint in", ["inspect", "<file>"]),
        ("celerylint check sho", ["<file>"]),
        ("celerylint --extend-s", ["--extend-select"]),
        ("celerylint inspect --celery", ["--celery-version"]),
        ("celerylint --select CLY40", [f"CLY40{n}" for n in range(1, 10)]),
        ("celerylint --ignore CLY201,cly40", [f"CLY201,CLY40{n}" for n in range(1, 10)]),
        ("celerylint --select=CLY10", [f"CLY10{n}" for n in range(1, 10)]),
        ("celerylint explain CLY90", ["CLY900", "CLY901", "CLY902", "CLY903"]),
        ("celerylint --preset ", ["recommended", "playbook", "all"]),
        ("celerylint --output-format s", ["sarif"]),
        ("celerylint graph --output-format ", ["mermaid", "html"]),
        ("celerylint --config ", ["<file>"]),
        ("celerylint --cache-dir ", ["<dir>"]),
        ("celerylint completion ", ["bash", "zsh", "fish"]),
    ],
)
def test_words_that_may_come_next_are_offered(
    line: str, expected: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert complete(line, monkeypatch, capsys) == expected


@pytest.mark.parametrize("shell", ["bash", "fish"])
def test_every_shell_is_answered(
    shell: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert complete("celerylint explain CLY90", monkeypatch, capsys, shell) == ["CLY900", "CLY901", "CLY902", "CLY903"]


def test_every_verb_is_offered_with_what_it_does(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    offered = complete("celerylint ", monkeypatch, capsys)
    assert offered == ["check", "inspect", "graph", "explain", "server", "completion", "<file>"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_script_is_printed(shell: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    said = capsys.readouterr().out
    assert f"_CELERYLINT_COMPLETE={shell}_complete" in said
    monkeypatch.setenv("_CELERYLINT_COMPLETE", f"{shell}_source")
    assert main([]) == 0
    assert capsys.readouterr().out == said


def test_shell_of_the_environment_is_taken(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("SHELL", "/usr/bin/zsh")
    assert main(["completion"]) == 0
    assert capsys.readouterr().out.startswith("#compdef celerylint")


@pytest.mark.parametrize(
    ("shell", "arguments", "message"),
    [
        ("", [], "name a shell: bash, zsh or fish"),
        ("/bin/dash", [], 'no completion for the shell "dash": bash, zsh or fish; did you mean "bash"?'),
        ("", ["powershell"], 'no completion for the shell "powershell": bash, zsh or fish'),
    ],
)
def test_unknown_shell_is_wrong_usage(
    shell: str,
    arguments: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SHELL", shell)
    assert main(["completion", *arguments]) == 2
    assert capsys.readouterr().err == f"celerylint: {message}\n"


_QUESTIONS = {
    "bash": "source script; "
    "COMP_WORDS=({words}); COMP_CWORD=2; _celerylint_completion celerylint; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
    "fish": "source script; complete --do-complete '{words}'",
}


@pytest.mark.parametrize("shell", ["bash", "fish"])
def test_shell_itself_completes(shell: str, tmp_path: Path) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed here")
    command = tmp_path / "celerylint"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m celerylint "$@"\n')
    command.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(HERE)}

    def run(*arguments: str) -> str:
        return subprocess.run(
            arguments, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        ).stdout

    (tmp_path / "script").write_text(run(str(command), "completion", shell))
    said = run(program, "-c", _QUESTIONS[shell].format(words="celerylint explain CLY90"))
    assert [line.split("\t")[0] for line in said.splitlines()] == ["CLY900", "CLY901", "CLY902", "CLY903"]


@pytest.mark.parametrize("number", [None, "", "x", "-9", "9" * 30])
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_what_no_script_asks_for_is_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], shell: str, number: str | None
) -> None:
    monkeypatch.setenv("_CELERYLINT_COMPLETE", f"{shell}_complete")
    for words in (None, "", "celerylint 'in", "celerylint \\"):
        for name, value in (("COMP_WORDS", words), ("COMP_CWORD", number)):
            if value is None:
                monkeypatch.delenv(name, raising=False)
            else:
                monkeypatch.setenv(name, value)
        assert main([]) == 0
        assert capsys.readouterr().err == ""
