"""Models on servers, against one on the loopback: calls are checked, mended once, and trouble is named."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("httpx")

from memory_agent_ros.reasoning.calls import Reference, call
from memory_agent_ros.reasoning.language.chat import KEY_VARIABLE, ChatConfig
from memory_agent_ros.reasoning.language.endpoint import EndpointModel
from memory_agent_ros.reasoning.language.model import LanguageModelError
from memory_agent_ros.reasoning.transcript import Transcript
from memory_agent_ros.records.errors import BadInputError

NAMES = SimpleNamespace(things=("mug", "red mug"), rooms=("kitchen",), version=1)
ASKED = Transcript("where is the mug?", ("mug", "red mug", "kitchen"))


@dataclass
class Server:
    """Answers in turn with what it was given: a text, or a status and a body."""

    answers: list[str | tuple[int, str]]
    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server([])

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            state.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            state.keys.append(self.headers.get("Authorization"))
            answer = state.answers.pop(0)
            status, body = answer if isinstance(answer, tuple) else (200, _spoken(answer))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=listening.serve_forever, args=(0.01,), daemon=True).start()
    state.url = f"http://127.0.0.1:{listening.server_address[1]}/v1"
    yield state
    listening.shutdown()
    listening.server_close()


def _spoken(text: str) -> str:
    return json.dumps({"choices": [{"message": {"role": "assistant", "content": text}}]})


def model(server: Server, **more: Any) -> EndpointModel:
    return EndpointModel(ChatConfig(server.url, "some-model", "secret", seconds=5.0, pause_s=0.01, **more))


def test_a_call_is_read_from_the_first_line(server: Server) -> None:
    server.answers = ["```\nfind(red mug, in=kitchen)\n```"]
    assert model(server).next_call(ASKED, NAMES).call == call("find", "red mug", **{"in": "kitchen"})
    (asked,) = server.asked
    assert asked["model"] == "some-model" and asked["temperature"] == 0 and server.keys == ["Bearer secret"]
    system, user = asked["messages"]
    assert "describe_view(" in system["content"] and "where is the mug?" in user["content"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("The mug is in the kitchen.", "is no call"),
        ("fly(mug)", "no tool"),
        ("find(cup)", "holds no cup"),
        ("find(mug, in=cellar)", "no room cellar"),
        ("count($1)", r"no result \$1"),
        ("near($0, 1)", r"no result \$0"),
    ],
)
def test_what_is_no_valid_call_is_sent_back_once(server: Server, wrong: str, said: str) -> None:
    server.answers = [wrong, "find(mug)"]
    assert model(server).next_call(ASKED, NAMES).call == call("find", "mug")
    mended = server.asked[1]["messages"]
    assert mended[-2]["content"] == wrong and said.replace("\\", "") in mended[-1]["content"]
    server.answers = [wrong, wrong, "find(mug)"]
    with pytest.raises(LanguageModelError, match=said):
        model(server).next_call(ASKED, NAMES)
    assert len(server.answers) == 1


def test_results_that_there_are_may_be_named(server: Server) -> None:
    server.answers = ["near($1, 1)", "pick(nearest, $0)"]
    after = ASKED.after(call("find", "mug"), "1 mug present")
    assert model(server).next_call(after, NAMES).call == call("near", Reference(1), 1.0)
    spoken = Transcript("and the nearest?", (), ("where is the mug?", "in the kitchen"))
    assert model(server).next_call(spoken, NAMES).call == call("pick", "nearest", Reference(0))


def test_reading_takes_one_of_the_choices(server: Server) -> None:
    server.answers = ["In the bath room.", "somewhere", "about 3\nor four"]
    reader = model(server)
    assert reader.read(["a mug is in the bath room"], "where?", ["bath", "bath room"]).text == "bath room"
    with pytest.raises(LanguageModelError, match="none of the choices"):
        reader.read([], "where?", ["kitchen"])
    assert reader.read([], "how many?").text == "about 3"


def test_a_busy_server_is_asked_again_and_trouble_is_named(server: Server) -> None:
    server.answers = [(503, "busy"), (429, "slow down"), "find(mug)"]
    assert model(server).next_call(ASKED, NAMES).call == call("find", "mug")
    server.answers = [(503, "busy")] * 3
    with pytest.raises(LanguageModelError, match="503"):
        model(server).next_call(ASKED, NAMES)
    server.answers = [(401, "wrong key")]
    with pytest.raises(LanguageModelError, match="401: wrong key") as caught:
        model(server).next_call(ASKED, NAMES)
    assert "secret" not in str(caught.value)
    server.answers = [(200, "<html>")]
    with pytest.raises(LanguageModelError, match="protocol"):
        model(server).next_call(ASKED, NAMES)
    gone = EndpointModel(ChatConfig("http://127.0.0.1:9/v1", "m", attempts=2, pause_s=0.01, seconds=2.0))
    with pytest.raises(LanguageModelError, match="gave no answer"):
        gone.next_call(ASKED, NAMES)


def test_the_key_comes_from_the_environment_and_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "hidden")
    config = ChatConfig.from_environment("http://host/v1/", "m")
    assert config.url == "http://host/v1" and config.key == "hidden" and "hidden" not in repr(config)
    with pytest.raises(BadInputError):
        ChatConfig.from_environment()
