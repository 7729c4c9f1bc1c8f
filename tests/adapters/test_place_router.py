"""The library's adapters are routed by what was seen lately."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from memory_agent_ros.adapters.adapter import Adapter, Chunk, Source
from memory_agent_ros.adapters.application import AdaptedModel
from memory_agent_ros.adapters.library import AdapterLibrary
from memory_agent_ros.adapters.place_router import PlaceRouter
from tests.adapters.conftest import some_rows

WORDS = ("mug", "sofa", "lamp", "drill", "saw", "bench")


def embed(texts: Sequence[str]) -> np.ndarray:
    return np.eye(len(WORDS), dtype=np.float32)[[WORDS.index(t) for t in texts]]


def chunk(adapted: AdaptedModel, name: str, words: Sequence[str]) -> Chunk:
    keys = torch.from_numpy(embed(words)) if words else None
    return Chunk("kitchen", some_rows(adapted, len(name)), Source("memory", "kitchen", name), keys)


def test_what_was_seen_says_which_home_speaks(adapted: AdaptedModel, tmp_path: Path) -> None:
    library = AdapterLibrary(tmp_path)
    home, shed = chunk(adapted, "home", WORDS[:4]), chunk(adapted, "shed", WORDS[2:])
    manual = chunk(adapted, "manual", ())
    for name, one in (("home", home), ("shed", shed), ("manual", manual)):
        library.put(name, Adapter((one,), None, "tiny"))
    router = PlaceRouter(library, embed, window=4)
    assert router.weights() == {} and router.allows(home) and router.allows(shed)
    router.saw(["mug", "lamp"])
    assert router.weights() == {"home": 1.0, "shed": 0.0}
    assert router.allows(home) and not router.allows(shed) and router.allows(manual)
    router.saw(["saw", "bench", "drill", "bench"])
    assert router.allows(shed) and not router.allows(home)
    router.unsee()
    assert router.weights() == {} and router.allows(home) and router.allows(shed)


def test_an_adapter_that_is_not_routed_always_speaks(adapted: AdaptedModel, tmp_path: Path) -> None:
    library = AdapterLibrary(tmp_path)
    chunks = {name: chunk(adapted, name, words) for name, words in (("home", WORDS[:3]), ("shed", WORDS[3:]))}
    for name, one in chunks.items():
        library.put(name, Adapter((one,), None, "tiny"))
    library.put("memory", Adapter((memory := chunk(adapted, "memory", WORDS[:1]),), None, "tiny"))
    router = PlaceRouter(library, embed, always=("memory",))
    router.saw(["bench", "saw"])
    assert router.allows(memory) and router.allows(chunks["shed"]) and not router.allows(chunks["home"])


def test_a_single_adapter_always_speaks(adapted: AdaptedModel, tmp_path: Path) -> None:
    library = AdapterLibrary(tmp_path)
    only = chunk(adapted, "home", WORDS[:2])
    library.put("home", Adapter((only,), None, "tiny"))
    router = PlaceRouter(library, embed)
    router.saw(["bench"])
    assert router.weights() == {} and router.allows(only)
