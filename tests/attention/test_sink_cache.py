"""The cache of constant size equals the dense one until something is dropped, and does what it says afterwards."""

import copy

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch
from transformers import DynamicCache

from memory_agent_ros.attention.sink_cache import SinkCache, SinkConfig
from memory_agent_ros.records.errors import BadInputError
from tests.attention.tiny import feed, model, tokens

SMALL = SinkConfig(sink=4, pinned=8, recent=16, chunk=8)


@pytest.mark.parametrize("kind", ["Llama", "Qwen2"])
@pytest.mark.parametrize("chunk", [1, 5, 8])
@pytest.mark.parametrize("rows", [1, 3])
def test_it_is_the_dense_cache_until_something_is_dropped(kind: str, chunk: int, rows: int) -> None:
    reader, ids = model(kind), tokens(20, rows)
    cache = SinkCache(reader, SMALL)
    found, dense = feed(reader, cache, ids, chunk), feed(reader, DynamicCache(), ids, chunk)
    assert torch.equal(found, dense) and cache.evicted == 0 and cache.held == 20
    more = tokens(1, rows, seed=1)
    after = dense_with(reader, torch.cat([ids, more], dim=1))[:, -1:]
    assert torch.allclose(feed(reader, cache, more, 1), after, atol=1e-4)


def dense_with(reader: object, ids: torch.Tensor) -> torch.Tensor:
    return feed(reader, DynamicCache(), ids, 999)


@pytest.mark.parametrize("sink", [0, 4])
def test_one_layer_reads_sinks_and_recent_tokens_as_if_they_were_all_there_is(sink: int) -> None:
    # With one layer keys and values depend on their token alone, so that the shortened text is the whole truth.
    reader, ids = model(layers=1), tokens(200)
    config = SinkConfig(sink=sink, pinned=8, recent=16, chunk=8)
    for chunk in (1, 3, 8):
        cache = SinkCache(reader, config)
        logits = feed(reader, cache, ids, chunk)
        starts = range(0, 200, chunk)
        for start in [s for s in starts if s > sink + 16][::7]:  # the first of a part reads exactly 16 before it
            kept = torch.cat([ids[:, :sink], ids[:, start - 16 : start + 1]], dim=1)
            assert torch.allclose(logits[:, start], dense_with(reader, kept)[:, -1], atol=1e-4), (chunk, start)
        assert cache.seen == 200 and cache.evicted == 200 - sink - 16 - (200 - starts[-1])
        assert cache.held == 200 - cache.evicted


def test_positions_are_those_within_the_cache_whatever_was_dropped() -> None:
    reader, ids = model(layers=1), tokens(150)
    cache = SinkCache(reader, SMALL)
    feed(reader, cache, ids, 1)
    layer, held = cache.layers[0], cache.held
    kept = torch.cat([ids[:, :4], ids[:, -(held - 4) :]], dim=1)
    dense = DynamicCache()
    feed(reader, dense, kept, 99)
    start = cache.prepare(1)[0] - cache.held
    assert start + cache.held < SMALL.slots
    found = layer.keys[:, :, start : start + cache.held]
    oldest = held - cache.held  # prepare() dropped one more
    expected = torch.cat([dense.layers[0].keys[:, :, :4], dense.layers[0].keys[:, :, 4 + oldest :]], dim=2)
    back = torch.cat([layer.rotation(found[:, :, :4], -start), layer.rotation(found[:, :, 4:], oldest - start)], dim=2)
    assert torch.allclose(back, expected, atol=1e-5)


def test_bytes_and_what_is_read_stay_constant() -> None:
    reader = model()
    cache = SinkCache(reader, SMALL)
    feed(reader, cache, tokens(30), 8)
    size, held = cache.nbytes, []
    slots = SMALL.slots + SMALL.sink + SMALL.pinned
    assert size == 2 * 2 * 2 * slots * 8 * 4  # layers, keys and values, heads, tokens, width, float32
    for seed in range(40):
        feed(reader, cache, tokens(8, seed=seed), 8)
        held.append(cache.held)
        assert cache.nbytes == size
    assert set(held) == {4 + 16 + 8} and cache.evicted == cache.seen - 28


