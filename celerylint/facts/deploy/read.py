"""The facts of one deployment file. Whatever the bytes are, there is an answer."""

from __future__ import annotations

from celerylint.facts.deploy import instructions, sections, templates, trees
from celerylint.facts.deploy.ir import Content, DeployFacts
from celerylint.facts.deploy.text import MalformedError, decode
from celerylint.facts.ir import Unreadable

MAX_BYTES = 2_000_000
"""A larger file is no deployment file that people wrote."""

_SECTIONS = {
    "supervisor": sections.supervisor,
    "systemd": sections.systemd,
    "environment": sections.environment,
    "redis": sections.redis,
    "rabbitmq": sections.rabbitmq,
}
_TREES = frozenset(("compose", "manifest", "kustomization", "values", "ecs", "heroku", "definitions"))


def read(path: str, kind: str, source: bytes) -> DeployFacts:
    """What a file says, of the kind that `kinds` found; `error` says why it could not be read.

    Raises:
        ValueError: there is no such kind.
    """
    try:
        text = decode(source)
        if kind in _TREES and templates.is_template(path, text):
            return DeployFacts(path, "template", templates.read(text))
        try:
            return DeployFacts(path, kind, _content(kind, text))
        except MalformedError:
            if kind in _TREES and ("{{" in text or "{%" in text):
                return DeployFacts(path, "template", templates.read(text))
            raise
    except MalformedError as error:
        return DeployFacts(path, kind, None, Unreadable(error.message, error.line, error.col))
    except RecursionError:
        return DeployFacts(path, kind, None, Unreadable("nested too deeply", 1, 1))


def _content(kind: str, text: str) -> Content:
    if kind in _TREES:
        return trees.read(text)
    if kind in _SECTIONS:
        return _SECTIONS[kind](text)
    if kind == "dockerfile":
        return instructions.dockerfile(text)
    if kind == "procfile":
        return instructions.procfile(text)
    if kind == "template":
        return templates.read(text)
    if kind == "script":
        from celerylint.facts.deploy import shell

        return shell.read(text)
    raise ValueError(f"unknown kind of deployment file: {kind}")
