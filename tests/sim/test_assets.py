from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from memory_agent_sim.assets import TRIANGLES_PER_SOURCE, cache_folder, load_source
from memory_agent_sim.boxes import box_mesh
from memory_agent_sim.catalogue import MOVABLE_SOURCES
from memory_agent_sim.furniture import KINDS, FurnitureInstance, furniture_shape
from memory_agent_sim.instances import instance_parts, movable_instances, recolour


@pytest.mark.parametrize("source", MOVABLE_SOURCES, ids=lambda s: s.name)
def test_sources_are_light_and_normalised(source) -> None:  # type: ignore[no-untyped-def]
    parts = load_source(source)
    vertices = np.vstack([p.vertices for p in parts])
    size = vertices.max(axis=0) - vertices.min(axis=0)
    assert size.max() == pytest.approx(1.0, abs=1e-5)
    assert vertices[:, 2].min() == pytest.approx(0.0, abs=1e-6)
    assert np.allclose((vertices.max(axis=0) + vertices.min(axis=0))[:2], 0, atol=1e-5)
    assert sum(len(p.faces) for p in parts) <= 2.2 * TRIANGLES_PER_SOURCE
    for part in parts:
        assert part.faces.max() < len(part.vertices) == len(part.normals) == len(part.uv)
        assert np.allclose(np.linalg.norm(part.normals, axis=1), 1, atol=1e-3)


def _convert(folder: str) -> int:
    import os

    os.environ["XDG_CACHE_HOME"] = folder
    return sum(len(p.faces) for p in load_source(MOVABLE_SOURCES[0]))


def test_several_processes_may_convert_at_once(tmp_path: Path) -> None:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        counts = list(pool.map(_convert, [str(tmp_path)] * 2))
    assert counts[0] == counts[1] > 100
    assert [p.suffix for p in (tmp_path / "memory_agent_ros" / "assets").rglob("*.*z*")] == [".npz"]


def test_cache_follows_xdg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder().is_relative_to(tmp_path)


def test_box_mesh_faces_outward() -> None:
    part = box_mesh([(0, 0, 0, 1, 2, 3)], None)
    corners = part.vertices[part.faces]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    outward = corners.mean(axis=1) - [0.5, 1.0, 1.5]
    assert ((normal * outward).sum(axis=1) > 0).all()
    assert np.abs(normal).sum() / 2 == pytest.approx(2 * (2 + 3 + 6))
    assert ((normal / np.linalg.norm(normal, axis=1, keepdims=True)) == part.normals[part.faces[:, 0]]).all()


@pytest.mark.parametrize("category", sorted(KINDS))
def test_furniture_supports_lie_on_boxes(category: str) -> None:
    for variant in range(3):
        shape = furniture_shape(FurnitureInstance(category, variant))
        for support in shape.supports:
            middle = (np.array(support.minimum) + support.maximum) / 2
            under = [b for b in shape.boxes if b[0] <= middle[0] <= b[3] and b[1] <= middle[1] <= b[4]]
            assert any(abs(b[5] - support.z) < 1e-9 for b in under)
            assert all(b[2] >= support.z + support.clearance - 1e-9 for b in under if b[2] >= support.z)


def test_recolour_changes_colour_not_shape() -> None:
    picture = np.zeros((8, 8, 3), dtype=np.uint8)
    picture[..., 0] = 200
    turned = recolour(picture, 1 / 3, (1.0, 1.0, 1.0), 0.0)
    assert turned[0, 0].argmax() == 1
    assert np.array_equal(recolour(picture, 0.0, (0.0, 0.0, 0.0), 0.0), picture)
    tinted = recolour(np.full((4, 4, 3), 255, dtype=np.uint8), 0.0, (1.0, 0.0, 0.0), 0.5)
    assert tinted[0, 0, 0] > tinted[0, 0, 1] + 50


def test_instances_have_real_sizes() -> None:
    for found in movable_instances("train").values():
        for instance in found:
            vertices = np.vstack([p.vertices for p in instance_parts(instance)])
            assert (vertices.max(axis=0) - vertices.min(axis=0)).max() == pytest.approx(instance.size_m, rel=1e-4)
            assert 0.1 < instance.size_m < 0.9
