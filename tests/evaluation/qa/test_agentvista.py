"""AgentVista's loop against a made-up file, a made-up server and made-up tools."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from memory_agent_ros.evaluation.qa.agentvista import answer_task, main, read_tasks
from memory_agent_ros.evaluation.qa.agentvista_tools import VistaTool, listed, page_text, run_python
from memory_agent_ros.records.errors import BadInputError


class _Chat:
    def __init__(self, *said: str) -> None:
        self.said, self.read = list(said), list[Sequence[Mapping[str, Any]]]()

    def complete(self, messages: Sequence[Mapping[str, Any]], *, tokens: int = 64, stop: Sequence[str] = ()) -> str:
        self.read.append(list(messages))
        return self.said.pop(0) if len(self.said) > 1 else self.said[0]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "shelf.png").write_bytes(b"\x89PNG")
    rows = [
        {"question_id": "a1", "problem": "What does the jar cost?", "images": ["shelf.png"], "solution": "3.50"},
        {"doc_id": 2, "question": "Which town is this?"},
    ]
    (tmp_path / "val.json").write_text(json.dumps(rows))
    return tmp_path / "val.json"


def test_tasks_are_read_as_published(data: Path) -> None:
    first, second = read_tasks(data, data.parent)
    assert (first.id, first.solution, [p.name for p in first.images]) == ("a1", "3.50", ["shelf.png"])
    assert (second.id, second.question, second.images) == ("2", "Which town is this?", ())
    lines = data.with_suffix(".jsonl")
    lines.write_text("\n".join(json.dumps(r) for r in json.loads(data.read_text())))
    assert read_tasks(lines, data.parent) == [first, second]
    with pytest.raises(BadInputError, match="not there"):
        read_tasks(data, data.parent / "elsewhere")


def test_one_tool_a_turn_until_the_answer(data: Path) -> None:
    price = VistaTool("web_search", ("query",), "searches", lambda query: f"{query} is 3.50")
    chat = _Chat(
        'I look it up. <tool>{"name": "web_search", "arguments": {"query": "jar"}}</tool>',
        '<tool>{"name": "rm", "arguments": {}}</tool>',
        '<tool>{"name": "web_search", "arguments": {"q": "jar"}}</tool>',
        "Hm.",
        "So: <answer>3.50.</answer>",
    )
    run = answer_task(read_tasks(data, data.parent)[0], chat, [price])
    assert (run.answer, run.ended, run.literal) == ("3.50.", "answered", True)
    results = [t["result"] for t in run.turns]
    assert results[0] == "jar is 3.50" and results[1].startswith("error: no such call")
    assert results[2] == "error: web_search has no argument q" and results[3].startswith("error: call exactly one")
    picture = chat.read[0][1]["content"][1]["image_url"]["url"]
    assert picture.startswith("data:image/png;base64,")
    assert chat.read[1][-1]["content"] == "Result:\njar is 3.50"


def test_turns_run_out(data: Path) -> None:
    run = answer_task(read_tasks(data, data.parent)[1], _Chat("Hm."), [], max_turns=3)
    assert (run.answer, run.ended, len(run.turns), run.literal) == ("", "out_of_turns", 3, None)


def test_pages_and_searches_become_text() -> None:
    assert page_text("<html><script>x()</script><p>A &amp; B</p></html>") == "A & B"
    assert listed({"organic": [{"title": "T", "link": "u", "snippet": "s"}]}, "organic") == "1. T | u | s"
    assert listed({}, "images") == "nothing found"
    assert run_python("print(2 + 3)") == "5"


@pytest.fixture
def server() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            text = "<answer>Rome</answer>" if "town" in str(asked["messages"][1]) else "<answer>3.50</answer>"
            body = json.dumps({"choices": [{"message": {"content": text}}]}).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()


def test_command_answers_what_is_missing(data: Path, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("httpx")
    monkeypatch.setenv("MEMORY_AGENT_CHAT_URL", server)
    monkeypatch.setenv("MEMORY_AGENT_CHAT_MODEL", "made-up")
    out = data.parent / "answers.jsonl"
    out.write_text(json.dumps({"id": "2"}) + "\n")
    assert main(["--data", str(data), "--images", str(data.parent), "--out", str(out)]) == 0
    rows = [json.loads(r) for r in out.read_text().splitlines()]
    assert [(r["id"], r.get("answer"), r.get("literal")) for r in rows] == [("2", None, None), ("a1", "3.50", True)]
