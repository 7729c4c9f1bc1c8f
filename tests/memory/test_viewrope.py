"""Properties of the rotary codes: relative, length preserving, and what the ray code cannot know."""

from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

torch = pytest.importorskip("torch")

from memory_agent_ros.memory.viewrope import (  # noqa: E402
    MODES,
    CodeConfig,
    Geometry,
    RotaryCode,
    ViewRopeAttention,
    frame_sparse_attention,
    minimal_rotation,
    pooled,
    ray_rotations,
    select_frames,
    wave_vectors,
)
from memory_agent_ros.records.errors import BadInputError  # noqa: E402

HEADS = 3
RNG = np.random.default_rng(3)


def turns(*shape: int) -> Any:
    matrices = Rotation.random(int(np.prod(shape)), random_state=1).as_matrix()
    return torch.tensor(matrices.reshape(*shape, 3, 3), dtype=torch.float32)


def numbers(*shape: int) -> Any:
    return torch.tensor(RNG.standard_normal(shape), dtype=torch.float32)


def scores(code: RotaryCode, q: Any, k: Any, qr: Any, kr: Any, qx: Any, kx: Any) -> Any:
    return code(q, code.geometry(qr, qx)) @ code(k, code.geometry(kr, kx)).transpose(-1, -2)


@pytest.fixture
def tokens() -> tuple[Any, ...]:
    d = CodeConfig().head_dim
    return (
        numbers(2, HEADS, 5, d),
        numbers(2, HEADS, 7, d),
        turns(2, 5),
        turns(2, 7),
        4 * numbers(2, 5, 3),
        4 * numbers(2, 7, 3),
    )


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("layout", ["axes", "isotropic"])
def test_lengths_are_kept(tokens: tuple[Any, ...], mode: str, layout: str) -> None:
    code = RotaryCode(HEADS, CodeConfig(mode, layout=layout))
    q, _, rotation, _, points, _ = tokens
    turned = code(q, code.geometry(rotation, points))
    torch.testing.assert_close(turned.norm(dim=-1), q.norm(dim=-1), rtol=1e-5, atol=1e-5)
    assert (mode == "none") == torch.equal(turned, q)


