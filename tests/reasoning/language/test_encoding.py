"""Token ids of transcripts: calls have the same ids when written and when read; names are copied with their space."""

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from memory_agent_ros.reasoning.calls import Reference, call
from memory_agent_ros.reasoning.language.encoding import Encoder
from memory_agent_ros.reasoning.transcript import Transcript, prompt_text
from tests.reasoning.language import tiny

FIND = call("find", "red mug", **{"in": "bath room"})
NEAR = call("near", Reference(1), 1.5)


def test_a_transcript_is_the_pieces_it_was_written_in() -> None:
    encoder = Encoder(tiny.tokenizer())
    start = Transcript("where is the red mug?", ("red mug", "bath room"))
    after = start.after(FIND, "2 things").after(NEAR, "nothing")
    ids = encoder.transcript(after)
    head = encoder.transcript(start)
    assert ids == [
        *head, *encoder.call(FIND), *encoder.result("2 things"), *encoder.call(NEAR), *encoder.result("nothing")
    ]  # fmt: skip
    assert encoder.tokenizer.decode(ids).replace("( ", "(").replace("in= ", "in=") == prompt_text(after)


def test_a_name_in_a_call_has_the_tokens_that_it_has_among_the_known_ones() -> None:
    encoder = Encoder(tiny.tokenizer())
    name = encoder.name("red mug")
    for ids in (encoder.call(FIND), encoder.transcript(Transcript("?", ("mug", "red mug")))):
        assert any(ids[n : n + len(name)] == name for n in range(len(ids)))
