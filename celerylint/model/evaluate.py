"""Runs the module level of a project in the abstract: every value that can be known is computed as Python would compute it.

Modules run in order of need, branches on unknown conditions both run and are joined, loops over known collections are unrolled,
functions of the project are entered when their result matters. Nothing is imported and nothing of the project is executed: this
reads facts. What depends on the outside world is `Unknown`, and stays so in everything made of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from celerylint.facts import ir
from celerylint.facts.ir import Expr, Stmt
from celerylint.model import builtins as py
from celerylint.model.celery_values import CeleryState
from celerylint.model.modules import Module, ModuleIndex
from celerylint.model.registry import Registry
from celerylint.model.values import (
    LONGEST_CHAIN,
    Arguments,
    At,
    Bound,
    ClassValue,
    Deferred,
    Either,
    Entry,
    External,
    FunctionValue,
    Imported,
    Instance,
    Key,
    Made,
    Mapping,
    Member,
    Missing,
    ModuleValue,
    Native,
    Part,
    Partial,
    Scalar,
    Scope,
    Sequence,
    Super,
    Unknown,
    Value,
    computed,
    either,
    forced,
    marks_among,
    peeked,
    unread,
)

MAX_DEPTH = 24
MAX_ITEMS = 400
_READERS = frozenset({"debug", "info", "warning", "error", "exception", "critical", "log", "dumps"})
"""Methods that are taken to change nothing that they get."""
FUEL = 150_000
"""Steps (statements and calls) that one module, with all it calls, may take."""


class OutOfFuel(Exception):  # noqa: N818
    """A module took too many steps; what it would have bound later is unknown."""


class Frame:
    """One activation of a function."""

    __slots__ = ("function", "returns", "scope")

    def __init__(self, function: FunctionValue, scope: Scope) -> None:
        self.function = function
        self.scope = scope
        self.returns: list[Value] = []


class Evaluator:
    """The abstract machine of one link. Not thread-safe, and thrown away with the link."""

    def __init__(
        self,
        index: ModuleIndex,
        registry: Registry,
        version: tuple[int, int] = (5, 7),
        needed: frozenset[str] = frozenset(),
    ) -> None:
        self.version = version
        """The minor version of Celery that the project runs on."""
        self.index = index
        index.run = self.run
        self.registry = registry
        self.needed = registry.needed | needed
        """Attribute names for whose sake an object is found out at any cost."""
        self.fuel = FUEL
        self.frames: list[Frame] = []
        self._orders: dict[ClassValue, list[Value]] = {}
        self.tables: dict[ClassValue, bool | None] = {}
        """Whether the objects of a class are rows of a table as far as the class itself tells, for those who walk bodies."""
        self.uncertain = 0
        """Depth of branches whose condition is unknown."""
        self.walk = 0
        """Number of the walk that runs; 0 while modules run. Walks change nothing that they did not make."""
        self.context: list[ir.Node] = []
        """Statements and calls around the current expression, kept while walking only."""
        self.lazy = False
        """While bodies are walked, what calls return is computed only for those who say that they need it."""
        self.bodies: dict[int, list[Stmt]] = {}
        self.made_by_walk = 0
        self.celery = CeleryState()
        self.linked = False
        """Whether the project has been put together; what is read from now on is read for single questions."""
        self.crashes: list[tuple[str, Exception]] = []
        """Files whose evaluation failed by a fault of ours."""
        self.functions_seen: list[FunctionValue] = []
        self.classes_seen: list[ClassValue] = []
        self.called: set[int] = set()
        self.sites: list[At | None] = []
        """Where each active function was called; None for a function that is walked where it is defined."""

    # --- modules ------------------------------------------------------------------------------------------------------

    def run(self, module: Module) -> None:
        """Run a module once; while it runs already, do nothing, as Python does."""
        if module.started:
            return
        module.started = module.running = True
        module.late = self.linked
        facts = module.facts
        if facts is None or facts.error is not None:
            # What it binds is not known, nor what those who star-import it do not bind.
            module.scope.stars.append("?")
        else:
            with self._clean():
                try:
                    self.block(facts.body, module.scope)
                except (OutOfFuel, RecursionError):
                    module.scope.stars.append("?")
                except Exception as error:
                    # A fault of ours: the rest of the project is read all the same, and the finding says so.
                    module.scope.stars.append("?")
                    self.crashes.append((module.path, error))
        module.running = False

    @contextmanager
    def _clean(self) -> Iterator[None]:
        """A fresh machine state for a module that runs in the middle of something else."""
        saved = self.fuel, self.frames, self.sites, self.uncertain, self.walk, self.context
        lazy, self.lazy = self.lazy, False
        self.fuel, self.uncertain, self.walk = FUEL, 0, 0
        self.frames, self.sites, self.context = [], [], []
        try:
            yield
        finally:
            self.fuel, self.frames, self.sites, self.uncertain, self.walk, self.context = saved
            self.lazy = lazy

    @contextmanager
    def walking(self) -> Iterator[None]:
        """A walk: nothing that was made before it can be changed in it."""
        saved = self.walk, self.uncertain, self.fuel
        if not self.walk:
            self.made_by_walk += 1
            self.walk = self.made_by_walk
            self.uncertain = 0
        self.fuel = FUEL // 8
        try:
            yield
        finally:
            self.walk, self.uncertain, self.fuel = saved

    @property
    def born(self) -> tuple[int, int]:
        """The mark of whatever is made now."""
        return self.walk, self.uncertain

    def changeable(self, born: tuple[int, int]) -> bool:
        """Whether something made then may be changed now."""
        return self.walk == 0 or born[0] == self.walk

    def certain(self, born: tuple[int, int]) -> bool:
        """Whether a change made now is sure to happen as seen by whoever made the thing."""
        return self.uncertain <= born[1]

    def module_value(self, dotted: str, importer: Module | None, at: At) -> Value:
        """The module that a dotted name stands for."""
        found = self.index.find(dotted, importer)
        return ModuleValue(found, at) if found else External(self.canonical(dotted), at)

    def module_attribute(self, module: Module, name: str, at: At | None) -> Value:
        """`module.name`."""
        self.run(module)
        entry = module.scope.entries.get(name)
        if entry is not None and not isinstance(entry.value, Missing):
            return entry.value
        sub = self.index.submodule(module, name)
        if sub is not None:
            return ModuleValue(sub, at)
        for star in module.scope.stars:
            if star != "?":
                return External(self.canonical(f"{star}.{name}"), at)
        if name == "__name__":
            return Scalar(module.dotted, at)
        return Unknown(f"{module.dotted} has no {name} that can be seen", at)

    def has_attribute(self, module: Module, name: str) -> bool:
        """Whether a module surely binds a name."""
        self.run(module)
        return name in module.scope.entries

    def import_from(self, base: str, name: str, importer: Module, at: At) -> Value:
        """What `from base import name` binds."""
        found = self.index.find(base, importer) if base else None
        if found is not None:
            sub = self.index.submodule(found, name)
            own = found is importer and name not in found.scope.entries
            if sub is not None and (own or not found.gated):
                return ModuleValue(sub, at)
            return Imported(lambda: self.module_attribute(found, name, at), found, name, at)
        inner = self.index.find(f"{base}.{name}" if base else name, importer)
        if inner is not None:
            return ModuleValue(inner, at)
        dotted = self.canonical(f"{base}.{name}" if base else name)
        constant = self.registry.constants.get(dotted)
        return constant(self, at) if constant else External(dotted, at)

    def canonical(self, dotted: str) -> str:
        """The one name of something that a package exports under several."""
        return self.registry.canonical.get(dotted, dotted)

    # --- statements ---------------------------------------------------------------------------------------------------

    def block(self, statements: list[Stmt], scope: Scope) -> str | None:
        """Run statements; how control left them early: `return`, `raise`, `break`, `continue`, else None."""
        for statement in statements:
            self.fuel -= 1
            if self.fuel < 0:
                raise OutOfFuel
            end = _STATEMENTS[type(statement)](self, statement, scope)
            if end is not None:
                return end
        return None

    def inside(self, node: ir.Node, statements: list[Stmt], scope: Scope) -> str | None:
        """Run statements that stand inside a compound statement."""
        self.context.append(node)
        try:
            return self.block(statements, scope)
        finally:
            self.context.pop()

    def branch(self, blocks: list[tuple[ir.Node, list[Stmt]]], scope: Scope, why: str) -> str | None:
        """Run blocks of which exactly one would run, and join what they bind."""
        before = scope.entries
        ends: list[str | None] = []
        afters: list[dict[str, Entry]] = []
        self.uncertain += 1
        try:
            for node, statements in blocks:
                scope.entries = dict(before)
                ends.append(self.inside(node, statements, scope))
                afters.append(scope.entries)
        finally:
            self.uncertain -= 1
            scope.entries = before
        alive = [after for after, end in zip(afters, ends, strict=True) if end is None]
        if not alive:
            scope.entries = afters[0]
            kinds = set(ends)
            return "return" if "return" in kinds else ends[0]
        scope.entries = _join(alive, why)
        return None

    def _if(self, node: ir.If, scope: Scope) -> str | None:
        test = self.eval(node.test, scope)
        truth = self.decided(test)
        if truth is None:
            orelse = (node, node.orelse)
            return self.branch([(node, node.body), orelse], scope, f"depends on the condition at line {node.line}")
        if not truth and scope.kind == "module" and _for_type_checkers(self.force(test)):
            scope.typing = scope.typing or Scope("module", scope.module, None)
            self.block([s for s in node.body if isinstance(s, (ir.Import, ir.ImportFrom))], scope.typing)
        return self.inside(node, node.body if truth else node.orelse, scope)

    def _for(self, node: ir.For, scope: Scope) -> str | None:
        source = self.eval(node.source, scope)
        items = self.iterate(self.force(source))
        if items is None or len(items) > MAX_ITEMS:
            some = Part("a loop over values that cannot be known", (scope.module.path, node.target), source, None)
            self.uncertain += 1
            self.assign(node.target, some, scope, node)
            self.uncertain -= 1
            end = self.branch([(node, node.body), (node, [])], scope, f"depends on the loop at line {node.line}")
            return end if end in ("return", "raise") else None
        for item in items:
            self.assign(node.target, item, scope, node)
            end = self.inside(node, node.body, scope)
            if end == "break":
                return None
            if end in ("return", "raise"):
                return end
        return self.block(node.orelse, scope)

    def _while(self, node: ir.While, scope: Scope) -> str | None:
        truth = self.decided(self.eval(node.test, scope))
        if truth is False:
            return self.block(node.orelse, scope)
        if truth is True:
            end = self.inside(node, node.body, scope)
            return end if end in ("return", "raise") else None
        end = self.branch([(node, node.body), (node, [])], scope, f"depends on the loop at line {node.line}")
        return end if end in ("return", "raise") else None

    def _with(self, node: ir.With, scope: Scope) -> str | None:
        for item in node.items:
            value = self.force(self.eval(item.context, scope))
            if isinstance(value, Made) and value.maker == "contextlib.suppress":
                missing = [
                    s for s in node.body if isinstance(s, ir.ImportFrom) and not self._importable(s, scope.module)
                ]
                if missing:
                    return None
            if item.target is not None:
                self.assign(item.target, self.enter(value, (scope.module.path, item)), scope, item)
        return self.inside(node, node.body, scope)

    def enter(self, value: Value, at: At) -> Value:
        """What `with value as x` binds."""
        value = self.force(value)
        if isinstance(value, (Made, Instance)):
            return value
        return Unknown("what a context manager yields", at)

    def _try(self, node: ir.Try, scope: Scope) -> str | None:
        if node.handlers and all(isinstance(s, (ir.Import, ir.ImportFrom)) for s in node.body):
            end = self._try_import(node, scope)
        else:
            end = self.inside(node, node.body, scope)
            if end is None and node.orelse:
                end = self.inside(node, node.orelse, scope)
            if node.handlers:
                why = f"depends on an exception at line {node.line}"
                blocks: list[tuple[ir.Node, list[Stmt]]] = [(h, h.body) for h in node.handlers]
                for handler in node.handlers:
                    if handler.name:
                        caught = Unknown("a caught exception", (scope.module.path, handler))
                        scope.entries[handler.name] = Entry(caught, caught.at)
                if end is None:
                    end = self.branch([(node, []), *blocks], scope, why)
                else:
                    # The body leaves; the handlers may not.
                    rest = self.branch(blocks, scope, why)
                    end = end if rest is not None else None
        if node.final:
            final = self.inside(node, node.final, scope)
            end = final or end
        return end

    def _try_import(self, node: ir.Try, scope: Scope) -> str | None:
        """`try: import x` / `except ImportError: ...`: the handler runs only if a module of the project is missing."""
        for statement in node.body:
            if isinstance(statement, ir.ImportFrom) and not self._importable(statement, scope.module):
                handlers: list[tuple[ir.Node, list[Stmt]]] = [(h, h.body) for h in node.handlers]
                return self.branch(handlers, scope, f"depends on an exception at line {node.line}")
        end = self.inside(node, [*node.body, *node.orelse], scope)
        if end is None:
            # What the handlers define may be the one in force: let them register what they register.
            before = scope.entries
            self.uncertain += 1
            try:
                for handler in node.handlers:
                    scope.entries = dict(before)
                    self.inside(handler, handler.body, scope)
            finally:
                self.uncertain -= 1
                scope.entries = before
        return end

    def _importable(self, node: ir.ImportFrom, module: Module) -> bool:
        """Whether a guarded import succeeds: modules of the project are there or not, other packages are.

        A guarded star import of what is not in the project is an optional local override, left out of version control.
        """
        if not node.level:
            star = any(alias.name == "*" for alias in node.names)
            return not star or self.index.find(node.module, module) is not None
        base = self.index.relative(module, node.module, node.level)
        if self.index.find(base, module) is not None:
            return True
        return any(self.index.find(f"{base}.{alias.name}", module) is not None for alias in node.names)

    def _match(self, node: ir.Match, scope: Scope) -> str | None:
        subject = self.force(self.eval(node.subject, scope))
        blocks: list[tuple[ir.Node, list[Stmt]]] = []
        for case in node.cases:
            for name in case.names:
                scope.entries[name] = Entry(Unknown("a captured pattern", (scope.module.path, case)), None)
            if case.guard is None and isinstance(subject, Scalar) and isinstance(case.pattern, ir.Const):
                if subject.value == case.pattern.value and subject.env is None:
                    return self.inside(case, case.body, scope)
                if subject.env is None:
                    continue
            blocks.append((case, case.body))
        if not blocks:
            return None
        return self.branch([*blocks, (node, [])], scope, f"depends on the match at line {node.line}")

    def _assign(self, node: ir.Assign, scope: Scope) -> str | None:
        value = self.eval(node.value, scope)
        for target in node.targets:
            self.assign(target, value, scope, node)
        return None

    def _annassign(self, node: ir.AnnAssign, scope: Scope) -> str | None:
        if node.value is not None:
            self.assign(node.target, self.eval(node.value, scope), scope, node)
        elif scope.kind == "class" and isinstance(node.target, ir.Name):
            scope.entries.setdefault("__annotations__", Entry(Mapping({}, None, True), None))
        return None

    def _augassign(self, node: ir.AugAssign, scope: Scope) -> str | None:
        left = self.force(self.eval(node.target, scope))
        right = self.eval(node.value, scope)
        at = (scope.module.path, node)
        if node.op == "+" and isinstance(left, Sequence) and left.kind == "list" and self.changeable(left.born):
            py.extend(self, left, right)
            if isinstance(node.target, (ir.Attr, ir.Subscript)):
                self.assign(node.target, left, scope, node)
            return None
        if node.op == "|" and isinstance(left, Mapping):
            py.update(self, left, right, at)
            return None
        self.assign(node.target, self.binop(node.op, left, right, at), scope, node)
        return None

    def _exprstmt(self, node: ir.ExprStmt, scope: Scope) -> str | None:
        self.eval(node.value, scope)
        return None

    def _return(self, node: ir.Return, scope: Scope) -> str | None:
        value: Value = (
            self.eval(node.value, scope) if node.value is not None else Scalar(None, (scope.module.path, node))
        )
        if self.frames:
            self.frames[-1].returns.append(value)
        return "return"

    def _raise(self, node: ir.Raise, scope: Scope) -> str | None:
        if node.exc is not None:
            self.context.append(node)
            self.eval(node.exc, scope)
            self.context.pop()
        return "raise"

    def _assert(self, node: ir.Assert, scope: Scope) -> str | None:
        self.eval(node.test, scope)
        return None

    def _import(self, node: ir.Import, scope: Scope) -> str | None:
        for alias in node.names:
            at = (scope.module.path, alias)
            self.bind(scope, alias.bound, self.module_value(alias.name, scope.module, at), at)
        return None

    def _importfrom(self, node: ir.ImportFrom, scope: Scope) -> str | None:
        module = scope.module
        base = self.index.relative(module, node.module, node.level) if node.level else node.module
        for alias in node.names:
            at = (module.path, alias)
            if alias.name == "*":
                self._import_star(base, scope, at)
            else:
                self.bind(scope, alias.bound, self.import_from(base, alias.name, module, at), at)
        return None

    def _import_star(self, base: str, scope: Scope, at: At) -> None:
        found = self.index.find(base, scope.module)
        if found is None:
            scope.stars.append(base or "?")
            return
        self.run(found)
        listed = found.scope.entries.get("__all__")
        names: list[str] | None = None
        if listed is not None:
            value = self.force(listed.value)
            if isinstance(value, Sequence) and not value.open:
                names = [
                    i.value for i in map(self.force, value.items) if isinstance(i, Scalar) and isinstance(i.value, str)
                ]
        for name in names if names is not None else list(found.scope.entries):
            if names is None and name.startswith("_"):
                continue
            entry = found.scope.entries.get(name)
            if entry is not None:
                scope.entries[name] = entry
        scope.stars.extend(star for star in found.scope.stars if star not in scope.stars)

    def _function(self, node: ir.Function, scope: Scope) -> str | None:
        at = (scope.module.path, node)
        function = self.make_function(node, scope, at)
        value: Value = function
        if node.decorators:
            decorators = [self.eval(d, scope) for d in node.decorators]
            for decorator, written in zip(reversed(decorators), reversed(node.decorators), strict=True):
                value = self.decorate(decorator, value, (scope.module.path, written))
        self.bind(scope, node.name, value, at)
        if self.walk:
            self.walk_nested(function)
        return None

    def make_function(self, node: ir.Function | ir.LambdaExpr, scope: Scope, at: At) -> FunctionValue:
        """A function object with its defaults evaluated."""
        defaults = {p.name: self.eval(p.default, scope) for p in node.params if p.default is not None}
        closure = scope
        while closure.kind == "class" and closure.parent is not None:
            closure = closure.parent
        function = FunctionValue(node, closure, defaults, at)
        if scope.kind == "class" and isinstance(scope.subject, ClassValue):
            function.owner_class = scope.subject
        if not self.walk and isinstance(node, ir.Function) and scope.module.gated:
            self.functions_seen.append(function)
        return function

    def decorate(self, decorator: Value, value: Value, at: At) -> Value:
        """`@decorator` applied to a function or class."""
        if isinstance(decorator, Deferred) and decorator.result is None and self._foreign(decorator):
            # Its module cannot matter to Celery: what it returns is computed only if the function becomes a task.
            inner = value
            return Deferred(lambda: self.decorate(self.force(decorator), inner, at), at, fallback=inner)
        decorator = self.force(decorator)
        if (
            isinstance(decorator, (Unknown, External, Made))
            and not (isinstance(decorator, External) and decorator.dotted in self.registry.calls)
            and not (isinstance(decorator, Made) and decorator.maker in self.registry.made_calls)
        ):
            return self._wrapped(decorator, value)
        result = self.call(decorator, Arguments([value], {}, at))
        if isinstance(self.peek(result), Unknown):
            return self._wrapped(decorator, value)
        return result

    def _wrapped(self, decorator: Value, value: Value) -> Value:
        """A decorator of another package: taken to leave the function what it is, as `functools.wraps` does."""
        if isinstance(value, Deferred) and value.fallback is not None:
            inner = value
            return Deferred(lambda: self._wrapped(decorator, self.force(inner)), value.at, fallback=value.fallback)
        if isinstance(value, FunctionValue):
            copy = value.copy()
            copy.wrappers = (*copy.wrappers, decorator)
            return copy
        if isinstance(value, ClassValue):
            value.decorators.append(decorator)
            return value
        if isinstance(value, (Made, Unknown, Native)):
            return Unknown("what a decorator returned", value.at)
        return value

    def _foreign(self, value: Deferred) -> bool:
        """Whether a deferred value comes from a module whose bytes showed that it cannot matter."""
        return not isinstance(value, Imported) or not value.module.gated

    def _class(self, node: ir.Class, scope: Scope) -> str | None:
        at = (scope.module.path, node)
        bases = [self.eval(b, scope) for b in node.bases if not isinstance(b, ir.Starred)]
        cls = ClassValue(node, scope, bases, at)
        for keyword in node.keywords:
            if keyword.name:
                value = self.eval(keyword.value, scope)
                cls.keywords[keyword.name] = Entry(value, (scope.module.path, keyword))
        value = cls
        self.classes_seen.append(cls)
        if self.walk or _eager_body(node):
            self.class_body(cls)
        result: Value = value
        for written in reversed(node.decorators):
            result = self.decorate(self.eval(written, scope), result, (scope.module.path, written))
        self.bind(scope, node.name, result, at)
        if node.keywords:
            self._init_subclass(cls)
        return None

    def _init_subclass(self, cls: ClassValue) -> None:
        for base in self.mro(cls)[1:]:
            if isinstance(base, ClassValue):
                entry = self.class_body(base).get("__init_subclass__")
                if entry is not None and isinstance(entry.value, (FunctionValue, Bound)):
                    function = entry.value if isinstance(entry.value, FunctionValue) else entry.value.function
                    keywords = {k: e for k, e in cls.keywords.items() if k != "metaclass"}
                    self.call_function(function, Arguments([cls], keywords, cls.at))
                    return

    def class_body(self, cls: ClassValue) -> dict[str, Entry]:
        """The attributes of a class, its body run once."""
        if not cls.ran:
            cls.ran = True
            inner = Scope("class", cls.scope.module, cls.scope)
            inner.subject = cls
            walk = self.walk
            try:
                self.block(cls.node.body, inner)
            except RecursionError:
                pass
            finally:
                self.walk = walk
            for name, entry in inner.entries.items():
                cls.attrs.setdefault(name, entry)
        return cls.attrs

    def _delete(self, node: ir.Delete, scope: Scope) -> str | None:
        for target in node.targets:
            if isinstance(target, ir.Name):
                scope.entries.pop(target.id, None)
            elif isinstance(target, ir.Subscript):
                holder = self.force(self.eval(target.value, scope))
                key = self.key(self.eval(target.index, scope))
                if isinstance(holder, Mapping) and self.changeable(holder.born) and key is not None:
                    holder.items.pop(key[0], None)
        return None

    def _scope(self, node: ir.Scope, scope: Scope) -> str | None:
        if node.kind == "global":
            scope.globals.update(node.names)
        return None

    def _jump(self, node: ir.Jump, scope: Scope) -> str | None:
        return None if node.kind == "pass" else node.kind

    # --- names and targets --------------------------------------------------------------------------------------------

    def bind(self, scope: Scope, name: str, value: Value, at: At) -> None:
        """Bind a name in a scope."""
        if name in scope.globals:
            scope = scope.module.scope
            if self.walk:
                return
        scope.entries[name] = Entry(value, at)

    def assign(self, target: Expr, value: Value, scope: Scope, statement: ir.Node) -> None:
        """Assign a value to a target."""
        at = (scope.module.path, statement)
        if isinstance(target, ir.Name):
            self.bind(scope, target.id, value, at)
        elif isinstance(target, ir.Attr):
            holder = self.force(self.eval(target.value, scope))
            if isinstance(holder, Unknown):
                self._remember(target, value, scope, at)
            self.setattr(holder, target.attr, value, at)
        elif isinstance(target, ir.Subscript):
            holder, index = self.force(self.eval(target.value, scope)), self.eval(target.index, scope)
            if isinstance(holder, (Unknown, Made)):
                self._remember(target, value, scope, at)
            self.setitem(holder, index, value, at)
        elif isinstance(target, ir.Seq):
            self._unpack(target, value, scope, statement)
        elif isinstance(target, ir.Starred):
            self.assign(target.value, value, scope, statement)

    def _remember(self, target: Expr, value: Value, scope: Scope, at: At) -> None:
        """What is put into something unknown is still there when the same words read it in the same function."""
        words = _spelled(target)
        if words is not None:
            scope.entries[words] = Entry(value, at)

    def _recall(self, node: Expr, scope: Scope) -> Value | None:
        words = _spelled(node)
        entry = scope.entries.get(words) if words is not None else None
        return entry.value if entry is not None else None

    def _unpack(self, target: ir.Seq, value: Value, scope: Scope, statement: ir.Node) -> None:
        items = self.iterate(self.force(value))
        plain = not any(isinstance(t, ir.Starred) for t in target.items)
        if items is not None and plain and len(items) == len(target.items):
            for inner, item in zip(target.items, items, strict=True):
                self.assign(inner, item, scope, statement)
            return
        for place, inner in enumerate(target.items):
            at = (scope.module.path, inner)
            unknown = Part("unpacked from a value that cannot be known", at, value, place if plain else -1)
            self.assign(inner, unknown, scope, statement)

    def lookup(self, name: str, scope: Scope, at: At) -> Value:
        """What a name means here."""
        here: Scope | None = scope
        while here is not None:
            entry = here.entries.get(name)
            if entry is not None:
                return entry.value
            if here.kind == "module":
                break
            here = here.parent
            while here is not None and here.kind == "class" and here is not scope:
                here = here.parent
        builtin = py.BUILTINS.get(name)
        if builtin is not None:
            return builtin
        module = scope.module
        if name == "__name__":
            return Scalar(module.dotted, at)
        if name == "__file__":
            return External("builtins.__file__", at)
        if name in ("Exception", "BaseException"):
            return External(f"builtins.{name}", at)  # which no star brings, as it may bring a ConnectionError
        for star in module.scope.stars:
            if star != "?":
                return External(self.canonical(f"{star}.{name}"), at)
        if module.scope.stars:
            return Unknown(f"{name} comes from a module that cannot be read", at)
        if name in py.EXCEPTIONS or name in py.OTHER_BUILTINS:
            return External(f"builtins.{name}", at)
        return Unknown(f"{name} is not defined where it is used", at)

    # --- expressions --------------------------------------------------------------------------------------------------

    def eval(self, node: Expr, scope: Scope) -> Value:
        """The value of an expression. May be deferred: look at it through `force`."""
        return _EXPRESSIONS[type(node)](self, node, scope)

    def force(self, value: Value) -> Value:
        """The value itself, computed if it was deferred."""
        if not self.lazy:
            return forced(value)
        for _ in range(LONGEST_CHAIN):
            if not isinstance(value, Deferred):
                return value
            if value.result is not None or value.running or not self._costly(value):
                value = computed(value)
            elif value.fallback is not None:
                value = value.fallback
            else:
                return Unknown("what a call returns", value.at)
        return Unknown("defined in terms of itself", value.at)

    def _costly(self, value: Deferred) -> bool:
        """Whether computing a value means calling functions or reading files that nobody needed yet."""
        return not isinstance(value, Imported) or unread(value)

    def need(self, value: Value) -> Value:
        """The value itself, at any cost."""
        lazy, self.lazy = self.lazy, False
        try:
            return self.force(value)
        finally:
            self.lazy = lazy

    def peek(self, value: Value) -> Value:
        """The value as far as it is computed already."""
        return peeked(value)

    def _const(self, node: ir.Const, scope: Scope) -> Value:
        return Scalar(node.value, (scope.module.path, node))

    def _name(self, node: ir.Name, scope: Scope) -> Value:
        return self.lookup(node.id, scope, (scope.module.path, node))

    def _attr(self, node: ir.Attr, scope: Scope) -> Value:
        value = self.eval(node.value, scope)
        if node.attr in self.needed:
            value = self.need(value)
        at = (scope.module.path, node)
        if isinstance(value, Deferred) and value.result is None and self._foreign(value):
            return Deferred(lambda: self.getattr(value, node.attr, at), at)
        if isinstance(value, Unknown):
            held = self._recall(node, scope)
            if held is not None:
                return held
        return self.getattr(value, node.attr, at)

    def _call(self, node: ir.Call, scope: Scope) -> Value:
        at = (scope.module.path, node)
        callee = self.eval(node.func, scope)
        if self.walk:
            self.context.append(node)
        try:
            args = self.arguments(node, scope, at, type(self.peek(callee)) in self.registry.types)
        finally:
            if self.walk:
                self.context.pop()
        if self.walk:
            self._handed_out(node, callee, args)
        if isinstance(callee, Deferred) and callee.result is None and self._foreign(callee):
            # A function of a module that cannot matter to Celery: called only if somebody needs what it returns.
            if not self.walk:
                return Deferred(lambda: self.call(callee, args), at)
            if not self._worth_entering(args):
                return Deferred(lambda: self.sandboxed(lambda: self.call(callee, args)), at)
        callee = self.force(callee)
        return self.call(callee, args)

    def _handed_out(self, node: ir.Call, callee: Value, args: Arguments) -> None:
        """A list or dict that a function gets by name may hold more afterwards, if nobody follows what it does to it."""
        named = [v for n, v in zip(node.args, args.positional, strict=False) if isinstance(n, ir.Name)]
        named += [args.keywords[k.name].value for k in node.keywords if k.name and isinstance(k.value, ir.Name)]
        held = [
            v
            for v in map(self.peek, named)
            if (isinstance(v, Mapping) or (isinstance(v, Sequence) and v.kind == "list")) and self.walk == v.born[0]
        ]
        called = self.peek(callee)
        if not held or (isinstance(node.func, ir.Attr) and node.func.attr in _READERS):
            return
        followed = isinstance(called, (FunctionValue, Bound)) and self._worth_entering(args)
        known = isinstance(called, External) and called.dotted in self.registry.calls
        if not followed and not known and isinstance(called, (Deferred, External, FunctionValue, Bound, Made, Unknown)):
            for value in held:
                value.open = True

    def sandboxed(self, compute: Callable[[], Value]) -> Value:
        """Compute without changing anything."""
        lazy, self.lazy = self.lazy, False
        try:
            with self.walking():
                return compute()
        finally:
            self.lazy = lazy

    def arguments(self, node: ir.Call, scope: Scope, at: At, needed: bool = False) -> Arguments:
        """Evaluate the arguments of a call; those that are `needed` also where another file must be read for them."""
        positional: list[Value] = []
        keywords: dict[str, Entry] = {}
        is_open = False
        for arg in node.args:
            if isinstance(arg, ir.Starred):
                items = self.iterate(self.force(self.eval(arg.value, scope)))
                if items is None:
                    is_open = True
                else:
                    positional.extend(items)
            else:
                positional.append(self.eval(arg, scope))
        for keyword in node.keywords:
            value = self.eval(keyword.value, scope)
            if keyword.name is not None:
                keywords[keyword.name] = Entry(value, (scope.module.path, keyword))
                continue
            spread = self.need(value) if needed and isinstance(value, Imported) else self.force(value)
            if isinstance(spread, Mapping):
                for key, entry in spread.items.items():
                    if isinstance(key, str):
                        keywords[key] = entry
                is_open = is_open or spread.open
            else:
                is_open = True
        return Arguments(positional, keywords, at, is_open)

    def _seq(self, node: ir.Seq, scope: Scope) -> Value:
        items: list[Value] = []
        is_open = False
        for item in node.items:
            if isinstance(item, ir.Starred):
                inner = self.iterate(self.force(self.eval(item.value, scope)))
                if inner is None:
                    is_open = True
                else:
                    items.extend(inner)
            else:
                items.append(self.eval(item, scope))
        return Sequence(node.kind, items, (scope.module.path, node), is_open, self.born)

    def _dict(self, node: ir.DictExpr, scope: Scope) -> Value:
        path = scope.module.path
        out = Mapping({}, (path, node), False, self.born)
        for key, expression in zip(node.keys, node.values, strict=True):
            value = self.eval(expression, scope)
            if key is None:
                py.update(self, out, value, (path, expression))
                continue
            known = self.key(self.eval(key, scope))
            at = (path, key)
            if known is None:
                out.open = True
                continue
            if known[0] in out.items and isinstance(key, ir.Const):
                before = out.items[known[0]].at
                if before is not None:
                    out.repeats.append((known[0], before, at))
            out.items[known[0]] = Entry(value, at)
        return out

    def key(self, value: Value) -> tuple[Key] | None:
        """A value as a dict key, in a one-tuple; None if it is not known."""
        value = self.force(value)
        if isinstance(value, Scalar):
            if value.value is None or isinstance(value.value, (bool, int, float, str)):
                return (value.value,)
            return None
        if isinstance(value, Member):
            plain = self.plain_member(value)
            return self.key(plain) if plain is not None else (("member", f"{value.cls.node.name}.{value.name}"),)
        if isinstance(value, Made) and value.maker == "re.compile" and value.args:
            pattern = self.force(value.args[0])
            if isinstance(pattern, Scalar) and isinstance(pattern.value, str):
                return (("regex", pattern.value),)
        if isinstance(value, Sequence) and value.kind == "tuple":
            parts = [self.key(item) for item in value.items]
            if all(part is not None for part in parts):
                return (("tuple", repr([part[0] for part in parts if part is not None])),)
        if isinstance(value, External):
            return (("dotted", value.dotted),)
        return None

    def _binop(self, node: ir.BinOp, scope: Scope) -> Value:
        left, right = self.eval(node.left, scope), self.eval(node.right, scope)
        at = (scope.module.path, node)
        if self._lazy(left) or self._lazy(right):
            return Deferred(lambda: self.binop(node.op, left, right, at), at)
        return self.binop(node.op, left, right, at)

    def _lazy(self, value: Value) -> bool:
        return isinstance(value, Deferred) and value.result is None and self._foreign(value)

    def binop(self, op: str, left: Value, right: Value, at: At) -> Value:
        """`left op right`."""
        left, right = self.force(left), self.force(right)
        for side in (left, right):
            behaviour = self.registry.types.get(type(side))
            if behaviour is not None:
                result = behaviour.binop(self, op, left, right, at)
                if result is not None:
                    return result
        if isinstance(left, Either) and not isinstance(right, Either):
            return either([self.binop(op, o, right, at) for o in left.options], left.why, at)
        if isinstance(right, Either) and not isinstance(left, Either):
            return either([self.binop(op, left, o, at) for o in right.options], right.why, at)
        return py.binop(self, op, left, right, at)

    def _boolop(self, node: ir.BoolOp, scope: Scope) -> Value:
        env: str | None = None
        value: Value = Unknown("an empty condition", (scope.module.path, node))
        for index, part in enumerate(node.values):
            value = self.force(self.eval(part, scope))
            if index == len(node.values) - 1:
                break
            truth = self.truth(value)
            if truth is None:
                rest = [self.force(self.eval(p, scope)) for p in node.values[index + 1 :]]
                return either([value, *rest], f"depends on the condition at line {node.line}", value.at)
            if isinstance(value, Scalar) and value.env:
                env = value.env
            if truth is (node.op == "or"):
                break
        if env and isinstance(value, Scalar) and not value.env:
            return Scalar(value.value, value.at, env)
        return value

    def _unary(self, node: ir.UnaryOp, scope: Scope) -> Value:
        value = self.force(self.eval(node.value, scope))
        at = (scope.module.path, node)
        if node.op == "not":
            truth = self.truth(value)
            env = value.env if isinstance(value, Scalar) else None
            return Unknown("a condition that cannot be known", at) if truth is None else Scalar(not truth, at, env)
        return py.unary(node.op, value, at)

    def _compare(self, node: ir.Compare, scope: Scope) -> Value:
        left = self.force(self.eval(node.left, scope))
        at = (scope.module.path, node)
        env = left.env if isinstance(left, Scalar) else None
        for op, expression in zip(node.ops, node.rights, strict=True):
            right = self.force(self.eval(expression, scope))
            result = py.compare(self, op, left, right)
            if isinstance(right, Scalar) and right.env:
                env = right.env
            if result is None:
                return Unknown("a comparison that cannot be known", at)
            if not result:
                return Scalar(False, at, env)
            left = right
        return Scalar(True, at, env)

    def _ifexp(self, node: ir.IfExp, scope: Scope) -> Value:
        test = self.force(self.eval(node.test, scope))
        truth = self.truth(test)
        if truth is None:
            if self.walk:
                self.uncertain += 1
            try:
                options = [self.force(self.eval(node.body, scope)), self.force(self.eval(node.orelse, scope))]
            finally:
                if self.walk:
                    self.uncertain -= 1
            return either(options, f"depends on the condition at line {node.line}", (scope.module.path, node))
        value = self.eval(node.body if truth else node.orelse, scope)
        if isinstance(test, Scalar) and test.env:
            value = self.force(value)
            if isinstance(value, Scalar) and not value.env:
                return Scalar(value.value, value.at, test.env)
        return value

    def _subscript(self, node: ir.Subscript, scope: Scope) -> Value:
        value = self.eval(node.value, scope)
        at = (scope.module.path, node)
        index = self.eval(node.index, scope)
        if self._lazy(value) or self._lazy(index):
            return Deferred(lambda: self.getitem(value, index, at), at)
        if isinstance(value, Unknown):
            held = self._recall(node, scope)
            if held is not None:
                return held
        return self.getitem(value, index, at)

    def _slice(self, node: ir.SliceExpr, scope: Scope) -> Value:
        parts = [self.eval(p, scope) if p is not None else Scalar(None) for p in (node.lower, node.upper, node.step)]
        return Sequence("slice", parts, (scope.module.path, node))

    def _fstring(self, node: ir.FString, scope: Scope) -> Value:
        at = (scope.module.path, node)
        text: list[str] = []
        env: str | None = None
        for part in node.parts:
            value = self.force(self.eval(part, scope))
            if isinstance(value, Member):
                value = self.formatted_member(value)
            if not isinstance(value, Scalar) or isinstance(value.value, float):
                return Unknown("an f-string of values that cannot be known", at)
            text.append(str(value.value))
            env = env or value.env
        return Scalar("".join(text), at, env)

    def _lambda(self, node: ir.LambdaExpr, scope: Scope) -> Value:
        function = self.make_function(node, scope, (scope.module.path, node))
        if self.walk:
            self.walk_nested(function)
        return function

    def _starred(self, node: ir.Starred, scope: Scope) -> Value:
        return self.eval(node.value, scope)

    def _comp(self, node: ir.Comp, scope: Scope) -> Value:
        at = (scope.module.path, node)
        inner = Scope("function", scope.module, scope)
        inner.subject = scope.subject
        items: list[tuple[Value | None, Value]] = []
        known = self._comp_loop(node, 0, inner, items)
        if node.kind == "dict":
            out = Mapping({}, at, not known, self.born)
            for key, value in items:
                hashable = self.key(key) if key is not None else None
                if hashable is None:
                    out.open = True
                else:
                    out.items[hashable[0]] = Entry(value, value.at or at)
            return out
        kind = "list" if node.kind == "generator" else node.kind
        return Sequence(kind, [value for _, value in items] if known else [], at, not known, self.born)

    def _comp_loop(self, node: ir.Comp, depth: int, scope: Scope, out: list[tuple[Value | None, Value]]) -> bool:
        if depth == len(node.generators):
            key = self.eval(node.key, scope) if node.key is not None else None
            out.append((key, self.eval(node.value, scope)))
            return True
        generator = node.generators[depth]
        source = self.eval(generator.source, scope)
        items = self.iterate(self.force(source))
        if items is None or len(items) > MAX_ITEMS:
            if self.walk:
                at = (scope.module.path, generator)
                unknown = Part("an item of a collection that cannot be known", at, source, None)
                self.assign(generator.target, unknown, scope, generator)
                for condition in generator.conditions:
                    self.eval(condition, scope)
                self._comp_loop(node, depth + 1, scope, [])
            return False
        for item in items:
            self.assign(generator.target, item, scope, generator)
            wanted: bool | None = True
            for condition in generator.conditions:
                wanted = self.truth(self.force(self.eval(condition, scope)))
                if not wanted:
                    break
            if wanted is None:
                return False
            if wanted and not self._comp_loop(node, depth + 1, scope, out):
                return False
        return True

    def _await(self, node: ir.Await, scope: Scope) -> Value:
        value = self.eval(node.value, scope)
        return value if self.walk else Unknown("awaited", (scope.module.path, node))

    def _yield(self, node: ir.Yield, scope: Scope) -> Value:
        if node.value is not None:
            self.eval(node.value, scope)
        return Unknown("sent into a generator", (scope.module.path, node))

    def _walrus(self, node: ir.Walrus, scope: Scope) -> Value:
        value = self.eval(node.value, scope)
        self.bind(scope, node.name, value, (scope.module.path, node))
        return value

    def _opaque(self, node: ir.Opaque, scope: Scope) -> Value:
        return Unknown(f"{node.kind} is not evaluated", (scope.module.path, node))

    # --- objects ------------------------------------------------------------------------------------------------------

    def getattr(self, value: Value, name: str, at: At) -> Value:
        """`value.name`."""
        value = self.force(value)
        behaviour = self.registry.types.get(type(value))
        if behaviour is not None:
            result = behaviour.getattr(self, value, name, at)
            if result is not None:
                return result
        if name in self.registry.guesses and isinstance(value, (Unknown, External, Made)):
            guess = self.registry.guesses[name](self, value, at)
            if guess is not None:
                return guess
        if isinstance(value, External):
            return self._external_attribute(value, name, at)
        if isinstance(value, ModuleValue):
            return self.module_attribute(value.module, name, at)
        if isinstance(value, Made):
            return self._made_attribute(value, name, at)
        if isinstance(value, Instance):
            return self.instance_attribute(value, name, at)
        if isinstance(value, ClassValue):
            return self.class_attribute(value, name, at)
        if isinstance(value, Super):
            return self._super_attribute(value, name, at)
        if isinstance(value, Either):
            return either([self.getattr(o, name, at) for o in value.options if not self._nothing(o)], value.why, at)
        if isinstance(value, FunctionValue):
            return self._function_attribute(value, name, at)
        if isinstance(value, Member):
            return self._member_attribute(value, name, at)
        if isinstance(value, Unknown):
            return Part(value.why, value.at, value, name, value.marks)
        return py.getattr(self, value, name, at)

    def _nothing(self, value: Value) -> bool:
        return isinstance(value, Missing) or (isinstance(value, Scalar) and value.value is None)

    def _external_attribute(self, value: External, name: str, at: At) -> Value:
        hook = self.registry.names.get(value.dotted)
        if hook is not None:
            result = hook(self, name, at)
            if result is not None:
                return result
        if value.dotted.startswith("builtins.") and name in ("__name__", "__qualname__"):
            return Scalar(value.dotted.rpartition(".")[2], at)
        dotted = self.canonical(f"{value.dotted}.{name}")
        constant = self.registry.constants.get(dotted)
        if constant is not None:
            return constant(self, at)
        return External(dotted, at)

    def _made_attribute(self, value: Made, name: str, at: At) -> Value:
        entry = value.attrs.get(name)
        if entry is not None:
            return entry.value
        hook = self.registry.made_attributes.get(value.maker)
        if hook is not None:
            result = hook(self, value, name, at)
            if result is not None:
                return result
        return External(f"{value.maker}().{name}", at)

    def instance_attribute(self, value: Instance, name: str, at: At) -> Value:
        """An attribute of an object: its own, else its class's, methods bound."""
        entry = value.attrs.get(name)
        if entry is not None:
            return entry.value
        if name == "__class__":
            return value.cls
        found = self.class_entry(value.cls, name)
        keyword = value.keywords.get(name)
        if keyword is not None and not isinstance(found, Entry):
            return keyword.value
        if isinstance(found, Entry):
            if keyword is not None and "__init__" not in self.class_body(value.cls):
                # Generated constructors (dataclass, attrs, pydantic) set what they are given.
                return keyword.value
            held = self.bound(found.value, value, at)
            for base in self.mro(value.cls):
                hook = self.registry.instance_attributes.get(base.dotted) if isinstance(base, External) else None
                if hook is not None:
                    return hook(self, value, name, held)
            return held
        if found is not None:
            return found
        return Unknown(f"{value.cls.node.name} has no {name} that can be seen", at)

    def bound(self, value: Value, subject: Value, at: At) -> Value:
        """A class attribute as seen through an instance."""
        value = self.force(value)
        if isinstance(value, FunctionValue):
            kinds = {d.dotted for d in value.wrappers if isinstance(d, External)}
            if "builtins.staticmethod" in kinds:
                return value
            if "builtins.property" in kinds or any(k.endswith("cached_property") for k in kinds):
                return self.call_function(value, Arguments([subject], {}, at))
            if "builtins.classmethod" in kinds:
                cls: Value = subject.cls if isinstance(subject, Instance) else subject
                return Bound(value, cls, at)
            return Bound(value, subject, at)
        return value

    def class_attribute(self, cls: ClassValue, name: str, at: At) -> Value:
        """`Class.name`."""
        found = self.class_entry(cls, name)
        if isinstance(found, Entry):
            value = self.force(found.value)
            if isinstance(value, FunctionValue):
                kinds = {d.dotted for d in value.wrappers if isinstance(d, External)}
                if "builtins.classmethod" in kinds:
                    return Bound(value, cls, at)
                return value
            if not name.startswith("_") and isinstance(value, (Scalar, Sequence, Made)) and self.is_enum(cls):
                return Member(cls, name, value, found.at)
            return value
        if found is not None:
            return found
        if name in ("__name__", "__qualname__"):
            return Scalar(cls.node.name, at)
        if name == "__module__":
            return Scalar(cls.module.dotted, at)
        return Unknown(f"{cls.node.name} has no {name} that can be seen", at)

    def class_entry(self, cls: ClassValue, name: str) -> Entry | Value | None:
        """The entry of a name along the base classes; an `External` or `Unknown` if a base that is not ours may have it."""
        for base in self.mro(cls):
            if isinstance(base, ClassValue):
                entry = self.class_body(base).get(name)
                if entry is not None:
                    return entry
            elif isinstance(base, External):
                if base.dotted != "builtins.object":
                    return External(f"{base.dotted}.{name}", cls.at)
            else:
                return Unknown(f"a base of {cls.node.name} cannot be read", cls.at)
        return None

    def mro(self, cls: ClassValue) -> list[Value]:
        """The method resolution order: classes of the project, `External` and `Unknown` bases."""
        found = self._orders.get(cls) if self.walk else None
        if found is None:
            found = _linearize(self, cls, ())
            if self.walk and all(type(base) in (ClassValue, External) for base in found):
                # Unknown may be what is being read just now, and before the walks an app may get another class of tasks.
                self._orders[cls] = found
        return found

    def is_enum(self, cls: ClassValue) -> bool:
        """Whether a class of the project is an enum."""
        return any(isinstance(b, External) and b.dotted in py.ENUM_BASES for b in self.mro(cls))

    def plain_member(self, member: Member) -> Scalar | None:
        """The string or number that an enum member *is*, for members of `(str, Enum)`, `StrEnum`, `TextChoices`..."""
        bases = {b.dotted for b in self.mro(member.cls) if isinstance(b, External)}
        if bases & py.PLAIN_ENUM_BASES:
            value = self.force(member.value)
            if isinstance(value, Made) and value.maker == "enum.auto":
                text = member.name.lower() if "enum.StrEnum" in bases else None
                return Scalar(text, member.at) if text is not None else None
            if isinstance(value, Sequence) and value.items:
                value = self.force(value.items[0])
            return value if isinstance(value, Scalar) else None
        return None

    def formatted_member(self, member: Member) -> Value:
        """What an f-string makes of an enum member."""
        bases = {b.dotted for b in self.mro(member.cls) if isinstance(b, External)}
        if "builtins.str" in bases and not bases & {"enum.StrEnum"} and not any(b.startswith("django") for b in bases):
            return Unknown("the text of a (str, Enum) member differs between Python versions", member.at)
        return self.plain_member(member) or Unknown("the text of an enum member", member.at)

    def _member_attribute(self, member: Member, name: str, at: At) -> Value:
        if name in ("value", "_value_"):
            return self.plain_member(member) or self.force(member.value)
        if name == "name":
            return Scalar(member.name, at)
        plain = self.plain_member(member)
        if plain is not None:
            found = self.class_entry(member.cls, name)
            if isinstance(found, Entry):
                return self.bound(found.value, member, at)
            return py.getattr(self, plain, name, at)
        found = self.class_entry(member.cls, name)
        if isinstance(found, Entry):
            return self.bound(found.value, member, at)
        return Unknown(f"an attribute of an enum member: {name}", at)

    def _super_attribute(self, value: Super, name: str, at: At) -> Value:
        subject = value.subject
        cls = subject.cls if isinstance(subject, Instance) else subject
        hidden = self.registry.types.get(type(subject))
        order = self.mro(cls) if isinstance(cls, ClassValue) else []
        if hidden is not None:
            order = self.mro(value.after)
        if value.after in order:
            order = order[order.index(value.after) + 1 :]
        for base in order:
            if isinstance(base, ClassValue):
                entry = self.class_body(base).get(name)
                if entry is not None:
                    return self.bound(entry.value, subject, at)
            elif isinstance(base, External):
                if hidden is not None:
                    inherited = hidden.getattr(self, subject, f"super:{name}", at)
                    if inherited is not None:
                        return inherited
                return External(f"{base.dotted}.{name}", at)
            else:
                return base
        return External(f"builtins.object.{name}", at)

    def _function_attribute(self, value: FunctionValue, name: str, at: At) -> Value:
        entry = value.attrs.get(name)
        if entry is not None:
            return entry.value
        inner = value.innermost
        if name in ("__name__", "__qualname__"):
            return Scalar(inner.node.name if isinstance(inner.node, ir.Function) else "<lambda>", at)
        if name == "__module__":
            return Scalar(inner.scope.module.dotted, at)
        if name == "__doc__":
            return Unknown("a docstring", at)
        if name == "__wrapped__" and value.wraps is not None:
            return value.wraps
        return Unknown(f"an attribute of a function: {name}", at)

    def setattr(self, target: Value, name: str, value: Value, at: At) -> None:
        """`target.name = value`."""
        target = self.force(target)
        behaviour = self.registry.types.get(type(target))
        if behaviour is not None and behaviour.setattr(self, target, name, value, at):
            return
        if isinstance(target, (Instance, Made)):
            if self.changeable(target.born):
                self._put(target.attrs, name, value, at, self.certain(target.born))
        elif isinstance(target, FunctionValue) and not self.walk:
            target.attrs[name] = Entry(value, at)
            forced = self.force(value)
            if name == "__name__" and isinstance(forced, Scalar):
                target.attrs["__name__"] = Entry(forced, at)
        elif isinstance(target, ClassValue) and not self.walk:
            self._put(self.class_body(target), name, value, at, not self.uncertain)
        elif isinstance(target, ModuleValue) and not self.walk:
            self.run(target.module)
            target.module.scope.entries[name] = Entry(value, at)

    def _put(self, entries: dict[str, Entry], name: str, value: Value, at: At, certain: bool) -> None:
        if certain:
            entries[name] = Entry(value, at)
        else:
            before = entries[name].value if name in entries else Missing(at)
            entries[name] = Entry(either([before, value], "set in a branch that may not run", at), at)

    def getitem(self, value: Value, index: Value, at: At) -> Value:
        """`value[index]`."""
        value, index = self.force(value), self.force(index)
        behaviour = self.registry.types.get(type(value))
        if behaviour is not None:
            result = behaviour.getitem(self, value, index, at)
            if result is not None:
                return result
        if isinstance(value, External):
            hook = self.registry.names.get(value.dotted)
            if hook is not None and isinstance(index, Scalar) and isinstance(index.value, str):
                result = hook(self, f"[{index.value}]", at)
                if result is not None:
                    return result
            # `Task[...]`, `list[int]`: a generic alias is the class itself.
            return value
        if isinstance(value, ClassValue):
            if self.is_enum(value) and isinstance(index, Scalar) and isinstance(index.value, str):
                return self.class_attribute(value, index.value, at)
            return value
        if isinstance(value, Instance):
            method = self.class_entry(value.cls, "__getitem__")
            if isinstance(method, Entry) and isinstance(method.value, FunctionValue):
                return self.call_function(method.value, Arguments([value, index], {}, at))
        if isinstance(value, Either):
            options = [self.getitem(o, index, at) for o in value.options if not self._nothing(o)]
            return either(options, value.why, at)
        return py.getitem(self, value, index, at)

    def setitem(self, target: Value, index: Value, value: Value, at: At) -> None:
        """`target[index] = value`."""
        target = self.force(target)
        behaviour = self.registry.types.get(type(target))
        if behaviour is not None and behaviour.setitem(self, target, self.force(index), value, at):
            return
        if isinstance(target, Mapping) and self.changeable(target.born):
            py.put(self, target, index, value, at)
        elif isinstance(target, Sequence) and self.changeable(target.born):
            position = self.force(index)
            if isinstance(position, Scalar) and type(position.value) is int and not self.uncertain:
                if -len(target.items) <= position.value < len(target.items):
                    target.items[position.value] = value
            else:
                target.open = True
        elif isinstance(target, py.Globals):
            name = self.force(index)
            if isinstance(name, Scalar) and isinstance(name.value, str):
                target.scope.entries[name.value] = Entry(value, at)
            else:
                target.scope.stars.append("?")
        elif isinstance(target, External):
            hook = self.registry.names.get(target.dotted)
            key = self.force(index)
            if hook is not None and isinstance(key, Scalar):
                hook(self, f"[{key.value}]=", at)
                setter = self.registry.calls.get(f"{target.dotted}.__setitem__")
                if setter is not None:
                    setter(self, Arguments([key, value], {}, at))

    def iterate(self, value: Value) -> list[Value] | None:
        """The items of a collection, None if they are not all known."""
        value = self.force(value)
        if isinstance(value, Sequence):
            return None if value.open or value.kind == "slice" else list(value.items)
        if isinstance(value, Mapping):
            if value.open:
                return None
            return [
                Scalar(k, e.at) if not isinstance(k, tuple) else Unknown("a key", e.at) for k, e in value.items.items()
            ]
        if isinstance(value, Scalar) and isinstance(value.value, str):
            return [Scalar(c, value.at) for c in value.value]
        if isinstance(value, ClassValue) and self.is_enum(value):
            members = []
            for name, entry in self.class_body(value).items():
                inner = self.force(entry.value)
                if not name.startswith("_") and isinstance(inner, (Scalar, Sequence, Made)):
                    members.append(Member(value, name, inner, entry.at))
            return list(members)
        return None

    def truth(self, value: Value) -> bool | None:
        """Whether a value is true; None if that is not known. What the environment may change counts with its default."""
        value = self.force(value)
        if isinstance(value, Scalar):
            return bool(value.value)
        if isinstance(value, Sequence):
            return True if value.items else (None if value.open else False)
        if isinstance(value, Mapping):
            return True if value.items else (None if value.open else False)
        if isinstance(value, Either):
            truths = {self.truth(option) for option in value.options}
            return truths.pop() if len(truths) == 1 else None
        if isinstance(value, (FunctionValue, ClassValue, ModuleValue, Bound, Partial, Native, Member)):
            return True
        if _for_type_checkers(value):
            return False
        return None

    def decided(self, value: Value) -> bool | None:
        """Whether a branch is taken in every environment; None where the environment decides."""
        value = self.force(value)
        if isinstance(value, Scalar) and value.env:
            return None
        return self.truth(value)

    # --- calls --------------------------------------------------------------------------------------------------------

    def call(self, callee: Value, args: Arguments) -> Value:
        """`callee(...)`."""
        self.fuel -= 1
        if self.fuel < 0:
            raise OutOfFuel
        callee = self.force(callee)
        at = args.at
        behaviour = self.registry.types.get(type(callee))
        if behaviour is not None:
            result = behaviour.call(self, callee, args)
            if result is not None:
                return result
        if isinstance(callee, Native):
            return self._marked(callee.call(self, args), args)
        if isinstance(callee, External):
            handler = self.registry.calls.get(callee.dotted)
            if handler is not None:
                return self._marked(handler(self, args), args)
            for guess in self.registry.guess_calls:
                guessed = guess(self, callee.dotted, args)
                if guessed is not None:
                    return guessed
            made = Made(callee.dotted, args.positional, args.keywords, at, self.born)
            made.open = args.open
            return made
        if isinstance(callee, FunctionValue):
            return self.call_function(callee, args)
        if isinstance(callee, Bound):
            inner = Arguments([callee.subject, *args.positional], args.keywords, at, args.open)
            return self.call_function(callee.function, inner)
        if isinstance(callee, Partial):
            merged = Arguments([*callee.args, *args.positional], {**callee.keywords, **args.keywords}, at, args.open)
            return self.call(callee.function, merged)
        if isinstance(callee, ClassValue):
            return self.instantiate(callee, args)
        if isinstance(callee, Made):
            handler2 = self.registry.made_calls.get(callee.maker)
            if handler2 is not None:
                return handler2(self, callee, args)
            return Unknown("what an object of another package returns when called", at)
        if isinstance(callee, Instance):
            method = self.class_entry(callee.cls, "__call__")
            if isinstance(method, Entry) and isinstance(self.force(method.value), FunctionValue):
                function = self.force(method.value)
                assert isinstance(function, FunctionValue)
                return self.call_function(function, Arguments([callee, *args.positional], args.keywords, at, args.open))
        if isinstance(callee, Either):
            options = [self.call(o, args) for o in callee.options if not self._nothing(o)]
            return either(options, callee.why, at)
        if isinstance(callee, Unknown):
            return Part(callee.why, at, callee, args)
        return Unknown("a call of something that cannot be known", at)

    def _marked(self, result: Value, args: Arguments) -> Value:
        """What a call cannot tell keeps the marks of what went in."""
        if isinstance(result, Unknown):
            marks = marks_among(args.positional)
            if marks - result.marks:
                return Unknown(result.why, result.at, result.marks | marks)
        return result

    def call_function(self, function: FunctionValue, args: Arguments) -> Value:
        """Call a function of the project with evaluated arguments."""
        at = args.at
        node = function.node
        if isinstance(node, ir.Function) and (node.is_async or node.is_generator):
            for wrapper in function.wrappers:
                if isinstance(wrapper, External) and wrapper.dotted.endswith("contextmanager"):
                    return Made("contextlib.contextmanager", [], {}, at, self.born)
            return Unknown("what a generator or a coroutine gives", at)
        active = sum(1 for frame in self.frames if frame.function.node is node)
        if len(self.frames) > MAX_DEPTH or active > 2:
            return Unknown("calls nested too deeply", at)
        if self.walk and not self._worth_entering(args):
            return Deferred(lambda: self.sandboxed(lambda: self._enter(function, args)), at)
        return self._enter(function, args)

    def _worth_entering(self, args: Arguments) -> bool:
        """In a walk, a call is followed at once only where tasks, apps or signatures are handed over."""
        interesting = self.registry.types
        values = [*args.positional, *(e.value for e in args.keywords.values())]
        return any(type(self.peek(v)) in interesting for v in values)

    def _enter(self, function: FunctionValue, args: Arguments) -> Value:
        self.called.add(id(function.node))
        scope = Scope("function", function.scope.module, function.scope)
        scope.subject = function.owner_class
        self.bind_arguments(function, args, scope)
        frame = Frame(function, scope)
        self.frames.append(frame)
        self.sites.append(args.at)
        try:
            return self._result(function, frame, scope, args.at)
        finally:
            self.frames.pop()
            self.sites.pop()

    def _result(self, function: FunctionValue, frame: Frame, scope: Scope, at: At | None) -> Value:
        if isinstance(function.node, ir.LambdaExpr):
            return self.eval(function.node.body, scope)
        end = self.block(self.body(function.node), scope)
        if end == "raise" and not frame.returns:
            return Unknown("a function that raises", at)
        returns = frame.returns
        if end is None:
            returns = [*returns, Scalar(None, at)]
        if not returns:
            return Unknown("a function that does not return", at)
        if len(returns) == 1:
            return returns[0]
        return either([self.force(v) for v in returns], f"depends on what {function.node.name} decides", at)

    def body(self, node: ir.Function) -> list[Stmt]:
        """The statements of a function, decoded once."""
        found = self.bodies.get(id(node))
        if found is None:
            found = self.bodies[id(node)] = ir.read_body(node)
        return found

    def bind_arguments(self, function: FunctionValue, args: Arguments, scope: Scope) -> None:
        """Bind arguments to parameters; what was not given and has no default is unknown."""
        path = function.scope.module.path
        remaining = list(args.positional)
        keywords = dict(args.keywords)
        for param in function.node.params:
            at = (path, param)
            value: Value | None = None
            if param.kind in ("positional-only", "positional") and remaining:
                value = remaining.pop(0)
            elif param.kind == "var":
                value = Sequence("tuple", remaining, at, args.open, self.born)
                remaining = []
            elif param.kind == "var-keyword":
                value = Mapping(dict(keywords), at, args.open, self.born)
            elif param.kind != "positional-only" and param.name in keywords:
                value = keywords.pop(param.name).value
            if value is None:
                default = function.defaults.get(param.name)
                if default is None:
                    value = Unknown(f"the argument {param.name}", at)
                elif args.open:
                    value = Unknown(f"the argument {param.name}, which may have been passed", at)
                else:
                    value = default
            scope.entries[param.name] = Entry(value, at)

    def instantiate(self, cls: ClassValue, args: Arguments) -> Value:
        """Make an object of a class of the project."""
        for base in self.mro(cls):
            if isinstance(base, External):
                handler = self.registry.calls.get(f"{base.dotted}.__subclass_call__")
                if handler is not None:
                    return handler(self, Arguments([cls, *args.positional], args.keywords, args.at, args.open))
        if self.is_enum(cls) and args.positional:
            wanted = self.force(args.positional[0])
            for member in self.iterate(cls) or []:
                if isinstance(member, Member) and py.compare(self, "==", self.force(member.value), wanted):
                    return member
            return Unknown("an enum member", args.at)
        instance = Instance(cls, args.at, self.born)
        instance.keywords = dict(args.keywords)
        self.initialize(instance, cls, args)
        return instance

    def initialize(self, subject: Value, cls: ClassValue, args: Arguments) -> None:
        """Run `__init__` if the project defines it."""
        found = self.class_entry(cls, "__init__")
        if isinstance(found, Entry):
            function = self.force(found.value)
            if isinstance(function, FunctionValue) and len(self.frames) < MAX_DEPTH:
                inner = Arguments([subject, *args.positional], args.keywords, args.at, args.open)
                self._enter(function, inner)

    # --- walks --------------------------------------------------------------------------------------------------------

    def walk_nested(self, function: FunctionValue) -> None:
        """Walk a function that is defined inside the function that is being walked."""
        if sum(1 for f in self.frames if f.function.node is function.node):
            return
        self.context.append(function.node)
        saved = self.uncertain
        self.uncertain += 1
        try:
            self._enter(function, Arguments([], {}, None, open=True))
        finally:
            self.uncertain = saved
            self.context.pop()

    def walk_function(self, function: FunctionValue, args: Arguments) -> None:
        """Run the body of a function with the arguments as far as known."""
        lazy, self.lazy = self.lazy, True
        context, self.context = self.context, [function.node]
        frames, self.frames = self.frames, []
        sites, self.sites = self.sites, []
        try:
            with self.walking():
                self._enter(function, args)
        except (OutOfFuel, RecursionError):
            pass
        except Exception as error:
            self.crashes.append((function.scope.module.path, error))
        finally:
            self.context, self.frames, self.sites = context, frames, sites
            self.lazy = lazy

    def call_site(self, at: At | None) -> At | None:
        """The call in the outermost active function that led to `at`."""
        for site in self.sites if not self.walk else self.sites[1:]:
            if site is not None:
                return site
        return at