def test_what_was_dropped_cannot_be_recalled() -> None:
    # Two streams that differ in one early word: the words after it tell them apart until it is dropped.
    reader, ids = model(layers=1), tokens(60)
    other = ids.clone()
    other[0, 10] = (ids[0, 10] + 1) % 64
    ways = [feed(reader, SinkCache(reader, SMALL), text, 1) for text in (ids, other)]
    assert not torch.allclose(ways[0][:, 20], ways[1][:, 20], atol=1e-3)
    assert torch.equal(ways[0][:, 27:], ways[1][:, 27:])
    dense = [feed(reader, DynamicCache(), text, 60) for text in (ids, other)]
    assert not torch.allclose(dense[0][:, 50], dense[1][:, 50], atol=1e-4)


def test_pinned_text_stays_and_is_replaced_as_a_whole() -> None:
    reader, ids, notes, others = model(layers=1), tokens(90), tokens(8, seed=5), tokens(3, seed=6)
    cache = SinkCache(reader, SMALL)

    def expect(logits: torch.Tensor, pinned: torch.Tensor, at: int, recent: int) -> None:
        text = torch.cat([ids[:, :4], pinned, ids[:, at - recent : at + 1]], dim=1)
        assert torch.allclose(logits[:, -1], dense_with(reader, text)[:, -1], atol=1e-4)

    feed(reader, cache, ids[:, :10], 4)
    cache.pin(reader, notes)
    assert cache.pinned == 8 and cache.seen == 10 and cache.evicted == 0
    expect(feed(reader, cache, ids[:, 10:11], 1), notes, 10, 6)
    expect(feed(reader, cache, ids[:, 11:51], 1), notes, 50, 16)
    cache.pin(reader, others)
    expect(feed(reader, cache, ids[:, 51:52], 1), others, 51, 16)
    expect(feed(reader, cache, ids[:, 52:80], 4)[:, :-3], others, 76, 16)
    cache.pin(reader, others[:, :0])
    assert cache.pinned == 0
    expect(feed(reader, cache, ids[:, 80:81], 1), others[:, :0], 80, 16)
    cache.pin(reader, notes)
    expect(feed(reader, cache, ids[:, 81:82], 1), notes, 81, 16)


def test_pinned_text_means_the_same_whenever_it_comes() -> None:
    reader, notes = model(), tokens(6, seed=5)
    found = []
    for length in (4, 40, 131):
        cache = SinkCache(reader, SMALL)
        feed(reader, cache, tokens(length), 8 if length > 4 else 4)
        cache.pin(reader, notes)
        found.append([torch.cat([x.front_keys[:, :, :10], x.front_values[:, :, :10]]) for x in cache.layers])
    for layer in range(2):
        assert torch.allclose(found[0][layer], found[1][layer], atol=1e-5)
        assert torch.allclose(found[0][layer], found[2][layer], atol=1e-5)


def test_pinning_in_parts_is_pinning_at_once() -> None:
    reader = model()
    wide = SinkConfig(sink=4, pinned=20, recent=16, chunk=32)
    narrow = SinkConfig(sink=4, pinned=20, recent=16, chunk=8)
    ways = []
    for config in (wide, narrow):
        cache = SinkCache(reader, config)
        feed(reader, cache, tokens(8), 8)
        cache.pin(reader, tokens(20, seed=3))
        ways.append(feed(reader, cache, tokens(5, seed=4), 5))
    assert torch.allclose(ways[0], ways[1], atol=1e-4)


def test_errors_do_not_add_up_in_bfloat16() -> None:
    reader, ids = model(layers=1, dtype=torch.bfloat16), tokens(1200)
    cache = SinkCache(reader, SMALL)
    feed(reader, cache, ids, 1)
    start = cache.prepare(1)[0] - cache.held
    found = cache.layers[0].keys[:, :, start : start + cache.held].float()
    exact = DynamicCache()
    feed(model(layers=1), exact, torch.cat([ids[:, :4], ids[:, -16:]], dim=1), 99)
    wanted = exact.layers[0].keys
    at_zero = cache.layers[0].rotation(found, -start)
    # bfloat16 has 8 bits: one rounding is 0.4 %; computing and moving add a few of them, not one per step.
    assert float((at_zero - wanted).norm() / wanted.norm()) < 0.01


