"""Moving keys that carry a rotary position embedding (RoPE, arXiv 2104.09864) from one position to another.

A rotated key at position p is the unrotated one turned by p times each frequency. Turning it on by d makes it the key
at p + d, and attention sees nothing but differences of positions.
"""

from __future__ import annotations

import sys
from typing import Any

import torch
from torch import Tensor, nn

from memory_agent_ros.records.errors import BadInputError


def decoder_of(model: Any) -> Any:
    """The stack of layers inside a causal language model, also inside a wrapper such as a LoRA.

    Raises:
        BadInputError: ``model_unknown``.
    """
    for module in model.modules():
        if hasattr(module, "rotary_emb") and isinstance(getattr(module, "layers", None), nn.ModuleList):
            return module
    raise BadInputError(
        "model_unknown", "this model has no layers with a rotary position embedding; take a Llama-type model"
    )


class Rotation:
    """Turns keys by a number of positions.

    Args:
        frequencies: (D/2,) angle per position, radians; the numbers i and i + D/2 of a key are turned as a pair.
    """

    def __init__(self, frequencies: Tensor) -> None:
        self.frequencies = frequencies.detach().double().cpu()
        self._last: tuple[int, Tensor, Tensor] | None = None

    def __call__(self, keys: Tensor, positions: int) -> Tensor:
        """Keys (..., D), turned on by a number of positions (back, if negative); computed in float32, rounded once."""
        if positions == 0:
            return keys
        cos, sin = self._angles(positions, keys.device)
        first, second = keys.float().chunk(2, dim=-1)
        return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1).to(keys.dtype)

    def _angles(self, positions: int, device: torch.device) -> tuple[Tensor, Tensor]:
        if self._last is None or self._last[0] != positions or self._last[1].device != device:  # all layers ask for it
            angles = self.frequencies * positions
            self._last = positions, angles.cos().float().to(device), angles.sin().float().to(device)
        return self._last[1:]


def rotation_of(decoder: Any) -> Rotation:
    """The rotation that the keys of all of a decoder's layers carry, tried against the decoder's own.

    Raises:
        BadInputError: ``rotary_unknown``: its position embedding is not of Llama's kind.
    """
    unknown = BadInputError(
        "rotary_unknown", f"{type(decoder).__name__} places keys otherwise than Llama does; its cache cannot be moved"
    )
    config = decoder.config
    kinds, rotated = getattr(config, "layer_types", None) or (), getattr(config, "no_rope_layers", None) or ()
    if any(kind != "full_attention" for kind in kinds) or not all(rotated):
        raise unknown
    apply = getattr(sys.modules[type(decoder).__module__], "apply_rotary_pos_emb", None)
    frequencies = getattr(decoder.rotary_emb, "inv_freq", None)
    if apply is None or frequencies is None:
        raise unknown
    rotation = Rotation(frequencies)
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    key = torch.linspace(-1.0, 1.0, width, device=frequencies.device)[None, None, None]
    try:
        at = {p: decoder.rotary_emb(key, torch.tensor([[p]], device=key.device)) for p in (3, 8)}
        keys = {p: apply(key, key, cos, sin)[1] for p, (cos, sin) in at.items()}
        same = torch.allclose(rotation(keys[3], 5), keys[8], atol=1e-4)
    except (TypeError, ValueError, RuntimeError, KeyError) as error:
        raise unknown from error
    if not same:
        raise unknown
    return rotation
