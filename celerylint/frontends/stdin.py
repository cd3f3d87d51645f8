"""A text that has not been saved, linted with the project on disk around it."""

from __future__ import annotations

import io


def encoded(text: str) -> bytes:
    """A text as an editor would save it: in the encoding that it declares, else in UTF-8."""
    from tokenize import detect_encoding

    plain = text.encode("utf-8", "replace")
    try:
        return text.encode(detect_encoding(io.BytesIO(plain).readline)[0])
    except (SyntaxError, UnicodeEncodeError, LookupError):
        return plain
