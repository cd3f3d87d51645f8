"""The language server, spoken to by a client over standard input and output."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pygls")

from lsprotocol import types as lsp
from pygls.lsp.client import LanguageClient

import celerylint

HERE = Path(celerylint.__file__).parents[1]
PATIENCE = 30

APP = """\
from celery import Celery

app = Celery("shop", broker="redis://")
"""
TASKS = """\
from shop.app import app


@app.task(ignore_results=True, max_retries=7)
def charge():
    pass


app.conf.beat_schedule = {
    "charge": {"task": "shop.tasks.charge", "schedule": 60.0},
    "charge-again": {"task": "shop.tasks.charge", "schedule": 60.0},
}
"""
COMPOSE = """\
services:
  worker:
    image: shop
    command: celery -A shop.app worker -B
    deploy: {replicas: 2}
"""
REPEAT = '    "charge-again": {"task": "shop.tasks.charge", "schedule": 60.0},\n'


class Client(LanguageClient):
    """A client that remembers what it was told."""

    def __init__(self) -> None:
        super().__init__("test", "1")
        self.told: dict[str, list[lsp.Diagnostic]] = {}
        self.count = 0
        self.messages: list[str] = []
        self.registered: list[str] = []

        @self.feature(lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        def published(client: Client, params: lsp.PublishDiagnosticsParams) -> None:
            self.told[params.uri] = list(params.diagnostics)
            self.count += 1

        @self.feature(lsp.WINDOW_SHOW_MESSAGE)
        def shown(client: Client, params: lsp.ShowMessageParams) -> None:
            self.messages.append(params.message)

        @self.feature(lsp.CLIENT_REGISTER_CAPABILITY)
        def register(client: Client, params: lsp.RegistrationParams) -> None:
            self.registered += [registration.method for registration in params.registrations]

    async def until(self, happened: Callable[[], Any]) -> None:
        """Wait for something to happen."""
        for _ in range(PATIENCE * 50):
            if happened():
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"nothing happened; told: {self.told}; shown: {self.messages}")

    def codes(self, path: Path) -> list[str]:
        return sorted(str(diagnostic.code) for diagnostic in self.told.get(path.as_uri(), []))

    def diagnostic(self, path: Path, code: str) -> lsp.Diagnostic:
        return next(diagnostic for diagnostic in self.told[path.as_uri()] if diagnostic.code == code)

    def open(self, path: Path, text: str | None = None) -> None:
        held = path.read_text() if text is None else text
        self.text_document_did_open(
            lsp.DidOpenTextDocumentParams(lsp.TextDocumentItem(path.as_uri(), "python", 1, held))
        )

    def type(self, path: Path, version: int, text: str) -> None:
        self.text_document_did_change(
            lsp.DidChangeTextDocumentParams(
                lsp.VersionedTextDocumentIdentifier(version, path.as_uri()),
                [lsp.TextDocumentContentChangeWholeDocument(text)],
            )
        )

    async def actions(
        self, path: Path, line: int, only: list[str] | None = None, column: int = 0
    ) -> list[lsp.CodeAction]:
        at = lsp.Position(line - 1, column)
        found = await self.text_document_code_action_async(
            lsp.CodeActionParams(
                lsp.TextDocumentIdentifier(path.as_uri()),
                lsp.Range(at, at),
                lsp.CodeActionContext([], only=only),  # type: ignore[arg-type]
            )
        )
        return [action for action in found or [] if isinstance(action, lsp.CodeAction)]

    async def hover(self, path: Path, line: int, column: int) -> str:
        found = await self.text_document_hover_async(
            lsp.HoverParams(lsp.TextDocumentIdentifier(path.as_uri()), lsp.Position(line - 1, column))
        )
        if found is None:
            return ""
        assert isinstance(found.contents, lsp.MarkupContent)
        return found.contents.value


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    files = {
        ".git/HEAD": "",
        "shop/__init__.py": "",
        "shop/app.py": APP,
        "shop/tasks.py": TASKS,
        "Procfile": "worker: celery -A shop.app worker -B\n",
        "compose.yml": COMPOSE,
    }
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


Talk = Callable[[Client], Awaitable[None]]


def talk(
    shop: Path | None,
    conversation: Talk,
    *,
    encodings: list[str] | None = None,
    resolves: bool = True,
    watches: bool = False,
) -> None:
    """Hold a conversation with a server whose workspace is a folder."""

    async def held() -> None:
        client = Client()
        await client.start_io(sys.executable, "-m", "celerylint", "server")
        support = lsp.ClientCodeActionResolveOptions(["edit"]) if resolves else None
        await client.initialize_async(
            lsp.InitializeParams(
                capabilities=lsp.ClientCapabilities(
                    general=lsp.GeneralClientCapabilities(position_encodings=encodings),  # type: ignore[arg-type]
                    text_document=lsp.TextDocumentClientCapabilities(
                        code_action=lsp.CodeActionClientCapabilities(resolve_support=support)
                    ),
                    workspace=lsp.WorkspaceClientCapabilities(
                        did_change_watched_files=lsp.DidChangeWatchedFilesClientCapabilities(
                            dynamic_registration=watches
                        )
                    ),
                ),
                workspace_folders=[lsp.WorkspaceFolder(shop.as_uri(), "shop")] if shop is not None else None,
            )
        )
        client.initialized(lsp.InitializedParams())
        try:
            await conversation(client)
        finally:
            await client.shutdown_async(None)
            client.exit(None)
            await client.stop()

    asyncio.run(held())


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELERYLINT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])]))


def applied(text: str, action: lsp.CodeAction, path: Path) -> str:
    """A text after the edit of an action; columns are taken for characters."""
    assert action.edit is not None
    assert action.edit.changes is not None
    assert list(action.edit.changes) == [path.as_uri()]
    lines = text.splitlines(keepends=True)
    starts = [sum(map(len, lines[:number])) for number in range(len(lines) + 1)]
    edits = sorted(
        action.edit.changes[path.as_uri()], key=lambda edit: (edit.range.start.line, edit.range.start.character)
    )
    for edit in reversed(edits):
        start, end = (starts[at.line] + at.character for at in (edit.range.start, edit.range.end))
        text = text[:start] + edit.new_text + text[end:]
    return text


# -- diagnostics


def test_project_is_linted_when_it_is_opened_and_what_is_found_is_told(shop: Path) -> None:
    tasks = shop / "shop/tasks.py"

    async def conversation(client: Client) -> None:
        await client.until(lambda: client.codes(tasks))
        assert {"CLY403", "CLY804"} <= set(client.codes(tasks))
        assert client.codes(shop / "Procfile")
        assert client.codes(shop / "compose.yml")
        found = client.diagnostic(tasks, "CLY804")
        assert found.range == lsp.Range(lsp.Position(3, 10), lsp.Position(3, 29))
        assert found.severity == lsp.DiagnosticSeverity.Error
        assert found.source == "celerylint"
        assert list(found.tags or []) == [lsp.DiagnosticTag.Unnecessary]
        assert found.code_description is not None
        assert found.code_description.href.endswith("/CLY804.html")
        assert "\n" in found.message
        repeated = client.diagnostic(tasks, "CLY403").related_information
        assert repeated
        assert repeated[0].location.uri == tasks.as_uri()
        assert repeated[0].location.range.start.line == 9

    talk(shop, conversation)


def test_diagnostics_follow_what_is_typed_in_any_file_of_the_project(shop: Path) -> None:
    app, tasks = shop / "shop/app.py", shop / "shop/tasks.py"

    async def conversation(client: Client) -> None:
        client.open(tasks)
        await client.until(lambda: "CLY804" in client.codes(tasks))
        client.type(tasks, 2, TASKS.replace("ignore_results", "ignore_result"))
        await client.until(lambda: "CLY804" not in client.codes(tasks))
        assert "CLY403" in client.codes(tasks)
        assert (shop / "shop/tasks.py").read_text() == TASKS
        client.open(app)
        client.type(app, 2, APP + "app.conf.task_ack_late = True\n")
        await client.until(lambda: "CLY801" in client.codes(app))
        client.text_document_did_close(lsp.DidCloseTextDocumentParams(lsp.TextDocumentIdentifier(app.as_uri())))
        await client.until(lambda: "CLY801" not in client.codes(app))

    talk(shop, conversation)


def test_document_that_cannot_be_read_while_it_is_typed_changes_nothing(shop: Path) -> None:
    app, tasks = shop / "shop/app.py", shop / "shop/tasks.py"

    async def conversation(client: Client) -> None:
        client.open(tasks)
        client.open(app)
        await client.until(lambda: client.codes(tasks))
        before = client.codes(tasks)
        client.type(tasks, 2, TASKS + "def (")
        # Another document shows when the run is over.
        client.type(app, 2, APP + "app.conf.task_ack_late = True\n")
        await client.until(lambda: "CLY801" in client.codes(app))
        assert client.codes(tasks) == before
        broken = TASKS + "def ("
        tasks.write_text(broken)
        client.text_document_did_save(lsp.DidSaveTextDocumentParams(lsp.TextDocumentIdentifier(tasks.as_uri())))
        await client.until(lambda: client.codes(tasks) == ["CLY900"])
        client.type(tasks, 3, TASKS)
        await client.until(lambda: client.codes(tasks) == before)

    talk(shop, conversation)


def test_deployment_file_is_linted_as_it_is_typed(shop: Path) -> None:
    procfile = shop / "Procfile"

    async def conversation(client: Client) -> None:
        client.open(procfile)
        await client.until(lambda: "CLY402" in client.codes(procfile))
        client.type(procfile, 2, "worker: celery -A shop.app worker\nbeat: celery -A shop.app beat\n")
        await client.until(lambda: "CLY402" not in client.codes(procfile))

    talk(shop, conversation)


def test_deployment_file_that_cannot_be_read_while_it_is_typed_changes_nothing(shop: Path) -> None:
    compose, app = shop / "compose.yml", shop / "shop/app.py"

    async def conversation(client: Client) -> None:
        client.open(compose)
        client.open(app)
        await client.until(lambda: client.codes(compose))
        before = client.codes(compose)
        client.type(compose, 2, COMPOSE + "  beat: [\n")
        client.type(app, 2, APP + "app.conf.task_ack_late = True\n")
        await client.until(lambda: "CLY801" in client.codes(app))
        assert client.codes(compose) == before
        client.type(compose, 3, COMPOSE.replace(" -B", ""))
        await client.until(lambda: client.codes(compose) != before)

    talk(shop, conversation)


def test_no_comment_is_offered_where_the_format_has_none(shop: Path) -> None:
    taskdef = shop / "task-definition.json"
    command = '["celery", "-A", "shop.app", "worker", "-B"]'
    taskdef.write_text('{"containerDefinitions": [{"name": "worker", "image": "shop", "command": ' + command + "}]}\n")

    async def conversation(client: Client) -> None:
        client.open(taskdef)
        await client.until(lambda: client.codes(taskdef))
        assert not [a for a in await client.actions(taskdef, 1) if a.title.endswith("ignore on this line")]

    talk(shop, conversation)


def test_new_file_is_linted_before_it_is_saved(shop: Path) -> None:
    new = shop / "shop/mail.py"

    async def conversation(client: Client) -> None:
        client.open(new, "from shop.app import app\n\n\n@app.task(ignore_results=True)\ndef send():\n    pass\n")
        await client.until(lambda: "CLY804" in client.codes(new))

    talk(shop, conversation)


@pytest.mark.parametrize("encoding", [None, "utf-16", "utf-8", "utf-32"])
def test_columns_are_counted_as_the_client_counts_them(shop: Path, encoding: str | None) -> None:
    tasks = shop / "shop/tasks.py"
    text = 'from shop.app import app\n\n\n@app.task(name="💌💌é", ignore_results=True)\ndef send():\n    pass\n'

    async def conversation(client: Client) -> None:
        client.open(tasks, text)
        await client.until(lambda: "CLY804" in client.codes(tasks))
        line = text.splitlines()[3]
        before = line[: line.index("ignore_results")]
        units = {"utf-8": len(before.encode()), "utf-32": len(before)}
        expected = units.get(encoding or "", len(before.encode("utf-16-le")) // 2)
        assert client.diagnostic(tasks, "CLY804").range.start == lsp.Position(3, expected)
        assert "CLY804" in await client.hover(tasks, 4, expected + 2)

    talk(shop, conversation, encodings=[encoding] if encoding else None)


def test_mistake_in_the_configuration_is_shown_once_and_mended_again(shop: Path) -> None:
    tasks, config = shop / "shop/tasks.py", shop / "celerylint.toml"
    config.write_text("selct = 1\n")

    async def conversation(client: Client) -> None:
        client.open(tasks)
        await client.until(lambda: client.messages)
        client.type(tasks, 2, TASKS + "\n")
        config.write_text('ignore = ["CLY998"]\n')
        client.workspace_did_change_watched_files(lsp.DidChangeWatchedFilesParams([]))
        client.type(tasks, 3, TASKS + "\n\n")
        await client.until(lambda: len(client.messages) > 1)
        config.write_text('ignore = ["CLY804"]\n')
        client.type(tasks, 4, TASKS + "\n\n\n")
        await client.until(lambda: client.codes(tasks))
        assert "CLY804" not in client.codes(tasks)
        assert len(client.messages) == 2
        assert 'unknown key "selct"' in client.messages[0]
        assert 'celerylint.toml:1: unknown rule "CLY998"' in client.messages[1]

    talk(shop, conversation)


def test_files_that_change_on_disk_are_asked_for_and_linted_again(shop: Path) -> None:
    tasks = shop / "shop/tasks.py"

    async def conversation(client: Client) -> None:
        await client.until(lambda: client.codes(tasks) and client.registered)
        assert client.registered == ["workspace/didChangeWatchedFiles"]
        tasks.write_text(TASKS.replace("ignore_results", "ignore_result"))
        client.workspace_did_change_watched_files(
            lsp.DidChangeWatchedFilesParams([lsp.FileEvent(tasks.as_uri(), lsp.FileChangeType.Changed)])
        )
        await client.until(lambda: "CLY804" not in client.codes(tasks))

    talk(shop, conversation, watches=True)


def test_document_without_a_workspace_is_linted_in_its_project(shop: Path) -> None:
    tasks = shop / "shop/tasks.py"

    async def conversation(client: Client) -> None:
        client.open(tasks)
        await client.until(lambda: client.codes(tasks))
        assert "CLY804" in client.codes(tasks)
        assert not client.codes(shop / "Procfile")

    talk(None, conversation)


def test_folder_that_leaves_the_workspace_is_forgotten(shop: Path) -> None:
    tasks = shop / "shop/tasks.py"

    async def conversation(client: Client) -> None:
        await client.until(lambda: client.codes(tasks))
        gone = lsp.WorkspaceFoldersChangeEvent([], [lsp.WorkspaceFolder(shop.as_uri(), "shop")])
        client.workspace_did_change_workspace_folders(lsp.DidChangeWorkspaceFoldersParams(gone))
        await client.until(lambda: not client.codes(tasks))

    talk(shop, conversation)


# -- actions


def test_fixes_are_offered_with_their_safety(shop: Path) -> None:
    tasks = shop / "shop/tasks.py"

    async def conversation(client: Client) -> None:
        client.open(tasks)
        await client.until(lambda: "CLY403" in client.codes(tasks))
        (fix,) = [a for a in await client.actions(tasks, 11) if a.title.startswith("CLY403:") and a.is_preferred]
        assert fix.kind == lsp.CodeActionKind.QuickFix
        assert fix.diagnostics
        assert applied(TASKS, fix, tasks) == TASKS.replace(REPEAT, "")
        (unsafe,) = [a for a in await client.actions(tasks, 4) if a.title.startswith("CLY804: write")]
        assert unsafe.title.endswith(" (changes what runs)")
        assert applied(TASKS, unsafe, tasks) == TASKS.replace("ignore_results", "ignore_result")
        assert await client.actions(tasks, 6, ["quickfix"]) == []

    talk(shop, conversation)


def test_comment_that_silences_is_offered(shop: Path) -> None:
    tasks = shop / "shop/tasks.py"

    async def conversation(client: Client) -> None:
        client.open(tasks)
        await client.until(lambda: "CLY804" in client.codes(tasks))
        (ignore,) = [a for a in await client.actions(tasks, 4) if a.title == "CLY804: ignore on this line"]
        marked = applied(TASKS, ignore, tasks)
        assert "max_retries=7)  # celerylint: ignore[CLY804]\n" in marked
        client.type(tasks, 2, marked)
        await client.until(lambda: "CLY804" not in client.codes(tasks))
        assert "CLY902" not in client.codes(tasks)

    talk(shop, conversation)


@pytest.mark.parametrize("resolves", [True, False])
def test_everything_safe_is_mended_at_once(shop: Path, resolves: bool) -> None:
    tasks = shop / "shop/tasks.py"

    async def conversation(client: Client) -> None:
        client.open(tasks)
        await client.until(lambda: "CLY403" in client.codes(tasks))
        (action,) = await client.actions(tasks, 1, ["source.fixAll"])
        assert action.kind == "source.fixAll.celerylint"
        if resolves:
            assert action.edit is None
            action = await client.code_action_resolve_async(action)
        assert applied(TASKS, action, tasks) == TASKS.replace(REPEAT, "")

    talk(shop, conversation, resolves=resolves)


def test_fixes_are_of_the_text_as_it_was_typed(shop: Path) -> None:
    tasks = shop / "shop/tasks.py"
    typed = "# one line more\n" + TASKS

    async def conversation(client: Client) -> None:
        client.open(tasks)
        await client.until(lambda: "CLY403" in client.codes(tasks))
        client.type(tasks, 2, typed)
        assert await client.actions(tasks, 12) == []  # what was found is of another text
        await client.until(lambda: client.diagnostic(tasks, "CLY403").range.start.line == 11)
        (fix,) = [a for a in await client.actions(tasks, 12) if a.is_preferred]
        assert applied(typed, fix, tasks) == typed.replace(REPEAT, "")

    talk(shop, conversation)


# -- pages


def test_hover_tells_what_holds_for_the_task(shop: Path) -> None:
    tasks, views = shop / "shop/tasks.py", shop / "shop/views.py"
    views.write_text("from shop.tasks import charge\n\n\ndef buy():\n    charge.delay()\n")

    async def conversation(client: Client) -> None:
        client.open(tasks)
        client.open(views)
        await client.until(lambda: client.codes(tasks))
        for where in ((tasks, 4, 2), (tasks, 5, 6), (views, 5, 6)):
            page = await client.hover(*where)
            assert "**shop.tasks.charge**" in page
            assert "| max_retries | `7` | decorator (shop/tasks.py:4) |" in page
            assert "| acks_late | `False` |" in page
        assert await client.hover(tasks, 7, 0) == ""

    talk(shop, conversation)


def test_hover_shows_the_page_of_the_rule(shop: Path) -> None:
    tasks, procfile = shop / "shop/tasks.py", shop / "Procfile"

    async def conversation(client: Client) -> None:
        client.open(tasks)
        client.open(procfile)
        await client.until(lambda: client.codes(tasks) and client.codes(procfile))
        page = await client.hover(tasks, 4, 12)
        assert "# CLY804: unknown-task-option" in page
        assert "# CLY402: beat-in-worker" in await client.hover(
            procfile, 1, client.diagnostic(procfile, "CLY402").range.start.character
        )

    talk(shop, conversation)


# -- the command


def test_without_the_extra_it_is_said_what_to_install() -> None:
    code = (
        "import sys; sys.modules['pygls'] = None; from celerylint.frontends.cli import main; sys.exit(main(['server']))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == "celerylint: the language server needs pygls: pip install 'celerylint[lsp]'\n"


def test_client_that_goes_away_ends_the_server() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "celerylint", "server", "--stdio"],
        input=b"",
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert ran.returncode == 0
    assert b"Traceback" not in ran.stderr
    assert ran.stdout == b""
