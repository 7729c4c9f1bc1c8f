"""Updates of single feed-forward neurons in one safetensors file, and a switch for them. Needs torch.

Neuron-selective tuning (NeST, arXiv 2602.16835): chosen neurons of a layer fall into clusters, and each cluster has one
vector. A neuron of a gated feed-forward layer is a row of its gate projection, a row of its up projection and a column
of its down projection; the vector's three parts are added to these, for every member of the cluster alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from memory_agent_ros.reasoning.language.update_file import read_update, write_update
from memory_agent_ros.records.errors import BadInputError

_FORMAT = "memory_agent_ros.neurons.1"
#: Parts of a neuron, in the order in which a cluster's vector holds them.
PARTS = ("gate", "up", "down")


@dataclass(frozen=True, eq=False)
class LayerUpdate:
    """Neurons of one layer with their clusters' vectors.

    Attributes:
        neurons: (M,) int64 numbers of neurons, ascending.
        cluster: (M,) int64 cluster of each, 0 to K - 1.
        vectors: (K, 3, D) of each cluster: gate row, up row, down column.
    """

    neurons: Tensor
    cluster: Tensor
    vectors: Tensor


#: By number of the layer.
NeuronUpdates = Mapping[int, LayerUpdate]


def feed_forward(model: nn.Module, layer: int) -> nn.Module:
    """The gated feed-forward part of a layer of a model of transformers that is built like Llama.

    Raises:
        BadInputError: ``adapter_of_another_model``.
    """
    try:
        found = model.get_submodule(f"model.layers.{layer}.mlp")
        for part in PARTS:
            found.get_submodule(f"{part}_proj")
    except AttributeError as error:
        raise BadInputError(
            "adapter_of_another_model", f"the model has no gated feed-forward layer {layer}: {error}"
        ) from error
    return found


class NeuronSwitch:
    """Updates that act while they are asked to; at all other times the weights are what they were, bit for bit.

    A model judges a request with them, and writes its calls without: what it learnt to refuse costs its own work
    nothing. Switching copies the members' rows, which takes a fraction of a millisecond.

    Args:
        model: whose weights; one switch a model, used by one thread at a time.
        updates: of its neurons.

    Raises:
        BadInputError: ``adapter_of_another_model``.
    """

    def __init__(self, model: nn.Module, updates: NeuronUpdates) -> None:
        self._rows = [(rows, neurons, rows[neurons].clone(), new) for rows, neurons, new in _changed(model, updates)]

    @contextmanager
    def acting(self) -> Iterator[None]:
        """The updates act."""
        self._put(new=True)
        try:
            yield
        finally:
            self._put(new=False)

    def _put(self, new: bool) -> None:
        with torch.no_grad():
            for rows, neurons, own, updated in self._rows:
                rows[neurons] = updated if new else own


def _changed(model: nn.Module, updates: NeuronUpdates) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Views of weights whose rows belong to neurons, numbers of these, and the rows as the updates have them."""
    out = []
    for layer, one in updates.items():
        mlp = feed_forward(model, layer)
        count, width = mlp.get_submodule("gate_proj").weight.shape
        if one.vectors.shape[1:] != (len(PARTS), width) or bool((one.neurons >= count).any()):
            raise BadInputError("adapter_of_another_model", f"the neurons of layer {layer} have no place in this model")
        for number, part in enumerate(PARTS):
            weight = mlp.get_submodule(f"{part}_proj").weight
            assert isinstance(weight, Tensor)
            rows = weight.detach().T if part == "down" else weight.detach()
            neurons = one.neurons.to(weight.device)
            change = one.vectors[one.cluster, number].to(weight.device)
            out.append((rows, neurons, (rows[neurons].float() + change.float()).to(weight.dtype)))
    return out


def save_neurons(path: Path, updates: NeuronUpdates, about: Mapping[str, Any]) -> None:
    """Write updates, vectors in bfloat16, whole or not at all.

    Args:
        path: safetensors file.
        updates: of each layer.
        about: where they come from, JSON-ready.
    """
    tensors: dict[str, Tensor] = {}
    for layer, one in updates.items():
        tensors[f"{layer}.neurons"] = one.neurons.to(torch.int32)
        tensors[f"{layer}.cluster"] = one.cluster.to(torch.int32)
        tensors[f"{layer}.vectors"] = one.vectors.to(torch.bfloat16)
    write_update(path, _FORMAT, tensors, about)


def read_neurons(path: Path) -> tuple[dict[int, LayerUpdate], dict[str, Any]]:
    """Updates and what they say of their origin.

    Raises:
        BadInputError: ``adapter_unreadable``.
    """
    tensors, _, about = read_update(path, _FORMAT, "updates of neurons")
    layers = sorted({int(name.partition(".")[0]) for name in tensors})
    try:
        found = {
            n: LayerUpdate(
                tensors[f"{n}.neurons"].long(), tensors[f"{n}.cluster"].long(), tensors[f"{n}.vectors"].float()
            )
            for n in layers
        }
    except KeyError as error:
        raise BadInputError("adapter_unreadable", f"{path} misses {error}") from error
    for n, one in found.items():
        if len(one.neurons) != len(one.cluster) or bool((one.cluster >= len(one.vectors)).any()):
            raise BadInputError("adapter_unreadable", f"{path}: the neurons and clusters of layer {n} do not fit")
    return found, about
