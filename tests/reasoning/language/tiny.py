"""A causal language model and a tokenizer so small that a test can make and train them."""

from typing import Any

import torch
import transformers

from memory_agent_ros.reasoning.calls import TOOLS


def tokenizer() -> Any:
    """Bytes, as the real ones fall back to, and merged pieces of calls; a space belongs to the word after it."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    plain = Tokenizer(models.BPE())
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain.decoder = decoders.ByteLevel()
    texts = [
        f"{t.name}( mug, red mug, in= kitchen, bath room)\n= $1 Known: Question: where is the" for t in TOOLS.values()
    ]
    trainer = trainers.BpeTrainer(
        vocab_size=400, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=["<|end|>"],
        show_progress=False,
    )  # fmt: skip
    plain.train_from_iterator(texts * 3, trainer)
    return transformers.PreTrainedTokenizerFast(tokenizer_object=plain, eos_token="<|end|>", pad_token="<|end|>")


def model(vocabulary: int = 400, kind: str = "llama", seed: int = 0) -> Any:
    """Random weights, large enough that its preferences differ."""
    torch.manual_seed(seed)
    size: dict[str, Any] = {
        "vocab_size": vocabulary, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 1024, "initializer_range": 0.2,
        "eos_token_id": 0, "bos_token_id": None,
    }  # fmt: skip
    if kind == "qwen2":
        return transformers.Qwen2ForCausalLM(transformers.Qwen2Config(**size)).eval()
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(**size)).eval()
