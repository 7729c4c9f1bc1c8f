"""Keys and values that are kept change nothing but the work: every score is that of reading all anew."""

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from memory_agent_ros.attention.cached import CachedModel
from tests.reasoning.language import tiny


@pytest.mark.parametrize("kind", ["llama", "qwen2"])
def test_going_on_going_back_and_starting_anew_give_what_plain_reading_gives(kind: str) -> None:
    network = tiny.model(kind=kind)
    reader, anew = CachedModel(network), CachedModel(network, keep=False)
    draw = torch.Generator().manual_seed(3)
    ids = torch.randint(0, 400, (60,), generator=draw).tolist()
    other = ids[:25] + torch.randint(0, 400, (9,), generator=draw).tolist()
    for sequence, last in ((ids[:20], 1), (ids[:30], 4), (ids[:30], 2), (ids, 1), (other, 3), (ids[:8], 1), (ids, 60)):
        with torch.inference_mode():
            wanted = network(torch.tensor([sequence])).logits[0, -last:].float()
        assert torch.allclose(reader.logits(sequence, last), wanted, atol=1e-4)
        assert torch.allclose(anew.logits(sequence, last), wanted, atol=1e-4)
    assert reader.tokens_read == 20 + 10 + 2 + 30 + 9 + 1 + 60 < anew.tokens_read
    reader.forget()
    reader.logits(ids[:20])
    assert reader.tokens_read == 132 + 20, "nothing was kept of what was forgotten"


def test_continuations_stand_alone_behind_the_prompt_and_leave_it_in_the_cache() -> None:
    network = tiny.model()
    reader = CachedModel(network)
    prompt, texts = [5, 9, 77, 3], [[8], [8, 300, 12], [50, 51]]
    found = reader.continuations(prompt, texts)
    for text, heard in zip(texts, found, strict=True):
        with torch.inference_mode():
            plain = network(torch.tensor([prompt + text])).logits[0].float().log_softmax(dim=-1)
        wanted = torch.stack([plain[len(prompt) - 1 + n, token] for n, token in enumerate(text)])
        assert torch.allclose(heard, wanted, atol=1e-4)
    before = reader.tokens_read
    again = reader.continuations(prompt, texts)
    assert all(torch.allclose(a, b, atol=1e-4) for a, b in zip(found, again, strict=True))
    assert reader.tokens_read - before == 1 + 6  # the last token of the prompt, and the texts
    anew = CachedModel(network, keep=False).continuations(prompt, texts)
    assert all(torch.allclose(a, b, atol=1e-4) for a, b in zip(found, anew, strict=True))
