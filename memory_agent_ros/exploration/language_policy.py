"""A causal language model as a policy: it reads a situation as text and scores choices by how likely it finds them.

Any causal model of transformers will do; a LoRA (arXiv 2106.09685) of peft is what EMPO2 trains. A choice's score is
the mean log-probability of its tokens after the situation (as SayCan, arXiv 2204.01691, scores skills, but normalised
by length). All choices of a situation go through the model at once behind one copy of the prompt: a mask lets each see
the prompt and itself, and its positions follow the prompt's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from memory_agent_ros.attention.shared_prompt import pack
from memory_agent_ros.exploration.situation import Array, Situations, SituationWords, TipTokens
from memory_agent_ros.records.errors import BadInputError, MissingExtraError


@dataclass(frozen=True)
class LanguageConfig:
    """How a situation is read and choices are scored.

    Attributes:
        sharpness: of the policy: what mean log-probabilities are multiplied with.
        prompt_tokens: most tokens of a situation; what comes first, tips above all, is cut.
        choice_tokens: most tokens of a choice.
        rank, alpha: of the LoRA.
        targets: names of the linear layers that get one, or ``all-linear``.
    """

    sharpness: float = 4.0
    prompt_tokens: int = 1024
    choice_tokens: int = 32
    rank: int = 8
    alpha: float = 16.0
    targets: tuple[str, ...] | str = "all-linear"


class AdaptedModel(nn.Module):
    """A language model of which only the LoRA is trained and kept.

    It stays in evaluation mode, so that rollouts and updates compare the same function.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model.eval()

    def train(self, mode: bool = True) -> AdaptedModel:
        """Nothing changes: no dropout, ever."""
        self.training = mode
        return self

    def forward(self, **inputs: Any) -> Any:
        """The model's output."""
        return self.model(**inputs)

    def state_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The LoRA's weights alone."""
        return {name: p.detach().clone() for name, p in self.named_parameters() if p.requires_grad}

    def load_state_dict(self, state: Mapping[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Put the LoRA's weights in.

        Raises:
            BadInputError: ``adapter_of_another_model``.
        """
        own = {name: p for name, p in self.named_parameters() if p.requires_grad}
        if {n: tuple(p.shape) for n, p in own.items()} != {n: tuple(v.shape) for n, v in state.items()}:
            raise BadInputError("adapter_of_another_model", "these weights belong to another model or another LoRA")
        with torch.no_grad():
            for name, value in state.items():
                own[name].copy_(value)


class LanguagePolicy:
    """A :class:`~memory_agent_ros.exploration.situation.Policy` that EMPO2 can train.

    Args:
        model: a causal model of transformers with a LoRA, see :meth:`with_lora`.
        tokenizer: its tokenizer.
        name: for provenance.
        config: how situations are read.

    Attributes:
        reads_words: it needs situations with words.
    """

    reads_words = True

    def __init__(self, model: Any, tokenizer: Any, name: str, config: LanguageConfig | None = None) -> None:
        self.module, self.name, self.config = AdaptedModel(model), name, config or LanguageConfig()
        self._tokenizer = tokenizer
        self._ids: dict[str, list[int]] = {}

    @staticmethod
    def with_lora(model: Any, tokenizer: Any, name: str, config: LanguageConfig | None = None) -> LanguagePolicy:
        """Give a model a new LoRA, which at first changes nothing.

        Raises:
            MissingExtraError: peft is not installed.
        """
        config = config or LanguageConfig()
        try:
            from peft import LoraConfig, get_peft_model
        except ImportError as error:
            raise MissingExtraError("a LoRA needs peft: pip install 'memory_agent_ros[language]'") from error
        targets = config.targets if isinstance(config.targets, str) else list(config.targets)
        lora = LoraConfig(r=config.rank, lora_alpha=config.alpha, target_modules=targets, task_type="CAUSAL_LM")
        return LanguagePolicy(get_peft_model(model, lora), tokenizer, name, config)

    @staticmethod
    def from_pretrained(
        model: str, config: LanguageConfig | None = None, adapter: Path | None = None
    ) -> LanguagePolicy:
        """Read a model by its folder or, where the user names one, its id on a hub.

        Args:
            model: folder or id.
            config: how situations are read.
            adapter: folder of a LoRA that :meth:`save` wrote; without, a new one.

        Raises:
            MissingExtraError: transformers or peft is not installed.
        """
        try:
            from peft import PeftModel
            from transformers import AutoModelForCausalLM, AutoTokenizer
        except ImportError as error:
            raise MissingExtraError(
                "language models need transformers and peft: pip install 'memory_agent_ros[language]'"
            ) from error
        local = Path(model).is_dir()
        base = AutoModelForCausalLM.from_pretrained(model, local_files_only=local)
        tokenizer = AutoTokenizer.from_pretrained(model, local_files_only=local)
        if adapter is None:
            return LanguagePolicy.with_lora(base, tokenizer, Path(model).name, config)
        adapted = PeftModel.from_pretrained(base, str(adapter), is_trainable=True)
        return LanguagePolicy(adapted, tokenizer, f"{Path(model).name} + {adapter.name}", config)

    def save(self, folder: Path) -> None:
        """Write the LoRA into a folder."""
        self.module.model.save_pretrained(str(folder))

    def scores(self, situations: Situations, tips: TipTokens | None = None) -> Tensor:
        """(B, C) scores with gradients; -inf where there is no candidate.

        Raises:
            BadInputError: ``situation_without_words``: the environment gives none; see :mod:`worded`.
        """
        if not situations.words:
            raise BadInputError(
                "situation_without_words",
                "a language model needs situations with words: wrap the environment in Worded",
            )
        rows = []
        for number, (words, mask) in enumerate(zip(situations.words, situations.candidate_mask, strict=True)):
            columns = np.flatnonzero(mask)
            told = tips.words[number][: int(tips.mask[number].sum())] if tips is not None and tips.words else ()
            found = self._row(prompt(words, told), [words.choices[c] for c in columns.tolist()])
            nothing = torch.full((len(mask),), -torch.inf, device=found.device)
            rows.append(nothing.index_put((torch.from_numpy(columns).to(found.device),), found))
        return torch.stack(rows)

    def logits(self, situations: Situations, tips: TipTokens | None = None) -> Array:
        """(B, C) scores; -inf where there is no candidate."""
        with torch.inference_mode():
            return np.asarray(self.scores(situations, tips).float().cpu().numpy(), np.float32)

    def _row(self, situation: str, texts: Sequence[str]) -> Tensor:
        """(N,) scores of what can be chosen in one situation."""
        text = self._encode(situation)[-self.config.prompt_tokens :]
        choices = [self._encode(f" {choice}")[: self.config.choice_tokens] for choice in texts]
        device = next(self.module.parameters()).device
        inputs = {name: tensor.to(device) for name, tensor in pack(text, choices).items()}
        mask = torch.zeros(inputs["seen"].shape, device=device, dtype=next(self.module.parameters()).dtype)
        mask.masked_fill_(~inputs["seen"], torch.finfo(mask.dtype).min)
        out = self.module(
            input_ids=inputs["ids"][None], attention_mask=mask[None, None], position_ids=inputs["positions"][None],
            use_cache=False,
        )  # fmt: skip
        wanted = inputs["ids"][len(text) :]
        heard = out.logits[0, inputs["before"]].float().log_softmax(dim=-1).gather(1, wanted[:, None]).squeeze(1)
        total = torch.zeros(len(choices), device=device).index_add(0, inputs["owner"], heard)
        lengths = torch.tensor([len(c) for c in choices], device=device)
        return self.config.sharpness * total / lengths

    def _encode(self, text: str) -> list[int]:
        if text not in self._ids:
            if len(self._ids) > 20_000:
                self._ids.clear()
            self._ids[text] = list(self._tokenizer.encode(text, add_special_tokens=False)) or [0]
        return self._ids[text]


def prompt(words: SituationWords, tips: Sequence[str] = ()) -> str:
    """A situation as text; the best tip and the goal stand nearest to the choice."""
    parts = []
    if tips:
        parts += ["What I noted in earlier episodes:", *(f"- {tip}" for tip in reversed(tips)), ""]
    if words.lines:
        parts += ["What I see and did:", *words.lines, ""]
    return "\n".join([*parts, f"Goal: {words.goal}", "Next:"])
