"""The networks that the benchmark of document adapters compares."""

from memory_agent_ros.evaluation.adapters.bases import base_of
from memory_agent_ros.evaluation.adapters.document_runs import MINUTES, cached_network
from memory_agent_ros.evaluation.adapters.fact_lessons import draw_lessons, generated_right
from memory_agent_ros.evaluation.training.train_document_lora import mean_right, settings_of


def test_shipped_network_answers_from_the_adapter_alone() -> None:
    base, settings = base_of("tiny"), settings_of("tiny")
    network = cached_network(base, "tiny", 0, MINUTES["tiny"])
    lessons = draw_lessons(settings.family, (3,), "val", 2, 16, 3)
    assert mean_right(generated_right(network, lessons)) >= 0.9
