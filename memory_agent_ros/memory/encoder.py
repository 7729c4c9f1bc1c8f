"""The one learned encoder: turns tokens of objects, detections and pictures into vectors that everything learned reads.

How tokens are made (:mod:`memory_agent_ros.memory.tokens`, numpy only)::

    origin of all points = the camera of the image at hand
    detection_tokens(observations, T_map_camera, pose_covariance)    this image's detections
    object_tokens(objects, T_map_camera, stamp_ns)                   candidate objects, seen from the same camera
    keyframe_tokens(patches, T_map_camera)                           a picture's 48 patches
    join(a, b)                                                       one set, whose tokens attend to each other

Association encodes ``join(detection_tokens(...), object_tokens(...))`` of one image and reads the vectors of both
parts; recall encodes each picture alone, so stored pictures are encoded once. Attention is relative: neither a shift
nor, in the ray part, a rotation of the map changes the vectors.

Training code has the torch module as :attr:`Encoder.network` (:mod:`memory_agent_ros.memory.encoder_network`) and makes
batches with its ``batch(sets)``.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.memory.tokens import Tokens
from memory_agent_ros.perception.embedders.torch_threads import one_thread
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.tensor_file import read_tensors, write_tensors

if TYPE_CHECKING:
    from memory_agent_ros.memory.encoder_network import EncoderNetwork

#: Weights that are shipped.
WEIGHTS = Path(__file__).resolve().parent.parent / "weights" / "encoder.safetensors"
#: Pictures encoded at a time.
_BATCH = 64


class Encoder:
    """A frozen encoder.

    Attributes:
        network: the torch module, in evaluation mode.
        about: how it was trained: seed, commit, configuration, figures; strings.
        others: tensors of heads trained together with it, by name (``association.*``).
    """

    def __init__(
        self, network: EncoderNetwork, about: dict[str, str] | None = None, others: dict[str, Any] | None = None
    ) -> None:
        self.network = network.eval()
        self.about = about or {}
        self.others = others or {}

    @staticmethod
    @cache
    def load_default() -> Encoder | None:
        """The shipped encoder; None if torch, safetensors or the weights are absent."""
        if not WEIGHTS.exists():
            return None
        try:
            import safetensors  # noqa: F401
            import torch  # noqa: F401
        except ImportError:
            return None
        return Encoder.load(WEIGHTS)

    @staticmethod
    def load(path: Path) -> Encoder:
        """Read weights; needs torch and safetensors.

        Raises:
            BadInputError: ``encoder_weights`` if the file is no encoder of this version.
        """
        from memory_agent_ros.memory.encoder_network import EncoderConfig, EncoderNetwork
        from memory_agent_ros.memory.viewrope import CodeConfig

        try:
            tensors, about = read_tensors(path)
            values = json.loads(about["config"])
            for code in ("code", "view_code"):
                values[code] = CodeConfig(**values[code])
            network = EncoderNetwork(EncoderConfig(**values))
            own = {k.removeprefix("encoder."): v for k, v in tensors.items() if k.startswith("encoder.")}
            network.load_state_dict(own)
        except (OSError, LookupError, TypeError, RuntimeError, ValueError, MemoryError) as error:
            raise BadInputError("encoder_weights", f"{path} is no encoder of this version: {error}") from error
        return Encoder(network, about, {k: v for k, v in tensors.items() if not k.startswith("encoder.")})

    def save(self, path: Path) -> None:
        """Write the weights, those of :attr:`others`, and :attr:`about` into one safetensors file."""
        tensors = {f"encoder.{k}": v for k, v in self.network.state_dict().items()}
        about = {**self.about, "config": json.dumps(dataclasses.asdict(self.network.config))}
        write_tensors(path, {**tensors, **self.others}, about)

    def encode(self, sets: Sequence[Tokens]) -> list[NDArray[np.float32]]:
        """Each set of N tokens -> (N, dim) float32 vectors; tokens of one set attend to each other."""
        import torch

        from memory_agent_ros.memory.encoder_network import batch

        out: list[NDArray[np.float32]] = []
        with one_thread(), torch.inference_mode():
            for first in range(0, len(sets), _BATCH):
                part = sets[first : first + _BATCH]
                vectors = self.network(batch(part)).numpy()
                out += [v[: len(s)] for v, s in zip(vectors, part, strict=True)]
        return out

    def view_keys(self, pictures: Sequence[Tokens], origin: NDArray[np.float64]) -> NDArray[np.float32]:
        """(F, C) pooled keys of pictures; keep them, they hold until a pose changes.

        Args:
            pictures: tokens of one picture each.
            origin: (3,) common origin of a map's keys and queries, metres.
        """
        return self._pooled(pictures, origin, "keys")

    def view_queries(self, pictures: Sequence[Tokens], origin: NDArray[np.float64]) -> NDArray[np.float32]:
        """(Q, C) pooled queries, to be multiplied with :meth:`view_keys` of the same origin."""
        return self._pooled(pictures, origin, "queries")

    def _pooled(self, pictures: Sequence[Tokens], origin: NDArray[np.float64], what: str) -> NDArray[np.float32]:
        import torch

        from memory_agent_ros.memory.encoder_network import batch

        head = self.network.views
        parts = []
        with one_thread(), torch.inference_mode():
            for first in range(0, len(pictures), _BATCH):
                tokens = batch(pictures[first : first + _BATCH], origin)
                parts.append(getattr(head, what)(self.network(tokens), tokens).numpy())
        width = head.heads * head.code.config.head_dim
        return np.concatenate(parts) if parts else np.zeros((0, width), np.float32)
