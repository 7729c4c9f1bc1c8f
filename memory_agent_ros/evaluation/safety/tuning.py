"""The trainable vectors of clusters of neurons on a frozen model: added in the forward pass, kept as updates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from memory_agent_ros.evaluation.safety.selection import Selected
from memory_agent_ros.reasoning.language.neurons import PARTS, LayerUpdate, feed_forward


class ClusterVectors(nn.Module):
    """One vector a cluster, at first zero: what the model computes is then what it computed before.

    Args:
        model: frozen, built like Llama; hooks add the vectors' effect until :meth:`detach`.
        selected: neurons of each layer.
    """

    def __init__(self, model: nn.Module, selected: Mapping[int, Selected]) -> None:
        super().__init__()
        width = int(model.config.hidden_size)
        self._chosen = {n: (torch.from_numpy(s.neurons), torch.from_numpy(s.cluster)) for n, s in selected.items()}
        self.vectors = nn.ParameterDict(
            {str(n): nn.Parameter(torch.zeros(s.clusters, len(PARTS), width)) for n, s in selected.items()}
        )
        self._handles: list[Any] = []
        for layer in selected:
            self._attach(feed_forward(model, layer), layer)

    def updates(self) -> dict[int, LayerUpdate]:
        """As they are kept."""
        return {n: LayerUpdate(*self._chosen[n], self.vectors[str(n)].detach().clone()) for n in self._chosen}

    def detach(self) -> None:
        """Take the hooks off the model again."""
        while self._handles:
            self._handles.pop().remove()

    def _attach(self, mlp: nn.Module, layer: int) -> None:
        neurons, cluster = self._chosen[layer]
        vectors = self.vectors[str(layer)]
        size = len(vectors)

        def into(part: int) -> Any:
            """Rows: each member's input grows by the token's product with the cluster's vector."""

            def hook(_: nn.Module, inputs: tuple[Tensor], output: Tensor) -> Tensor:
                told = inputs[0].float() @ vectors[:, part].T
                return output.index_add(-1, neurons, told[..., cluster].to(output.dtype))

            return hook

        def out_of(_: nn.Module, inputs: tuple[Tensor], output: Tensor) -> Tensor:
            """Columns: each member's activation adds the cluster's vector."""
            active = inputs[0][..., neurons].float()
            summed = active.new_zeros(*active.shape[:-1], size).index_add(-1, cluster, active)
            return output + (summed @ vectors[:, PARTS.index("down")]).to(output.dtype)

        for number, part in enumerate(PARTS):
            hook = out_of if part == "down" else into(number)
            self._handles.append(mlp.get_submodule(f"{part}_proj").register_forward_hook(hook))
