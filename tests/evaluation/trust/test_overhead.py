"""A map whose ledger was taken away maps as before, but for the ledger."""

from pathlib import Path

from memory_agent_ros.evaluation.trust.overhead import take_ledger_away
from memory_agent_ros.memory.contract_world import three_cards
from memory_agent_ros.memory.spatial_memory import SpatialMemory


def test_without_its_ledger_a_map_remembers_the_same(tmp_path: Path) -> None:
    said, records = [], []
    for name in ("with", "without"):
        world = three_cards()
        with SpatialMemory.open(tmp_path / f"{name}.map") as memory:
            if name == "without":
                take_ledger_away(memory)
            before = len(list(memory.ledger.records()))
            for _ in range(5):
                memory.observe(*world.look())
            records.append(len(list(memory.ledger.records())) - before)
        with SpatialMemory.open(tmp_path / f"{name}.map", read_only=True) as memory:
            said.append([(o.id, o.label, o.observations, o.box.center.tolist()) for o in memory.objects()])
    assert records == [5, 0]
    assert said[0] == said[1] and len(said[0]) == 2
