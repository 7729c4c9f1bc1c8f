"""The small learned policy: goal, memory, candidates and tips in, a score for each candidate out."""

from __future__ import annotations

import dataclasses
import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from memory_agent_ros.exploration.situation import Array, Shape, Situations, TipTokens
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.tensor_file import read_tensors, write_tensors

if TYPE_CHECKING:
    from memory_agent_ros.exploration.policy_network import PolicyConfig, PolicyInput, PolicyNetwork

#: Weights that are shipped.
WEIGHTS = Path(__file__).resolve().parent.parent / "weights" / "explorer.safetensors"


class LearnedPolicy:
    """A :class:`~memory_agent_ros.exploration.situation.Policy` that is trained by EMPO2.

    Attributes:
        name: for provenance.
        module: the torch module.
        about: how it was trained; strings. ``guide`` names the rule in :mod:`memory_agent_ros.exploration.guide` whose
            scores the network's are added to, if there is one.
    """

    def __init__(self, module: PolicyNetwork, name: str = "learned", about: dict[str, str] | None = None) -> None:
        self.module, self.name, self.about = module, name, about or {}

    @staticmethod
    def new(config: PolicyConfig, seed: int = 0, name: str = "learned") -> LearnedPolicy:
        """An untrained policy; at the start all candidates have the same score."""
        import torch

        from memory_agent_ros.exploration.policy_network import PolicyNetwork

        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return LearnedPolicy(PolicyNetwork(config), name)

    @staticmethod
    @cache
    def load_default() -> LearnedPolicy | None:
        """The shipped policy; None if torch, safetensors or the weights are absent."""
        try:
            import safetensors  # noqa: F401
            import torch  # noqa: F401
        except ImportError:
            return None
        return LearnedPolicy.load(WEIGHTS) if WEIGHTS.exists() else None

    @staticmethod
    def load(path: Path) -> LearnedPolicy:
        """Read weights; needs torch and safetensors.

        Raises:
            BadInputError: ``policy_weights`` if the file is no policy of this version.
        """
        from memory_agent_ros.exploration.policy_network import PolicyConfig, PolicyNetwork

        try:
            tensors, about = read_tensors(path)
            values = json.loads(about.pop("config"))
            network = PolicyNetwork(PolicyConfig(**{**values, "shape": Shape(**values["shape"])}))
            network.load_state_dict(tensors)
        except (OSError, KeyError, TypeError, RuntimeError, ValueError) as error:
            raise BadInputError("policy_weights", f"{path} is no policy of this version: {error}") from error
        return LearnedPolicy(network, about.pop("name", path.stem), about)

    def save(self, path: Path) -> None:
        """Write weights, sizes, name and :attr:`about` into one safetensors file."""
        about = {**self.about, "name": self.name, "config": json.dumps(dataclasses.asdict(self.module.config))}
        write_tensors(path, self.module.state_dict(), about)

    def standardise(self, situations: Situations) -> None:
        """Fit the scale of the inputs to typical situations, before training."""
        import torch

        seen = self._input(situations, None)
        with torch.no_grad():
            self.module.goal_standard.fit(seen.goal)
            self.module.context_standard.fit(seen.context[seen.context_mask])
            self.module.candidate_standard.fit(seen.candidates[seen.candidate_mask])

    def scores(self, situations: Situations, tips: TipTokens | None = None) -> Any:
        """(B, C) tensor of scores with gradients; -inf where there is no candidate."""
        return self.module(self._input(situations, tips)).total + self._guide(situations)

    def logits(self, situations: Situations, tips: TipTokens | None = None) -> Array:
        """(B, C) scores; -inf where there is no candidate."""
        import torch

        with torch.inference_mode():
            return np.asarray(self.scores(situations, tips).numpy(), np.float32)

    def explain(self, situations: Situations, tips: TipTokens | None = None) -> tuple[Array, Array]:
        """(B, C) score without tips, (B, C, T) what each tip adds: together the scores."""
        import torch

        with torch.inference_mode():
            scores = self.module(self._input(situations, tips))
        return (scores.own + self._guide(situations)).numpy(), scores.votes.numpy()

    def _guide(self, situations: Situations) -> Any:
        """(B, C) scores of the rule that the policy corrects, or zeros."""
        import torch

        from memory_agent_ros.exploration.guide import GUIDES

        name = self.about.get("guide", "")
        if not name:
            return torch.zeros(situations.candidate_mask.shape)
        if name not in GUIDES:
            raise BadInputError("policy_weights", f"policy {self.name!r} needs a guide {name!r} that is not known here")
        return torch.from_numpy(GUIDES[name](situations))

    def _input(self, situations: Situations, tips: TipTokens | None) -> PolicyInput:
        """Tensors of the situations.

        Raises:
            BadInputError: ``policy_shape`` if the situations have other widths than those the policy was made for.
        """
        import torch

        from memory_agent_ros.exploration.policy_network import PolicyInput

        shape = self.module.config.shape
        widths = situations.goal.shape[-1], situations.context.shape[-1], situations.candidates.shape[-1]
        if widths != (shape.goal, shape.context, shape.candidate):
            raise BadInputError(
                "policy_shape",
                f"policy {self.name!r} reads goals, context and candidates of widths "
                f"{(shape.goal, shape.context, shape.candidate)}, got {widths}; train a policy for these features",
            )
        if tips is None or tips.mask.size == 0:
            rows = len(situations)
            tips = TipTokens(np.zeros((rows, 0, shape.candidate + 2), np.float32), np.zeros((rows, 0), np.bool_))
        arrays = (
            situations.goal, situations.context, situations.context_mask, situations.candidates,
            situations.candidate_mask, tips.features, tips.mask,
        )  # fmt: skip
        return PolicyInput(*(torch.from_numpy(np.ascontiguousarray(a)) for a in arrays))
