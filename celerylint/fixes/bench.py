"""The files of a run while they are mended: fixes are worked out and put together here, and nothing is written."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from celerylint.finding import DeleteLines, DropCodes, Edit, Finding, Fix, InsertText, ReplaceText, SetKeyword
from celerylint.fixes.text import Change, FixError, Text

if TYPE_CHECKING:
    from celerylint.fixes.python import Python


class Round(Struct, frozen=True):
    """What one round of fixes came to."""

    applied: tuple[Finding, ...]
    changed: Mapping[str, bytes]
    """The new bytes of the files that changed, by path."""
    broken: Mapping[str, tuple[Finding, ...]]
    """Files that would not be Python any more, by path, with the findings whose fixes were therefore left out."""
    refused: tuple[tuple[Finding, str], ...]
    """Fixes that could not be carried out, and why."""


class Bench:
    """The files as they are in one round."""

    def __init__(
        self,
        read: Callable[[str], bytes | None],
        is_ours: Callable[[str, str], bool],
        is_newer: Callable[[str, bytes], bool] = lambda path, source: False,
    ) -> None:
        """`read` gives the bytes of a file, None if there is none; `is_ours` whether a module is one of the project for a
        file; `is_newer` whether bytes that this interpreter does not parse are Python code all the same."""
        self._read = read
        self._is_newer = is_newer
        self._is_ours = is_ours
        self._texts: dict[str, Text | FixError] = {}
        self._python: dict[str, Python | FixError] = {}

    def worked_out(self, fix: Fix) -> Fix:
        """A fix whose edits are texts in place of others.

        Raises:
            FixError: it cannot be carried out.
        """
        found = self._changes(fix)
        edits = [edit for path, changes in found.items() for edit in self._text(path).as_edits(changes)]
        return replace(fix, edits=tuple(edits))

    def round(self, findings: Iterable[Finding]) -> Round:
        """Put together the fixes of some findings. Where two overlap, the first wins; the others are for the next round.

        So are those that give an option to a call with `**` options where others give it elsewhere, perhaps to these.
        """
        taken: dict[str, set[Change]] = {}
        given: set[tuple[str, bool]] = set()
        by_path: dict[str, list[Finding]] = {}
        applied: list[Finding] = []
        refused: list[tuple[Finding, str]] = []
        for finding in findings:
            if finding.fix is None:
                continue
            try:
                wanted = self._changes(finding.fix)
                options = self._options(finding.fix)
            except FixError as error:
                refused.append((finding, str(error)))
                continue
            if any(_touch(change, taken.get(path, set())) for path, changes in wanted.items() for change in changes):
                continue
            if any((name, not hands_on) in given for name, hands_on in options):
                continue
            given |= options
            applied.append(finding)
            for path, changes in wanted.items():
                taken.setdefault(path, set()).update(changes)
                by_path.setdefault(path, []).append(finding)
        changed, broken = self._put_together(taken, by_path)
        broken = {path: self._to_blame(findings) for path, findings in broken.items()}
        lost = {id(finding) for findings in broken.values() for finding in findings}
        if lost:
            # A fix stands or falls as a whole: what shares one with a broken file is worked out again without it.
            again = self.round(finding for finding in applied if id(finding) not in lost)
            return Round(again.applied, again.changed, {**broken, **again.broken}, (*refused, *again.refused))
        return Round(tuple(applied), changed, {}, tuple(refused))

    def _to_blame(self, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
        """Of findings whose fixes break a file together, those whose fix breaks one alone; all if none does."""
        alone = []
        for finding in findings:
            wanted = {path: set(changes) for path, changes in self._changes(finding.fix).items()} if finding.fix else {}
            if self._put_together(wanted, {path: [finding] for path in wanted})[1]:
                alone.append(finding)
        return tuple(alone) or findings

    def _put_together(
        self, taken: Mapping[str, set[Change]], by_path: Mapping[str, list[Finding]]
    ) -> tuple[dict[str, bytes], dict[str, tuple[Finding, ...]]]:
        changed: dict[str, bytes] = {}
        broken: dict[str, tuple[Finding, ...]] = {}
        for path, changes in taken.items():
            before = self._text(path)
            text = self._tidied(path, before.text, before.changed(changes))
            try:
                after = before.encoded(text)
            except FixError:
                broken[path] = tuple(by_path[path])
                continue
            if text == before.text:
                continue
            if path.endswith(".py") and not self._still_parses(before, text):
                broken[path] = tuple(by_path[path])
            else:
                changed[path] = after
        return changed, broken

    def _still_parses(self, before: Text, after: str) -> bool:
        """Whether a text is Python code, as far as the one that it was made of is: that may be too new for this interpreter."""
        if _parses(after):
            return True
        return not _parses(before.text) and self._is_newer(before.path, before.encoded(after))

    def _tidied(self, path: str, before: str, after: str) -> str:
        """A text without what its changes have left without a use."""
        if not path.endswith(".py"):
            return after
        from celerylint.fixes.unused import without_unused

        return without_unused(path, before, after, lambda module: self._is_ours(path, module))

    def _options(self, fix: Fix) -> set[tuple[str, bool]]:
        """The options that a fix sets, and whether it does so in a call that is given `**` options too."""
        edits = [edit for edit in fix.edits if isinstance(edit, SetKeyword)]
        with _one_fix_at_most():
            return {(edit.name, self._parsed(edit.place.path).hands_on(edit.place)) for edit in edits}

    # --- files

    def _changes(self, fix: Fix) -> dict[str, list[Change]]:
        found: dict[str, list[Change]] = {}
        for path in dict.fromkeys(map(path_of, fix.edits)):
            edits = [edit for edit in fix.edits if path_of(edit) == path]
            plain = [edit for edit in edits if isinstance(edit, (ReplaceText, InsertText, DeleteLines, DropCodes))]
            held = found.setdefault(path, [])
            changes = [change for edit in plain for change in self._text(path).changes(edit)]
            if len(plain) < len(edits):
                with _one_fix_at_most():
                    changes += self._parsed(path).changes([edit for edit in edits if edit not in plain])
            for change in changes:
                if _overlap(change, set(held)):
                    raise FixError("its own edits overlap")
                if change not in held:
                    held.append(change)
        return found

    def _text(self, path: str) -> Text:
        held = self._texts.get(path)
        if held is None:
            try:
                source = self._read(path)
                if source is None:
                    raise FixError(f"{path}: it cannot be read")
                held = Text(path, source)
            except FixError as error:
                held = error
            self._texts[path] = held
        if isinstance(held, FixError):
            raise held
        return held

    def _parsed(self, path: str) -> Python:
        held = self._python.get(path)
        if held is None:
            from celerylint.fixes.python import Python

            try:
                with _one_fix_at_most():
                    held = Python(self._text(path), lambda module: self._is_ours(path, module))
            except FixError as error:
                held = error
            self._python[path] = held
        if isinstance(held, FixError):
            raise held
        return held


@contextmanager
def _one_fix_at_most() -> Iterator[None]:
    """Let a fault of ours cost the fix that is being worked out, not the run."""
    try:
        yield
    except FixError:
        raise
    except RecursionError as error:
        raise FixError("its code is nested too deeply") from error
    except Exception as error:
        what = " ".join(str(error).split())
        raise FixError(f"internal error: {type(error).__name__}: {what} (this is a bug)") from error


def path_of(edit: Edit) -> str:
    """The file that an edit is for."""
    return edit.place.path if hasattr(edit, "place") else edit.path


def _overlap(change: Change, others: set[Change]) -> bool:
    """Whether a change cannot be made together with others. The same one twice is one."""
    if change in others:
        return False
    return any(
        (change.start < other.end and other.start < change.end and change.start != other.start)
        or (change.start == other.start and not _lines_above(change, other))
        for other in others
    )


def _touch(change: Change, others: set[Change]) -> bool:
    """Whether a change of one fix overlaps those of others, or begins where one ends: both may have meant to end a line."""
    if change in others:
        return False
    return _overlap(change, others) or any(
        (change.start == other.end or other.start == change.end) and not _lines_above(change, other) for other in others
    )


def _lines_above(one: Change, other: Change) -> bool:
    """Whether one of two changes at one place puts whole lines before what the other replaces."""
    pairs = ((one, other), (other, one))
    return any(a.start == a.end == b.start < b.end and a.text.endswith("\n") for a, b in pairs)


def _parses(text: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(text, "<fixed>", "exec", dont_inherit=True)  # parsing alone lets a keyword stand twice
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
