"""`celerylint server`: what editors speak to (the Language Server Protocol), over standard input and output.

Each project is linted as a whole, with the open documents in the place of the files: a moment after the last key, in a thread
of its own. While a document cannot be read, since somebody is writing in it, its last state that could be is taken for it, and
what was said of it stays.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from lsprotocol import types as lsp
from pygls import uris
from pygls.lsp.server import LanguageServer

from celerylint import __version__
from celerylint.config import ConfigError, UsageError, load
from celerylint.finding import Finding, Place, ReplaceText, Severity, Span
from celerylint.frontends import editor
from celerylint.frontends.editor import View
from celerylint.frontends.stdin import encoded, relative
from celerylint.inspection import Inspection

T = TypeVar("T")

DELAY = 0.3
"""Seconds without a key after which a project is linted."""

FIX_ALL = "source.fixAll.celerylint"
_BOM = b"\xef\xbb\xbf"
_LINE = re.compile(r"\r\n|\r|\n")
_WATCHED = "**/*.{py,toml,cfg,txt,in,lock,yml,yaml,json,ini,conf,service,sh}"
_SEVERITIES = {
    Severity.ERROR: lsp.DiagnosticSeverity.Error,
    Severity.WARNING: lsp.DiagnosticSeverity.Warning,
    Severity.INFO: lsp.DiagnosticSeverity.Information,
}
_WITHOUT_EFFECT = frozenset(("CLY103", "CLY109", "CLY205", "CLY304", "CLY510", "CLY712", "CLY801", "CLY804", "CLY901"))
"""Rules that find what nobody reads: editors fade it."""
_OUT_OF_DATE = frozenset(("CLY802", "CLY806", "CLY816", "CLY821"))
"""Rules that find what Celery has given up: editors strike it through."""


def serve() -> None:
    """Serve one client over standard input and output until it goes."""
    out = sys.stdout.buffer
    sys.stdout = sys.stderr  # a stray word among the messages would end the conversation
    make_server().start_io(None, out)


class Project:
    """A project with open documents, or in a folder of the workspace."""

    def __init__(self, root: Path, paths: tuple[str, ...]) -> None:
        self.root = root
        self.paths = paths
        """What is linted; empty for the open documents alone."""
        self.view: View | None = None
        self.inspection: Inspection | None = None
        self.published: set[str] = set()
        self.legible: dict[str, bytes] = {}
        """The last bytes of each open document that could be read, by path from the root."""
        self.due: asyncio.TimerHandle | None = None
        self.lock = asyncio.Lock()


class Server(LanguageServer):
    """The language server, and the projects that it knows."""

    def __init__(self) -> None:
        super().__init__("celerylint", __version__)
        self.projects: dict[tuple[Path, tuple[str, ...]], Project] = {}
        self.worker = ThreadPoolExecutor(1, "celerylint")
        self.complaint = ""
        self.tasks: set[asyncio.Task[None]] = set()

    async def in_thread(self, function: Callable[..., T], *arguments: Any) -> T:
        """A call in the thread that lints."""
        return await asyncio.get_running_loop().run_in_executor(self.worker, lambda: function(*arguments))

    # --- which project a file is of

    def folders(self) -> list[str]:
        """The folders of the workspace."""
        found = [*map(uris.to_fs_path, self.workspace.folders)] or [self.workspace.root_path]
        return [os.path.abspath(folder) for folder in found if folder]

    def project_of(self, path: str) -> Project | None:
        """The project of a file; None, said to the person, where its configuration cannot be read."""
        near = os.path.dirname(path)
        while not os.path.isdir(near) and near != os.path.dirname(near):
            near = os.path.dirname(near)
        within = [folder for folder in self.folders() if path == folder or path.startswith(os.path.join(folder, ""))]
        try:
            own = load([near])
            if within:
                folder = max(within, key=len)
                if own.source is None or not str(own.root).startswith(folder):
                    return self.project(load([folder]).root, (folder,))
                return self.project(own.root, (str(own.root),))
            return self.project(own.root, ())
        except UsageError as error:
            self.complain(str(error))
            return None

    def project(self, root: Path, paths: tuple[str, ...]) -> Project:
        """The project at a root, of which some folders are to be linted."""
        return self.projects.setdefault((root, paths), Project(root, paths))

    def documents(self, project: Project) -> dict[str, tuple[str, str]]:
        """Path from the root, URI and text of the open documents of a project."""
        found: dict[str, tuple[str, str]] = {}
        for uri, document in self.workspace.text_documents.items():
            path = _path(uri)
            if path is not None and self.project_of(path) is project:
                found[relative(path, project.root)] = (uri, document.source)
        return found

    # --- linting

    def touch(self, project: Project | None) -> None:
        """Lint a project when nobody has typed for a moment."""
        if project is None:
            return
        if project.due is not None:
            project.due.cancel()
        project.due = asyncio.get_running_loop().call_later(DELAY, self._start, project)

    def _start(self, project: Project) -> None:
        project.due = None
        task = asyncio.get_running_loop().create_task(self.lint(project))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def lint(self, project: Project) -> None:
        """Lint a project and tell the client."""
        async with project.lock:
            documents = self.documents(project)
            taken = {path: encoded(text) for path, (_, text) in documents.items()}
            paths = project.paths or tuple(str(project.root / path) for path in taken)
            if not paths:
                self.publish(project, None, documents, set())
                return
            try:
                view, illegible = await self.in_thread(self._look, project, paths, taken)
            except UsageError as error:
                self.complain(str(error))
                return
            except Exception as error:
                self.complain(f"internal error: {type(error).__name__}: {error} (this is a bug)")
                return
            self.complaint = ""
            project.view, project.inspection = view, None
            now = self.documents(project)
            changed = {path for path, (_, text) in now.items() if path in taken and encoded(text) != taken[path]}
            self.publish(project, view, now, illegible | changed)

    def _look(self, project: Project, paths: tuple[str, ...], taken: dict[str, bytes]) -> tuple[View, set[str]]:
        """What is found, and the open documents that cannot be read as they are."""
        settings = load(project.paths or (str(project.root),))
        unsaved: dict[str, bytes] = {}
        illegible: set[str] = set()
        for path, source in taken.items():
            disk = _bytes(project.root / path)
            if disk is not None and disk.removeprefix(_BOM) == source:
                project.legible[path] = source
            elif editor.readable(path, source):
                unsaved[path] = project.legible[path] = source
            else:
                illegible.add(path)
                if path in project.legible:
                    unsaved[path] = project.legible[path]
        try:
            return editor.look(project.root, paths, settings.options, unsaved), illegible
        except ConfigError as error:
            raise UsageError(settings.locate(error)) from error

    def publish(
        self, project: Project, view: View | None, documents: dict[str, tuple[str, str]], kept: Iterable[str]
    ) -> None:
        """Say what was found. Of the documents in `kept`, what was said of them stays."""
        found: dict[str, list[lsp.Diagnostic]] = {}
        if view is not None:
            for finding in view.report.findings:
                found.setdefault(finding.place.path, []).append(self.diagnostic(finding, project, view, documents))
        said: set[str] = set()
        for path, diagnostics in found.items():
            uri = self.uri(project, path, documents)
            said.add(uri)
            if path not in kept:
                self._tell(uri, diagnostics)
        for uri in project.published - said:
            file = _path(uri)
            if file is not None and relative(file, project.root) in kept:
                said.add(uri)
            else:
                self._tell(uri, [])
        project.published = said

    def _tell(self, uri: str, diagnostics: list[lsp.Diagnostic]) -> None:
        document = self.workspace.text_documents.get(uri)
        version = document.version if document is not None else None
        self.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, diagnostics, version))

    def complain(self, message: str) -> None:
        """Show a mistake in the configuration, once until it changes."""
        if message != self.complaint:
            self.complaint = message
            shown = lsp.ShowMessageParams(lsp.MessageType.Error, f"celerylint: {message}")
            self.window_show_message(shown)

    # --- places

    def uri(self, project: Project, path: str, documents: dict[str, tuple[str, str]]) -> str:
        """The URI of a file, as the client spells it if it has opened it."""
        if path in documents:
            return documents[path][0]
        return uris.from_fs_path(str(project.root / path)) or ""

    def diagnostic(
        self, finding: Finding, project: Project, view: View, documents: dict[str, tuple[str, str]]
    ) -> lsp.Diagnostic:
        """A finding as the protocol says it."""
        sources = view.report.sources
        tags = [lsp.DiagnosticTag.Unnecessary] if finding.code in _WITHOUT_EFFECT else []
        tags += [lsp.DiagnosticTag.Deprecated] if finding.code in _OUT_OF_DATE else []
        return lsp.Diagnostic(
            range=self.range(finding.place.span, sources.get(finding.place.path, "")),
            message=f"{finding.message}\n{finding.help}" if finding.help else finding.message,
            severity=_SEVERITIES[finding.severity],
            code=finding.code,
            code_description=lsp.CodeDescription(finding.url) if finding.url else None,
            source="celerylint",
            tags=tags or None,
            related_information=[
                lsp.DiagnosticRelatedInformation(
                    self.location(related.place, sources, project, documents), related.message
                )
                for related in finding.related
            ]
            or None,
            data={"fingerprint": finding.fingerprint},
        )

    def location(
        self, place: Place, sources: dict[str, str], project: Project, documents: dict[str, tuple[str, str]]
    ) -> lsp.Location:
        """A place as the protocol says it."""
        return lsp.Location(
            self.uri(project, place.path, documents), self.range(place.span, sources.get(place.path, ""))
        )

    def range(self, span: Span, text: str) -> lsp.Range:
        """A span of a text as the protocol says it: lines and columns from 0, columns in the units agreed on."""
        lines = _LINE.split(text)

        def position(line: int, column: int) -> lsp.Position:
            held = lines[line - 1] if 0 < line <= len(lines) else ""
            return lsp.Position(max(line - 1, 0), self.units(held[: max(column - 1, 0)]))

        return lsp.Range(position(span.line, span.column), position(span.end_line, span.end_column))

    def units(self, text: str) -> int:
        """The length of a text in the units that the client counts columns in."""
        encoding = str(getattr(self.workspace.position_encoding, "value", self.workspace.position_encoding))
        if encoding == "utf-32":
            return len(text)
        if encoding == "utf-8":
            return len(text.encode("utf-8", "surrogatepass"))
        return len(text.encode("utf-16-le", "surrogatepass")) // 2

    def column(self, line: str, character: int) -> int:
        """The column, in characters from 1, of a position of the client's in a line."""
        taken = 0
        for index, char in enumerate(line):
            if taken >= character:
                return index + 1
            taken += self.units(char)
        return len(line) + 1

    # --- what is asked of one document

    def asked(self, uri: str) -> tuple[Project, View, str, str, bytes] | None:
        """Project, view, path, text and bytes of a document; None unless the view saw it as it is now."""
        path = _path(uri)
        project = self.project_of(path) if path is not None else None
        if path is None or project is None or project.view is None:
            return None
        here = relative(path, project.root)
        text = self.workspace.get_text_document(uri).source
        source = encoded(text)
        seen = project.view.unsaved.get(here)
        if seen is None:
            seen = (_bytes(project.root / here) or b"").removeprefix(_BOM)
        return (project, project.view, here, text, source) if seen == source else None

    def edit(self, project: Project, edits: Sequence[ReplaceText], texts: dict[str, str]) -> lsp.WorkspaceEdit:
        """Replacements as an edit of the protocol; `texts` are those of the files, by path."""
        documents = self.documents(project)
        changes: dict[str, list[lsp.TextEdit]] = {}
        for edit in edits:
            path = edit.place.path
            text = texts[path] if path in texts else _text(project, path)
            changes.setdefault(self.uri(project, path, documents), []).append(
                lsp.TextEdit(self.range(edit.place.span, text), edit.text)
            )
        return lsp.WorkspaceEdit(changes=changes)


