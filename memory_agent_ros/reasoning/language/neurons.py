"""Updates of single feed-forward neurons in one safetensors file, folded into weights at loading. Needs torch.

Neuron-selective tuning (NeST, arXiv 2602.16835): chosen neurons of a layer fall into clusters, and each cluster has one
vector. A neuron of a gated feed-forward layer is a row of its gate projection, a row of its up projection and a column
of its down projection; the vector's three parts are added to these, for every member of the cluster alike. Folded in
once, the model is as fast as without.
"""

from __future__ import annotations

from collections.abc import Mapping
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


def fold_neurons(model: nn.Module, updates: NeuronUpdates) -> None:
    """Add updates to a model's weights, in place.

    Raises:
        BadInputError: ``adapter_of_another_model``; the model is then unchanged.
    """
    for layer, one in updates.items():
        rows, width = feed_forward(model, layer).get_submodule("gate_proj").weight.shape
        if one.vectors.shape[1:] != (len(PARTS), width) or bool((one.neurons >= rows).any()):
            raise BadInputError("adapter_of_another_model", f"the neurons of layer {layer} have no place in this model")
    with torch.no_grad():
        for layer, one in updates.items():
            mlp = feed_forward(model, layer)
            for number, part in enumerate(PARTS):
                weight = mlp.get_submodule(f"{part}_proj").weight
                assert isinstance(weight, Tensor)
                rows_of = weight.T if part == "down" else weight  # views: what is written to them is the weight's
                change = one.vectors[one.cluster, number].to(weight.device)
                neurons = one.neurons.to(weight.device)
                rows_of[neurons] = (rows_of[neurons].float() + change.float()).to(weight.dtype)


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
