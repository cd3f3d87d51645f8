"""The picture of a project: Mermaid and HTML, whatever names it holds."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from celerylint import engine
from celerylint.config import load
from celerylint.frontends.cli import main
from celerylint.inspection import Graph, GraphEdge, GraphNode, Problem
from celerylint.report import graph_html, graph_mermaid

_HOSTILE = [
    '"]; click t1 "javascript:alert(1)"',
    "</title></svg><script>alert(1)</script>",
    "a\nend\nsubgraph x",
    "`**bold**`",
    "x|y{z}<b>&amp;#quot;%%{init: {}}%%",
    "\x1b[31mred\x1b[0m \u202egnp.exe",
    "' onload='alert(1)",
    "",
]


def _graph(name: str, problems: bool = True) -> Graph:
    found = [Problem("CLY101", "missing-acks-late", "warning", f"{name} is lost", name, 3)] if problems else []
    return Graph(
        name,
        [
            GraphNode("t1", "task", name, [name, name, name, name, name], name, 1, found),
            GraphNode("q1", "queue", name, [], "", 0),
        ],
        [GraphEdge("t1", "q1", name, certain=False)],
        list(found),
    )


@pytest.mark.parametrize("name", _HOSTILE[:-1])
def test_no_name_ends_its_quotes_in_mermaid(name: str) -> None:
    lines = graph_mermaid.render(_graph(name)).splitlines()
    shapes = graph_mermaid.render(_graph("name")).splitlines()
    assert len(lines) == len(shapes)
    text = r'"[\w .,:;/()+*=?!@\'⚠#<>-]*"'
    for line, shape in zip(lines, shapes, strict=True):
        if not shape.lstrip().startswith("%%"):
            assert re.sub(text, '""', line) == re.sub(text, '""', shape)
            assert set(re.findall("<[^>]*>", line)) <= {"<br/>"}
        else:
            assert "{" not in line


def test_an_empty_name_is_no_empty_box() -> None:
    # Mermaid cannot parse `q1[("")]`.
    assert '""' not in graph_mermaid.render(_graph(""))


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def _read(page: str) -> _Reader:
    reader = _Reader()
    reader.feed(page)
    return reader


@pytest.mark.parametrize("name", _HOSTILE)
def test_no_name_becomes_markup_in_html(name: str) -> None:
    hostile, plain = _read(graph_html.render(_graph(name))), _read(graph_html.render(_graph("name")))
    assert hostile.tags == plain.tags
    assert hostile.attributes == plain.attributes
    assert "script" not in hostile.tags


def test_the_page_loads_nothing() -> None:
    page = graph_html.render(_graph("shop.report"))
    assert not re.search(r"https?:|//[a-z]|url\(|@import|src=|href=", page)
    assert "default-src 'none'" in page


def test_what_is_wrong_stands_at_its_node_and_in_words() -> None:
    page = graph_html.render(_graph("shop.report"))
    assert '<g class="task warning">' in page
    assert "⚠ CLY101" in page
    assert "shop.report is lost" in page
    text = graph_mermaid.render(_graph("shop.report"))
    assert "⚠ CLY101" in text
    assert "class t1,others warning" in text
    assert "Problems" not in graph_html.render(_graph("shop.report", problems=False))


def test_an_empty_project_has_an_empty_picture() -> None:
    empty = Graph("no application", [], [], [])
    assert graph_mermaid.render(empty) == "flowchart LR\n"
    assert "no problems" in graph_html.render(empty)


def _drawn(folder: Path, files: dict[str, str], **flags: Any) -> Graph:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    settings = load([str(folder)], {"no_cache": True, "jobs": 1, **flags})
    return engine.graph([str(folder)], settings.options, root=settings.root)


_SHOP = """\
from celery import Celery

app = Celery("shop", broker="redis://")
app.conf.beat_schedule = {
    "nightly": {"task": "shop.report", "schedule": 86400.0},
    "late": {"task": "shop.report", "schedule": 86400.0, "options": {"queue": "slow"}, "args": (1,)},
}


