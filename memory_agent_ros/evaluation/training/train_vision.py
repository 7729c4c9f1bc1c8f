"""Training of the embedded reader of pictures: of its projector alone, in two steps. Needs torch.

First the vectors of a crop are drawn towards the embeddings of the words that are true of it, which needs no language
model and takes seconds. Then the language model, frozen, answers questions about crops, and the error goes back through
it into the projector.
"""

from __future__ import annotations

import json
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from memory_agent_ros.evaluation.hardware import commit
from memory_agent_ros.evaluation.training.vision_data import LooksExamples, answers_of, features_of, training_examples
from memory_agent_ros.evaluation.vision.balance import MOST, balanced
from memory_agent_ros.evaluation.vision.sightings import PLAIN_WALK, TIPPED_WALK, sightings
from memory_agent_ros.reasoning.vision.aspects import QUESTIONS, WORDINGS
from memory_agent_ros.reasoning.vision.embedded import embedded_likelihood
from memory_agent_ros.reasoning.vision.features import CropFeatures, FeatureMaps
from memory_agent_ros.reasoning.vision.likelihood import AnswerLikelihood
from memory_agent_ros.reasoning.vision.projector import Projector, ProjectorConfig, save_projector
from memory_agent_ros.records.looks import COLOUR, LOOKS, MATERIAL, STATE

#: Which vector of the whole crop starts as the word of which aspect.
_ALIGNED = (COLOUR, MATERIAL, STATE)
_SHARPNESS = 12.0


@dataclass(frozen=True)
class VisionTraining:
    """How the projector is trained.

    Attributes:
        seed: of weights, crops, batches.
        minutes: longest time of the second step.
        steps: most steps of the second step; ``align_steps`` of the first.
        apartments: ``train`` seeds 0 to this; ``val_apartments`` of ``val`` for the figures of the card.
        batch, align_batch: crops of a step.
        rate, align_rate, decay: of AdamW.
        align_weight: of the first step's loss during the second.
    """

    seed: int = 0
    minutes: float = 15.0
    steps: int = 600
    align_steps: int = 500
    apartments: int = 24
    val_apartments: int = 4
    batch: int = 32
    align_batch: int = 64
    rate: float = 5e-4
    align_rate: float = 1e-3
    decay: float = 0.05
    align_weight: float = 0.2


def train_vision(training: VisionTraining, out: Path, *, progress: bool = False) -> dict[str, float]:
    """Make the data, train, and write the weights to ``out`` and a card beside them.

    Returns:
        figures on ``val``.
    """
    from memory_agent_ros.perception.embedders.efficientnet import EfficientNetEmbedder

    torch.set_num_threads(1)
    network, likelihood = EfficientNetEmbedder.from_package(), embedded_likelihood()
    examples = training_examples(network, training.apartments, training.seed, progress=progress)
    started = time.monotonic()
    projector, steps = fit(training, examples, likelihood, progress=progress)
    seconds = time.monotonic() - started
    figures = val_figures(training, projector, network, likelihood, progress=progress)
    about = {
        "training": json.dumps(asdict(training)), "figures": json.dumps(figures), "commit": commit() or "unknown",
        "steps": str(steps), "seconds": f"{seconds:.0f}", "crops": str(len(examples.features)),
    }  # fmt: skip
    save_projector(projector, out, about)
    out.with_suffix(".md").write_text(card(projector, about))
    return figures


def fit(
    training: VisionTraining, examples: LooksExamples, likelihood: AnswerLikelihood, *, progress: bool = False
) -> tuple[Projector, int]:
    """A projector trained on examples, and after how many steps with the language model."""
    torch.manual_seed(training.seed)
    words = likelihood.words.float()
    image = examples.features.image.shape[-1]
    projector = Projector(ProjectorConfig(image=image, words=words.shape[1]))
    projector.scale.fill_(float(words.std()))
    batches = _Batches(examples, np.random.default_rng([training.seed, 42]))
    targets = {a: _word_vectors(likelihood, answers) for a, answers in LOOKS.items()}
    _align(training, projector, batches, targets, progress)
    steps = _answer(training, projector, batches, targets, likelihood, progress)
    return projector.eval(), steps


class _Batches:
    """Random crops with an answer about an aspect; rare answers more often than they occur."""

    def __init__(self, examples: LooksExamples, rng: np.random.Generator) -> None:
        self._examples, self._rng = examples, rng
        self._rows = {aspect: examples.asked(aspect) for aspect in LOOKS}
        self.aspects = [aspect for aspect in LOOKS if len(self._rows[aspect])]
        self._weights: dict[str, NDArray[np.float64]] = {}
        for aspect in self.aspects:
            truth = examples.answers[aspect][self._rows[aspect]]
            often = np.bincount(truth, minlength=len(LOOKS[aspect]))[truth]
            self._weights[aspect] = (1.0 / np.sqrt(often)) / (1.0 / np.sqrt(often)).sum()

    def draw(self, aspect: str, count: int) -> tuple[CropFeatures, Tensor]:
        """Features of ``count`` crops and (count,) their true answers."""
        rows = self._rng.choice(self._rows[aspect], count, p=self._weights[aspect])
        return self._examples.features.rows(rows), torch.from_numpy(self._examples.answers[aspect][rows])

    def one_of(self, choices: tuple[str, ...]) -> str:
        """Any of them."""
        return choices[int(self._rng.integers(len(choices)))]


def _word_vectors(likelihood: AnswerLikelihood, answers: tuple[str, ...]) -> Tensor:
    """(K, D) unit embeddings of answers: means over their tokens, less the mean of all."""
    words = likelihood.words.float()
    found = torch.stack([words[torch.tensor(likelihood.tokens(f" {a}"))].mean(dim=0) for a in answers])
    return nn.functional.normalize(found - found.mean(dim=0), dim=1)


