"""Pictures read by any image-text model of transformers, by its id or folder: SmolVLM, Qwen-VL, Phi-4-reasoning-vision.

The model's own chat template writes the prompt. Answers from a closed set are compared by the probabilities of their
first tokens after the prompt where these differ, else by those of whole answers; other answers are generated.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.reasoning.vision.prompts import picture_question, without_thoughts
from memory_agent_ros.reasoning.vision.reader import VisionError, VisionReading, require_choices, require_crops
from memory_agent_ros.reasoning.vision.resolution import TokenBudget
from memory_agent_ros.records.errors import BadInputError, MissingExtraError

#: Marks with which some models are told to think aloud, or not to, when their template has no switch of its own.
_THINK_MARK, _NO_THINK_MARK = "<think>", "<nothink>"


@dataclass(frozen=True)
class TransformersVisionConfig:
    """How a model is loaded and asked.

    Attributes:
        budget: tokens that one picture may take; pictures are resized to fit before the model's own processing.
        think: let the model think aloud first, where it can; only for free answers.
        max_tokens: longest reply, thoughts included.
        timeout_s: longest time for one answer, seconds.
        device: of torch; "auto" takes the accelerator if there is one.
        dtype: name of torch's type, or "auto" for that of the weights.
        trust_remote_code: run the code that comes with the model; needed by models that transformers does not know.
    """

    budget: TokenBudget = field(default_factory=TokenBudget)
    think: bool = False
    max_tokens: int = 512
    timeout_s: float = 60.0
    device: str = "auto"
    dtype: str = "auto"
    trust_remote_code: bool = False


class TransformersVisionReader:
    """Reads pictures with a model of transformers.

    Args:
        model: an image-text model in evaluation mode.
        processor: its processor, with a chat template.
        name: for answers and reports.
        config: how it is asked.
    """

    reads_text = True

    def __init__(self, model: Any, processor: Any, name: str, config: TransformersVisionConfig | None = None) -> None:
        self._model, self._processor, self.name = model, processor, name
        self.config = config or TransformersVisionConfig()

    @classmethod
    def load(cls, model_id: str, config: TransformersVisionConfig | None = None) -> TransformersVisionReader:
        """The model of an id (downloaded by transformers if it is not in its cache) or of a folder.

        Raises:
            MissingExtraError: transformers is not installed.
            BadInputError: ``vision_model``: there is no such model, or it needs its own code.
        """
        config = config or TransformersVisionConfig()
        try:
            import torch
            from transformers import AutoModelForImageTextToText, AutoProcessor
        except ImportError as error:
            raise MissingExtraError("it needs transformers: pip install memory_agent_ros[language]") from error
        device = config.device
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        remote = {"trust_remote_code": config.trust_remote_code}
        try:
            processor = AutoProcessor.from_pretrained(model_id, **remote)
            model = _auto_model(AutoModelForImageTextToText, model_id, config.dtype, remote)
        except (OSError, ValueError, ImportError) as error:
            raise BadInputError(
                "vision_model", f"cannot load {model_id!r} as an image-text model ({str(error)[:300]})"
            ) from error
        return cls(model.eval().to(device), processor, model_id, config)

    def read(self, crops: Sequence[NDArray[np.uint8]], question: str, choices: Sequence[str] = ()) -> VisionReading:
        """See :class:`~memory_agent_ros.reasoning.vision.reader.VisionReader`; all crops go into one prompt."""
        import torch

        kept, answers = require_crops(crops), require_choices(choices)
        until = time.monotonic() + self.config.timeout_s
        with torch.inference_mode():
            text = picture_question(question, answers, len(kept))
            inputs = self._inputs(kept, text, self.config.think and not answers)
            if not answers:
                return VisionReading(self._written(inputs, until), {}, np.zeros((0, 0)), self.name)
            told = self._likelihoods(inputs, answers, until)
        mass = np.exp(told - told.max())
        mass /= mass.sum()
        found = dict(zip(answers, mass.tolist(), strict=True))
        return VisionReading(answers[int(mass.argmax())], found, np.zeros((0, 0)), self.name)

    def prompt(self, text: str, pictures: int, think: bool) -> str:
        """The prompt as the model's chat template writes it, with the switch for thinking where there is one."""
        content = [{"type": "image"}] * pictures + [{"type": "text", "text": text}]
        template = getattr(self._processor, "chat_template", None) or ""
        template = template if isinstance(template, str) else " ".join(map(str, template.values()))
        switch = {"enable_thinking": think} if "enable_thinking" in template else {}
        written: str = self._processor.apply_chat_template(
            [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=False, **switch
        )
        if not switch and self._knows(_NO_THINK_MARK):
            written += _THINK_MARK if think else _NO_THINK_MARK
        return written

    def _knows(self, mark: str) -> bool:
        """Whether a mark is one token of the model."""
        return mark in self._processor.tokenizer.get_vocab()

    def _inputs(self, crops: Sequence[NDArray[np.uint8]], text: str, think: bool) -> dict[str, Any]:
        from PIL import Image

        pictures = [Image.fromarray(self.config.budget.fitted(c)) for c in crops]
        inputs = self._processor(text=[self.prompt(text, len(pictures), think)], images=[pictures], return_tensors="pt")
        return {k: v.to(self._model.device) if hasattr(v, "to") else v for k, v in inputs.items()}

    def _written(self, inputs: dict[str, Any], until: float) -> str:
        left = until - time.monotonic()
        start = inputs["input_ids"].shape[1]
        ids = self._model.generate(
            **inputs, max_new_tokens=self.config.max_tokens, max_time=max(left, 0.01), do_sample=False
        )
        self._in_time(until)
        text = without_thoughts(self._processor.tokenizer.decode(ids[0, start:], skip_special_tokens=True))
        if not text:
            raise VisionError(f"{self.name} wrote no answer within {self.config.max_tokens} tokens; allow it more")
        return text

    def _likelihoods(self, inputs: dict[str, Any], answers: Sequence[str], until: float) -> NDArray[np.float64]:
        """(K,) log-probability of each answer: of its first token if all differ, else of all of its tokens."""
        written = [self._processor.tokenizer.encode(a, add_special_tokens=False) for a in answers]
        if len({w[0] for w in written}) == len(written):
            told = self._model(**inputs).logits[0, -1].float().log_softmax(dim=-1)
            self._in_time(until)
            return np.array([float(told[w[0]]) for w in written])
        found = []
        for tokens in written:
            start = inputs["input_ids"].shape[1]
            heard = self._model(**_longer(inputs, tokens)).logits[0, start - 1 : -1].float().log_softmax(dim=-1)
            found.append(sum(float(heard[i, token]) for i, token in enumerate(tokens)))
            self._in_time(until)
        return np.array(found)

    def _in_time(self, until: float) -> None:
        if time.monotonic() > until:
            raise VisionError(
                f"{self.name} took longer than {self.config.timeout_s:g} s; allow more time, or fewer tokens a picture"
            )


def _auto_model(auto: Any, model_id: str, dtype: str, remote: dict[str, Any]) -> Any:
    """The image-text model of an id; models with code of their own may only offer themselves as causal models."""
    try:
        return auto.from_pretrained(model_id, dtype=dtype, **remote)
    except ValueError:
        if not remote["trust_remote_code"]:
            raise
        from transformers import AutoModelForCausalLM

        return AutoModelForCausalLM.from_pretrained(model_id, dtype=dtype, **remote)


def _longer(inputs: dict[str, Any], tokens: Sequence[int]) -> dict[str, Any]:
    """The inputs with tokens of text behind them; what there is for each token grows along."""
    import torch

    ids = inputs["input_ids"]
    more = torch.tensor([list(tokens)], device=ids.device)
    grown = {"input_ids": torch.cat([ids, more], dim=1)}
    for name, value in inputs.items():
        if name != "input_ids" and getattr(value, "shape", None) == ids.shape:
            fill = torch.ones_like(more) if name == "attention_mask" else torch.zeros_like(more)
            grown[name] = torch.cat([value, fill.to(value.dtype)], dim=1)
    return {**inputs, **grown}
