"""A text that has not been saved, linted with the project on disk around it."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from celerylint.config import UsageError

STDIN = "-"
UNNAMED = "stdin.py"


def taken(paths: Sequence[str], filename: str | None) -> tuple[tuple[str, ...], bytes | None]:
    """The paths to lint and, where that is `-`, the bytes that stand for the file there.

    Raises:
        UsageError: `-` among other paths, a name that no file can have, or a name without `-`.
    """
    if STDIN not in paths:
        if filename is not None:
            raise UsageError("--stdin-filename says where the text of `-` belongs: give `-` as the path")
        return tuple(paths), None
    if len(paths) > 1:
        raise UsageError("`-`, standard input, is linted alone: leave out the other paths")
    if filename is not None and (not filename or filename.endswith("/") or os.path.isdir(filename)):
        raise UsageError(f'--stdin-filename must name a file, not "{filename}"')
    return (filename or UNNAMED,), sys.stdin.buffer.read()


def relative(path: str, root: Path) -> str:
    """A path as findings name it."""
    return os.path.relpath(os.path.abspath(path), root).replace(os.sep, "/")


def encoded(text: str) -> bytes:
    """A text as an editor would save it: in the encoding that it declares, else in UTF-8."""
    from tokenize import detect_encoding

    plain = text.encode("utf-8", "replace")
    try:
        return text.encode(detect_encoding(io.BytesIO(plain).readline)[0])
    except (SyntaxError, UnicodeEncodeError, LookupError):
        return plain
