"""What messages are made of: the names of serializers, and what workers accept."""

from __future__ import annotations

from celerylint.model.project import App

TYPES = {
    "json": "application/json",
    "yaml": "application/x-yaml",
    "pickle": "application/x-python-serialize",
    "msgpack": "application/x-msgpack",
}
"""The serializers that kombu brings, and their content types."""


def accepted(app: App) -> frozenset[str] | None:
    """The serializers that the workers of an app accept, by name; None where they cannot be known."""
    held = app.settings.get("accept_content")
    if held is None or not held.known or not isinstance(held.value, list):
        return None
    names = {kind: name for name, kind in TYPES.items()}
    return frozenset(names.get(item, item) for item in held.value if isinstance(item, str))
