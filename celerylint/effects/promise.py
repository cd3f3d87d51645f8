"""Whether a function of a file that nobody has read yet can have an effect, told from its text alone.

Most functions that a task calls in files that do not mention Celery compute something. Reading such a file takes milliseconds,
searching its text microseconds: only what holds a word that effects are written with, itself or through the functions that it
calls by name, is worth reading.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from celerylint.model.modules import Module, ModuleIndex
from celerylint.model.values import Imported

_WORDS = (
    re.compile(
        rb"\.(?:(?:a?create\w*|a?bulk_create|a?save|a?get_or_create|a?update_or_create|add_all|insert\w*|execute\w*|post|patch"
        rb"|send\w*|s?publish\w*|produce|reply\w*|post_\w+|forward_\w+|copy_message|\w*message_create|api_call|webpush|begin_send"
        rb"|delay\w*|apply_async\w*|[hz]?incr\w*|decr\w*|[lr]?push\w*|lmove|rpoplpush|xadd|put_\w+|invoke\w*|run_\w+|submit\w*"
        rb"|capture\w*|refund\w*|confirm\w*|sale|authori[sz]e\w*|payments|donations|\w*charge|transfer\w*|finalize_\w+|clone_\w+"
        rb"|initiate_\w+|request_grant_payout|payment_\w+|complete_payment|enqueue\w*|async_\w+|append_rows?|add_comment"
        rb"|batch_create|to_sql|to_csv|load_table_\w+|containers\.run|images\.\w+|collection\([^()]*\)\.add"
        rb"|pay(?:_\w+)?|track|chat_\w+|on_commit|lock|acquire|commit|setnx|basic_publish|notify\w*|trigger\w*|group_send"
        rb"|create_\w+|start_\w+|update_(?:item|one|many)|find_one_and_update|bulk_save_objects|files_upload\w*)\("
        rb"|update\(\s*\w+\s*=|index\(\s*\w+\s*=|(?:(?<=session\.)|(?<=db\.))(?:add|merge)\(|(?<=\w\.)\w+ [-+]= "
        rb"|(?:filter|where)\([^()]*(?:__isnull|= ?None|= ?False|\.is_\())"
    ),
    re.compile(
        rb"\b(?:cache\.\w+\(|redis\w*(?:\.\w+)+\(|Simple(?:Queue|Buffer)\(|(?:webpush|async_task|enqueue)\(|send_\w+\(|mail_\w+\("
        rb"|on_commit\(|open\(|F\(|lock\w*\(|sleep\(|requests\.|urlopen\(|stripe\.|raise |write_(?:text|bytes)\(|yield\b"
        rb"|uuid[147]\(|token_(?:hex|urlsafe|bytes)\(|get_random_string\("
        rb"|return [^\n]*\b(?:(?:utc)?now\(|time(?:_ns)?\(\)|random\.|secrets\.))"
    ),
    re.compile(rb"(?:Email|Mail|Message|Client|Producer|Session|Redis|Lock)\w*(?:\.from_\w+)?\("),
    re.compile(rb"request\(\s*[\"']POST"),
    re.compile(rb"\b[a-z]*_lock\w*\("),
)
"""Apart by how they start: what can only start with one of few characters is found several times as fast."""
_MADE = re.compile(rb"\w+[^=\n]*=[^=].*\w\(|class[^\n]*[(,. ](?!BaseModel\b)\w*(?:Model|Base)\b")
"""The first line of what is made at the top level, to be called, and of classes of rows."""
_COLUMN = re.compile(rb"\b(?:Column\(|models\.\w+\()|__tablename__|mapped_column\(")
_TOP = re.compile(rb"^(?:(?:async[ \t]+def|def|class)[ \t]+(\w+)|(\w+)[ \t]*[:=])", re.M)
_END = re.compile(rb"^[^\s#)\]}]", re.M)
_CALLED = re.compile(rb"(?<![\w.])([A-Za-z_]\w*)(?:\.(\w+))?\(")
"""`name(` and `name.attribute(`."""
_PASSED = re.compile(rb"\b(?:map|imap\w*|starmap|submit|run_in_executor|partial|to_thread)\(\s*([A-Za-z_]\w*)")
_BASES = re.compile(rb"class[ \t]+\w+\(([^):=]*)")
_IN_BRACKETS = re.compile(rb"\[[^\]]*\]")
_FROM = re.compile(rb"^[ \t]*from[ \t]+([.\w]+)[ \t]+import[ \t]+(\([^)]*\)|[^\n#]*)", re.M)
_NAME = re.compile(rb"(\w+)(?:\s+as\s+(\w+))?")
_WAITING = frozenset({"requests", "urllib.request", "time"})
"""Packages whose functions wait, and are called by their bare names where they are imported so."""
_TABLE = re.compile(rb"(?<![\w.])([A-Z][A-Z0-9_]+)\[")
"""`HANDLERS[event]`: what a module looks up in what it wrote down."""
_COLLECTION = re.compile(rb"\w+[^=\n]*=\s*[\[({]")
_WORD = re.compile(rb"[A-Za-z_]\w*")
_DEPTH = 3


class Promise:
    """Answers for one project, remembered."""

    def __init__(
        self,
        index: ModuleIndex,
        source: Callable[[str], bytes | None],
        taught: re.Pattern[bytes] | None = None,
    ) -> None:
        self._index = index
        self._taught = taught
        """What is written where something is called that the configuration names."""
        self._source = source
        self._known: dict[tuple[str, str, int], bool] = {}
        self._imports: dict[str, dict[str, tuple[str, str]]] = {}
        self._texts: dict[str, bytes] = {}
        self._starts: dict[str, dict[str, int]] = {}

    def of(self, module: Module, name: str, depth: int = _DEPTH) -> bool:
        """Whether something that a module defines is worth reading the module for."""
        key = (
            module.path,
            name,
            depth,
        )  # how far one may still look decides too, and must not depend on who asked first
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._look(module, name, depth)
        return found

    def needed_by(self, module: Module) -> Iterator[Module]:
        """The modules that a module imports something from that is worth reading them for."""
        for base, name in self._imported(module).values():
            found = self._found(module, base)
            if found is not None and not found.known and self.of(found, name):
                yield found

    def collects(self, module: Module, name: str) -> bool:
        """Whether a module puts functions or classes into a list or dict that are worth reading it for."""
        region = self._region(module, name) or b""
        held = _COLLECTION.match(region)
        if held is None:
            return False
        names = {found.decode() for found in _WORD.findall(region, held.end())}
        known = self._defined(module).keys() | self._imported(module).keys()
        return any(self.of(module, each) for each in sorted(names & known - {name}))

    def is_class(self, value: Imported) -> bool:
        """Whether something that nobody has read is a class by its module's text."""
        return value.name[:1].isupper() and (self._region(value.module, value.name) or b"").startswith(b"class")

    def defines(self, module: Module, method: str) -> bool:
        """Whether a module's text defines a method or function of a name."""
        return f"def {method}(".encode() in self._text(module)

    def mounts(self, path: str) -> bool:
        """Whether a file mounts adapters on sessions of requests, and speaks of timeouts."""
        text = self._source(path) or b""
        return b".mount(" in text and b"timeout" in text.lower()

    def _text(self, module: Module) -> bytes:
        held = self._texts.get(module.path)
        if held is None:
            held = self._texts[module.path] = self._source(module.path) or b""
        return held

    def _defined(self, module: Module) -> dict[str, int]:
        """Where the text of each top-level function, class or assignment starts."""
        found = self._starts.get(module.path)
        if found is None:
            found = self._starts[module.path] = {}
            for match in _TOP.finditer(self._text(module)):
                found.setdefault((match[1] or match[2]).decode(), match.start())
        return found

    def _region(self, module: Module, name: str) -> bytes | None:
        """The lines of a top-level function, class or assignment."""
        start = self._defined(module).get(name)
        if start is None:
            return None
        text = self._text(module)
        end = _END.search(text, text.find(b"\n", start) + 1 or len(text))
        return text[start : end.start() if end else len(text)]

    def _look(self, module: Module, name: str, depth: int) -> bool:
        text = self._text(module)
        region = self._region(module, name)
        if region is None:
            elsewhere = self._imported(module).get(name)
            return self._through(module, elsewhere, depth) if elsewhere is not None else bool(text)
        if acts(region) or _makes(region):
            return True
        if self._taught is not None and self._taught.search(region):
            return True
        if depth == 0:
            return False
        if (held := _COLLECTION.match(region)) is not None:
            words = {found.decode() for found in _WORD.findall(region, held.end())}
            return any(self._calls(module, name, each, "", depth) for each in sorted(words))
        return any(self._calls(module, name, *called, depth) for called in sorted(set(_called(region))))

    def _calls(self, module: Module, caller: str, name: str, attribute: str, depth: int) -> bool:
        """Whether a call of `name`, or of something that is found on it, is worth following."""
        if name == caller:
            return False
        if name in self._defined(module):
            return self.of(module, name, depth - 1)
        target = self._imported(module).get(name)
        if target is None:
            return False
        if not attribute and target[0] in _WAITING:
            return True
        return self._through(module, target, depth) or (
            attribute != "" and self._within(module, target, attribute, depth)
        )

    def _within(self, module: Module, target: tuple[str, str], attribute: str, depth: int) -> bool:
        """The answer for what is found on a module that was imported by `from package import module`."""
        base, name = target
        dot = "" if base.endswith(".") else "."
        return self._through(module, (f"{base}{dot}{name}", attribute), depth)

    def _through(self, module: Module, target: tuple[str, str], depth: int) -> bool:
        """The answer for what a module imports; foreign packages are not asked here."""
        base, name = target
        found = self._found(module, base)
        return depth > 0 and found is not None and self.of(found, name, depth - 1)

    def _found(self, module: Module, base: str) -> Module | None:
        """The module of the project that a module imports from."""
        if base.startswith("."):
            level = len(base) - len(base.lstrip("."))
            base = self._index.relative(module, base.lstrip("."), level)
        return self._index.find(base, module) if base else None

    def _imported(self, module: Module) -> dict[str, tuple[str, str]]:
        """What a module's `from` imports bind: the module and the name there."""
        found = self._imports.get(module.path)
        if found is None:
            found = self._imports[module.path] = {}
            for base, names in _FROM.findall(self._text(module)):
                for name, alias in _NAME.findall(names):
                    found[(alias or name).decode()] = (base.decode(), name.decode())
        return found


def acts(text: bytes) -> bool:
    """Whether a text holds a word that effects are written with."""
    return any(words.search(text) for words in _WORDS)


def _makes(region: bytes) -> bool:
    """Whether a class or assignment makes something to be called, or a class of rows."""
    if region.startswith((b"def", b"async")):
        return False
    return _MADE.match(region) is not None or _COLUMN.search(region) is not None


def _called(region: bytes) -> Iterator[tuple[str, str]]:
    """What the text of a definition calls, and the bases of a class: a name, and what is found on it."""
    for name, attribute in _CALLED.findall(region):
        yield name.decode(), attribute.decode()
    for name in (*_PASSED.findall(region), *_TABLE.findall(region)):
        yield name.decode(), ""
    header = _BASES.match(region)
    for base in _IN_BRACKETS.sub(b"", header[1]).split(b",") if header else ():
        name, _, attribute = base.strip().decode().partition(".")
        yield name, attribute