@app.task(name="shop.report", queue="reports")
def report(day=0): ...
"""


def test_messages_go_from_beat_to_the_worker(tmp_path: Path) -> None:
    compose = (
        "services:\n"
        "  beat: {image: shop, command: celery -A shop beat}\n"
        "  worker: {image: shop, command: 'celery -A shop worker -Q reports,slow -c 3'}\n"
        "  dev: {image: shop, command: celery -A shop worker}\n"
    )
    drawn = _drawn(tmp_path, {"shop.py": _SHOP, "docker-compose.yml": compose})
    labels = {node.id: f"{node.kind} {node.label}" for node in drawn.nodes}
    assert {(labels[edge.source], labels[edge.target]) for edge in drawn.edges} == {
        ("beat beat", "entry nightly"),
        ("beat beat", "entry late"),
        ("entry nightly", "task shop.report"),
        ("entry late", "task shop.report"),
        ("entry late", "queue slow"),
        ("task shop.report", "queue reports"),
        ("queue reports", "worker worker"),
        ("queue slow", "worker worker"),
    }
    assert [node.details for node in drawn.nodes if node.kind == "worker"] == [["concurrency 3"]]


def test_many_tasks_are_drawn_by_module_and_queue(tmp_path: Path) -> None:
    tasks = "".join(f"\n\n@app.task\ndef number_{n}(): ...\n" for n in range(30))
    drawn = _drawn(tmp_path, {"shop.py": _SHOP + tasks})
    assert sorted(node.label for node in drawn.nodes if node.kind == "task") == ["shop (30 tasks)", "shop.report"]


def test_selection_decides_what_is_marked(tmp_path: Path) -> None:
    files = {"shop.py": _SHOP + "\n\n@app.task(priority_level=3)\ndef wrong(): ...\n"}
    marked = [p.code for node in _drawn(tmp_path, files, select=("CLY804",)).nodes for p in node.problems]
    assert marked == ["CLY804"]
    assert not any(node.problems for node in _drawn(tmp_path, files, select=("CLY705",)).nodes)


def test_the_command_draws(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "shop.py").write_text(_SHOP)
    assert main(["graph", str(tmp_path), "--no-cache"]) == 0
    assert capsys.readouterr().out.startswith("flowchart LR\n")
    page = tmp_path / "graph.html"
    assert main(["graph", "--output-format=html", "--output-file", str(page), "--no-cache", str(tmp_path)]) == 0
    assert page.read_text("utf-8").startswith("<!DOCTYPE html>")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--output-format", "png"], "'png' is not one of 'mermaid', 'html'"),
        (["--select", "CLY999"], "CLY999"),
        (["no-such-folder"], "no-such-folder"),
        (["--output-file", "no/such/folder.html"], "cannot write no/such/folder.html"),
    ],
)
def test_wrong_usage_of_the_command_is_told(
    argv: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["graph", *argv]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


# --- in a browser -----------------------------------------------------------------------------------------------------

_BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.mark.skipif(_BROWSER is None, reason="no Chromium here (apt-get install chromium)")
@pytest.mark.parametrize("size", ["390,844", "1920,1080"], ids=["phone", "projector"])
def test_a_browser_draws_it_without_the_network(tmp_path: Path, size: str) -> None:
    page = tmp_path / "graph.html"
    page.write_text(graph_html.render(_drawn(tmp_path / "shop", {"shop.py": _SHOP})), encoding="utf-8")
    assert _BROWSER is not None
    shown = subprocess.run(
        [
            *(_BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--proxy-server=127.0.0.1:9"),
            *(f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={size}"),
            *("--virtual-time-budget=2000", "--dump-dom", page.as_uri()),
        ],
        capture_output=True,
        text=True,
        timeout=120,
    )
    reader = _read(shown.stdout)
    assert shown.returncode == 0, shown.stderr
    assert {"svg", "rect", "path"} <= set(reader.tags)
    assert "shop.report" in " ".join(reader.text)
    shot = tmp_path / "graph.png"
    subprocess.run(
        [
            *(_BROWSER, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"),
            *(f"--window-size={size}", f"--screenshot={shot}", page.as_uri()),
        ],
        capture_output=True,
        timeout=120,
        check=True,
    )
    assert shot.read_bytes().startswith(b"\x89PNG")
    assert shot.stat().st_size > 8000, "the picture is empty"
