"""Deployments from files written in a test."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import dedent

from celerylint.facts.deploy import kinds, read
from celerylint.facts.deploy.ir import DeployFacts
from celerylint.model.deploy.deployment import deployment
from celerylint.model.deploy.development import Patterns
from celerylint.model.deploy.process import UNKNOWN, Deployment, Invocation, Process


class Deployed:
    """What a test's files come down to."""

    def __init__(self, whole: Deployment) -> None:
        self.whole = whole

    def process(self, name: str) -> Process:
        """The one process of that name."""
        found = [process for process in self.whole.processes if process.name == name]
        assert len(found) == 1, [process.name for process in self.whole.processes]
        return found[0]

    def commands(self, name: str) -> list[str]:
        """What a process runs."""
        return [spelled(invocation) for invocation in self.process(name).invocations]

    @property
    def names(self) -> list[str]:
        """The processes."""
        return [process.name for process in self.whole.processes]


def spelled(invocation: Invocation) -> str:
    """The words of an invocation, `?` for what is not known."""
    return " ".join(word.text.replace(UNKNOWN, "?") for word in invocation.words)


def deploy(files: Mapping[str, str], patterns: Patterns | None = None) -> Deployed:
    """Reads files, given by path, as the engine would."""
    sources = {path: dedent(text).encode() for path, text in files.items()}
    facts: dict[str, DeployFacts] = {}
    for path, source in sources.items():
        kind = kinds.kind_of(path, source) if kinds.may_deploy(path.rpartition("/")[2]) else None
        if kind is not None:
            facts[path] = read.read(path, kind, source)

    def load(path: str) -> DeployFacts | None:
        if path not in facts and path in sources:
            kind = kinds.kind_if_named(path, sources[path])
            if kind is not None:
                facts[path] = read.read(path, kind, sources[path])
        return facts.get(path)

    return Deployed(deployment(dict(facts), load, patterns or Patterns()))
