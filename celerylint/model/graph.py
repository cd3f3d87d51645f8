"""Who sends what to whom: beat, schedule entries, tasks, queues and workers, with what was found about each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from celerylint.finding import Finding, Place, Span
from celerylint.inspection import Graph, GraphEdge, GraphNode, Problem
from celerylint.model.project import Beat, Entry, Project, Start, Task, Worker
from celerylint.model.traffic import QueueUse, queue_of_entry, queue_table
from celerylint.model.values import place
from celerylint.text import plural

MOST = 24
"""Tasks or entries that are drawn one by one; more are drawn by modules or queues."""

_NOT_KNOWN = "?"


def graph(project: Project, findings: Sequence[Finding]) -> Graph:
    """The picture of a project. `findings` are those to be marked in it."""
    return _Drawing(project).drawn(findings)


class _Drawing:
    """The nodes and edges of one project as they are put together."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.nodes: dict[str, GraphNode] = {}
        self.edges: dict[tuple[str, str], GraphEdge] = {}
        self.by_key: dict[object, str] = {}
        self.uses = {use.queue: use for use in queue_table(project)}
        self.workers = [worker for worker in project.workers if not worker.start.development]
        self.beats = [beat for beat in project.beats if not beat.start.development]

    def drawn(self, findings: Sequence[Finding]) -> Graph:
        for beat in self.beats:
            self.node(("beat", id(beat)), "beat", _name(beat.start, "beat"), self.which(beat.start), beat.start.place)
        for worker in self.workers:
            if worker.beat.truthy:
                label = f"beat in {_name(worker.start, 'worker')}"
                self.node(("beat", id(worker)), "beat", label, self.which(worker.start), worker.start.place)
        tasks = self.tasks()
        self.entries(tasks)
        for use in self.uses.values():
            self.queue(use)
        for worker in self.workers:
            self.worker(worker)
        loose = self.mark(findings, tasks)
        return Graph(_title(self.project), list(self.nodes.values()), list(self.edges.values()), loose)

    # --- nodes

    def node(self, key: object, kind: str, label: str, details: list[str], where: Place | None) -> str:
        """The id of a node, made if it is new."""
        if key not in self.by_key:
            same = sum(node.kind == kind for node in self.nodes.values())
            held = f"{kind[0]}{same + 1}"
            path, line = (where.path, where.line) if where is not None else ("", 0)
            self.by_key[key] = held
            self.nodes[held] = GraphNode(held, kind, label, details, path, line)
        return self.by_key[key]

    def edge(self, source: str, target: str, label: str = "", certain: bool = True) -> None:
        self.edges.setdefault((source, target), GraphEdge(source, target, label, certain))

    def tasks(self) -> Mapping[int, str]:
        """The node of each task, by `id`."""
        tasks = self.project.tasks
        by_module = len(tasks) > MOST
        groups: dict[object, list[Task]] = {}
        for task in tasks:
            groups.setdefault((self.module(task), _queue(task)) if by_module else id(task), []).append(task)
        found: dict[int, str] = {}
        for members in groups.values():
            first = members[0]
            label = first.name if len(members) == 1 else f"{self.module(first)} ({plural(len(members), 'task')})"
            names = [task.name.removeprefix(f"{self.module(task)}.") for task in members] if len(members) > 1 else []
            node = self.node(("task", id(first)), "task", label, names, first.place)
            found.update({id(task): node for task in members})
            self.edge(node, self.named_queue(_queue(first)))
        for use in self.uses.values():
            for call in use.calls:
                if call.task is not None and id(call.task) in found and _queue(call.task) != use.queue:
                    self.edge(found[id(call.task)], self.named_queue(use.queue), "some calls", certain=False)
        return found

    def module(self, task: Task) -> str:
        return self.project.index.name_of(task.path)[1]

    def entries(self, tasks: Mapping[int, str]) -> None:
        entries = [entry for entry in self.project.schedule if not entry.lost]
        groups: dict[object, list[Entry]] = {}
        for entry in entries:
            key = (id(entry.app), queue_of_entry(entry)) if len(entries) > MOST else id(entry)
            groups.setdefault(key, []).append(entry)
        for members in groups.values():
            first = members[0]
            many = len(members) > 1
            label = plural(len(members), "schedule entry") if many else first.name
            details = [entry.name for entry in members] if many else [first.schedule or _NOT_KNOWN]
            node = self.node(("entry", id(first)), "entry", label, details, _place(first))
            for entry in members:
                self.by_key[("entry", id(entry))] = node
                self.way(node, entry, tasks)
                for source in self.beats_of(entry):
                    self.edge(source, node)

    def way(self, node: str, entry: Entry, tasks: Mapping[int, str]) -> None:
        """Where an entry sends: to its task, and to a queue of its own if it names one."""
        if entry.task is not None and id(entry.task) in tasks:
            self.edge(node, tasks[id(entry.task)])
        queue = queue_of_entry(entry)
        if queue is not None and (entry.task is None or _queue(entry.task) != queue):
            self.edge(node, self.named_queue(queue), "its own queue")

    def beats_of(self, entry: Entry) -> Iterator[str]:
        """The beats that read an entry, one whose app is not known among them."""
        runners: Iterable[Beat | Worker] = (*self.beats, *(worker for worker in self.workers if worker.beat.truthy))
        for beat in runners:
            if entry.app is None or beat.app in (None, entry.app):
                yield self.by_key[("beat", id(beat))]

    def named_queue(self, name: str) -> str:
        return self.node(
            ("queue", name), "queue", name if name != _NOT_KNOWN else "a queue that is not known", [], None
        )

    def queue(self, use: QueueUse) -> None:
        node = self.named_queue(use.queue)
        for worker in use.workers:
            self.edge(node, self.worker(worker))

    def which(self, start: Start) -> list[str]:
        """What a process is deployed with, where there are several deployments, which may be alternatives."""
        runners: list[Beat | Worker] = [*self.workers, *self.beats]
        deployments = {held.deployment for runner in runners if (held := runner.start.process) is not None}
        return [start.process.place.path] if start.process is not None and len(deployments) > 1 else []

    def worker(self, worker: Worker) -> str:
        details = [] if worker.queues.known else ["its queues are not known"]
        if worker.concurrency.known and worker.concurrency.value:
            details.append(f"concurrency {worker.concurrency.value}")
        if worker.pool.known and worker.pool.value and worker.pool.kind != "default":
            details.append(f"pool {worker.pool.value}")
        replicas = worker.start.replicas.value
        if isinstance(replicas, (int, float)) and replicas != 1:
            details.append(plural(int(replicas), "replica"))
        details += self.which(worker.start)
        return self.node(
            ("worker", id(worker)),
            "worker",
            _name(worker.start, "worker", worker.line.node),
            details,
            worker.start.place,
        )

    # --- problems

    def mark(self, findings: Sequence[Finding], tasks: Mapping[int, str]) -> list[Problem]:
        """Put each finding to the node that it concerns; those that concern none are returned."""
        known = {task.name: tasks[id(task)] for task in self.project.tasks}
        loose: list[Problem] = []
        for finding in findings:
            problem = Problem(
                finding.code,
                finding.name,
                finding.severity.value,
                finding.message,
                finding.place.path,
                finding.place.line,
            )
            node = self.concerned(finding, known, tasks)
            if node is None:
                loose.append(problem)
            else:
                self.nodes[node].problems.append(problem)
        return loose

    def concerned(self, finding: Finding, known: Mapping[str, str], tasks: Mapping[int, str]) -> str | None:
        """The node that a finding is about: whose command, entry or code it stands in, or whom it names."""
        where = finding.place
        runners: list[Beat | Worker] = [*self.workers, *self.beats]
        # Several may be started by one line of a script: the one that is named comes first.
        runners.sort(key=lambda runner: finding.symbol != _name(runner.start, ""))
        for starter in runners:
            kind = "worker" if isinstance(starter, Worker) else "beat"
            if any(_covers(each, where) for each in _places(starter.start)):
                return self.by_key[(kind, id(starter))]
        for entry in self.project.schedule:
            if ("entry", id(entry)) in self.by_key and _covers(_place(entry), where):
                return self.by_key[("entry", id(entry))]
        if finding.symbol in known:
            return known[finding.symbol]
        if ("queue", finding.symbol) in self.by_key:
            return self.by_key[("queue", finding.symbol)]
        inside = (task for task in self.project.tasks if _within(task, where))
        return next((tasks[id(task)] for task in inside), None)