def _for_type_checkers(test: Value) -> bool:
    return isinstance(test, External) and test.dotted in ("typing.TYPE_CHECKING", "typing_extensions.TYPE_CHECKING")


def _spelled(node: Expr) -> str | None:
    """`config.registry['celery.app']` as text, for names, attributes and literal subscripts; None for anything else."""
    if isinstance(node, ir.Name):
        return node.id
    if isinstance(node, ir.Attr):
        inner = _spelled(node.value)
        return f"{inner}.{node.attr}" if inner is not None else None
    if isinstance(node, ir.Subscript) and isinstance(node.index, ir.Const):
        inner = _spelled(node.value)
        return f"{inner}[{node.index.value!r}]" if inner is not None else None
    return None


def _eager_body(node: ir.Class) -> bool:
    """Whether the body of a class must run at once: a decorator in it may register something."""
    plain = {"property", "staticmethod", "classmethod", "abstractmethod", "override", "cached_property"}
    for statement in node.body:
        if isinstance(statement, ir.Function):
            for decorator in statement.decorators:
                name = decorator.id if isinstance(decorator, ir.Name) else ""
                if isinstance(decorator, ir.Attr):
                    name = decorator.attr
                    if name in ("setter", "getter", "deleter"):
                        continue
                if name not in plain:
                    return True
        elif isinstance(statement, ir.ExprStmt):
            return True
    return False


