"""Language models as policies: scores are likelihoods of the choices' words, tips are read, EMPO2 trains the LoRA."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")

import torch
import transformers

from memory_agent_ros.exploration.empo2 import Course, Empo2, Empo2Config
from memory_agent_ros.exploration.labels import LabelVectors
from memory_agent_ros.exploration.language_policy import LanguageConfig, LanguagePolicy, prompt
from memory_agent_ros.exploration.policies.by_name import policy_by_name
from memory_agent_ros.exploration.rollout import rollout
from memory_agent_ros.exploration.situation import Situations, SituationWords, TipTokens
from memory_agent_ros.exploration.tips import TipMemory
from memory_agent_ros.exploration.worded import Worded
from memory_agent_ros.records.errors import BadInputError
from tests.exploration.worded_places import COLOURS, RIDDLES, Doors

WORDS = [
    "<unk>", "Goal", "Next", ":", "What", "I", "see", "and", "did", "noted", "in", "earlier", "episodes", "-", ".", ",",
    ";", "open", "the", "door", "of", "go", "on", "is", "dark", "it", "chose", "Looking", "for", *COLOURS, *RIDDLES,
]  # fmt: skip


def tokenizer() -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers

    plain = Tokenizer(models.WordLevel({w: i for i, w in enumerate(WORDS)}, unk_token="<unk>"))
    plain.pre_tokenizer = pre_tokenizers.Whitespace()
    return transformers.PreTrainedTokenizerFast(tokenizer_object=plain, unk_token="<unk>")


def model(kind: str = "llama") -> Any:
    torch.manual_seed(0)
    size: dict[str, Any] = {
        "vocab_size": len(WORDS), "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 256, "initializer_range": 0.2,
    }  # fmt: skip
    if kind == "llama":
        return transformers.LlamaForCausalLM(transformers.LlamaConfig(**size)).eval()
    if kind == "qwen2":
        return transformers.Qwen2ForCausalLM(transformers.Qwen2Config(**size)).eval()
    config = transformers.GPT2Config(
        vocab_size=len(WORDS), n_embd=32, n_layer=2, n_head=4, n_positions=256, initializer_range=0.2
    )
    return transformers.GPT2LMHeadModel(config)


def policy(kind: str = "llama", **config: Any) -> LanguagePolicy:
    return LanguagePolicy.with_lora(model(kind), tokenizer(), f"tiny {kind}", LanguageConfig(**config))


def situations(*words: SituationWords) -> Situations:
    now = Doors().reset(range(len(words)))
    width = max(len(w.choices) for w in words)
    mask = np.arange(width) < np.array([[len(w.choices)] for w in words])
    return dataclasses.replace(
        now, candidates=np.zeros((len(words), width, 3), np.float32), candidate_mask=mask, words=words
    )


SEEN = SituationWords("open the door of fire", ("it is dark", "I did go on"), ("the red door", "go on", "open it"))
OTHER = SituationWords("go on", (), ("the blue door", "open the door of the sky"))


@pytest.mark.parametrize("kind", ["llama", "qwen2", "gpt2"])
def test_a_score_is_the_mean_log_probability_of_the_choice_alone_after_the_situation(kind: str) -> None:
    reader, plain, words = policy(kind, sharpness=3.0), model(kind).eval(), tokenizer()
    found = reader.logits(situations(SEEN, OTHER))
    for row, seen in enumerate((SEEN, OTHER)):
        start = words.encode(prompt(seen))
        for column, choice in enumerate(seen.choices):
            end = words.encode(f" {choice}")
            with torch.inference_mode():
                heard = plain(torch.tensor([start + end])).logits[0].log_softmax(dim=-1)
            expected = sum(float(heard[len(start) + n - 1, token]) for n, token in enumerate(end)) / len(end)
            assert found[row, column] == pytest.approx(3.0 * expected, abs=1e-4)
    assert found[1, 2] == -np.inf


def test_columns_without_a_candidate_are_left_out() -> None:
    reader, now = policy(), situations(SEEN)
    gaps = dataclasses.replace(SEEN, choices=("", "the red door", "", "go on", "open it"))
    mask = np.array([[False, True, False, True, True]])
    holed = dataclasses.replace(situations(gaps), candidate_mask=mask)
    found = reader.logits(holed)[0]
    assert np.allclose(found[mask[0]], reader.logits(now)[0], atol=1e-5) and np.isneginf(found[~mask[0]]).all()


def test_the_order_of_choices_does_not_matter() -> None:
    reader = policy()
    turned = dataclasses.replace(SEEN, choices=SEEN.choices[::-1])
    assert np.allclose(reader.logits(situations(SEEN))[0], reader.logits(situations(turned))[0][::-1], atol=1e-5)


def test_tips_are_read_best_nearest_to_the_choice() -> None:
    reader, now = policy(), situations(SEEN)
    text = prompt(SEEN, ["the best", "the second"])
    assert text.index("second") < text.index("best") < text.index("dark") < text.index("Goal") < text.index("Next")
    told = TipTokens(np.zeros((1, 1, 5), np.float32), np.ones((1, 1), np.bool_), (("I chose the red door",),))
    assert np.abs(reader.logits(now, told) - reader.logits(now)).max() > 1e-3
    masked = dataclasses.replace(told, mask=np.zeros((1, 1), np.bool_))
    assert np.array_equal(reader.logits(now, masked), reader.logits(now))
    silent = dataclasses.replace(told, words=((),))
    assert np.array_equal(reader.logits(now, silent), reader.logits(now))


def test_a_long_situation_loses_its_beginning_not_its_goal() -> None:
    reader = policy(prompt_tokens=8)
    more = dataclasses.replace(SEEN, lines=("go on", *SEEN.lines))
    assert np.array_equal(reader.logits(situations(SEEN)), reader.logits(situations(more)))
    other = dataclasses.replace(SEEN, goal="open the door of sky")
    assert not np.allclose(reader.logits(situations(SEEN)), reader.logits(situations(other)))


def test_situations_without_words_are_refused_until_they_are_worded() -> None:
    reader, doors = policy(), Doors()
    with pytest.raises(BadInputError) as caught:
        reader.logits(doors.reset([0, 1]))
    assert caught.value.reason == "situation_without_words"
    now = Worded(doors).reset([0, 4])
    assert now.words[0].goal == "open the door of fire" and set(now.words[1].choices) == {
        f"the {c} door" for c in COLOURS
    }
    assert reader.logits(now).shape == (2, 3)


def test_words_and_tips_stay_with_their_rows_through_a_rollout() -> None:
    reader, env, tips = policy(), Worded(Doors()), TipMemory()
    first = rollout(env, reader, [0, 1, 2], tips, (1,))
    tips.add(first.tips(reader.name))
    played = rollout(env, reader, [0, 1, 2, 0], tips, (2,))
    assert [w.goal for w in played.situations.words] == list(played.goal)
    assert played.seen is not None and all(riddle.partition(" of ")[2] in told[0] for riddle, told in zip(
        played.goal, played.seen.words, strict=True))  # fmt: skip
    # What was recorded is what the update computes again.
    with torch.no_grad():
        again = reader.scores(played.situations, played.seen).log_softmax(dim=1).numpy()
    assert np.allclose(again[np.arange(4), played.choice], played.log_prob, atol=1e-6)


def test_empo2_trains_the_lora_and_nothing_else() -> None:
    reader, env = policy(sharpness=4.0), Worded(Doors())
    before = {n: p.detach().clone() for n, p in reader.module.named_parameters()}
    config = Empo2Config(
        decisions=500, tasks=6, group=6, rate=4e-3, epochs=2, minibatch=18, novelty=0.0, off_policy=0.2,
        tips_on_policy=0.1, entropy=0.03,
    )  # fmt: skip
    learner = Empo2(reader, [Course(env, range(30))], config)
    start = rollout(env, reader, range(100, 130), seed=(3,)).score.mean()
    while not learner.done:
        learner.step()
    end = rollout(env, reader, range(100, 130), seed=(3,)).score.mean()
    assert end > start + 0.2 and end > 0.7, (start, end)
    for name, parameter in reader.module.named_parameters():
        assert parameter.requires_grad == ("lora" in name)
        assert torch.equal(parameter, before[name]) or "lora" in name, name


def test_checkpoints_hold_the_lora_alone_and_bring_it_back(tmp_path: Path) -> None:
    trained, fresh, now = policy(), policy(), situations(SEEN, OTHER)
    with torch.no_grad():
        for parameter in trained.module.parameters():
            if parameter.requires_grad:
                parameter.add_(0.1)
    state = trained.module.state_dict()
    assert state and all("lora" in name for name in state)
    assert not np.allclose(fresh.logits(now), trained.logits(now))
    fresh.module.load_state_dict(state)
    assert np.array_equal(fresh.logits(now), trained.logits(now))
    with pytest.raises(BadInputError):
        policy(rank=4).module.load_state_dict(state)
    folder = tmp_path / "base"
    model().save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    trained.save(tmp_path / "adapter")
    loaded = LanguagePolicy.from_pretrained(str(folder), adapter=tmp_path / "adapter")
    assert np.allclose(loaded.logits(now), trained.logits(now), atol=1e-5)
    assert any(p.requires_grad for p in loaded.module.parameters())
    named = policy_by_name(f"language:{folder}+{tmp_path / 'adapter'}", LabelVectors())
    assert np.allclose(named.logits(now), trained.logits(now), atol=1e-5) and named.name == "base + adapter"
    with pytest.raises(BadInputError) as caught:
        policy_by_name(f"language:{tmp_path / 'nothing'}", LabelVectors())
    assert caught.value.reason == "policy_unavailable"
