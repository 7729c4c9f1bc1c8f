"""A small byte-level tokenizer and a tiny Llama that share a vocabulary."""

from functools import cache
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from memory_agent_ros.reasoning.calls import TOOLS
from memory_agent_ros.reasoning.decoding.codec import CallCodec
from memory_agent_ros.reasoning.decoding.grammar import CallGrammar

THINGS = ("mug", "red mug", "red mug holder", "coffee table", "chair", "chair 2", "mug")
ROOMS = ("kitchen", "living room")
TEXT = [*TOOLS, *THINGS, *ROOMS, *(p.name for t in TOOLS.values() for p in t.parameters)]
TEXT += [choice for t in TOOLS.values() for p in t.parameters for choice in p.choices]


@cache
def tokenizer() -> Any:
    plain = Tokenizer(models.BPE())
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=420, special_tokens=["<|end|>"], initial_alphabet=alphabet)
    plain.train_from_iterator([f" {text}" for text in TEXT] + TEXT, trainer)
    return transformers.PreTrainedTokenizerFast(tokenizer_object=plain, eos_token="<|end|>", pad_token="<|end|>")


@cache
def codec() -> CallCodec:
    return CallCodec(tokenizer())


@cache
def grammar() -> CallGrammar:
    return CallGrammar(codec())


def llama(seed: int = 0) -> Any:
    torch.manual_seed(seed)
    config = transformers.LlamaConfig(
        vocab_size=codec().vocabulary, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=256, initializer_range=0.3,
        eos_token_id=codec().stop, pad_token_id=codec().stop, bos_token_id=codec().stop,
    )  # fmt: skip
    return transformers.LlamaForCausalLM(config).eval()
