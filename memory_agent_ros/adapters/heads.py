"""From vectors to LoRA rows: every vector becomes one row of A and one of B, for each adapted layer.

As in Doc-to-LoRA (arXiv 2602.15902): per-layer weights, vectors of length 1 before the heads, and factors on A and B
that begin at 1 and 0, so that an untrained network changes nothing. A learned bias adapter acts once, whatever is
read.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from memory_agent_ros.adapters.application import Target
from memory_agent_ros.adapters.rows import LoraRows


class RowHeads(nn.Module):
    """Heads for all targets of a model.

    Targets of one kind ("down_proj") share a batched weight over layers; all layers must have every kind.

    Args:
        targets: of :class:`~memory_agent_ros.adapters.application.AdaptedModel`.
        width: of the vectors.
        rank: rows of one adapter, for each target.
        hidden: of the per-layer network before the heads; 0 for none.
        scale: of the adapters.

    Raises:
        ValueError: layers that differ in kinds or widths.
    """

    def __init__(self, targets: Sequence[Target], width: int, rank: int, hidden: int = 0, scale: float = 1.0) -> None:
        super().__init__()
        self.rank, self._scale = rank, scale
        self._kinds: dict[str, list[Target]] = {}
        for target in targets:
            self._kinds.setdefault(target.kind, []).append(target)
        self.layers = [t.layer for t in next(iter(self._kinds.values()))]
        for kind, group in self._kinds.items():
            if [t.layer for t in group] != self.layers or len({(t.inputs, t.outputs) for t in group}) != 1:
                raise ValueError(f"{kind}: layers must be alike")
        count = len(self.layers)
        self.norm = nn.LayerNorm(width)
        self.mix_in = nn.Parameter(torch.randn(count, width, hidden) * width**-0.5) if hidden else None
        self.mix_out = nn.Parameter(torch.zeros(count, hidden, width)) if hidden else None
        self.down, self.up, self.scale_down, self.scale_up = (nn.ParameterDict() for _ in range(4))
        self.bias_down, self.bias_up = nn.ParameterDict(), nn.ParameterDict()
        for kind, group in self._kinds.items():
            inputs, outputs = group[0].inputs, group[0].outputs
            self.down[kind] = nn.Parameter(torch.randn(count, width, inputs) * inputs**-0.5)
            self.up[kind] = nn.Parameter(torch.randn(count, width, outputs) * outputs**-0.5)
            self.scale_down[kind] = nn.Parameter(torch.ones(count, rank, 1))
            self.scale_up[kind] = nn.Parameter(torch.zeros(count, rank, 1))
            self.bias_down[kind] = nn.Parameter(torch.randn(count, rank, inputs) * (0.2 / (inputs * rank) ** 0.5))
            self.bias_up[kind] = nn.Parameter(torch.zeros(count, rank, outputs))

    @property
    def vectors(self) -> int:
        """How many vectors each layer needs: ``rank`` for each kind of target."""
        return self.rank * len(self._kinds)

    def forward(self, vectors: Tensor, layers: slice = slice(None)) -> LoraRows:
        """Rows without the bias.

        Args:
            vectors: (B, L, :attr:`vectors`, width).
            layers: which of :attr:`layers` the L are.

        Returns:
            a batch of B adapters for these layers' targets.
        """
        x = self.norm(vectors)
        if self.mix_in is not None and self.mix_out is not None:
            inner = functional.gelu(torch.einsum("blrw,lwh->blrh", x, self.mix_in[layers]))
            x = x + torch.einsum("blrh,lhw->blrw", inner, self.mix_out[layers])
        x = functional.normalize(x, dim=-1)
        down, up = dict[str, Tensor](), dict[str, Tensor]()
        for (kind, group), mine in zip(self._kinds.items(), x.split(self.rank, dim=2), strict=True):
            a = torch.einsum("blrw,lwi->blri", mine, self.down[kind][layers]) * self.scale_down[kind][layers]
            b = torch.einsum("blrw,lwo->blro", mine, self.up[kind][layers]) * self.scale_up[kind][layers]
            for number, target in enumerate(group[layers]):
                down[target.name], up[target.name] = a[:, number], b[:, number]
        return LoraRows(down, up, self._scale)

    def bias(self) -> LoraRows:
        """The learned bias adapter."""
        down, up = dict[str, Tensor](), dict[str, Tensor]()
        for kind, group in self._kinds.items():
            for number, target in enumerate(group):
                down[target.name], up[target.name] = self.bias_down[kind][number], self.bias_up[kind][number]
        return LoraRows(down, up, self._scale)
