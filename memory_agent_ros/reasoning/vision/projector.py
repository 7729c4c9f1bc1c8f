"""The bridge from crops to a language model: features of a crop become a few vectors that stand for words.

The recipe is LLaVA's (arXiv 2304.08485, 2310.03744): an image network and a language model that stay as they are, and
between them a perceptron of two layers, which alone is trained.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from memory_agent_ros.reasoning.vision.features import CELLS, COLOUR_SIZE, SHAPE_SIZE, CropFeatures
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.tensor_file import read_tensors, write_tensors

#: Vectors that describe the whole crop: one of its colours alone, two of all there is.
SUMMARIES = 3


@dataclass(frozen=True)
class ProjectorConfig:
    """Sizes.

    Attributes:
        image: length of the image network's features.
        words: length of the language model's embeddings.
        hidden: width between the two layers.
        reduced: length to which the features of a cell are brought before the cells are looked at together.
        dropout: of features and hidden layers while training.
    """

    image: int = 1280
    words: int = 576
    hidden: int = 384
    reduced: int = 64
    dropout: float = 0.25

    @property
    def tokens(self) -> int:
        """Vectors that a crop becomes: those of the whole crop and one for each cell."""
        return SUMMARIES + CELLS**2


class Projector(nn.Module):
    """(N, 9, image), (N, 9, colour), (N, 3) -> (N, tokens, words).

    The first vector knows colours only: features of the image network tell one instance from the other, and what
    learns colours from few instances by them does not know the colours of new ones.
    """

    def __init__(self, config: ProjectorConfig) -> None:
        super().__init__()
        self.config = config
        tints = CELLS**2 * COLOUR_SIZE + SHAPE_SIZE
        self.image_norm = nn.LayerNorm(config.image)
        self.reduce = nn.Linear(config.image, config.reduced)
        self.tint = self._layers(tints, config.words)
        self.whole = self._layers(config.image + CELLS**2 * config.reduced + tints, (SUMMARIES - 1) * config.words)
        self.cells = self._layers(config.image + COLOUR_SIZE + SHAPE_SIZE, config.words)
        self.places = nn.Parameter(0.1 * torch.randn(CELLS**2, config.words))
        self.token_norm = nn.LayerNorm(config.words)
        self.drop = nn.Dropout(config.dropout)
        #: Typical length of an entry of a word's embedding; set from the language model, kept with the weights.
        self.register_buffer("scale", torch.tensor(1.0))

    def _layers(self, size: int, out: int) -> nn.Sequential:
        config = self.config
        return nn.Sequential(
            nn.Linear(size, config.hidden), nn.GELU(), nn.Dropout(config.dropout), nn.Linear(config.hidden, out)
        )

    def forward(self, image: Tensor, colour: Tensor, shape: Tensor) -> Tensor:
        """Vectors of the whole crop, then those of the nine cells."""
        image = self.drop(self.image_norm(image))
        every = shape[:, None].expand(-1, CELLS**2, -1)
        cells = self.cells(torch.cat([image, 3.0 * colour, every], dim=-1)) + self.places
        return self._finished(torch.cat([self._whole(image, colour, shape), cells], dim=1))

    def summaries(self, features: CropFeatures) -> Tensor:
        """(N, 3, words) the vectors of whole crops alone, which cost a fraction of all."""
        image, colour, shape = _tensors(features)
        return self._finished(self._whole(self.drop(self.image_norm(image)), colour, shape))

    def _whole(self, image: Tensor, colour: Tensor, shape: Tensor) -> Tensor:
        tints = torch.cat([3.0 * colour.flatten(1), shape], dim=-1)
        seen = torch.cat([image.mean(dim=1), self.reduce(image).flatten(1), tints], dim=-1)
        whole = self.whole(seen).view(len(seen), SUMMARIES - 1, self.config.words)
        return torch.cat([self.tint(tints)[:, None], whole], dim=1)

    def _finished(self, tokens: Tensor) -> Tensor:
        normed: Tensor = self.token_norm(tokens) * self.scale
        return normed

    def of(self, features: CropFeatures) -> Tensor:
        """(N, tokens, words) of crops."""
        result: Tensor = self(*_tensors(features))
        return result


def _tensors(features: CropFeatures) -> tuple[Tensor, Tensor, Tensor]:
    return torch.from_numpy(features.image), torch.from_numpy(features.colour), torch.from_numpy(features.shape)


def save_projector(projector: Projector, path: Path, about: Mapping[str, str]) -> None:
    """Write the weights in half precision, with the sizes and what there is to say about them."""
    tensors = {name: value.detach().to(torch.float16) for name, value in projector.state_dict().items()}
    write_tensors(path, tensors, {**about, "config": json.dumps(asdict(projector.config))})


def load_projector(path: Path) -> tuple[Projector, dict[str, str]]:
    """The projector of a file, in evaluation mode, and what is said about it.

    Raises:
        BadInputError: ``projector_unreadable``.
    """
    try:
        tensors, about = read_tensors(path)
        projector = Projector(ProjectorConfig(**json.loads(about["config"])))
        projector.load_state_dict({name: t.float() for name, t in tensors.items()})
    except (OSError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise BadInputError(
            "projector_unreadable", f"{path} holds no projector ({error}); train one: memory-agent train vision"
        ) from error
    return projector.eval().requires_grad_(False), about
