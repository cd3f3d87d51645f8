"""The facts of one deployment file, in five small languages: trees, sections, instructions, scripts and templates.

They keep what is *written* and where. What a file means to its platform (merging of Compose files, a manifest's command, the
script that an image runs) is the business of `celerylint.model.deploy`. Lines and columns count characters from 1, the end column
is exclusive.
"""

from __future__ import annotations

from typing import Union

from msgspec import Struct

from celerylint.facts.ir import Node, Unreadable

# --- trees: YAML and JSON ---------------------------------------------------------------------------------------------


class Scalar(Node, frozen=True, tag=100):
    """A value of a tree. `value` is what the format's own types make of it; `text` is the text without quotes and folding."""

    value: bool | int | float | str | None
    text: str
    origins: list[tuple[int, int, int]]
    """Where stretches of the text stand: offset in the text, line, column. Sorted; the first offset is 0."""
    mark: str = ""
    """An explicit tag, such as `!reset`."""


class Entry(Node, frozen=True, tag=101):
    """One `key: value` of a mapping. The span is that of the key."""

    key: str
    value: Tree


class MapNode(Node, frozen=True, tag=102):
    """A mapping, merge keys (`<<`) resolved as YAML does, in the order written; a repeated key keeps its last entry."""

    entries: list[Entry]
    mark: str = ""

    def get(self, key: str) -> Tree | None:
        """The value of a key."""
        for entry in self.entries:
            if entry.key == key:
                return entry.value
        return None

    def entry(self, key: str) -> Entry | None:
        """The entry of a key."""
        for entry in self.entries:
            if entry.key == key:
                return entry
        return None


class ListNode(Node, frozen=True, tag=103):
    """A sequence."""

    items: list[Tree]
    mark: str = ""


Tree = Union[Scalar, MapNode, ListNode]


class TreeFile(Struct, frozen=True, tag="tree"):
    """A YAML or JSON file: its documents, empty ones left out."""

    documents: list[Tree]


# --- sections: INI, systemd units, environment files, redis.conf, rabbitmq.conf ---------------------------------------


class Setting(Node, frozen=True, tag=110):
    """`key = value` of a section, continuation lines joined by one space; the span is that of the key."""

    key: str
    value: str
    origins: list[tuple[int, int, int]]
    """Where stretches of the value stand, as in `Scalar`."""


class Section(Node, frozen=True, tag=111):
    """`[name]` and its settings. Files without sections have one, whose name is empty. Repeated keys are kept, in order."""

    name: str
    settings: list[Setting]


class SectionFile(Struct, frozen=True, tag="sections"):
    """A file of sections."""

    sections: list[Section]


# --- instructions: Dockerfile, Procfile -------------------------------------------------------------------------------


class Instruction(Node, frozen=True, tag=120):
    """One instruction of a Dockerfile (`word` in capitals), or one line of a Procfile (`word` is the process type).

    `argv` is the JSON form (`CMD ["celery", ...]`), each word a scalar; otherwise `text` holds the words as written, continuation
    lines and comments removed.
    """

    word: str
    text: str
    origins: list[tuple[int, int, int]]
    argv: list[Scalar] | None = None


class InstructionFile(Struct, frozen=True, tag="instructions"):
    """A Dockerfile or a Procfile."""

    instructions: list[Instruction]


# --- scripts: shell ---------------------------------------------------------------------------------------------------


class Hole(Struct, frozen=True, array_like=True, tag=130):
    """`$NAME`, `${NAME}`, `${NAME:-default}`, `$1`, `"$@"`; an unreadable one (`$(...)`, arithmetic) has the name `?`."""

    name: str
    operator: str = ""
    """`:-`, `-`, `:=`, `=`, `:+`, `+`, `:?`, `?`, `#`, `##`, `%`, `%%`, `:` (a substring, the operand being `offset:length`)
    or empty; others make the hole unreadable."""
    operand: list[str | Hole] = []
    quoted: bool = False
    """Inside double quotes: not split into words."""


class ShellWord(Node, frozen=True, tag=131):
    """A word, as literal text and holes; quotes are removed. A literal part is never subject to splitting."""

    parts: list[str | Hole]


class ShellAssign(Node, frozen=True, tag=132):
    """`NAME=word` as a statement or `NAME=(words)`; `append` for `+=`. `export NAME=word` is a `ShellCommand`."""

    name: str
    words: list[ShellWord]
    array: bool
    append: bool


class ShellCommand(Node, frozen=True, tag=133):
    """A simple command. `environment` are the assignments before it; redirections are dropped."""

    words: list[ShellWord]
    environment: list[ShellAssign]
    background: bool
    """Followed by `&`."""
    piped: bool
    """Part of a pipeline of more than one command."""
    conditional: str
    """`&&` or `||` if it runs only after another succeeded or failed; empty otherwise."""


class ShellIf(Node, frozen=True, tag=134):
    """`if`/`elif`/`else`; also loops, whose body may run. The test's own commands stand first in `test`."""

    kind: str
    """`if`, `while`, `until`, `for`."""
    test: list[ShellStmt]
    body: list[ShellStmt]
    orelse: list[ShellStmt]


class ShellArm(Node, frozen=True, tag=135):
    """One arm of a `case`; `patterns` as written."""

    patterns: list[ShellWord]
    body: list[ShellStmt]


class ShellCase(Node, frozen=True, tag=136):
    """`case subject in ... esac`."""

    subject: ShellWord
    arms: list[ShellArm]


class ShellFunction(Node, frozen=True, tag=137):
    """`name() { ...; }`. Groups and subshells are flattened into their surroundings."""

    name: str
    body: list[ShellStmt]


class ShellOpaque(Node, frozen=True, tag=138):
    """Something that could not be read: whatever depends on the script's flow after it is unknown."""

    why: str


ShellStmt = Union[ShellAssign, ShellCommand, ShellIf, ShellCase, ShellFunction, ShellOpaque]


class ScriptFile(Struct, frozen=True, tag="script"):
    """A shell script. `interpreter` is the last word of the `#!` line's path: `sh`, `bash`; empty without one."""

    interpreter: str
    body: list[ShellStmt]


# --- templates: Helm, Jinja and whatever else is no YAML until rendered -----------------------------------------------


class TemplateLine(Node, frozen=True, tag=140):
    """A line `key: value`, `- value` or `- key: value` of a template; `indent` counts the spaces before the key or value.

    Actions of the template language stay in the text as written (`{{ .Values.x }}`). Lines that are only actions have
    no key and no item. Block scalars are joined into the value of the line that opens them, quotes around a whole value are
    removed, flow sequences stay as written. The end of a document is a line whose key is `---`.
    """

    indent: int
    item: bool
    """Whether a `-` stands before it."""
    key: str
    value: str
    origins: list[tuple[int, int, int]]


class TemplateFile(Struct, frozen=True, tag="template"):
    """A template read line by line."""

    lines: list[TemplateLine]


Content = Union[TreeFile, SectionFile, InstructionFile, ScriptFile, TemplateFile]


class DeployFacts(Struct, frozen=True):
    """Everything that one deployment file says. `path` is relative to the project root."""

    path: str
    kind: str
    """`compose`, `manifest`, `kustomization`, `values`, `template`, `procfile`, `dockerfile`, `script`, `supervisor`,
    `systemd`, `environment`, `ecs`, `redis`, `rabbitmq`, `definitions`, `heroku`."""
    content: Content | None
    error: Unreadable | None = None
