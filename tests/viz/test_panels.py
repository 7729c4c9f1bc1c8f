from __future__ import annotations

from memory_agent_ros.viz.panels import panels, save_panels


def test_a_legend_stands_only_where_something_has_a_label(tmp_path, recwarn) -> None:
    figure, (told, bare) = panels(2)
    told.plot([0, 1], [0, 1], label="risk")
    bare.plot([0, 1], [1, 0])
    assert save_panels(figure, tmp_path / "both.png").read_bytes()[:4] == b"\x89PNG"
    assert told.get_legend() is not None and bare.get_legend() is None
    assert not [w for w in recwarn if "legend" in str(w.message)]
