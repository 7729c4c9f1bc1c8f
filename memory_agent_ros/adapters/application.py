"""Adapters on a frozen transformers model, through PEFT's own LoRA layers.

PEFT puts its layers into the model once; their A and B then hold whatever rows are given, not parameters: rows made by
a hypernetwork keep their gradient, and each row of a batch may have an adapter of its own. Without an adapter PEFT's
layers are switched off, and the model computes what it did before, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from memory_agent_ros.adapters.rows import LoraRows
from memory_agent_ros.records.errors import BadInputError, MissingExtraError

_NAME = "default"
#: What the last linear layer of a feed-forward network is called: in most models, in LFM2.
DOWN = ("down_proj", "w2")


@dataclass(frozen=True)
class Target:
    """A linear layer that adapters change.

    Attributes:
        name: of the module in the model.
        layer: number of its transformer layer.
        kind: its last name, "down_proj".
        inputs, outputs: widths.
    """

    name: str
    layer: int
    kind: str
    inputs: int
    outputs: int


@dataclass(frozen=True, eq=False)
class Seen:
    """What a frozen model computes on B texts of T tokens, in L adapted layers.

    Attributes:
        states: (B, L, T, D) float32 that enter the layers.
        inner: by kind of target, (B, L, T, inputs) float32 that enter these.
    """

    states: Tensor
    inner: dict[str, Tensor]


class _Rows(nn.Module):
    """Stands where PEFT has a linear layer: multiplies with rows that are set from outside."""

    def __init__(self, transposed: bool) -> None:
        super().__init__()
        self.weight = torch.zeros(0)  # PEFT reads its type; never a parameter
        self.gates: Tensor | None = None
        self._transposed = transposed

    def forward(self, x: Tensor) -> Tensor:
        """(batch, T, in) with rows (R, in) or (batch, R, in); what each row gives times its gate at that token."""
        rows = self.weight.to(x.dtype)
        found = x @ (rows if self._transposed else rows.transpose(-1, -2))
        return found if self.gates is None else found * self.gates.to(x.dtype)


class AdaptedModel:
    """A frozen causal language model of transformers that takes adapters.

    Args:
        model: of transformers; its linear layers are wrapped in place, its weights stay as they are.
        kinds: last names of the linear layers that adapters change.
        layers: numbers of the transformer layers; all by default.

    Raises:
        BadInputError: ``no_such_layers``.
        MissingExtraError: peft is not installed.
    """

    def __init__(self, model: Any, kinds: Sequence[str] = DOWN, layers: Sequence[int] | None = None) -> None:
        try:
            from peft import LoraConfig, inject_adapter_in_model
            from peft.tuners.lora import Linear
        except ImportError as error:
            raise MissingExtraError("adapters need peft: pip install 'memory_agent_ros[language]'") from error
        self.targets = targets(model, kinds, layers)
        if not self.targets:
            raise BadInputError("no_such_layers", f"the model has no linear layers called {', '.join(kinds)}")
        model.requires_grad_(False)
        config = LoraConfig(r=1, lora_alpha=1, target_modules=[t.name for t in self.targets])
        self.model = inject_adapter_in_model(config, model)
        self._layers: dict[str, Any] = {}
        for name, module in self.model.named_modules():
            if isinstance(module, Linear):
                module.lora_A[_NAME], module.lora_B[_NAME] = _Rows(False), _Rows(True)
                self._layers[name] = module
        self.reset()

    @property
    def active(self) -> bool:
        """Whether an adapter is in."""
        return not next(iter(self._layers.values())).disable_adapters

    def internalize(self, rows: LoraRows, gates: Tensor | None = None) -> None:
        """Answer with this adapter from now on.

        Args:
            rows: for each target; with a batch dimension one adapter for each row of the model's inputs.
            gates: (batch, T, R) how much each of the R rows acts at each token of the next inputs, which must then be
                of that shape; all rows act fully by default.

        Raises:
            BadInputError: ``adapter_of_another_model``; what was in stays in.
        """
        for target in self.targets:
            a, b = rows.down.get(target.name), rows.up.get(target.name)
            if a is None or b is None or (a.shape[-1], b.shape[-1]) != (target.inputs, target.outputs):
                raise BadInputError("adapter_of_another_model", f"the adapter has no rows that fit {target.name}")
        if len(rows.down) != len(self.targets):
            raise BadInputError("adapter_of_another_model", "the adapter has rows for layers that are not adapted")
        if gates is not None and gates.shape[-1] != rows.rank:
            raise BadInputError("adapter_of_another_model", f"{gates.shape[-1]} gates for {rows.rank} rows")
        for name, layer in self._layers.items():
            layer.lora_A[_NAME].weight, layer.lora_B[_NAME].weight = rows.down[name], rows.up[name]
            layer.lora_A[_NAME].gates = gates
            layer.scaling[_NAME] = rows.scale
            layer._disable_adapters = False

    def reset(self) -> None:
        """Answer as the frozen model does, bit for bit."""
        for layer in self._layers.values():
            layer._disable_adapters = True
            layer.lora_A[_NAME].weight = layer.lora_B[_NAME].weight = torch.zeros(0)
            layer.lora_A[_NAME].gates = None

    @contextmanager
    def using(self, rows: LoraRows | None, gates: Tensor | None = None) -> Iterator[Any]:
        """The model with an adapter (or without any), as it was before afterwards; ``gates`` as in ``internalize``."""
        before = (self._rows(), self._gates()) if self.active else None
        try:
            self.internalize(rows, gates) if rows is not None else self.reset()
            yield self.model
        finally:
            self.internalize(*before) if before is not None else self.reset()

    def seen(self, ids: Tensor) -> Seen:
        """What the frozen model computes on (B, T) token ids, without gradient; padding belongs behind."""
        inner: dict[str, list[Tensor]] = {t.kind: [] for t in self.targets}

        def keep(kind: str) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
            return lambda _, inputs: inner[kind].append(inputs[0].float())

        hooks = [self.model.get_submodule(t.name).register_forward_pre_hook(keep(t.kind)) for t in self.targets]
        try:
            with torch.no_grad(), self.using(None) as model:
                states = model.model(input_ids=ids, use_cache=False, output_hidden_states=True).hidden_states
        finally:
            for hook in hooks:
                hook.remove()
        entering = torch.stack([states[layer].float() for layer in dict.fromkeys(t.layer for t in self.targets)], dim=1)
        return Seen(entering, {kind: torch.stack(parts, dim=1) for kind, parts in inner.items()})

    def nothing(self, rank: int = 1) -> LoraRows:
        """An adapter that changes nothing: A random, B zero, as LoRA begins."""
        device = next(self.model.parameters()).device
        down = {t.name: torch.randn(rank, t.inputs, device=device) * t.inputs**-0.5 for t in self.targets}
        return LoraRows(down, {t.name: torch.zeros(rank, t.outputs, device=device) for t in self.targets})

    def _rows(self) -> LoraRows:
        down = {name: layer.lora_A[_NAME].weight for name, layer in self._layers.items()}
        up = {name: layer.lora_B[_NAME].weight for name, layer in self._layers.items()}
        return LoraRows(down, up, next(iter(self._layers.values())).scaling[_NAME])

    def _gates(self) -> Tensor | None:
        gates: Tensor | None = next(iter(self._layers.values())).lora_A[_NAME].gates
        return gates


def targets(model: Any, kinds: Sequence[str], layers: Sequence[int] | None = None) -> tuple[Target, ...]:
    """The linear layers with these last names, in the model's order."""
    found = []
    for name, module in model.named_modules():
        parts = name.split(".")
        if parts[-1] not in kinds or not isinstance(module, nn.Linear):
            continue
        number = next((int(p) for p in reversed(parts) if p.isdigit()), -1)
        if layers is None or number in layers:
            found.append(Target(name, number, parts[-1], module.in_features, module.out_features))
    return tuple(found)
