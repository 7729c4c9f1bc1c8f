"""A LoRA (Hu et al., arXiv 2106.09685) in one safetensors file: written after training, merged into a model at loading.

W becomes W + (alpha / rank) B A, once; from then on the model is as fast as without. Merging needs torch alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from memory_agent_ros.reasoning.language.update_file import read_update, write_update
from memory_agent_ros.records.errors import BadInputError

_A, _B = ".lora_A", ".lora_B"
_FORMAT = "memory_agent_ros.lora.1"


def lora_tensors(model: nn.Module) -> dict[str, Tensor]:
    """A peft model's LoRA by the base model's module names: ``NAME.lora_A`` (r, in), ``NAME.lora_B`` (out, r)."""
    out = {}
    for name, parameter in model.named_parameters():
        for kind in (_A, _B):
            if f"{kind}." in name:
                out[name.partition(f"{kind}.")[0].removeprefix("base_model.model.") + kind] = parameter.detach()
    return out


def save_lora(path: Path, tensors: Mapping[str, Tensor], scale: float, about: Mapping[str, Any]) -> None:
    """Write a LoRA in bfloat16, whole or not at all.

    Args:
        path: safetensors file.
        tensors: as :func:`lora_tensors` gives them.
        scale: alpha / rank.
        about: where it comes from, JSON-ready.
    """
    write_update(path, _FORMAT, {k: v.to(torch.bfloat16) for k, v in tensors.items()}, about, scale=repr(scale))


def read_lora(path: Path) -> tuple[dict[str, Tensor], float, dict[str, Any]]:
    """Tensors, scale and origin of a LoRA file.

    Raises:
        BadInputError: ``adapter_unreadable``.
    """
    tensors, told, about = read_update(path, _FORMAT, "a LoRA")
    return tensors, float(told["scale"]), about


def merge_lora(model: nn.Module, path: Path) -> dict[str, Any]:
    """Add a LoRA to the weights of its linear layers, in place; what it says of its origin is returned.

    Raises:
        BadInputError: ``adapter_of_another_model``; the model is then unchanged. ``adapter_unreadable``.
    """
    tensors, scale, about = read_lora(path)
    layers = {name: module for name, module in model.named_modules() if isinstance(module, nn.Linear)}
    names = {key.removesuffix(_A) for key in tensors if key.endswith(_A)}
    for name in names:
        up, down = tensors.get(name + _B), tensors[name + _A]
        shape = tuple(layers[name].weight.shape) if name in layers else None
        if up is None or shape != (up.shape[0], down.shape[1]):
            raise BadInputError("adapter_of_another_model", f"{path}: {name} of the LoRA has no place in this model")
    with torch.no_grad():
        for name in names:
            weight = layers[name].weight
            change = scale * (tensors[name + _B].float() @ tensors[name + _A].float())
            weight.copy_((weight.float() + change.to(weight.device)).to(weight.dtype))
    return about
