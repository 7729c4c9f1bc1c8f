"""Keys of LoRA rows out of what the adapted layers themselves saw in a document.

A row of A that is to answer for a thing has to be large where a question about that thing comes by. What enters an
adapted layer at the words for a thing is already like what enters it at the end of a question about the thing, without
any training. So each row begins as an average of that
over the document, and learns where to look; a network that writes rows of A from nothing else has to find this likeness
first. In linear attention keys are such copies too (Schlag et al., arXiv 2102.11174).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

#: Least spread of a feature, as a share of the mean one.
_LEAST = 0.1


class CopiedKeys(nn.Module):
    """Rows of A for one kind of target, out of what enters it.

    Args:
        layers: how many.
        inputs: of the targets.
    """

    centre: Tensor
    spread: Tensor

    def __init__(self, layers: int, inputs: int) -> None:
        super().__init__()
        self.mixed = nn.Parameter(torch.zeros(layers, inputs, inputs))
        self.register_buffer("centre", torch.zeros(layers, inputs))
        self.register_buffer("spread", torch.ones(layers, inputs))

    @torch.no_grad()
    def standardise(self, inner: Tensor, mask: Tensor) -> None:
        """Learn means and spreads of the targets' inputs.

        Args:
            inner: (B, L, T, inputs) at the tokens of some texts.
            mask: (B, T) which tokens there are.
        """
        seen = inner.transpose(1, 2)[mask]  # (N, L, inputs)
        self.centre.copy_(seen.mean(dim=0))
        spread = seen.std(dim=0)
        self.spread.copy_(spread.clamp(min=_LEAST * float(spread.mean())))

    def standardised(self, inner: Tensor, layers: slice = slice(None)) -> Tensor:
        """(B, L, T, inputs) that enter the targets of some layers, of mean 0 and spread 1."""
        return (inner - self.centre[layers, None]) / self.spread[layers, None]

    def keys(self, told: Tensor, layers: slice = slice(None)) -> Tensor:
        """(B, L, R, inputs), standardised -> rows of length 1."""
        told = told + torch.einsum("blri,lij->blrj", told, self.mixed[layers])
        return functional.normalize(told / self.spread[layers, None], dim=-1)


class KeyReader(CopiedKeys):
    """Reads rows of A for one kind of target out of its own inputs, over a whole text.

    Args:
        layers: how many.
        width: of the vectors that rows are written from, and of the tokens' states.
        states: width of the model's states.
        inputs: of the targets.
    """

    def __init__(self, layers: int, width: int, states: int, inputs: int) -> None:
        super().__init__(layers, inputs)
        self.query = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width))
        self.key = nn.Sequential(nn.LayerNorm(states), nn.Linear(states, width))

    def forward(self, vectors: Tensor, states: Tensor, inner: Tensor, windows: Tensor, layers: slice) -> Tensor:
        """Read.

        Args:
            vectors: (B, L, R, width) that the rows are written from.
            states: (B, L, T, D) that enter the layers.
            inner: (B, L, T, inputs) that enter the targets.
            windows: (B, R, T) what is added to the logits: where each row may look.
            layers: which of all the L are.

        Returns:
            (B, L, R, inputs) of length 1.
        """
        q, k = self.query(vectors), self.key(states)
        logits = q @ k.transpose(-1, -2) * k.shape[-1] ** -0.5 + windows[:, None]
        return self.keys(logits.softmax(dim=-1) @ self.standardised(inner, layers), layers)
