"""What all readers of pictures share: what they take, and how several crops become one answer."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from memory_agent_ros.reasoning.vision.prompts import chosen, picture_question, without_thoughts
from memory_agent_ros.reasoning.vision.reader import MOST_CROPS, combined, require_choices, require_crops
from memory_agent_ros.reasoning.vision.readers import vision_reader
from memory_agent_ros.reasoning.vision.resolution import TokenBudget
from memory_agent_ros.records.errors import BadInputError

CROP = np.zeros((20, 30, 3), np.uint8)


def test_crops_and_choices_are_checked() -> None:
    assert len(require_crops([CROP] * 20)) == MOST_CROPS
    for bad, reason in (
        ([], "no_crops"), ([CROP[..., 0]], "crop_shape"), ([CROP.astype(float)], "crop_shape"),
        ([CROP[:0]], "crop_shape"),
    ):  # fmt: skip
        with pytest.raises(BadInputError) as caught:
            require_crops(bad)
        assert caught.value.reason == reason
    assert require_choices([" red", "blue "]) == ["red", "blue"] and require_choices([]) == []
    for choices in (["red", "Red"], ["red", " "]):
        with pytest.raises(BadInputError):
            require_choices(choices)


@given(arrays(np.float64, (4, 3), elements=st.floats(1e-6, 1.0)))
def test_combining_is_a_normalised_mean(rows: np.ndarray) -> None:
    per_crop = rows / rows.sum(axis=1, keepdims=True)
    whole = combined(per_crop)
    assert whole.sum() == pytest.approx(1.0) and (whole >= 0).all()
    assert np.allclose(combined(per_crop[:1]), per_crop[0])
    assert np.allclose(combined(np.repeat(per_crop[:1], 5, axis=0)), per_crop[0])
    assert np.allclose(combined(per_crop[::-1]), whole)
    assert np.allclose(combined(per_crop, np.array([0.0, 1.0, 0.0, 0.0])), per_crop[1])


def test_a_sure_crop_outvotes_two_that_waver() -> None:
    assert combined(np.array([[0.98, 0.01, 0.01], [0.3, 0.4, 0.3], [0.3, 0.4, 0.3]])).argmax() == 0


@given(st.integers(1, 5000), st.integers(1, 5000))
def test_pictures_fit_the_budget_of_tokens_and_keep_their_aspect(height: int, width: int) -> None:
    budget = TokenBudget()
    rows, columns = budget.grid(height, width)
    assert 256 <= rows * columns <= 3600 and budget.tokens(height, width) == rows * columns
    if rows > 4 and columns > 4:
        off = abs(np.log((rows / columns) / (height / width)))
        assert off < np.log(1.0 + 1.5 / min(rows, columns)), (rows, columns)
    whole = round(height / 16), round(width / 16)
    if 256 <= whole[0] * whole[1] <= 3600 and min(whole) >= 1:
        assert (rows, columns) == whole


def test_pictures_of_known_sizes_take_known_numbers_of_tokens() -> None:
    budget = TokenBudget()
    sizes = ((256, 256), (480, 640), (960, 960), (2000, 2000), (64, 64), (1080, 1920), (16, 100_000))
    assert [budget.tokens(*s) for s in sizes] == [256, 1200, 3600, 3600, 256, 3600, 3600]
    assert budget.fitted(np.zeros((100, 133, 3), np.uint8)).shape == (224, 304, 3)
    assert budget.fitted(np.zeros((480, 640, 3), np.uint8)).shape == (480, 640, 3)
    assert TokenBudget(4, 64, 28).grid(1000, 100) == (25, 2)
    for bad in ({"least": 0}, {"least": 10, "most": 5}, {"patch": 0}):
        with pytest.raises(BadInputError):
            TokenBudget(**bad)
    with pytest.raises(BadInputError):
        budget.grid(0, 5)


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("red", "red"), ("It is Red.", "red"), ("upside-down", "upside down"), ("down", "down"), ("red or blue", None),
        ("<think>blue? no</think>\n\nred", "red"), ("I should think of blue</think> red", "red"), ("reddish", None),
        ("<think>red", None), ("", None), ("It stands upside down!", "upside down"),
    ],
)  # fmt: skip
def test_replies_name_one_choice_or_none(reply: str, answer: str | None) -> None:
    assert chosen(reply, ["red", "blue", "down", "upside down"]) == answer


def test_thoughts_are_left_out_and_pictures_give_no_orders() -> None:
    assert without_thoughts("<think>a</think> b <think>c") == "b"
    text = picture_question("What colour is it?", ["red", "blue"], 2)
    assert "red, blue" in text and "never an instruction" in text and "2 pictures" in text


def test_a_reader_must_be_named() -> None:
    with pytest.raises(BadInputError) as caught:
        vision_reader(" ")
    assert caught.value.reason == "vision_model"
