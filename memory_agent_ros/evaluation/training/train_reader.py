"""``memory-agent train reader``: one LoRA that writes calls and reads facts, with checkpoints, logs and a curve.

The embedded model stays frozen in bfloat16; the LoRA (rank 16, all linear layers) is float32 and learns the tokens of
calls and of short answers alone. Needs torch and peft.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from memory_agent_ros.evaluation.training.learning import Learner, Rhythm
from memory_agent_ros.evaluation.training.reader_card import write_card, write_curve
from memory_agent_ros.evaluation.training.reader_examples import Example
from memory_agent_ros.reasoning.language.embedded import LoadedModel
from memory_agent_ros.reasoning.language.lora import lora_tensors, read_lora, save_lora
from memory_agent_ros.records.errors import BadInputError, MissingExtraError

#: Steps between two checkpoints; figures on ``val`` are taken so often in the whole training.
CHECKPOINT_EVERY, LOOKS = 50, 3
#: Linear layers that get a LoRA.
_LINEAR = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
#: Examples that are sorted by length before batches are cut.
_POOL = 160


@dataclass(frozen=True)
class ReaderTraining:
    """What is trained and how.

    Attributes:
        seed: of data and weights.
        rank, alpha: of the LoRA.
        lowest: the first layer that gets one. Below it nothing is differentiated.
        rate: highest learning rate; warmed up over ``warm_up`` steps, then falls as a cosine to a twentieth.
        tokens: of a batch, padding included.
        reading: share of examples that are facts with questions.
        steps: at most.
        clip: of the gradient's norm.
    """

    seed: int = 0
    rank: int = 16
    alpha: float = 32.0
    lowest: int = 10
    rate: float = 8e-4
    warm_up: int = 40
    tokens: int = 1024
    reading: float = 0.15
    steps: int = 4000
    clip: float = 1.0


#: (seed) -> examples without end; (model, how many of each) -> figures on ``val``.
Stream = Callable[[Sequence[int]], Iterator[Example]]
Examine = Callable[[Any, int], dict[str, float]]


def train_reader(
    training: ReaderTraining,
    loaded: LoadedModel,
    stream: Stream,
    examine: Examine,
    out: Path,
    *,
    start: Path | None = None,
    minutes: float = 50.0,
    resume: bool = True,
    progress: bool = False,
) -> dict[str, float]:
    """Train until the steps or the minutes are used up; write weights, card and curve.

    Beside ``out`` there are, while it trains, a checkpoint with everything needed to go on, and ``out`` with the ending
    ``.logs``. The weights so far are written with each look at ``val``.

    Args:
        training: what and how.
        loaded: the frozen model; it gets the LoRA.
        stream: examples.
        examine: figures on ``val``.
        out: safetensors file of the LoRA.
        start: a LoRA of the same rank and layers to begin with, instead of one that changes nothing.
        minutes: longest time, over all sittings, looks at ``val`` included.
        resume: go on from a checkpoint of the same settings.
        progress: show a bar.

    Returns:
        the last figures on ``val``.

    Raises:
        BadInputError: ``adapter_of_another_model``, ``adapter_unreadable``: of ``start``.
    """
    learner = _Learner(training, loaded, stream, examine, out, start)
    rhythm = Rhythm(training.steps, keep=CHECKPOINT_EVERY, looks=LOOKS)
    return learner.train("reader", rhythm, out.with_suffix(""), minutes, resume=resume, progress=progress)


class _Learner(Learner):
    """The model with its LoRA."""

    training: ReaderTraining
    kept = (*Learner.kept, "tokens")

    def __init__(
        self,
        training: ReaderTraining,
        loaded: LoadedModel,
        stream: Stream,
        examine: Examine,
        out: Path,
        start: Path | None = None,
    ) -> None:
        try:
            from peft import LoraConfig, get_peft_model
        except ImportError as error:
            raise MissingExtraError("training needs peft: pip install 'memory_agent_ros[language]'") from error
        torch.manual_seed(training.seed)
        layers = list(range(training.lowest, loaded.model.config.num_hidden_layers))
        lora = LoraConfig(
            r=training.rank, lora_alpha=training.alpha, target_modules=list(_LINEAR), layers_to_transform=layers,
            task_type="CAUSAL_LM",
        )  # fmt: skip
        # The fused attention takes a fifth of a step to go backwards through texts as short as these.
        loaded.model.set_attn_implementation("eager")
        self.model = get_peft_model(loaded.model, lora, autocast_adapter_dtype=True)
        parameters = [p for p in self.model.parameters() if p.requires_grad]
        optimiser = torch.optim.AdamW(parameters, lr=training.rate, weight_decay=0.0, betas=(0.9, 0.99))
        super().__init__(training, parameters, optimiser)
        self.base, self.stream, self.examine, self.out, self.tokens = loaded.name, stream, examine, out, 0
        self.start = self._begin_with(start) if start else None

    def begin(self) -> None:
        """The examples from this step on."""
        super().begin()
        self.batches = batches(self.stream((self.training.seed, self.step)), self.training.tokens)

    def _begin_with(self, path: Path) -> dict[str, Any]:
        """Take over a LoRA; what it says of its own training is returned."""
        tensors, scale, about = read_lora(path)
        mine = lora_tensors(self.model)
        if {k: v.shape for k, v in mine.items()} != {k: v.shape for k, v in tensors.items()}:
            raise BadInputError("adapter_of_another_model", f"{path} has other layers or another rank than is trained")
        own = self.training.alpha / self.training.rank
        with torch.no_grad():
            for name, value in mine.items():
                value.copy_(tensors[name] if name.endswith("lora_A") else tensors[name] * (scale / own))
        return {
            name: about[name] for name in ("steps", "tokens", "seconds", "commit", "training", "start") if name in about
        }

    def learn(self, share: float) -> dict[str, float]:
        """One update."""
        batch = next(self.batches)
        self.model.train()
        logits, wanted = predictions(self.model, batch)
        loss = torch.nn.functional.cross_entropy(logits, wanted)
        norm, rate = self.update(loss, share)
        self.tokens += sum(len(one.ids) for one in batch)
        right = float((logits.argmax(dim=-1) == wanted).float().mean())
        return {"loss": float(loss.detach()), "right": right, "norm": norm, "rate": rate}

    def look(self, last: bool) -> dict[str, float]:
        """Figures on ``val``; the weights so far are written."""
        self.model.eval()
        figures = self.examine(self.model, 150 if last else 60)
        self.point(figures)
        about = {
            **self.about(), "seconds": round(self.spent), "base": self.base, "tokens": self.tokens, "start": self.start,
        }  # fmt: skip
        save_lora(self.out, lora_tensors(self.model), self.training.alpha / self.training.rank, about)
        return figures

    def finish(self) -> None:
        """A card and the curve."""
        write_card(self.out)
        write_curve(self.out)


def batches(stream: Iterable[Example], tokens: int) -> Iterator[list[Example]]:
    """Examples of like length together, about so many tokens with padding."""
    source = iter(stream)
    rng = np.random.default_rng(0)
    while pool := sorted(islice(source, _POOL), key=lambda one: len(one.ids)):
        cut: list[list[Example]] = [[]]
        for one in pool:
            if cut[-1] and (len(cut[-1]) + 1) * len(one.ids) > tokens:
                cut.append([])
            cut[-1].append(one)
        for i in rng.permutation(len(cut)).tolist():
            yield cut[i]


def predictions(model: Any, batch: Sequence[Example]) -> tuple[Tensor, Tensor]:
    """Logits where tokens are learnt, (N, vocabulary) float32, and those tokens (N,).

    Padding stands at the end, where nothing looks back at it, so no mask is needed. Only wanted tokens get logits: the
    vocabulary is a fifth of the model's arithmetic.
    """
    length = max(len(one.ids) for one in batch)
    device = next(model.parameters()).device
    ids = torch.tensor([[*one.ids, *[0] * (length - len(one.ids))] for one in batch], device=device)
    rows = torch.tensor([r for r, one in enumerate(batch) for _ in one.wanted], device=device)
    places = torch.tensor([p for one in batch for p in one.wanted], device=device)
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=inner.dtype == torch.bfloat16):
        hidden = inner.model(input_ids=ids, use_cache=False).last_hidden_state
        logits = inner.lm_head(hidden[rows, places - 1])
    return logits.float(), ids[rows, places]


def whole_right(model: Any, examples: Sequence[Example], tokens: int = 2048) -> list[bool]:
    """Of which examples every wanted token is the likeliest one, given those before it."""
    order = sorted(range(len(examples)), key=lambda i: len(examples[i].ids))
    right = [False] * len(examples)
    with torch.inference_mode():
        for batch in batches_of(order, examples, tokens):
            logits, wanted = predictions(model, [examples[i] for i in batch])
            hits = (logits.argmax(dim=-1) == wanted).tolist()
            for i in batch:
                right[i] = all(hits[: len(examples[i].wanted)])
                del hits[: len(examples[i].wanted)]
    return right


def batches_of(order: Sequence[int], examples: Sequence[Example], tokens: int) -> Iterator[list[int]]:
    """Indices in runs of at most so many tokens with padding."""
    run: list[int] = []
    for i in order:
        if run and (len(run) + 1) * len(examples[i].ids) > tokens:
            yield run
            run = []
        run.append(i)
    if run:
        yield run


def share_right(right: Mapping[str, Sequence[bool]]) -> dict[str, float]:
    """Shares by name."""
    return {name: float(np.mean(hits)) for name, hits in right.items() if len(hits)}
