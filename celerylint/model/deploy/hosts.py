"""What machines without containers share: settings of sections, and files that stand elsewhere when deployed."""

from __future__ import annotations

import posixpath

from celerylint.facts.deploy.ir import Section, Setting
from celerylint.model.deploy.containers import World, is_program, near
from celerylint.model.deploy.process import Load


def last(section: Section, key: str) -> Setting | None:
    """The setting that decides: the last of that name, whatever the case of its letters."""
    return next((setting for setting in reversed(section.settings) if setting.key.lower() == key.lower()), None)


def beside(path: str, world: World) -> Load:
    """Files that a deployment file names, by where they are in the project."""
    folders = (posixpath.dirname(path), "")
    return lambda name: None if is_program(name) else near(name, folders, world)
