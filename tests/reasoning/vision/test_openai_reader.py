"""Servers that read pictures: requests, answers, and everything that goes wrong, against a server of our own."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("httpx")

from memory_agent_ros.reasoning.language.chat import KEY_VARIABLE, MODEL_VARIABLE, URL_VARIABLE, ChatConfig
from memory_agent_ros.reasoning.vision.openai_reader import OpenAIVisionReader, data_url
from memory_agent_ros.reasoning.vision.reader import VisionError
from memory_agent_ros.reasoning.vision.readers import vision_reader
from memory_agent_ros.records.errors import BadInputError

CROP = np.full((20, 40, 3), (200, 30, 20), np.uint8)


class Server(ThreadingHTTPServer):
    """Answers what it is told to and remembers what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status, self.reply = 200, ""
        self.silent = threading.Event()
        self.asked: list[tuple[str | None, dict[str, Any]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def reader(self, seconds: float = 5.0) -> OpenAIVisionReader:
        return OpenAIVisionReader(ChatConfig(self.url, "eye", "secret", seconds=seconds, pause_s=0.01))


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server = self.server
        assert isinstance(server, Server)
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server.asked.append((self.headers["Authorization"], body))
        if server.silent.is_set():
            self.rfile.read(1)  # until the other side hangs up
            return
        self.send_response(server.status)
        self.end_headers()
        self.wfile.write(json.dumps({"choices": [{"message": {"content": server.reply}}]}).encode())

    def log_message(self, *_: object) -> None:
        """Keep silent."""


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()
    thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield found
    found.shutdown()
    thread.join()
    found.server_close()


def test_a_closed_question_is_asked_with_all_pictures(server: Server) -> None:
    server.reply = "Red."
    found = server.reader().read([CROP, CROP], "What colour is it?", ["red", "blue"])
    assert (found.text, found.model) == ("red", "openai:eye") and np.isnan(found.confidence)
    ((key, body),) = server.asked
    assert key == "Bearer secret" and body["model"] == "eye"
    *pictures, text = body["messages"][0]["content"]
    assert len(pictures) == 2 and "red, blue" in text["text"] and "What colour is it?" in text["text"]
    png = base64.b64decode(pictures[0]["image_url"]["url"].partition(",")[2])
    sent = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    assert sent is not None and (sent[..., ::-1] == CROP).all()


def test_text_is_read_freely_and_thoughts_are_left_out(server: Server) -> None:
    server.reply = "<think>letters</think>Alphabet soup"
    assert server.reader().read([CROP], "What is written on it?").text == "Alphabet soup"


@pytest.mark.parametrize(
    ("status", "reply", "words"),
    [(401, "", "401"), (200, "green", "none of red"), (200, "red or blue", "none of"), (200, "<think>hm", "none of")],
)
def test_failures_say_what_happened(server: Server, status: int, reply: str, words: str) -> None:
    server.status, server.reply = status, reply
    with pytest.raises(VisionError, match=words) as caught:
        server.reader().read([CROP], "What colour is it?", ["red", "blue"])
    assert "secret" not in str(caught.value)


def test_a_silent_server_is_an_error_in_time(server: Server) -> None:
    server.silent.set()
    with pytest.raises(VisionError, match=r"no answer in 0\.1 s"):
        server.reader(seconds=0.1).read([CROP], "What colour is it?", ["red"])


def test_settings_come_from_the_environment(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (URL_VARIABLE, MODEL_VARIABLE, KEY_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(BadInputError):
        vision_reader("openai:eye")
    monkeypatch.setenv(URL_VARIABLE, server.url)
    server.reply = "blue"
    reader = vision_reader("openai:eye")
    assert reader.read([CROP], "What colour is it?", ["red", "blue"]).text == "blue"
    assert reader.name == "openai:eye" and reader.reads_text


def test_large_pictures_are_made_smaller() -> None:
    png = base64.b64decode(data_url(np.zeros((100, 400, 3), np.uint8), 200).partition(",")[2])
    sent = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    assert sent is not None and sent.shape == (50, 200, 3)