def _join(afters: list[dict[str, Entry]], why: str) -> dict[str, Entry]:
    """One set of bindings that stands for several."""
    _first, *_rest = afters
    names = dict.fromkeys(name for after in afters for name in after)
    out: dict[str, Entry] = {}
    for name in names:
        entries = [after.get(name) for after in afters]
        entry = entries[0]
        if entry is not None and all(e is entry for e in entries):
            out[name] = entry
            continue
        present = [e for e in entries if e is not None]
        values: list[Value] = [e.value if e is not None else Missing() for e in entries]
        last = present[-1]
        out[name] = Entry(either(values, why, last.at), present[0].at if len(present) == 1 else last.at)
    return out


def _linearize(ev: Evaluator, cls: ClassValue, seen: tuple[ClassValue, ...]) -> list[Value]:
    if cls in seen or len(seen) > 40:
        return [Unknown("a class that inherits from itself", cls.at)]
    bases = [ev.force(base) for base in cls.bases]
    orders: list[list[Value]] = []
    for base in bases:
        if isinstance(base, ClassValue):
            orders.append(_linearize(ev, base, (*seen, cls)))
        elif isinstance(base, External):
            orders.append([base])
        elif isinstance(base, Native):
            orders.append([External(f"builtins.{base.name}", base.at)])
        elif isinstance(base, Either):
            orders.append([Unknown("a base class that depends on a condition", base.at)])
        elif isinstance(base, Made) and base.maker == "collections.namedtuple":
            orders.append([External("builtins.tuple", base.at)])
        else:
            behaviour = ev.registry.types.get(type(base))
            real = behaviour.as_base(ev, base) if behaviour is not None else None
            if isinstance(real, ClassValue):
                orders.append(_linearize(ev, real, (*seen, cls)))
            else:
                orders.append([real or Unknown("a base class that cannot be known", base.at)])
    if len(orders) == 1:
        return [cls, *orders[0]]
    orders.append(list(bases_in_order(bases, orders)))
    return [cls, *_merge(orders)]