def _alignment(tokens: Tensor, aspect: str, truth: Tensor, targets: dict[str, Tensor]) -> Tensor:
    """Loss of telling the true word from the others by the nearness of a crop's vector to their embeddings."""
    one = nn.functional.normalize(tokens[:, _ALIGNED.index(aspect)], dim=1)
    return nn.functional.cross_entropy(_SHARPNESS * one @ targets[aspect].T, truth)


def _align(
    training: VisionTraining, projector: Projector, batches: _Batches, targets: dict[str, Tensor], progress: bool
) -> None:
    optimizer = torch.optim.AdamW(projector.parameters(), lr=training.align_rate, weight_decay=training.decay)
    for step in tqdm(range(training.align_steps), desc="align vectors with words", disable=not progress):
        _set_rate(optimizer, training.align_rate, step / training.align_steps, step)
        losses = []
        for aspect in batches.aspects:
            features, truth = batches.draw(aspect, training.align_batch)
            losses.append(_alignment(projector.summaries(features), aspect, truth, targets))
        _update(optimizer, projector, torch.stack(losses).sum())


def _answer(
    training: VisionTraining,
    projector: Projector,
    batches: _Batches,
    targets: dict[str, Tensor],
    likelihood: AnswerLikelihood,
    progress: bool,
) -> int:
    optimizer = torch.optim.AdamW(projector.parameters(), lr=training.rate, weight_decay=training.decay)
    started, step = time.monotonic(), 0
    bar = tqdm(total=training.steps, desc="answer questions", disable=not progress)
    while step < training.steps and time.monotonic() - started < 60.0 * training.minutes:
        used = max(step / training.steps, (time.monotonic() - started) / (60.0 * training.minutes))
        _set_rate(optimizer, training.rate, used, step)
        aspect = batches.aspects[step % len(batches.aspects)]
        features, truth = batches.draw(aspect, training.batch)
        tokens = projector.of(features)
        told = likelihood.log_likelihood(batches.one_of(WORDINGS[aspect]), tokens, LOOKS[aspect])
        loss = nn.functional.cross_entropy(told, truth)
        _update(optimizer, projector, loss + training.align_weight * _alignment(tokens, aspect, truth, targets))
        step += 1
        bar.update()
        bar.set_postfix({aspect: f"{loss.item():.3f}"}, refresh=False)
    bar.close()
    return step


def _set_rate(optimizer: torch.optim.Optimizer, rate: float, used: float, step: int) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate * min(1.0, (step + 1) / 20) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(used, 1.0))))


def _update(optimizer: torch.optim.Optimizer, projector: Projector, loss: Tensor) -> None:
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(projector.parameters(), 1.0)
    optimizer.step()


def val_figures(
    training: VisionTraining,
    projector: Projector,
    network: FeatureMaps,
    likelihood: AnswerLikelihood,
    *,
    progress: bool = False,
) -> dict[str, float]:
    """Accuracy on the best crop of each thing of ``val`` apartments, by aspect, answers balanced; and of one answer."""
    rng, figures = np.random.default_rng([training.seed, 43]), dict[str, float]()
    seeds = range(training.val_apartments)
    plain = sightings("val", seeds, PLAIN_WALK, 1, rng, progress=progress)
    tipped = sightings("val", seeds, TIPPED_WALK, 1, rng, progress=progress)
    for aspect, answers in LOOKS.items():
        known = [s for s in (tipped if aspect == STATE else plain) if aspect in s.looks]
        asked = [known[i] for i in balanced([s.looks[aspect] for s in known], MOST[aspect], rng)]
        if not asked:
            continue
        features, truth = features_of(network, asked), answers_of(asked)[aspect]
        with torch.inference_mode():
            told = likelihood.log_likelihood(QUESTIONS[aspect], projector.of(features), answers)
        figures[f"val_{aspect}"] = float((told.argmax(dim=1).numpy() == truth).mean())
        figures[f"val_{aspect}_majority"] = float(np.bincount(truth).max() / len(truth))
    return figures


def card(projector: Projector, about: dict[str, str]) -> str:
    """What the weights are, as a page."""
    rows = "\n".join(f"| {name} | {value:.3f} |" for name, value in json.loads(about["figures"]).items())
    return _CARD.format(
        parameters=sum(p.numel() for p in projector.parameters()),
        tokens=projector.config.tokens,
        rows=rows,
        done=about["steps"],
        **json.loads(about["training"]),
        **{name: about[name] for name in ("seconds", "commit", "crops")},
    )


_CARD = """# vision.safetensors

The projector of `memory_agent_ros/reasoning/vision/projector.py`: it turns features of EfficientNet-Lite0 and
statistics of colours of a crop into {tokens} vectors that SmolLM2-135M reads in place of words. Both networks are those
of their packages and stay as they are.

- Reads: colour, material, and whether a thing stands upright, lies on its side or stands upside down. It chooses among
  given answers; it does not read what is written on things.
- Data: {crops} crops of simulated apartments, `train` seeds 0 to {apartments} (half-open), half of them once more with
  tipped things; more than half of the crops are recoloured, with the colours that the simulator says they then have.
  No data of others.
- Command: `memory-agent train vision --seed {seed} --minutes {minutes:g} --out FILE`; {align_steps} steps of alignment
  with words and {done} batches of {batch} answers by the language model, {seconds} s on one shared core, at commit
  {commit}.
- Size: {parameters} parameters, float16.
- Licence: Apache-2.0, as the package.

Single best crops of things in `val` apartments; at most a quarter of the questions (state: a third) have one answer:

| figure | value |
|---|---|
{rows}
"""
