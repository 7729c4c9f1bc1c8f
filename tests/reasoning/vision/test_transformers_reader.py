"""Image-text models of transformers: the real classes with tiny random configurations, loaded from a folder."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch
import transformers

from memory_agent_ros.reasoning.vision.reader import VisionError
from memory_agent_ros.reasoning.vision.readers import vision_reader
from memory_agent_ros.reasoning.vision.resolution import TokenBudget
from memory_agent_ros.reasoning.vision.transformers_reader import TransformersVisionConfig, TransformersVisionReader
from memory_agent_ros.records.errors import BadInputError

CROP = np.random.default_rng(0).integers(0, 255, (60, 90, 3), dtype=np.uint8)
WORDS = ["What", "colour", "is", "it", "red", "green", "upside", "down", "upright", "?", ":", ",", ".", "one", "of"]
TEMPLATE = (
    "{% for m in messages %}User: {% for c in m['content'] %}{% if c['type'] == 'image' %}<image>{% else %}"
    "{{ c['text'] }}{% endif %}{% endfor %}{% endfor %}{% if add_generation_prompt %} Assistant: {% endif %}"
)
TEXT: dict[str, Any] = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 1024, "initializer_range": 0.5,
}  # fmt: skip
VISION: dict[str, Any] = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4,
}  # fmt: skip


def tokenizer(*marks: str) -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = ["<unk>", "<pad>", "<s>", "</s>", *marks, *WORDS]
    plain = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="<unk>"))
    plain.pre_tokenizer = pre_tokenizers.Whitespace()
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=plain, unk_token="<unk>", pad_token="<pad>", eos_token="</s>", bos_token="<s>",
        additional_special_tokens=list(marks),
    )  # fmt: skip


def idefics3() -> tuple[Any, Any]:
    """The family of SmolVLM."""
    from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil

    cells = [f"<row_{r}_col_{c}>" for r in range(1, 4) for c in range(1, 4)]
    words = tokenizer("<image>", "<fake_token_around_image>", "<global-img>", "<end_of_utterance>", *cells)
    config = transformers.Idefics3Config(
        vision_config={**VISION, "image_size": 32, "patch_size": 8},
        text_config={"model_type": "llama", "vocab_size": len(words), **TEXT},
        scale_factor=2, image_token_id=words.convert_tokens_to_ids("<image>"),
    )  # fmt: skip
    pictures = Idefics3ImageProcessorPil(size={"longest_edge": 64}, max_image_size={"longest_edge": 32})
    processor = transformers.Idefics3Processor(pictures, words, image_seq_len=4, chat_template=TEMPLATE)
    return transformers.Idefics3ForConditionalGeneration(config), processor


def llava(*marks: str, template: str = TEMPLATE) -> tuple[Any, Any]:
    """SigLIP and Phi-3 under LLaVA: how Phi-4-reasoning-vision is made, but for its pictures of any size."""
    from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

    words = tokenizer("<image>", *marks)
    config = transformers.LlavaConfig(
        vision_config=transformers.SiglipVisionConfig(image_size=64, patch_size=16, **VISION),
        text_config=transformers.Phi3Config(
            vocab_size=len(words), pad_token_id=1, bos_token_id=2, eos_token_id=3, **TEXT
        ),
        image_token_index=words.convert_tokens_to_ids("<image>"), vision_feature_layer=-2,
        vision_feature_select_strategy="full", image_seq_length=16,
    )  # fmt: skip
    pictures = SiglipImageProcessorPil(size={"height": 64, "width": 64})
    processor = transformers.LlavaProcessor(
        pictures, words, patch_size=16, vision_feature_select_strategy="full", chat_template=template
    )
    return transformers.LlavaForConditionalGeneration(config), processor


def qwen2_vl() -> tuple[Any, Any]:
    """Qwen2-VL; its processor needs torchvision for videos, so what it does with pictures is done here."""
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    marks = ("<|image_pad|>", "<|video_pad|>", "<|vision_start|>", "<|vision_end|>")
    words = tokenizer(*marks)
    pad, video, start, end = words.convert_tokens_to_ids(list(marks))
    config = transformers.Qwen2VLConfig(
        vision_config={"depth": 2, "embed_dim": 32, "hidden_size": 32, "num_heads": 4, "mlp_ratio": 2, "patch_size": 4},
        text_config={
            "vocab_size": len(words), **TEXT,
            "rope_parameters": {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 1e4},
        },
        image_token_id=pad, video_token_id=video, vision_start_token_id=start, vision_end_token_id=end,
    )  # fmt: skip
    pictures = Qwen2VLImageProcessorPil(patch_size=4, merge_size=2, size={"shortest_edge": 64, "longest_edge": 4096})

    class Processor:
        tokenizer = words
        chat_template = TEMPLATE.replace("<image>", "<|vision_start|><|image_pad|><|vision_end|>")

        def apply_chat_template(self, messages: Any, **more: Any) -> str:
            return str(words.apply_chat_template(messages, chat_template=self.chat_template, **more))

        def __call__(self, text: list[str], images: list[Any], return_tensors: str) -> Any:
            seen = pictures(images=images[0], return_tensors=return_tensors)
            written = text[0]
            for grid in seen["image_grid_thw"]:
                written = written.replace("<|image_pad|>", "#" * (int(grid.prod()) // 4), 1)
            read = words([written.replace("#", "<|image_pad|>")], return_tensors=return_tensors)
            return {**read, **seen, "mm_token_type_ids": (read["input_ids"] == pad).long()}

    return transformers.Qwen2VLForConditionalGeneration(config), Processor()


def loaded(made: tuple[Any, Any], folder: Path, **more: Any) -> TransformersVisionReader:
    for part in made:
        part.save_pretrained(folder)
    config = TransformersVisionConfig(TokenBudget(4, 64, 8), max_tokens=4, device="cpu", **more)
    return TransformersVisionReader.load(str(folder), config)


@pytest.mark.parametrize("make", [idefics3, llava, qwen2_vl])
def test_real_classes_read_pictures(make: Callable[[], tuple[Any, Any]], tmp_path: Path) -> None:
    torch.manual_seed(0)
    made = make()
    if make is qwen2_vl:
        reader = TransformersVisionReader(
            made[0].eval(), made[1], "qwen", TransformersVisionConfig(TokenBudget(4, 64, 8), max_tokens=4)
        )
    else:
        reader = loaded(made, tmp_path)
    closed = reader.read([CROP, CROP[:30]], "What colour is it?", ["red", "green"])
    assert sum(closed.probabilities.values()) == pytest.approx(1.0) and closed.text in ("red", "green")
    other = reader.read([255 - CROP, CROP[:30]], "What colour is it?", ["red", "green"])
    assert other.probabilities != closed.probabilities, "it does not see the picture"
    # Two answers begin alike, so whole answers are compared.
    long = reader.read([CROP], "What is it?", ["upside down", "upright", "upside"]).probabilities
    assert sum(long.values()) == pytest.approx(1.0) and long["upside"] > long["upside down"]
    written = reader.read([CROP], "What is it?")
    assert written.text and not written.probabilities and reader.reads_text


def test_whole_answers_are_scored_as_if_written_alone(tmp_path: Path) -> None:
    torch.manual_seed(1)
    reader = loaded(llava(), tmp_path)
    inputs = reader._inputs([CROP], "What colour is it?", think=False)
    with torch.inference_mode():
        told = reader._likelihoods(inputs, ["upside down", "upside"], time.monotonic() + 60)
        ids = reader._processor.tokenizer.encode("upside down", add_special_tokens=False)
        first = reader._model(**inputs).logits[0, -1].log_softmax(-1)[ids[0]]
    assert told[1] == pytest.approx(float(first), abs=1e-4) and told[0] < told[1]


def test_the_switch_for_thinking_is_the_templates_or_a_mark() -> None:
    plain = TransformersVisionReader(None, llava()[1], "plain")
    assert plain.prompt("What is it?", 2, think=False).endswith("Assistant: ")
    assert plain.prompt("What is it?", 2, think=False).count("<image>") == 2
    marked = TransformersVisionReader(None, llava("<think>", "</think>", "<nothink>")[1], "marked")
    assert marked.prompt("?", 1, think=False).endswith("<nothink>") and marked.prompt("?", 1, True).endswith("<think>")
    switched = llava(template=TEMPLATE + "{% if enable_thinking %}<deep>{% endif %}")[1]
    reader = TransformersVisionReader(None, switched, "switched")
    assert reader.prompt("?", 1, think=True).endswith("<deep>") and not reader.prompt("?", 1, False).endswith("<deep>")


def test_pictures_come_at_the_size_that_the_budget_allows() -> None:
    sizes = []

    class Watching:
        tokenizer = tokenizer()
        chat_template = ""

        def apply_chat_template(self, *_: Any, **__: Any) -> str:
            return "prompt"

        def __call__(self, text: list[str], images: list[Any], return_tensors: str) -> dict[str, Any]:
            sizes.extend(i.size for i in images[0])
            return {}

    reader = TransformersVisionReader(None, Watching(), "watching", TransformersVisionConfig(TokenBudget(16, 64, 16)))
    reader._inputs([np.zeros((400, 400, 3), np.uint8), np.zeros((10, 20, 3), np.uint8)], "?", think=False)
    assert sizes == [(128, 128), (96, 48)]


def test_an_answer_that_takes_too_long_is_an_error(tmp_path: Path) -> None:
    reader = loaded(llava(), tmp_path, timeout_s=0.0)
    for choices in (("red", "green"), ("upside", "upside down"), ()):
        with pytest.raises(VisionError, match="longer than 0 s"):
            reader.read([CROP], "What colour is it?", choices)


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "nothing"}')
    for name in (str(tmp_path), str(tmp_path / "absent")):
        with pytest.raises(BadInputError) as caught:
            vision_reader(name)
        assert caught.value.reason == "vision_model"