def _title(project: Project) -> str:
    names = ", ".join(app.name for app in project.apps[:3])
    more = f" and {len(project.apps) - 3} more" if len(project.apps) > 3 else ""
    return f"{names}{more}" or "no application"


def _name(start: Start, otherwise: str, node: str = "") -> str:
    """What the files call a process; the name of a node of `celery multi` beside it."""
    name = start.process.name if start.process is not None else otherwise
    return f"{name} {node}".rstrip()


def _queue(task: Task) -> str:
    held = task.queue
    return held.value if held.known and isinstance(held.value, str) else _NOT_KNOWN


def _place(entry: Entry) -> Place:
    """Where an entry is written, from its key to the end of its last value."""
    whole = place(entry.at)
    ends = [at[1].end_line for at in entry.keys.values() if at is not None and at[0] == whole.path]
    span = whole.span
    return Place(whole.path, Span(span.line, span.column, max([span.end_line, *ends]), span.end_column))


def _places(start: Start) -> Iterator[Place]:
    """Where a process is described: its command, and what the deployment file says of it."""
    yield from (start.place, *start.places)
    if start.process is not None:
        yield start.process.place
        told = (start.process.replicas, start.process.grace, *start.process.attributes.values())
        yield from (held.place for held in told if held.place is not None)


def _covers(outer: Place, inner: Place) -> bool:
    """Whether a place begins on a line of another one."""
    return outer.path == inner.path and outer.span.line <= inner.span.line <= outer.span.end_line


def _within(task: Task, where: Place) -> bool:
    first, last = task.at[1].line, task.definition[1].end_line
    return task.path == where.path and first <= where.line <= last