def bases_in_order(bases: list[Value], orders: list[list[Value]]) -> list[Value]:
    """The direct bases as they appear at the head of their own orders."""
    return [order[0] for order in orders if order]


def _which(base: Value) -> str | int:
    """Bases that are the same have the same."""
    return base.dotted if isinstance(base, External) else id(base)


def _merge(orders: list[list[Value]]) -> list[Value]:
    """C3 merge; falls back to first come where the order is inconsistent."""
    values = {_which(value): value for order in reversed(orders) for value in reversed(order)}
    out: list[Value] = []
    pending = [[_which(value) for value in order] for order in orders if order]
    while pending:
        later = {which for order in pending for which in order[1:]}
        head = next((order[0] for order in pending if order[0] not in later), pending[0][0])
        out.append(values[head])
        pending = [rest for order in pending if (rest := [which for which in order if which != head])]
    return out


_STATEMENTS: dict[type, Callable[[Evaluator, Any, Scope], str | None]] = {
    ir.Assign: Evaluator._assign, ir.AugAssign: Evaluator._augassign, ir.AnnAssign: Evaluator._annassign,
    ir.ExprStmt: Evaluator._exprstmt, ir.Return: Evaluator._return, ir.Raise: Evaluator._raise,
    ir.Assert: Evaluator._assert, ir.If: Evaluator._if, ir.While: Evaluator._while, ir.For: Evaluator._for,
    ir.With: Evaluator._with, ir.Try: Evaluator._try, ir.Match: Evaluator._match, ir.Import: Evaluator._import,
    ir.ImportFrom: Evaluator._importfrom, ir.Function: Evaluator._function, ir.Class: Evaluator._class,
    ir.Delete: Evaluator._delete, ir.Scope: Evaluator._scope, ir.Jump: Evaluator._jump,
}  # fmt: skip

_EXPRESSIONS: dict[type, Callable[[Evaluator, Any, Scope], Value]] = {
    ir.Const: Evaluator._const, ir.Name: Evaluator._name, ir.Attr: Evaluator._attr, ir.Call: Evaluator._call,
    ir.Seq: Evaluator._seq, ir.DictExpr: Evaluator._dict, ir.BinOp: Evaluator._binop, ir.BoolOp: Evaluator._boolop,
    ir.UnaryOp: Evaluator._unary, ir.Compare: Evaluator._compare, ir.IfExp: Evaluator._ifexp,
    ir.Subscript: Evaluator._subscript, ir.FString: Evaluator._fstring, ir.LambdaExpr: Evaluator._lambda,
    ir.Starred: Evaluator._starred, ir.Comp: Evaluator._comp, ir.Await: Evaluator._await, ir.Yield: Evaluator._yield,
    ir.Walrus: Evaluator._walrus, ir.SliceExpr: Evaluator._slice, ir.Opaque: Evaluator._opaque,
}  # fmt: skip
