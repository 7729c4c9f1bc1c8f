"""Updates of neurons: switched on they change the members' rows alone; files that do not fit change nothing."""

from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from memory_agent_ros.reasoning.language.neurons import LayerUpdate, NeuronSwitch, read_neurons, save_neurons
from memory_agent_ros.records.errors import BadInputError
from tests.reasoning.language import tiny

NEURONS, CLUSTER = torch.tensor([3, 5, 40]), torch.tensor([1, 0, 1])


def updates(width: int = 32) -> dict[int, LayerUpdate]:
    torch.manual_seed(3)
    return {1: LayerUpdate(NEURONS, CLUSTER, torch.randn(2, 3, width))}


def test_members_of_a_cluster_get_its_vector_and_no_other_weight_changes(tmp_path: Path) -> None:
    model, path = tiny.model().requires_grad_(False), tmp_path / "u.safetensors"
    before = {name: weight.clone() for name, weight in model.named_parameters()}
    save_neurons(path, updates(), {"seed": 3})
    found, about = read_neurons(path)
    switch = NeuronSwitch(model, found)
    assert all(torch.equal(weight, before[name]) for name, weight in model.named_parameters())
    assert about == {"seed": 3} and [p.name for p in tmp_path.iterdir()] == ["u.safetensors"]
    vectors = updates()[1].vectors.to(torch.bfloat16).float()
    with switch.acting():
        acting = {name: weight.clone() for name, weight in model.named_parameters()}
    assert all(torch.equal(weight, before[name]) for name, weight in model.named_parameters())
    for name, weight in acting.items():
        change = weight - before[name]
        if not name.startswith("model.layers.1.mlp"):
            assert not change.any(), name
            continue
        part = ("gate", "up", "down").index(name.split(".")[4].removesuffix("_proj"))
        rows = change.T if part == 2 else change
        for neuron, cluster in zip(NEURONS.tolist(), CLUSTER.tolist(), strict=True):
            assert torch.allclose(rows[neuron], vectors[cluster, part], atol=1e-6)
        others = [n for n in range(len(rows)) if n not in NEURONS.tolist()]
        assert not rows[others].any()


@pytest.mark.parametrize(
    "wrong", [updates(48), {7: updates()[1]}, {0: LayerUpdate(NEURONS + 60, CLUSTER, updates()[1].vectors)}]
)
def test_updates_of_another_model_change_nothing(wrong: dict[int, LayerUpdate]) -> None:
    model, before = tiny.model(), dict(tiny.model().named_parameters())
    with pytest.raises(BadInputError) as caught:
        NeuronSwitch(model, {0: updates()[1], **wrong})
    assert caught.value.reason == "adapter_of_another_model"
    assert all(torch.equal(p, before[n]) for n, p in model.named_parameters())


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "u.safetensors"
    save_neurons(path, updates(), {})
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadInputError) as caught:
        read_neurons(path)
    assert caught.value.reason == "adapter_unreadable"
    save_neurons(path, {1: LayerUpdate(NEURONS, CLUSTER + 1, updates()[1].vectors)}, {})
    with pytest.raises(BadInputError, match="do not fit"):
        read_neurons(path)
