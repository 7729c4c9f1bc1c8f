import importlib.util
import json

import numpy as np
import pytest

from memory_agent_ros.perception.factory import make_detector
from memory_agent_ros.records.errors import MissingExtraError

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("transformers") is None or importlib.util.find_spec("torch") is None,
    reason="transformers is not installed",
)


@pytest.fixture(scope="module")
def tiny_owl(tmp_path_factory):
    """Folder of a randomly initialised OWL-ViT of a few thousand weights, with a real tokenizer and processor."""
    import torch
    from transformers import (
        CLIPTokenizer,
        OwlViTConfig,
        OwlViTForObjectDetection,
        OwlViTImageProcessor,
        OwlViTProcessor,
    )

    folder = tmp_path_factory.mktemp("owl")
    letters = "abcdefghijklmnopqrstuvwxyz"
    tokens = ["!", "<|startoftext|>", "<|endoftext|>", *letters, *(letter + "</w>" for letter in letters)]
    (folder / "vocab.json").write_text(json.dumps({token: i for i, token in enumerate(tokens)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=16)
    width = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1, "num_attention_heads": 2}
    torch.manual_seed(0)
    config = OwlViTConfig(
        text_config={
            **width, "vocab_size": len(tokens), "max_position_embeddings": 16,
            "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0,
        },
        vision_config={**width, "image_size": 64, "patch_size": 16},
        projection_dim=32,
    )  # fmt: skip
    OwlViTForObjectDetection(config).eval().save_pretrained(folder)
    images = OwlViTImageProcessor(size={"height": 64, "width": 64}, crop_size={"height": 64, "width": 64})
    OwlViTProcessor(images, tokenizer).save_pretrained(folder)
    return folder


def test_any_zero_shot_model_by_folder(tiny_owl, scene):
    detector = make_detector(f"transformers:{tiny_owl}", vocabulary=["Chair", "coffee mug"])
    detector.threshold = 0.0
    found = detector.detect(scene([]))
    assert len(found) == 16
    assert {d.label for d in found} <= {"chair", "coffee mug"}
    assert [d.score for d in found] == sorted((d.score for d in found), reverse=True)
    boxes = np.stack([d.box_xyxy for d in found])
    assert (boxes >= 0).all()
    assert (boxes <= [320, 240, 320, 240]).all()
    detector.threshold = 1.0
    assert detector.detect(scene([])) == []


def test_what_cannot_be_loaded_says_what_to_give(tmp_path):
    with pytest.raises(MissingExtraError, match="give a folder or a hub id"):
        make_detector(f"transformers:{tmp_path}/nothing")
