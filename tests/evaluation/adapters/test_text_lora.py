"""Training and examining text-to-LoRA on a micro scale: it begins as the base, learns, goes on after a break."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")

import torch

from memory_agent_ros.adapters.adapter import same_rows
from memory_agent_ros.adapters.rows import LoraRows, stacked
from memory_agent_ros.adapters.text import TextLoraConfig, load_text_lora
from memory_agent_ros.evaluation.adapters import text_exam
from memory_agent_ros.evaluation.adapters.text_exam import Exam, exam, scores
from memory_agent_ros.evaluation.adapters.text_models import Practice, example, question, right_answers, tiny_base
from memory_agent_ros.evaluation.adapters.text_runs import ARMS, TextComparison, run
from memory_agent_ros.evaluation.adapters.text_tasks import all_words, draw_tasks
from memory_agent_ros.evaluation.adapters.tiny_model import TinySize, new_model, tokenizer_of
from memory_agent_ros.evaluation.benches import text_to_lora
from memory_agent_ros.evaluation.training.text_lessons import Library, Pace, Teacher
from memory_agent_ros.evaluation.training.train_text_lora import TextTraining, adapted_of, train_text_lora, training_of
from memory_agent_ros.reasoning.language.embedded import LoadedModel
from memory_agent_ros.records.errors import BadInputError

SIZE = TinySize(width=16, layers=2, heads=2, inner=32, window=128)
TRAINING = TextTraining(
    Practice(steps=2, batch=6, size=SIZE), tasks=24, kinds=("w2",),
    network=TextLoraConfig(description=16, rank=2, alpha=3.0, task=8, place=4, hidden=16, blocks=1),
    pace=Pace(steps=3, tasks=4, commands=2, rate=1e-2), minutes=5.0,
)  # fmt: skip


class HashedWords:
    """A text's words, each in a place of its own."""

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        out = np.full((len(texts), 16), 0.01, dtype=np.float32)
        for row, text in enumerate(texts):
            for word in text.split():
                out[row, sum(map(ord, word)) % 16] += 1.0
        unit: NDArray[np.float32] = (out / np.linalg.norm(out, axis=1, keepdims=True)).astype(np.float32)
        return unit


@pytest.fixture(scope="module")
def base() -> LoadedModel:
    tokenizer = tokenizer_of(sorted(set(all_words())))
    return LoadedModel(new_model(len(tokenizer), SIZE), tokenizer, "tiny")


def test_only_answers_are_learnt_and_descriptions_where_they_are_text(base: LoadedModel) -> None:
    words = base.tokenizer.convert_ids_to_tokens
    one = example(base.tokenizer, "command : bring answer :", "bring ( )")
    assert [words(one.ids[p]) for p in one.wanted] == ["bring", "(", ")", "</s>"] and words(one.ids[0]) == "<s>"
    told = example(base.tokenizer, "command : bring answer :", "bring ( )", "speak german . ")
    assert [words(told.ids[p]) for p in told.wanted] == ["speak", "german", ".", "bring", "(", ")", "</s>"]
    assert "<unk>" not in words(list(told.ids))


def test_an_answer_is_right_only_as_a_whole(base: LoadedModel) -> None:
    """The model's own likeliest continuation is right, and no longer with one other word in it."""
    asked = example(base.tokenizer, "command : bring answer :", "")
    ids = list(asked.ids[:-1])
    with torch.no_grad():
        for _ in range(3):
            ids.append(int(base.model(torch.tensor([ids])).logits[0, -1].argmax()))
    places = tuple(range(len(asked.ids) - 1, len(ids)))
    own = replace(asked, ids=tuple(ids), wanted=places)
    other = replace(own, ids=(*ids[:-2], (ids[-2] + 1) % 200, ids[-1]))
    assert right_answers(base.model, [own, other, own]).tolist() == [True, False, True]


def test_an_examination_is_the_same_for_all_and_swapping_changes_every_description() -> None:
    library = draw_tasks("train", 40, 0)
    one = exam("val", library)
    assert one == exam("val", library) and one.kinds.count("trained") == text_exam._TRAINED
    assert all(c.held_out for c in one.commands)
    swapped = one.swapped()
    assert all(a != b for a, b in zip(swapped.descriptions, one.descriptions, strict=True))
    assert one.by_kind(np.arange(float(len(one.tasks))))["attribute"][0] == 20.0