def test_ray_code_ignores_a_rotation_of_the_world(tokens: tuple[Any, ...]) -> None:
    code = RotaryCode(HEADS, CodeConfig("ray"))
    q, k, qr, kr, qx, kx = tokens
    G = turns(1)[0]
    before, after = scores(code, *tokens), scores(code, q, k, G @ qr, G @ kr, qx @ G.T, kx @ G.T)
    torch.testing.assert_close(before, after, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("layout", ["axes", "isotropic"])
def test_point_code_ignores_a_translation_of_the_world(tokens: tuple[Any, ...], layout: str) -> None:
    code = RotaryCode(HEADS, CodeConfig(layout=layout))
    q, k, qr, kr, qx, kx = tokens
    shift = torch.tensor([12.3, -7.7, 1.1])
    torch.testing.assert_close(
        scores(code, *tokens), scores(code, q, k, qr, kr, qx + shift, kx + shift), rtol=1e-3, atol=1e-3
    )
    moved = scores(code, q, k, qr, kr, qx, kx + shift)
    assert (scores(code, *tokens) - moved).abs().max() > 0.5, "a relative translation must change scores"


def test_same_ray_and_point_give_the_plain_product() -> None:
    code = RotaryCode(HEADS, CodeConfig())
    q, k = numbers(1, HEADS, 4, code.config.head_dim), numbers(1, HEADS, 4, code.config.head_dim)
    rotation, point = turns(1, 1).expand(1, 4, 3, 3), numbers(1, 1, 3).expand(1, 4, 3)
    plain = q @ k.transpose(-1, -2)
    torch.testing.assert_close(scores(code, q, k, rotation, rotation, point, point), plain, rtol=1e-4, atol=1e-4)


def test_probe_vector_measures_the_angle_between_world_rays() -> None:
    code = RotaryCode(1, CodeConfig("ray", rays=1, joint=0, waves=0, content=0))
    probe = torch.tensor([0.0, 0.0, 1.0]).expand(1, 1, 6, 3)
    rotation, x = turns(1, 6), torch.zeros(1, 6, 3)
    rays = rotation[0, :, :, 2]
    torch.testing.assert_close(
        scores(code, probe, probe, rotation, rotation, x, x)[0, 0], rays @ rays.T, atol=1e-5, rtol=1e-5
    )


def test_ray_rotations_are_rotations_along_the_ray_whatever_the_lens() -> None:
    C = Rotation.from_euler("xyz", [0.3, -1.1, 2.0]).as_matrix()
    T = np.eye(4)
    T[:3, :3] = C
    directions = np.array([[0.2, -0.1, 1.0], [-0.7, 0.4, 1.0], [0.0, 0.0, 1.0]])
    codes = []
    for K in (
        np.array([[300.0, 0, 160], [0, 300, 120], [0, 0, 1]]),
        np.array([[900.0, 2, 300], [0, 850, 500], [0, 0, 1]]),
    ):
        uv = (directions @ K.T)[:, :2]
        codes.append(ray_rotations(*(torch.tensor(a, dtype=torch.float64) for a in (K, T, uv))))
    torch.testing.assert_close(codes[0], codes[1], atol=1e-10, rtol=0)
    R = codes[0]
    torch.testing.assert_close(R @ R.transpose(-1, -2), torch.eye(3, dtype=R.dtype).expand(3, 3, 3), atol=1e-12, rtol=0)
    world = directions / np.linalg.norm(directions, axis=1, keepdims=True) @ C.T
    np.testing.assert_allclose(R[..., 2].numpy(), world, atol=1e-12)


def test_minimal_rotation_backwards_is_still_a_rotation() -> None:
    M = minimal_rotation(torch.tensor([[0.0, 0.0, -1.0], [1e-4, 0.0, -1.0]]))
    torch.testing.assert_close(M @ M.transpose(-1, -2), torch.eye(3).expand(2, 3, 3), atol=1e-3, rtol=0)
    assert torch.isfinite(M).all()


def test_ray_code_alone_cannot_see_a_translation_of_two_metres() -> None:
    """The failure shown on purpose: the same rays two metres beside are all the same to it, not to the point code."""
    d = CodeConfig().head_dim
    q, rotation, points = numbers(1, HEADS, 48, d), turns(1, 48), 3 * numbers(1, 48, 3)
    beside = points + torch.tensor([2.0, 0.0, 0.0])
    everything = torch.ones(1, 48, dtype=torch.bool)
    kept = {}
    for mode in ("ray", "ray+point"):
        code = RotaryCode(HEADS, CodeConfig(mode))
        here, there = (pooled(code(q, code.geometry(rotation, x)), everything)[0] for x in (points, beside))
        kept[mode] = float(here @ there / (here.norm() * there.norm()))
    assert kept["ray"] > 1.0 - 1e-6
    assert kept["ray+point"] < 0.9


def test_pooled_point_codes_measure_overlap_of_surfaces() -> None:
    code = RotaryCode(8, CodeConfig(rays=0, joint=0, waves=16, content=0, shortest_m=1.0, longest_m=8.0))
    ones = torch.ones(1, 8, 200, code.config.head_dim) / 10
    everything = torch.ones(1, 200, dtype=torch.bool)

    def frame(x: float) -> Any:
        points = torch.tensor(RNG.uniform([x, 0, 0], [x + 3, 3, 2], (1, 200, 3)), dtype=torch.float32)
        return pooled(code(ones, code.geometry(turns(1, 200), points)), everything)[0]

    overlap = [float(frame(0.0) @ frame(x)) for x in (0.0, 1.0, 2.0, 4.0)]
    assert overlap == sorted(overlap, reverse=True)
    assert overlap[-1] < 0.35 * overlap[0]


def test_padding_changes_nothing() -> None:
    torch.manual_seed(0)
    code = RotaryCode(HEADS, CodeConfig())
    layer = ViewRopeAttention(24, HEADS, code)
    x, rotation, points = numbers(1, 9, 24), turns(1, 9), numbers(1, 9, 3)
    mask = torch.arange(9)[None] < 6
    full = layer(x, code.geometry(rotation, points), mask)[:, :6]
    cut = layer(x[:, :6], code.geometry(rotation[:, :6], points[:, :6]), mask[:, :6])
    torch.testing.assert_close(full, cut, atol=1e-5, rtol=1e-4)
    assert torch.isfinite(layer(x, code.geometry(rotation, points), torch.zeros_like(mask))).all()


def test_attention_to_a_context_uses_its_geometry() -> None:
    torch.manual_seed(0)
    code = RotaryCode(HEADS, CodeConfig())
    layer = ViewRopeAttention(24, HEADS, code)
    x, mask = numbers(1, 4, 24), torch.ones(1, 4, dtype=torch.bool)
    here = code.geometry(turns(1, 4), numbers(1, 4, 3))
    torch.testing.assert_close(layer(x, here, mask), layer(x, here, mask, x, here))
    away = code.geometry(turns(1, 4), numbers(1, 4, 3) + 3.0)
    assert (layer(x, here, mask) - layer(x, here, mask, x, away)).abs().max() > 1e-3


def test_sparse_attention_to_all_frames_is_dense_attention() -> None:
    d, frames, patches = 12, 6, 5
    q, keys, values = numbers(2, HEADS, 4, d), numbers(frames, HEADS, patches, d), numbers(frames, HEADS, patches, d)
    mask = torch.tensor(RNG.random((frames, patches)) > 0.3)
    pooled_keys = pooled(keys, mask)
    sparse, chosen = frame_sparse_attention(q, keys, values, pooled_keys, frames, mask)
    flat_k, flat_v = (t.transpose(0, 1).flatten(1, 2).expand(2, -1, -1, -1) for t in (keys, values))
    dense = torch.nn.functional.scaled_dot_product_attention(
        q, flat_k, flat_v, attn_mask=mask.flatten()[None, None, None]
    )
    torch.testing.assert_close(sparse, dense, atol=1e-5, rtol=1e-4)
    assert sorted(chosen[0].tolist()) == list(range(frames))


def test_the_best_frames_are_chosen_and_forbidden_ones_are_not() -> None:
    keys = torch.eye(4)
    query = torch.tensor([[0.1, 0.9, 0.5, 0.0]])
    assert select_frames(query, keys, 2).tolist() == [[1, 2]]
    assert select_frames(query, keys, 2, torch.tensor([True, False, True, True])).tolist() == [[2, 0]]
    assert select_frames(query, keys, 9).shape == (1, 4)


def test_waves_cover_the_range_in_every_head() -> None:
    config = CodeConfig()
    lengths = 2 * np.pi / wave_vectors(4, 8, config).norm(dim=-1)
    assert float(lengths.min()) == pytest.approx(0.5, rel=1e-3) and float(lengths.max()) == pytest.approx(
        30.0, rel=1e-3
    )
    assert (lengths.max(dim=1).values / lengths.min(dim=1).values > 20).all()
    axes = wave_vectors(4, 9, CodeConfig(layout="axes"))
    assert ((axes != 0).sum(dim=-1) == 1).all()


def test_unknown_modes_are_refused() -> None:
    with pytest.raises(BadInputError):
        CodeConfig("plucker")
    assert RotaryCode(1, CodeConfig("none")).geometry(turns(1, 2), numbers(1, 2, 3)) == Geometry(None, None, None)
