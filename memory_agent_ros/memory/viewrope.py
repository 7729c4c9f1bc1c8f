"""ViewRoPE attention: rotary codes of camera rays and of metric points, and frame-sparse attention by pooled queries.

Queries and keys are turned by where and which way their token was seen, so that a score depends on *relative* geometry
only and lengths never change (arXiv 2602.07854). The published code turns 3-vectors of channels by the rotation of the
token's ray; it does not know translation. Robots translate and have depth, so a second code turns channel pairs by the
phase of plane waves at the token's 3-D point: scores then depend on ``x_i - x_j``. Channels that carry both codes have
scores that are a product of a direction's and a place's likeness: the same surface, seen from the same side.

Averaged over the tokens of a frame, point-coded keys are a kernel mean embedding of the surface that the frame saw, and
the product of two of them is the overlap of what two frames saw, walls and occlusion included; frusta know neither.

This module needs torch; import it only where torch is known to be there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from memory_agent_ros.records.errors import BadInputError

MODES = ("none", "ray", "ray+point")
LAYOUTS = ("axes", "isotropic")


@dataclass(frozen=True)
class CodeConfig:
    """How the channels of a head are shared out: ray vectors, ray-and-point vectors, point pairs, content.

    Attributes:
        mode: ``none`` turns nothing; ``ray`` turns 3-vectors by the ray rotation; ``ray+point`` also turns by the phase
            of the point. The share-out is the same in every mode, so networks of different modes are alike.
        rays: 3-vectors turned by the ray.
        joint: pairs of 3-vectors turned by the ray and, as a pair, by the phase of one wave.
        waves: channel pairs turned by the phase of one wave.
        content: channels that nothing turns.
        shortest_m, longest_m: range of wavelengths, log-spaced over all heads, metres.
        layout: ``axes``: waves along x, y, z in turn; ``isotropic``: directions spread over the sphere.
    """

    mode: str = "ray+point"
    rays: int = 2
    joint: int = 2
    waves: int = 6
    content: int = 14
    shortest_m: float = 0.5
    longest_m: float = 30.0
    layout: str = "isotropic"

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise BadInputError("code_mode", f"mode must be one of {MODES}, got {self.mode!r}")
        if self.layout not in LAYOUTS:
            raise BadInputError("code_layout", f"layout must be one of {LAYOUTS}, got {self.layout!r}")

    @property
    def head_dim(self) -> int:
        """Channels of a head."""
        return 3 * self.rays + 6 * self.joint + 2 * self.waves + self.content


def minimal_rotation(rays: Tensor) -> Tensor:
    """(..., 3) unit rays -> (..., 3, 3) smallest rotations that take e_z to each (Rodrigues).

    ``M = I + [v]_x + [v]_x^2 / (1 + c)`` with ``v = e_z x r``, ``c = r_z``. A ray straight backwards, for which there
    is no smallest one, gets half a turn about x.
    """
    x, y, c = rays.unbind(-1)
    back = c < -1.0 + 1e-6
    share = 1.0 / torch.where(back, torch.ones_like(c), 1.0 + c)
    rows = [1.0 - x * x * share, -x * y * share, x, -x * y * share, 1.0 - y * y * share, y, -x, -y, c]
    M = torch.stack(rows, dim=-1).unflatten(-1, (3, 3))
    half_turn = torch.diag(torch.tensor([1.0, -1.0, -1.0], dtype=rays.dtype, device=rays.device))
    return torch.where(back[..., None, None], half_turn, M)


def ray_rotations(K: Tensor, T_map_camera: Tensor, uv: Tensor) -> Tensor:
    """World rotation of the ray through each pixel: ``R = C M(r)`` so that ``R e_z`` is the ray in the map frame.

    Args:
        K: (..., 3, 3) intrinsics, pixels.
        T_map_camera: (..., 4, 4) poses of the optical frames.
        uv: (..., N, 2) pixels.

    Returns:
        (..., N, 3, 3) rotations.
    """
    pixels = torch.cat([uv, torch.ones_like(uv[..., :1])], dim=-1)
    rays = torch.linalg.solve(K.unsqueeze(-3), pixels.unsqueeze(-1)).squeeze(-1)
    rays = rays / rays.norm(dim=-1, keepdim=True)
    return T_map_camera[..., None, :3, :3] @ minimal_rotation(rays)


def wave_vectors(heads: int, count: int, config: CodeConfig) -> Tensor:
    """(heads, count, 3) wave vectors, radians per metre; every head gets wavelengths of the whole range."""
    total = heads * count
    steps = torch.arange(total, dtype=torch.float64) / max(total - 1, 1)
    wavelengths = config.shortest_m * (config.longest_m / config.shortest_m) ** steps
    if config.layout == "axes":
        axes = torch.arange(total) % 3
        wavelengths = wavelengths[3 * (torch.arange(total) // 3)]
        directions = torch.eye(3, dtype=torch.float64)[axes]
    else:  # a golden spiral, in an order that gives neighbours in wavelength unlike directions
        n = torch.arange(total, dtype=torch.float64)
        z = (n * 0.7548776662466927 + 0.5) % 1.0
        turn = 2.0 * math.pi * ((n * 0.5698402909980532 + 0.5) % 1.0)
        flat = torch.sqrt(1.0 - z * z)
        directions = torch.stack([flat * torch.cos(turn), flat * torch.sin(turn), z], dim=1)
    waves = directions * (2.0 * math.pi / wavelengths)[:, None]
    return waves.reshape(count, heads, 3).transpose(0, 1).contiguous().float()


@dataclass(frozen=True)
class Geometry:
    """What tokens are turned by, computed once for all layers.

    Attributes:
        rotation: (B, 1, N, 3, 3) world ray rotations, or None to turn nothing.
        cos, sin: (B, H, N, joint + waves) of the phases, or None.
    """

    rotation: Tensor | None
    cos: Tensor | None
    sin: Tensor | None


class RotaryCode(nn.Module):
    """Turns the channels of queries and keys; values stay as they are.

    Args:
        heads: number of heads.
        config: share-out of the channels.
    """

    waves: Tensor

    def __init__(self, heads: int, config: CodeConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("waves", wave_vectors(heads, config.joint + config.waves, config), persistent=False)

    def geometry(self, rotation: Tensor, points: Tensor) -> Geometry:
        """What a set of tokens is turned by.

        Args:
            rotation: (B, N, 3, 3) world ray rotations.
            points: (B, N, 3) metres, in any common frame with the axes of the world; a near origin keeps float32 sharp.
        """
        if self.config.mode == "none":
            return Geometry(None, None, None)
        if self.config.mode == "ray":
            return Geometry(rotation[:, None], None, None)
        phase = torch.einsum("bnc,hmc->bhnm", points, self.waves)
        return Geometry(rotation[:, None], phase.cos(), phase.sin())

    def forward(self, x: Tensor, geometry: Geometry) -> Tensor:
        """(B, H, N, head_dim) queries or keys -> turned ones, of the same lengths."""
        c = self.config
        ray, joint, pairs, content = x.split([3 * c.rays, 6 * c.joint, 2 * c.waves, c.content], dim=-1)
        if geometry.rotation is not None:
            ray = _rotated(ray, geometry.rotation)
            joint = _rotated(joint, geometry.rotation)
        if geometry.cos is not None and geometry.sin is not None:
            cos, sin = geometry.cos, geometry.sin
            joint = _phased(
                joint, cos[..., : c.joint].repeat_interleave(3, -1), sin[..., : c.joint].repeat_interleave(3, -1)
            )
            pairs = _phased(pairs, cos[..., c.joint :], sin[..., c.joint :])
        return torch.cat([ray, joint, pairs, content], dim=-1)


def _rotated(x: Tensor, rotation: Tensor) -> Tensor:
    """(B, H, N, 3 V) vectors turned by (B, 1, N, 3, 3)."""
    vectors = x.unflatten(-1, (-1, 3))
    return (vectors @ rotation.transpose(-1, -2)).flatten(-2)


def _phased(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """(B, H, N, 2 M) first and second halves turned as pairs by phases (B, H, N, M)."""
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)


class ViewRopeAttention(nn.Module):
    """Multi-head attention with a :class:`RotaryCode` on queries and keys, by ``scaled_dot_product_attention``.

    Args:
        dim: channels of the tokens.
        code: the rotary code; may be shared by several layers.
        heads: number of heads.
    """

    def __init__(self, dim: int, heads: int, code: RotaryCode) -> None:
        super().__init__()
        self.heads, self.code = heads, code
        inner = heads * code.config.head_dim
        self.query = nn.Linear(dim, inner, bias=False)
        self.key_value = nn.Linear(dim, 2 * inner, bias=False)
        self.out = nn.Linear(inner, dim, bias=False)

    def split(self, x: Tensor) -> Tensor:
        """(B, N, heads * head_dim) -> (B, heads, N, head_dim)."""
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def forward(
        self,
        x: Tensor,
        geometry: Geometry,
        mask: Tensor,
        context: Tensor | None = None,
        context_geometry: Geometry | None = None,
    ) -> Tensor:
        """Tokens attend to themselves or to a context.

        Args:
            x: (B, N, dim) tokens and their geometry.
            geometry: of ``x``.
            mask: (B, M) bool, True for tokens that may be attended to; M = N without a context.
            context: (B, M, dim) tokens that are attended to, if others.
            context_geometry: theirs.

        Returns:
            (B, N, dim).
        """
        source = x if context is None else context
        q = self.code(self.split(self.query(x)), geometry)
        k, v = self.key_value(source).chunk(2, dim=-1)
        k = self.code(self.split(k), context_geometry or geometry)
        allowed = mask | ~mask.any(dim=1, keepdim=True)  # a set of padding only would give NaN
        y = functional.scaled_dot_product_attention(q, k, self.split(v), attn_mask=allowed[:, None, None])
        return self.out(y.transpose(1, 2).flatten(2))


def pooled(x: Tensor, mask: Tensor) -> Tensor:
    """(B, H, N, D) turned queries or keys and (B, N) bool -> (B, H D) their means over the tokens of a frame."""
    weight = mask[:, None, :, None].to(x.dtype)
    return ((x * weight).sum(dim=2) / weight.sum(dim=2).clamp(min=1.0)).flatten(1)


def select_frames(query: Tensor, keys: Tensor, k: int, allowed: Tensor | None = None) -> Tensor:
    """The k frames whose pooled keys fit each pooled query best: one matrix product, linear in frames.

    Args:
        query: (Q, C) pooled queries.
        keys: (F, C) pooled keys of stored frames, computed once when a frame is stored.
        k: how many; all if there are fewer.
        allowed: (Q, F) or (F,) bool, which frames may be chosen.

    Returns:
        (Q, k) int64, best first.
    """
    score = query @ keys.T
    if allowed is not None:
        score = score.masked_fill(~allowed, -torch.inf)
    return score.topk(min(k, keys.shape[0]), dim=-1).indices


def frame_sparse_attention(
    query: Tensor, keys: Tensor, values: Tensor, pooled_keys: Tensor, k: int, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Queries attend to the tokens of the k best frames only: time and bytes grow with k, not with frames.

    Args:
        query: (B, H, N, D) turned queries; each of the B blocks chooses its own frames.
        keys: (F, H, P, D) turned keys of the stored frames.
        values: (F, H, P, D).
        pooled_keys: (F, H D), see :func:`pooled`.
        k: frames each block attends to.
        mask: (F, P) bool, True for real tokens.

    Returns:
        (B, H, N, D) and the chosen frames (B, k).
    """
    everything = torch.ones(query.shape[0], query.shape[2], dtype=torch.bool, device=query.device)
    chosen = select_frames(pooled(query, everything), pooled_keys, k)
    near_keys, near_values = (t[chosen].transpose(1, 2).flatten(2, 3) for t in (keys, values))
    allowed = None if mask is None else mask[chosen].flatten(1)[:, None, None]
    return functional.scaled_dot_product_attention(query, near_keys, near_values, attn_mask=allowed), chosen
