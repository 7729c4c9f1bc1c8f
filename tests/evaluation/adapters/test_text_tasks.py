"""Robot-language tasks: one right answer each, held-out tasks are new, held-out wordings hold known words only."""

import numpy as np
import pytest

from memory_agent_ros.evaluation.adapters.text_tasks import (
    ATTRIBUTES,
    HELD_PAIRS,
    HELD_REPORTS,
    HELD_WORDINGS,
    Command,
    Task,
    all_words,
    commands,
    draw_task,
    draw_tasks,
    kind,
    prompt,
)

COMMAND = Command((0, 1, 2, 3))  # bring the blue chair from the bedroom


@pytest.mark.parametrize(
    ("task", "answer"),
    [
        (Task("function", "english", "action+thing+place", "forward", "", ""), "bring ( chair , bedroom )"),
        (Task("function", "german", "thing", "forward", "", "over"), "stuhl ( ) over"),
        (
            Task("object", "spanish", "thing+place", "backward", "roger", ""),
            "roger { place : dormitorio , thing : silla }",
        ),
        (Task("tags", "french", "colour", "forward", "", ""), "< colour > bleu"),
        (Task("flags", "english", "action+place", "forward", "", "done"), "-- action bring -- place bedroom done"),
        (Task("equals", "english", "colour+thing", "forward", "", ""), "colour = blue ; thing = chair"),
        (Task("path", "german", "action+colour", "backward", "", ""), "/ blau / bringe"),
        (Task("bullets", "english", "thing+place", "forward", "hello", "thanks"), "hello - chair - bedroom thanks"),
        (Task("plain", "french", "action+colour+thing+place", "forward", "", ""), "apporte bleu chaise chambre"),
    ],
)
def test_the_answer_is_the_tasks_own(task: Task, answer: str) -> None:
    assert task.answer(COMMAND) == answer


def test_the_prompt_tells_nothing_of_the_task_but_what_the_description_does() -> None:
    assert prompt(COMMAND) == "command : bring blue chair bedroom answer :"
    assert prompt(COMMAND, "speak german .") == "speak german . command : bring blue chair bedroom answer :"


def test_a_description_has_a_sentence_for_each_attribute_and_held_out_ones_are_other_sentences() -> None:
    task = Task("object", "german", "thing+place", "backward", "", "over")
    rng = np.random.default_rng(0)
    told, held = task.description(rng), task.description(rng, held_out=True)
    for text, part in ((told, slice(None, -HELD_WORDINGS)), (held, slice(-HELD_WORDINGS, None))):
        left = text
        for attribute, value in task.values:
            left = left.replace(next(w for w in ATTRIBUTES[attribute][value][part] if w in left), "", 1)
        assert not left.strip()
    assert len({task.description(rng) for _ in range(40)}) > 30


def test_held_out_wordings_are_new_sentences_of_known_words() -> None:
    for wordings in ATTRIBUTES.values():
        trained = {word for sentences in wordings.values() for s in sentences[:-HELD_WORDINGS] for word in s.split()}
        for sentences in wordings.values():
            assert len(set(sentences)) == len(sentences)
            assert {word for s in sentences[-HELD_WORDINGS:] for word in s.split()} <= trained
    every = [s for wordings in ATTRIBUTES.values() for sentences in wordings.values() for s in sentences]
    assert len(set(every)) == len(every)  # no sentence means two things


def test_held_out_tasks_are_new_combinations_and_new_reports() -> None:
    library = draw_tasks("train", 300, 0)
    assert len(set(library)) == 300
    seen = {value for task in library for value in task.values}
    pairs = [pair for split in HELD_PAIRS.values() for pair in split]
    assert not any(set(pair) <= set(task.values) for pair in pairs for task in library)
    for split in ("val", "test"):
        for task in draw_tasks(f"{split} combination", 12, 1):
            assert set(task.values) <= seen and any(set(pair) <= set(task.values) for pair in HELD_PAIRS[split])
            assert kind(task) == f"{split} combination"
        for task in draw_tasks(f"{split} attribute", 12, 1):
            assert task.report in HELD_REPORTS[split] and ("report", task.report) not in seen
            assert set(task.fields) <= {field for one in library for field in one.fields}
    assert not set(draw_tasks("val combination", 20, 0)) & set(draw_tasks("test combination", 20, 0))


def test_what_is_drawn_is_drawn_again_and_commands_are_held_out() -> None:
    assert draw_tasks("train", 20, 4) == draw_tasks("train", 20, 4) != draw_tasks("train", 20, 5)
    assert not set(commands(100, 0, held_out=False)) & set(commands(100, 0, held_out=True))


def test_the_vocabulary_has_every_word() -> None:
    words, rng = set(all_words()), np.random.default_rng(2)
    for _ in range(200):
        task = draw_task(rng)
        text = f"{prompt(COMMAND, task.description(rng))} {task.answer(COMMAND)}"
        assert set(text.split()) <= words