def make_server() -> Server:
    """A server with everything that it can do."""
    server = Server()

    @server.feature(lsp.INITIALIZED)
    def initialized(ls: Server, params: lsp.InitializedParams) -> None:
        _watch(ls)
        for folder in ls.folders():
            ls.touch(ls.project_of(os.path.join(folder, "_")))

    @server.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
    @server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
    @server.feature(lsp.TEXT_DOCUMENT_DID_SAVE)
    def changed(
        ls: Server,
        params: lsp.DidOpenTextDocumentParams | lsp.DidChangeTextDocumentParams | lsp.DidSaveTextDocumentParams,
    ) -> None:
        path = _path(params.text_document.uri)
        ls.touch(ls.project_of(path) if path is not None else None)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
    def closed(ls: Server, params: lsp.DidCloseTextDocumentParams) -> None:
        path = _path(params.text_document.uri)
        project = ls.project_of(path) if path is not None else None
        if path is not None and project is not None:
            project.legible.pop(relative(path, project.root), None)
        ls.touch(project)

    @server.feature(lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    @server.feature(lsp.WORKSPACE_DID_CHANGE_CONFIGURATION)
    def outside(ls: Server, params: object) -> None:
        for project in list(ls.projects.values()):
            ls.touch(project)

    @server.feature(lsp.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    def folders(ls: Server, params: lsp.DidChangeWorkspaceFoldersParams) -> None:
        for project in list(ls.projects.values()):
            ls.publish(project, None, {}, ())
        ls.projects.clear()
        for folder in ls.folders():
            ls.touch(ls.project_of(os.path.join(folder, "_")))
        for uri in list(ls.workspace.text_documents):
            path = _path(uri)
            ls.touch(ls.project_of(path) if path is not None else None)

    offered = lsp.CodeActionOptions(code_action_kinds=[lsp.CodeActionKind.QuickFix, FIX_ALL], resolve_provider=True)

    @server.feature(lsp.TEXT_DOCUMENT_CODE_ACTION, offered)
    async def code_actions(ls: Server, params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
        asked = ls.asked(params.text_document.uri)
        return await _actions(ls, params, *asked) if asked is not None else []

    @server.feature(lsp.CODE_ACTION_RESOLVE)
    async def resolve(ls: Server, action: lsp.CodeAction) -> lsp.CodeAction:
        uri = action.data.get("uri", "") if isinstance(action.data, dict) else ""
        asked = ls.asked(uri) if uri else None
        if asked is not None:
            action.edit = await _everything(ls, *asked)
        return action

    @server.feature(lsp.TEXT_DOCUMENT_HOVER)
    async def hover(ls: Server, params: lsp.HoverParams) -> lsp.Hover | None:
        asked = ls.asked(params.text_document.uri)
        return await _hover(ls, params.position, *asked) if asked is not None else None

    return server


def _watch(ls: Server) -> None:
    """Ask the client to tell of files that change on disk, if it can."""
    workspace = ls.client_capabilities.workspace
    watching = workspace.did_change_watched_files if workspace is not None else None
    if watching is None or not watching.dynamic_registration:
        return
    watchers = [lsp.FileSystemWatcher(_WATCHED), lsp.FileSystemWatcher("**/*{Procfile,Dockerfile,Containerfile}*")]
    options = lsp.DidChangeWatchedFilesRegistrationOptions(watchers)
    registration = lsp.Registration("celerylint-files", lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES, options)
    ls.client_register_capability(lsp.RegistrationParams([registration]))


async def _actions(
    ls: Server, params: lsp.CodeActionParams, project: Project, view: View, path: str, text: str, source: bytes
) -> list[lsp.CodeAction]:
    """What can be done about the findings on some lines, and about all of the document."""
    only = params.context.only
    findings = view.findings(path, params.range.start.line + 1, params.range.end.line + 1)
    found: list[lsp.CodeAction] = []

    def offer(finding: Finding, title: str, edits: Sequence[ReplaceText], *, preferred: bool = False) -> None:
        found.append(
            lsp.CodeAction(
                f"{finding.code}: {title}",
                kind=lsp.CodeActionKind.QuickFix,
                diagnostics=[ls.diagnostic(finding, project, view, ls.documents(project))],
                is_preferred=preferred or None,
                edit=ls.edit(project, edits, {path: text}),
            )
        )

    if findings and _wanted(only, lsp.CodeActionKind.QuickFix.value):
        for finding, edits in await ls.in_thread(lambda: list(editor.fixes(view, findings))):
            if finding.fix is not None:
                safe = finding.fix.safety == "safe"
                offer(finding, finding.fix.title + ("" if safe else " (changes what runs)"), edits, preferred=safe)
        for finding in {finding.code: finding for finding in findings}.values():
            if comment := editor.silencing(view, path, source, finding):
                offer(finding, "ignore on this line", comment)
    if _wanted(only, FIX_ALL) and editor.mendable(view, path):
        action = lsp.CodeAction("celerylint: mend all that is safe to mend", kind=FIX_ALL)
        if _resolves(ls):
            action.data = {"uri": params.text_document.uri}
            found.append(action)
        elif only:
            action.edit = await _everything(ls, project, view, path, text, source)
            found.append(action)
    return found


def _wanted(only: Sequence[lsp.CodeActionKind | str] | None, kind: str) -> bool:
    """Whether a kind of action was asked for: `source` asks for `source.fixAll` as well."""
    asked = [str(getattr(each, "value", each)) for each in only or ()]
    return not asked or any(kind == each or kind.startswith(f"{each}.") for each in asked)


def _resolves(ls: Server) -> bool:
    """Whether the client asks for the edit of an action when somebody chooses it."""
    document = ls.client_capabilities.text_document
    action = document.code_action if document is not None else None
    support = action.resolve_support if action is not None else None
    return support is not None and "edit" in support.properties


async def _everything(
    ls: Server, project: Project, view: View, path: str, text: str, source: bytes
) -> lsp.WorkspaceEdit:
    edits = await ls.in_thread(editor.all_mended, view, path, source)
    return ls.edit(project, edits, {path: text})


async def _hover(
    ls: Server, position: lsp.Position, project: Project, view: View, path: str, text: str, source: bytes
) -> lsp.Hover | None:
    """The pages of the rules whose findings stand at a place, and what holds for the task there."""
    lines = _LINE.split(text)
    line = position.line + 1
    column = ls.column(lines[position.line], position.character) if position.line < len(lines) else 1
    pages = []
    if path.endswith(".py"):
        understood = project.inspection
        if understood is None:
            understood = await ls.in_thread(editor.understood, view)
            if project.view is view:
                project.inspection = understood
        task = editor.task_at(understood, path, text, line)
        if task is not None:
            pages.append(editor.task_page(task))
    here = [finding for finding in view.findings(path, line, line) if editor.at(finding, line, column)]
    pages += [editor.rule_page(finding) for finding in {finding.code: finding for finding in here}.values()]
    if not pages:
        return None
    return lsp.Hover(lsp.MarkupContent(lsp.MarkupKind.Markdown, "\n\n---\n\n".join(pages)))


def _path(uri: str) -> str | None:
    """The path of a file; None for what is no file."""
    if not uri.startswith("file:"):
        return None
    path = uris.to_fs_path(uri)
    return os.path.abspath(path) if path else None


def _bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _text(project: Project, path: str) -> str:
    view = project.view
    source = view.unsaved.get(path) if view is not None else None
    return (source or _bytes(project.root / path) or b"").removeprefix(_BOM).decode("utf-8", "replace")