def test_scores_ask_each_task_with_its_own_adapter(base: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    adapted = adapted_of(TRAINING, LoadedModel(new_model(len(base.tokenizer), SIZE), base.tokenizer, "tiny"))
    library = draw_tasks("train", 3, 0)
    asked = Exam(
        tuple(library),
        ("trained",) * 3,
        (("a .", "b ."), ("c .", "d ."), ("e .", "f .")),
        exam("val", library).commands,
    )
    name = adapted.targets[0].name

    def adapters(numbers: Sequence[int], texts: Sequence[str]) -> LoraRows:
        good = [number == 1 or text == "f ." for number, text in zip(numbers, texts, strict=True)]
        zero = adapted.nothing().map(torch.zeros_like)
        return stacked([zero.map(torch.ones_like) if g else zero for g in good])

    def in_force(model: object, examples: Sequence[object]) -> torch.Tensor:
        rows = adapted._rows().up[name]
        assert len(rows) == len(examples)
        return rows.sum(dim=(1, 2)) > 0

    monkeypatch.setattr(text_exam, "right_answers", in_force)
    assert scores(adapted, base.tokenizer, asked, adapters).tolist() == [0.0, 1.0, 0.5]
    assert not adapted.active


def test_each_task_of_a_library_learns_for_itself(base: LoadedModel) -> None:
    adapted = adapted_of(TRAINING, LoadedModel(new_model(len(base.tokenizer), SIZE), base.tokenizer, "tiny"))
    library = Library(adapted.nothing(2), 3)
    rows = library()
    assert rows.batch == 3 and same_rows(rows.one(0), rows.one(2))
    with adapted.using(rows.pick(torch.tensor([1]))) as model:
        model(torch.tensor([[5, 6]])).logits.square().sum().backward()
    grads = [p.grad for p in library.up]
    assert all(g is not None and float(g[1].abs().sum()) > 0 and not g[0].any() and not g[2].any() for g in grads)


def test_training_writes_weights_and_goes_on_after_a_break(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import memory_agent_ros.evaluation.training.train_text_lora as module

    monkeypatch.setattr(module, "_CHECKPOINT_EVERY", 1)
    monkeypatch.setattr(text_exam, "_HELD_OUT", {"combination": 2, "attribute": 2})
    monkeypatch.setattr(text_exam, "_TRAINED", 2)
    whole, broken = tmp_path / "whole.safetensors", tmp_path / "broken.safetensors"
    figures = train_text_lora(TRAINING, HashedWords(), whole)
    assert set(figures) == {"score_combination", "score_attribute", "score_trained"}
    learn, done = Teacher.learn, list[int]()

    def stop(self: Teacher, *args: object) -> dict[str, float]:
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(1)
        return learn(self, *args)  # type: ignore[arg-type]

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Teacher, "learn", stop)
        train_text_lora(TRAINING, HashedWords(), broken)
    assert broken.with_suffix(".checkpoint.pt").exists()
    train_text_lora(TRAINING, HashedWords(), broken)
    vectors = torch.rand(2, 16, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        one, other = (load_text_lora(path)[0](vectors) for path in (whole, broken))
    assert same_rows(one, other) and not broken.with_suffix(".checkpoint.pt").exists()
    assert "train text-lora --size tiny --seed 0" in broken.with_suffix(".md").read_text()


def test_the_benchmark_runs_every_arm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_exam, "_HELD_OUT", {"combination": 2, "attribute": 2})
    monkeypatch.setattr(text_exam, "_TRAINED", 2)
    comparison = TextComparison(TRAINING, own_steps=2, reconstructed=4, reconstruction_steps=2, split="val")
    found = [run(seed, comparison, HashedWords(), tmp_path) for seed in (0, 1)]
    assert tuple(found[0]["arms"]) != () and set(found[0]["arms"]) == set(ARMS)
    assert all(len(found[0]["arms"][arm]["combination"]) == 2 for arm in ARMS)
    import memory_agent_ros.evaluation.adapters.text_runs as runs

    monkeypatch.setattr(runs, "cached_run", lambda seed, comparison, progress: found[seed])
    outcome = text_to_lora.bench("val", range(2), 1, {"comparison": comparison})
    assert set(outcome.arms) == set(ARMS) and "score_over_multi_task_described" in outcome.figures
    assert outcome.figures["score"].value == pytest.approx(
        np.mean([v for r in found for k in ("combination", "attribute") for v in r["arms"]["generated"][k]])
    )


def test_the_tiny_model_is_trained_once(tmp_path: Path) -> None:
    practice = Practice(steps=2, batch=6, size=SIZE)
    first = tiny_base(practice, tmp_path / "base")
    stamp = (tmp_path / "base" / "model.safetensors").stat().st_mtime_ns
    tiny_base(practice, tmp_path / "base")
    assert (tmp_path / "base" / "model.safetensors").stat().st_mtime_ns == stamp
    task = draw_tasks("train", 1, 0)[0]
    one = question(first.tokenizer, task, exam("val", [task]).commands[0], "speak german .")
    assert first.tokenizer.unk_token_id not in one.ids


def test_an_unknown_size_is_refused() -> None:
    assert training_of("tiny", 3, minutes=1.0, steps=9).pace == replace(training_of("tiny", 3).pace, steps=9)
    with pytest.raises(BadInputError) as caught:
        training_of("huge", 0)
    assert caught.value.reason == "size_unknown"
