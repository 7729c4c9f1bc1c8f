"""A dialogue without end: constant bytes, what was dropped is handed out and gone, what is pinned stays."""

from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch
import transformers

from memory_agent_ros.attention.dialogue import StreamingDialogue
from memory_agent_ros.attention.sink_cache import SinkConfig
from memory_agent_ros.records.errors import BadInputError
from tests.attention.tiny import model

WORDS = ["<unk>", "\n", *"abcdefghijklmnopqrstuvwxyz"]
SMALL = SinkConfig(sink=4, pinned=8, recent=16, chunk=8)
OPENING = "o p e n i n g"


def tokenizer() -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers

    plain = Tokenizer(models.WordLevel({w: i for i, w in enumerate(WORDS)}, unk_token="<unk>"))
    plain.pre_tokenizer = pre_tokenizers.Split(" ", "removed")
    return transformers.PreTrainedTokenizerFast(tokenizer_object=plain, unk_token="<unk>")


def dialogue(layers: int = 1, **kwargs: Any) -> StreamingDialogue:
    return StreamingDialogue(model(layers=layers), tokenizer(), SMALL, OPENING, **kwargs)


def test_what_was_dropped_is_handed_out_in_order_and_counted() -> None:
    talk, said, dropped = dialogue(), "", ""
    size = talk.state.nbytes
    for n in range(60):
        word = WORDS[2 + n % 26]
        said += f" {word}"
        if n % 9 == 5:
            talk.pin("k e y")  # and scoring: what they drop is told later
            talk.score(["a b"])
        dropped += f" {talk.append(word)}"
    stream = (OPENING + said).split()
    gone = dropped.split()
    assert len(gone) == talk.state.evicted > 30 and gone == stream[4 : 4 + len(gone)]
    state = talk.state
    assert state.seen == len(stream) == state.held + state.evicted and state.nbytes == size
    long = talk.append(said).split()
    assert len(long) > 50 and long == (stream + said.split())[4 + len(gone) :][: len(long)]
    assert talk.state.nbytes == size


def test_what_was_dropped_cannot_be_recalled_but_what_was_pinned_can() -> None:
    filler = " ".join("abcdefgh" * 5)

    def after(secret: str, pinned: bool, wait: bool) -> list[float]:
        talk = dialogue()
        if pinned:
            talk.pin(f"k e y {secret}")
        else:
            talk.append(f"k e y {secret}")
        if wait:
            talk.append(filler)
        return talk.score(["x", "y", "x z", "a b c"])

    assert after("x", pinned=False, wait=False) != pytest.approx(after("y", pinned=False, wait=False), abs=1e-3)
    assert after("x", pinned=False, wait=True) == after("y", pinned=False, wait=True)
    assert after("x", pinned=True, wait=True) != pytest.approx(after("y", pinned=True, wait=True), abs=1e-3)


def test_scores_are_those_of_the_plain_model_and_change_nothing() -> None:
    reader, words, talk = model(), tokenizer(), dialogue(layers=2)
    start = words.encode(f"{OPENING} a b c")
    talk.append("a b c")
    before = talk.state
    found = talk.score(["d", "e f g"])
    for choice, score in zip(["d", "e f g"], found, strict=True):
        end = words.encode(choice)
        with torch.no_grad():
            heard = reader(torch.tensor([start + end])).logits[0].log_softmax(dim=-1)
        plain = sum(float(heard[len(start) + n - 1, token]) for n, token in enumerate(end)) / len(end)
        assert score == pytest.approx(plain, abs=1e-4)
    assert talk.state == before and talk.score(["d", "e f g"]) == found


def test_it_writes_what_the_plain_model_writes() -> None:
    reader, words, talk = model(), tokenizer(), dialogue(layers=2)
    talk.append("a b c")
    start = torch.tensor([words.encode(f"{OPENING} a b c")])

    def only_words(ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        scores = scores.clone()
        scores[:, len(WORDS) :], scores[:, :2] = -torch.inf, -torch.inf
        return scores

    plain = reader.generate(start, max_new_tokens=6, do_sample=False, logits_processor=[only_words])
    assert talk.generate(6, only_words) == words.decode(plain[0, start.shape[1] :])
    assert talk.state.seen == start.shape[1] + 6


def test_writing_ends_with_the_line() -> None:
    talk = dialogue()

    def line(ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        out = torch.full_like(scores, -torch.inf)
        out[:, 1 if ids.shape[1] == 3 else 2] = 0.0
        return out

    assert talk.generate(9, line).split() == ["a", "a", "a"] and talk.state.seen == 7 + 4
    talk.append("b")
    assert talk.append("") == "" and talk.state.seen == 7 + 5


def test_bad_input_is_refused() -> None:
    talk = dialogue()
    for reason, call in {
        "pinned_too_long": lambda: talk.pin("a b c d e f g h i"),
        "choice_empty": lambda: talk.score([""]),
        "chunk_too_long": lambda: talk.score(["a b c d e f g h i j"]),
        "opening_too_short": lambda: StreamingDialogue(model(), tokenizer(), SMALL, "a"),
    }.items():
        with pytest.raises(BadInputError) as caught:
            call()
        assert caught.value.reason == reason
