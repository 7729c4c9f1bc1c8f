"""The recognition head, its file, and unlearning a class. Descriptors are drawn, not rendered."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from memory_agent_ros.perception.embedders.reidentification import ReidentificationEmbedder
from memory_agent_ros.perception.recognition.descriptor import CropDescriptor
from memory_agent_ros.perception.recognition.network import (
    Examples,
    RecognitionNetwork,
    RecognitionTraining,
    examples_of,
    train,
)
from memory_agent_ros.perception.recognition.recogniser import Recogniser, read_recogniser, save_recogniser
from memory_agent_ros.perception.recognition.reidentification import forget_object
from memory_agent_ros.perception.recognition.unlearning import (
    Unlearning,
    mask_class,
    nearest_targets,
    negative_hot_loss,
    unlearn,
)
from memory_agent_ros.records.errors import BadInputError

CLASSES, WIDTH = 5, 24
SHORT = RecognitionTraining(steps=120, rate=1e-2, hidden=32, width=8)


@pytest.fixture(scope="module")
def examples() -> Examples:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(CLASSES), 20)
    means = rng.standard_normal((CLASSES, WIDTH))
    copies = [means[labels] + 0.4 * rng.standard_normal((len(labels), WIDTH)) for _ in range(2)]
    return examples_of([c.astype(np.float32) for c in copies], labels)


@pytest.fixture(scope="module")
def network(examples: Examples) -> RecognitionNetwork:
    return train(examples, CLASSES, SHORT)


def accuracy(network: RecognitionNetwork, examples: Examples) -> float:
    with torch.no_grad():
        return float((network(examples.vectors[0]).argmax(dim=1) == examples.labels).float().mean())


def test_training_learns_and_is_the_same_for_the_same_seed(examples: Examples, network: RecognitionNetwork) -> None:
    assert accuracy(network, examples) > 0.95
    again = train(examples, CLASSES, SHORT)
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), again.parameters(), strict=True))


def test_masking_hides_a_class_and_changes_no_feature(examples: Examples, network: RecognitionNetwork) -> None:
    masked = mask_class(network, 2)
    assert accuracy(masked, examples.of(2)) == 0.0
    assert accuracy(masked, examples.without(2)) > 0.95
    assert torch.equal(masked.features(examples.vectors[0]), network.features(examples.vectors[0]))
    assert accuracy(network, examples.of(2)) > 0.9  # the original is left as it was


@pytest.mark.parametrize("weight", [0.0, 0.5])
def test_unlearning_changes_the_features_and_keeps_the_others(
    examples: Examples, network: RecognitionNetwork, weight: float
) -> None:
    given = examples if weight else examples.without(2)  # the class's crops may be erased already
    done = unlearn(network, given, 2, Unlearning(steps=80, rate=1e-2, weight=weight))
    assert accuracy(done, examples.of(2)) == 0.0
    assert accuracy(done, examples.without(2)) > 0.95
    assert accuracy(network, examples.of(2)) > 0.9
    with torch.no_grad():
        told = done(examples.of(2).vectors[0])
    assert float(told.softmax(dim=1)[:, 2].max()) == 0.0
    assert not torch.allclose(done.first.weight, network.first.weight)
    assert not torch.allclose(done.second.weight, network.second.weight)


def test_unlearning_needs_crops_of_the_class_and_of_two_others(examples: Examples, network: RecognitionNetwork) -> None:
    for bad in (examples.without(2), examples.of(2), examples.rows((examples.labels == 2) | (examples.labels == 1))):
        with pytest.raises(BadInputError) as error:
            unlearn(network, bad, 2, Unlearning(weight=0.5))
        assert error.value.reason == "unlearn_examples"


def test_a_target_is_the_class_of_the_retained_crop_that_looks_most_alike() -> None:
    gone = Examples(torch.tensor([[[1.0, 0.1], [0.1, 1.0]]]), torch.tensor([2, 2]))
    kept = Examples(torch.tensor([[[1.0, 0.0], [0.0, 1.0], [0.0, 2.0]]]), torch.tensor([0, 1, 3]))
    assert nearest_targets(gone, kept, 4, 1)[0].tolist() == [1.0, 0.0, 0.0, 0.0]
    assert nearest_targets(gone, kept, 4, 2)[1].tolist() == [0.0, 0.5, 0.0, 0.5]
    assert nearest_targets(gone, kept, 4, 0)[0].tolist() == pytest.approx([1 / 3, 1 / 3, 0.0, 1 / 3])


def test_the_negative_part_pushes_a_class_down_to_chance_and_no_further() -> None:
    targets = torch.tensor([[0.0, 0.5, 0.5]])
    sure = torch.tensor([[1.0, 0.0, 0.0]], requires_grad=True)
    negative_hot_loss(sure, targets, 0).backward()
    assert sure.grad is not None and sure.grad[0, 0] > 0.95  # the target alone gives p, which is 0.58
    gone = torch.tensor([[-9.0, 0.0, 0.0]], requires_grad=True)
    negative_hot_loss(gone, targets, 0).backward()
    assert gone.grad is not None and abs(float(gone.grad[0, 0])) < 1e-3


def test_an_object_is_unlearnt_by_the_reidentification_embedder(examples: Examples) -> None:
    base, labels = examples.vectors[0].numpy(), tuple("abcde"[i] for i in examples.labels.tolist())
    network = train(examples, CLASSES, replace(SHORT, skip=True))
    weights = {n: t.detach().numpy().copy() for n, t in network.state_dict().items() if not n.startswith("head")}

    def gap(weights: dict[str, np.ndarray], label: str) -> float:
        """How much nearer crops of an object lie to each other than to those of others."""
        unit = ReidentificationEmbedder(Base(), weights).project(base)
        mine = np.array(labels) == label
        inside = unit[mine] @ unit[mine].T
        return float(inside[~np.eye(len(inside), dtype=bool)].mean() - (unit[mine] @ unit[~mine].T).mean())

    embedder = ReidentificationEmbedder(Base(), weights)
    with torch.no_grad():
        assert embedder.project(base) == pytest.approx(network.features(examples.vectors[0]).numpy(), abs=1e-5)
    done = forget_object(weights, base, labels, "c", Unlearning(steps=80, rate=1e-2, weight=1.0, until=1.0))
    assert gap(done, "c") < gap(weights, "c") - 0.05
    assert gap(done, "a") > gap(done, "c")
    with pytest.raises(BadInputError):
        forget_object(weights, base[:20], labels[:20], "c")


class Base:
    """Vectors as they are."""

    dimension = WIDTH

    def embed_images(self, crops: object, masks: object = None) -> np.ndarray:
        raise AssertionError("not asked")


def test_examples_refuse_what_does_not_fit() -> None:
    good = np.zeros((3, 2), dtype=np.float32)
    for vectors, labels in (([], 0), ([good], 2), ([np.full((3, 2), np.nan, dtype=np.float32)], 3)):
        with pytest.raises(BadInputError):
            examples_of(vectors, np.zeros(labels, dtype=np.int64))


def recogniser(classes: int = 3) -> Recogniser:
    network = RecognitionNetwork(CropDescriptor().dimension, classes, 16, 8)
    weights = {name: t.detach().numpy().copy() for name, t in network.state_dict().items()}
    return Recogniser(tuple("abcdef"[:classes]), weights, {"made": "here"})


def test_a_recogniser_answers_as_its_network_and_survives_its_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    crops = [rng.integers(0, 255, (20, 30, 3), dtype=np.uint8) for _ in range(4)]
    made = recogniser()
    path = tmp_path / "head.safetensors"
    save_recogniser(path, made)
    found = read_recogniser(path)
    assert path.stat().st_mode & 0o077 == 0
    assert found.labels == made.labels and found.about == {"made": "here"}
    told = found.recognise(crops)
    network = RecognitionNetwork(CropDescriptor().dimension, 3, 16, 8)
    network.load_state_dict({n: torch.from_numpy(t) for n, t in made.weights.items()})
    with torch.no_grad():
        want = network(torch.from_numpy(CropDescriptor().describe(crops))).softmax(dim=1).numpy()
    assert told == pytest.approx(want, abs=1e-5)


def test_a_recogniser_refuses_weights_that_do_not_fit_and_files_that_are_damaged(tmp_path: Path) -> None:
    made = recogniser()
    with pytest.raises(BadInputError):
        replace(made, labels=("a", "b"))
    with pytest.raises(BadInputError):
        replace(made, labels=("a", "a", "b"))
    with pytest.raises(BadInputError):
        replace(made, weights={**made.weights, "head.bias": np.full(3, np.inf, dtype=np.float32)})
    path = tmp_path / "head.safetensors"
    path.write_bytes(b"no tensors")
    with pytest.raises(BadInputError):
        read_recogniser(path)
