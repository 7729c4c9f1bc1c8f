"""Unlearning an object of the re-identification embedder. Needs torch.

The embedder keeps no class of any object, yet the objects that it was trained on lie tidier in its space than others.
After unlearning, an object lies as one does that was never trained on. It can still be told from others by its looks,
as any new thing can; what the map holds of its looks is erased with the map's own forgetting. The layers that make the
vectors are rebuilt: vectors of before and after are not of one space, so a map that holds some of before has to be
made anew from its recordings.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from memory_agent_ros.perception.recognition.network import RecognitionNetwork, examples_of
from memory_agent_ros.perception.recognition.unlearning import Unlearning, unlearn


def forget_object(
    weights: Mapping[str, NDArray[np.float32]],
    vectors: NDArray[np.float32],
    labels: tuple[str, ...],
    label: str,
    settings: Unlearning | None = None,
) -> dict[str, NDArray[np.float32]]:
    """Weights of the embedder after an object, or a class of them, was unlearnt.

    Args:
        weights: as the embedder takes them.
        vectors: (N, D_base) of the base embedder, of crops of the other objects that it was trained on.
        labels: which object each shows.
        label: what is forgotten.
        settings: how.

    Raises:
        BadInputError: ``unlearn_examples``: crops of two other objects are missing;
            ``recognition_examples``: vectors and labels do not fit.
    """
    known = sorted({*labels, label})
    hidden, inputs = weights["first.weight"].shape
    network = RecognitionNetwork(inputs, len(known), hidden, len(weights["second.bias"]), skip=True)
    told = {name: torch.from_numpy(np.array(t)) for name, t in weights.items()}
    network.load_state_dict({**network.state_dict(), **told})
    numbers = np.array([known.index(one) for one in labels], dtype=np.int64)
    done = unlearn(network, examples_of([vectors], numbers), known.index(label), settings)
    return {name: t.detach().numpy().copy() for name, t in done.state_dict().items() if not name.startswith("head")}
