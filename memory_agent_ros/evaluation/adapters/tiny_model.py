"""A causal language model of about a million parameters, and a tokenizer of whole words: transformers' own classes.

It is trained from nothing on a task family, so that everything an adapter has to learn can be shown in minutes.
Needs torch and transformers.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from memory_agent_ros.adapters.prompts import Prompts
from memory_agent_ros.reasoning.language.embedded import LoadedModel
from memory_agent_ros.records.errors import BadInputError

NAME = "tiny"
#: The first tokens of every vocabulary; texts begin with the second and end with the third.
SPECIAL = ("<pad>", "<s>", "</s>", "<unk>")
PAD, BEGIN, END, UNKNOWN = range(4)


@dataclass(frozen=True)
class TinySize:
    """How large the model is; with the defaults 0.9 M parameters.

    Attributes:
        width: of the residual stream.
        layers, heads: of the transformer.
        inner: width within the feed-forward networks.
        kernel: tokens that a convolution sees.
        window: tokens that it is made for.
    """

    width: int = 128
    layers: int = 4
    heads: int = 4
    inner: int = 384
    kernel: int = 3
    window: int = 2048


def tokenizer_of(words: Sequence[str]) -> Any:
    """A tokenizer of transformers over these words, in this order, after :data:`SPECIAL`.

    Text is cut at spaces and before punctuation; unknown words become ``<unk>``. It adds no token by itself.
    """
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    vocabulary = {word: i for i, word in enumerate(dict.fromkeys((*SPECIAL, *words)))}
    inner = Tokenizer(models.WordLevel(vocabulary, unk_token=SPECIAL[UNKNOWN]))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token=SPECIAL[PAD], bos_token=SPECIAL[BEGIN], eos_token=SPECIAL[END],
        unk_token=SPECIAL[UNKNOWN],
    )  # fmt: skip


def new_model(vocabulary: int, size: TinySize | None = None, seed: int = 0) -> Any:
    """An LFM2-class model with random weights: layers of short convolutions and of attention take turns.

    The convolutions give each token its neighbours from the start. Attention alone (a Llama of the same size) stood,
    after as many steps, at guessing among the places that a document names.
    """
    from transformers import Lfm2Config, Lfm2ForCausalLM

    size = size or TinySize()
    torch.manual_seed(seed)
    config = Lfm2Config(
        vocab_size=vocabulary, hidden_size=size.width, intermediate_size=size.inner, num_hidden_layers=size.layers,
        num_attention_heads=size.heads, num_key_value_heads=size.heads, max_position_embeddings=size.window,
        layer_types=["full_attention" if i % 2 else "conv" for i in range(size.layers)], conv_L_cache=size.kernel,
        block_auto_adjust_ff_dim=False, pad_token_id=PAD, bos_token_id=BEGIN, eos_token_id=END,
        tie_word_embeddings=True,
        initializer_range=0.8 * size.width**-0.5,  # transformers' 0.02 is for widths of a thousand and more
    )  # fmt: skip
    return Lfm2ForCausalLM(config).eval()


def tiny_prompts(tokenizer: Any) -> Prompts:
    """As the tiny model learnt them: a passage, then the question, then the answer."""

    def ids(text: str) -> list[int]:
        found: list[int] = tokenizer(text).input_ids
        return found

    return Prompts(
        lambda passage: [BEGIN, *ids(passage)],
        lambda passage, question: [BEGIN, *(ids(passage) if passage else []), *ids(question)],
        ids,
    )


def save_tiny(folder: Path, model: Any, tokenizer: Any, about: dict[str, Any]) -> None:
    """A folder that transformers loads, with ``about.json`` beside: how it was trained."""
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "about.json").write_text(json.dumps(about, indent=1))


def load_tiny(folder: Path) -> LoadedModel:
    """A frozen model out of such a folder, float32.

    Raises:
        BadInputError: ``model_unreadable``.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    if not (folder / "about.json").is_file():
        raise BadInputError(
            "model_unreadable", f"{folder} holds no tiny model: memory-agent train tiny-reader writes one"
        )
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True, dtype=torch.float32)
    return LoadedModel(model.eval().requires_grad_(False), tokenizer, NAME)


def begin_with(model: Any, tokenizer: Any, folder: Path) -> None:
    """Give a model the layers of a trained one of the same size, and its vectors of the words that both know."""
    other = load_tiny(folder)
    theirs, known = other.model.state_dict(), other.tokenizer.get_vocab()
    mine = model.state_dict()
    shared = [(number, known[word]) for word, number in tokenizer.get_vocab().items() if word in known]
    with torch.no_grad():
        for name, tensor in mine.items():
            if tensor.shape[0] == len(tokenizer) and theirs[name].shape[0] == len(known):
                rows, others = map(list, zip(*shared, strict=True))
                tensor[rows] = theirs[name][others]
            else:
                tensor.copy_(theirs[name])


def about_tiny(folder: Path) -> dict[str, Any]:
    """How a saved model was trained."""
    found: dict[str, Any] = json.loads((folder / "about.json").read_text())
    return found


def size_of(about: dict[str, Any]) -> TinySize:
    """Its size, out of ``about.json``."""
    return TinySize(**about["size"])


def told(size: TinySize) -> dict[str, int]:
    """For ``about.json``."""
    return asdict(size)
