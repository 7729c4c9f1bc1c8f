"""The learned association learns what it is shown, gives each detection one answer, and may be absent."""

from __future__ import annotations

import numpy as np
import pytest
from driving import at_table, kinds, mapped_kitchen, watch

from memory_agent_ros.memory.association import associators
from memory_agent_ros.memory.association.association import Matches, associate
from memory_agent_ros.memory.association.association_features import OWN_FEATURES, PAIR_FEATURES, association_input
from memory_agent_ros.memory.association.associators import make_associator
from memory_agent_ros.memory.association.pair_evidence import Problem
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.records.errors import BadInputError

torch = pytest.importorskip("torch")

from memory_agent_ros.memory.association.learned_association import (  # noqa: E402
    AssociationHead,
    LearnedAssociator,
    association_loss,
    collate,
)
from memory_agent_ros.memory.encoder_network import EncoderConfig, EncoderNetwork  # noqa: E402


class Keeping:
    """Acts by hand and keeps problems and answers."""

    def __init__(self) -> None:
        self.kept: list[tuple[Problem, Matches]] = []

    def __call__(self, problem: Problem) -> Matches:
        matches = associate(problem)
        self.kept.append((problem, matches))
        return matches


def kitchen_frames() -> list[tuple[Problem, Matches]]:
    keeping = Keeping()
    with SpatialMemory.open(None, associator=keeping) as memory:
        world = mapped_kitchen(memory)
        first = len(keeping.kept)
        watch(memory, world, at_table())
        return [k for k in keeping.kept[first:] if k[0].observations and k[0].tracks]


def untrained() -> tuple[EncoderNetwork, AssociationHead]:
    torch.manual_seed(0)
    network = EncoderNetwork(EncoderConfig(dim=128, layers=1))
    return network, AssociationHead(128)


def test_features_have_their_shapes_and_are_finite() -> None:
    problem, _ = kitchen_frames()[0]
    read = association_input(problem)
    n, m = len(problem.observations), len(read.candidates)
    assert read.pairs.shape == (n, m, PAIR_FEATURES) and read.own.shape == (n, OWN_FEATURES)
    assert len(read.tokens) == n + m and read.possible.shape == (n, m)
    assert np.isfinite(read.pairs).all() and np.isfinite(read.own).all()


def test_it_learns_the_answers_it_is_shown() -> None:
    frames = kitchen_frames()
    inputs, targets = [], []
    for problem, matches in frames:
        read = association_input(problem)
        target = np.zeros((len(problem.observations), len(read.candidates) + 2), np.float32)
        place = {int(j): k for k, j in enumerate(read.candidates)}
        for i in range(len(problem.observations)):
            target[i, place.get(matches.pairs.get(i, -1), -2)] = 1.0
        inputs.append((read.tokens, read.pairs, read.own, read.possible))
        targets.append(target)
    batch = collate(inputs, targets)
    network, head = untrained()
    optimizer = torch.optim.Adam([*network.parameters(), *head.parameters()], lr=2e-3)
    first = association_loss(network, head, batch).item()
    for _ in range(40):
        optimizer.zero_grad()
        loss = association_loss(network, head, batch)
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.2 * first
    associator = LearnedAssociator(network, head)
    agreed = sum(associator(problem).pairs == matches.pairs for problem, matches in frames)
    assert agreed >= len(frames) - 1


def test_padding_changes_nothing() -> None:
    reads = [association_input(problem) for problem, _ in kitchen_frames()]
    inputs = [(r.tokens, r.pairs, r.own, r.possible) for r in sorted(reads, key=lambda r: r.possible.size)]
    network, head = untrained()
    alone, together = collate(inputs[:1]), collate([inputs[0], inputs[-1]])
    n, m = inputs[0][3].shape
    with torch.inference_mode():
        one = head(network(alone.tokens), alone)[0].numpy()
        two = head(network(together.tokens), together)[0].numpy()
    assert np.allclose(one[:, :m], two[:n, :m], atol=1e-4)
    assert np.allclose(one[:, m:], two[:n, -2:], atol=1e-4)


def test_each_observation_gets_one_answer_and_no_track_two() -> None:
    network, head = untrained()
    associator = LearnedAssociator(network, head)
    for problem, _ in kitchen_frames():
        matches = associator(problem)
        answers = [*matches.pairs, *matches.fragments, *matches.new, *matches.clutter]
        assert sorted(answers) == list(range(len(problem.observations)))
        assert len(set(matches.pairs.values())) == len(matches.pairs)


def test_without_weights_the_hand_built_costs_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LearnedAssociator, "load_default", staticmethod(lambda: None))
    assert make_associator("learned") is associate
    monkeypatch.setattr(associators.importlib.util, "find_spec", lambda name: None)
    assert make_associator("learned") is associate
    assert make_associator("hand_built") is associate


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(BadInputError) as refused:
        SpatialMemory.open(None, MemoryConfig(association="magic"))
    assert refused.value.reason == "association_unknown"


def test_the_memory_tells_which_object_each_observation_went_to() -> None:
    with SpatialMemory.open(None, MemoryConfig(association="hand_built")) as memory:
        world = mapped_kitchen(memory)
        frame, observations = world.look(at_table()[3])
        events = memory.observe(
            frame, [*observations, observations[0].__class__(**{**vars(observations[0]), "label": " "})]
        )
        assert kinds(events) == []
        *given, refused = memory.assignments
        assert refused == 0 and all(memory.get(i).label == o.label for i, o in zip(given, observations, strict=True))
