"""Names in transformers' generate: greedy, sampled, batches, beams, on a tiny Llama."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch
import transformers

from memory_agent_ros.reasoning.decoding.processor import TrieProcessor
from memory_agent_ros.reasoning.decoding.torch_trie import TorchTrie
from memory_agent_ros.reasoning.decoding.trie import OUTSIDE, build
from memory_agent_ros.records.errors import BadInputError

VOCABULARY, STOP = 30, 29
NAMES = [(3, 4), (3,), (3, 4, 5), (7, 7, 7), (8,), (9, 3, 4), (9, 3, 6), (3, 4)]


def model() -> transformers.LlamaForCausalLM:
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, eos_token_id=STOP, pad_token_id=STOP, bos_token_id=0, initializer_range=0.3,
    )  # fmt: skip
    return transformers.LlamaForCausalLM(config).eval()


PROMPTS = torch.tensor([[1, 2, 3], [4, 5, 6], [9, 9, 9]])


def written(rows: torch.Tensor) -> list[tuple[int, ...]]:
    return [tuple(t for t in row[PROMPTS.shape[1] :].tolist() if t != STOP) for row in rows]


@torch.no_grad()
def log_probability(llama: transformers.LlamaForCausalLM, prompt: torch.Tensor, name: tuple[int, ...]) -> float:
    """Of a name and the stop token, each step normalised over all tokens."""
    ids = torch.cat([prompt, torch.tensor([*name, STOP])])
    steps = llama(ids[None]).logits[0, len(prompt) - 1 : -1].log_softmax(-1)
    return float(steps[range(len(name) + 1), ids[len(prompt) :]].sum())


def test_beams_over_a_batch_find_what_brute_force_finds() -> None:
    llama, names = model(), sorted(set(NAMES))
    processor = TrieProcessor(build(NAMES, VOCABULARY), STOP, PROMPTS.shape[1])
    done = llama.generate(
        PROMPTS, logits_processor=[processor], num_beams=len(names), num_return_sequences=3, max_new_tokens=6,
        do_sample=False, early_stopping=False, length_penalty=0.0, return_dict_in_generate=True, output_scores=True,
    )  # fmt: skip
    wanted = []
    for prompt in PROMPTS:
        ranked = sorted(names, key=lambda name: -log_probability(llama, prompt, name))
        wanted += ranked[:3]
    assert written(done.sequences) == wanted
    scores = [log_probability(llama, PROMPTS[k // 3], name) for k, name in enumerate(wanted)]
    np.testing.assert_allclose(done.sequences_scores.numpy(), scores, atol=1e-4)


@pytest.mark.parametrize("sample", [False, True])
def test_every_output_is_a_name_and_the_model_alone_writes_none(sample: bool) -> None:
    llama = model()
    processor = TrieProcessor(build(NAMES, VOCABULARY), STOP, PROMPTS.shape[1])
    torch.manual_seed(1)
    prompts = PROMPTS.repeat(20, 1)
    done = llama.generate(prompts, logits_processor=[processor], do_sample=sample, max_new_tokens=6)
    assert set(written(done)) <= set(NAMES)
    free = llama.generate(prompts, do_sample=sample, max_new_tokens=6)
    assert not set(written(free)) <= set(NAMES)


def test_more_beams_than_names_and_a_second_prompt_do_no_harm() -> None:
    llama, trie = model(), build([(3, 4), (5,)], VOCABULARY)
    processor = TrieProcessor(trie, STOP, PROMPTS.shape[1])
    for prompts in (PROMPTS, PROMPTS.flip(0)):
        done = llama.generate(prompts, logits_processor=[processor], num_beams=5, max_new_tokens=5, do_sample=False)
        assert set(written(done)) <= {(3, 4), (5,)}


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=4), min_size=1, max_size=10),
    st.lists(st.lists(st.integers(0, 7), min_size=3, max_size=3), min_size=1, max_size=4),
    st.integers(0, 3),
)
def test_the_mask_form_is_the_compact_form(names: list[list[int]], rows: list[list[int]], steps: int) -> None:
    trie = build(names, 7)
    processor = TrieProcessor(trie, 6, 0)
    ids = torch.tensor(rows)[:, :steps]
    scores = torch.randn(len(rows), 8)
    compact, masked = processor(ids, scores), processor.masked(ids, scores)
    assert torch.equal(compact, masked)
    for row, kept in zip(rows, compact, strict=True):
        node = trie.walk(row[:steps])
        wanted = [*trie.allowed(node), *[6] * bool(node == OUTSIDE or trie.ends[node])]
        assert np.flatnonzero(kept.numpy() > -np.inf).tolist() == sorted(wanted)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=4), min_size=1, max_size=10), st.integers(0, 9))
def test_masks_of_beams_at_different_depths(names: list[list[int]], seed: int) -> None:
    trie = build(names, 6)
    nodes = np.random.default_rng(seed).integers(-1, len(trie.ends), 8)
    device = TorchTrie(trie)
    assert np.array_equal(device.mask(torch.from_numpy(nodes)).numpy(), trie.mask(nodes))
    tokens = np.random.default_rng(seed).integers(-1, 7, 8)
    assert device.advance(torch.from_numpy(nodes), torch.from_numpy(tokens)).tolist() == [
        int(trie.advance(np.array([n]), np.array([t]))[0]) for n, t in zip(nodes, tokens, strict=True)
    ]


def test_what_cannot_work_is_refused() -> None:
    with pytest.raises(BadInputError, match="permit"):
        TrieProcessor(build([], VOCABULARY), STOP, 0)
    with pytest.raises(BadInputError, match="cannot end"):
        TrieProcessor(build([(3, STOP)], VOCABULARY), STOP, 0)