@pytest.mark.parametrize("beams", [1, 2])
def test_generate_writes_what_the_dense_cache_writes_and_then_goes_on(beams: int) -> None:
    reader, ids = model(), tokens(6, 2)
    options = {"do_sample": False, "num_beams": beams, "attention_mask": torch.ones_like(ids)}
    dense = reader.generate(ids, max_new_tokens=10, **options)
    cache = SinkCache(reader, SMALL)
    assert torch.equal(reader.generate(ids, max_new_tokens=10, past_key_values=cache, **options), dense)
    cache = SinkCache(reader, SMALL)
    long = reader.generate(ids, max_new_tokens=100, past_key_values=cache, **options)
    assert long.shape[1] == 106 and cache.seen == 105 and cache.evicted > 70


def test_generate_goes_on_with_a_stream_that_was_fed_before() -> None:
    reader, ids = model(), tokens(12)
    plain = reader.generate(ids, max_new_tokens=6, do_sample=False)
    cache = SinkCache(reader, SMALL)
    feed(reader, cache, ids[:, :8], 4)
    assert torch.equal(reader.generate(ids, max_new_tokens=6, do_sample=False, past_key_values=cache), plain)
    cache = SinkCache(reader, SMALL)
    reader.generate(tokens(40), max_new_tokens=2, do_sample=False, past_key_values=cache, prefill_chunk_size=8)
    assert cache.seen == 41


def test_generate_chooses_what_stepping_chooses_after_something_was_dropped() -> None:
    reader, ids = model(), tokens(40)
    cache = SinkCache(reader, SMALL)
    feed(reader, cache, ids[:, :-1], 3)
    stepped, steps, word = copy.deepcopy(cache), [], ids[:, -1:]
    for _ in range(12):
        word = feed(reader, stepped, word, 1)[:, -1:].argmax(dim=-1)
        steps.append(int(word))
    written = reader.generate(ids, max_new_tokens=12, do_sample=False, past_key_values=cache)
    assert written[0, 40:].tolist() == steps


def test_a_branch_is_forgotten() -> None:
    reader, ids = model(), tokens(70)
    plain, branched = SinkCache(reader, SMALL), SinkCache(reader, SMALL)
    for part in ids.split(5, dim=1):
        with branched.branch(8):
            feed(reader, branched, tokens(8, seed=9), 4)
        assert torch.allclose(feed(reader, plain, part, 5), feed(reader, branched, part, 5), atol=1e-4)
    assert (plain.seen, plain.held, plain.evicted) == (branched.seen, branched.held, branched.evicted)
    with branched.branch(2), pytest.raises(BadInputError, match="branch"):
        feed(reader, branched, tokens(3), 3)


def test_a_new_stream_begins_after_reset() -> None:
    reader = model()
    cache = SinkCache(reader, SMALL)
    first = feed(reader, cache, tokens(50), 8)
    cache.reset()
    assert cache.seen == cache.held == 0
    assert torch.equal(feed(reader, cache, tokens(50), 8), first)


def test_bad_input_is_refused() -> None:
    reader = model()
    cache = SinkCache(reader, SMALL)

    def refused(reason: str, call: object) -> None:
        with pytest.raises(BadInputError) as caught:
            call()  # type: ignore[operator]
        assert caught.value.reason == reason

    refused("chunk_too_long", lambda: feed(reader, cache, tokens(9), 9))
    refused("pin_before_start", lambda: cache.pin(reader, tokens(2)))
    feed(reader, cache, tokens(5), 5)
    refused("pinned_too_long", lambda: cache.pin(reader, tokens(9)))
    refused("cache_of_another_model", lambda: cache.update(torch.zeros(1, 2, 1, 8), torch.zeros(1, 2, 1, 8), 0))
    refused("cache_no_crop", lambda: cache.crop(-1))
    mask = torch.tensor([[0, 1, 1], [1, 1, 1]])
    refused("cache_no_padding", lambda: reader(tokens(3, 2), attention_mask=mask, past_key_values=SinkCache(reader)))
    refused("cache_too_long", lambda: SinkCache(model(positions=256)))
    refused("cache_size", lambda: SinkConfig(recent=0))
    refused("rotary_unknown", lambda: SinkCache(model("Cohere")))
    refused("model_unknown", lambda: SinkCache(torch.nn.Linear(2, 2)))
