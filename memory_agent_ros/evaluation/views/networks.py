"""The learned arms: one small network, with another code in each arm, trained alike. Needs torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from memory_agent_ros.evaluation.training.covisibility import Pictures, ViewBatch, draw_batch, pictures, posed
from memory_agent_ros.evaluation.views.task import RecallTask, recall_at_5
from memory_agent_ros.memory.encoder_network import EncoderConfig, EncoderNetwork, TokenBatch, view_loss
from memory_agent_ros.memory.viewrope import CodeConfig

#: Arm -> mode of its codes.
ARMS = {"no_code": "none", "mlp_relative_pose": "none", "ray": "ray", "ray_point": "ray+point"}
_RATE, _DECAY = 2e-3, 0.01


class ArmNetwork(nn.Module):
    """A small encoder with a view head; ``mlp_relative_pose`` adds a term read off the relative pose of two cameras.

    Args:
        arm: a key of :data:`ARMS`.
    """

    def __init__(self, arm: str) -> None:
        super().__init__()
        mode = ARMS[arm]
        code = CodeConfig(mode, rays=1, joint=1, waves=4, content=8)
        view_code = CodeConfig(mode, rays=2, joint=8, waves=12, content=16, shortest_m=1.0, longest_m=16.0)
        self.encoder = EncoderNetwork(EncoderConfig(48, 1, 2, code, view_code))
        self.relative = nn.Sequential(nn.Linear(13, 64), nn.GELU(), nn.Linear(64, 64), nn.GELU(), nn.Linear(64, 1))
        self.with_pose = arm == "mlp_relative_pose"

    def pose_term(self, T_query: Tensor, T_stored: Tensor) -> Tensor | float:
        """(Q, F) of (Q, 4, 4) and (F, 4, 4) poses, or 0 in the arms without it."""
        if not self.with_pose:
            return 0.0
        R = torch.einsum("qba,fbc->qfac", T_query[:, :3, :3], T_stored[:, :3, :3])
        apart = T_stored[None, :, :3, 3] - T_query[:, None, :3, 3]
        t = torch.einsum("qba,qfb->qfa", T_query[:, :3, :3], apart)
        numbers = torch.cat([R.flatten(2), t / 3.0, t.norm(dim=-1, keepdim=True) / 3.0], dim=-1)
        return 5.0 * self.relative(numbers).squeeze(-1)

    def forward(self, batch: ViewBatch) -> Tensor:
        """(Q, F) scores."""
        return view_products(self.encoder, batch) + self.pose_term(batch.T_query, batch.T_candidate)


def view_products(encoder: EncoderNetwork, batch: ViewBatch) -> Tensor:
    """(Q, F) products of pooled queries and keys."""
    asking = encoder.views.queries(encoder(batch.queries), batch.queries)
    return asking @ encoder.views.keys(encoder(batch.candidates), batch.candidates).T


def train_arm(
    arm: str, seed: int, sets: Sequence[Pictures], val: Sequence[RecallTask], steps: int, *, progress: bool = False
) -> tuple[ArmNetwork, float]:
    """Train one arm; every arm gets the same batches of the same seed, steps and rates.

    Returns:
        the network at the best of four looks at ``val``, and its recall there.
    """
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    network = ArmNetwork(arm)
    rng = np.random.default_rng([seed, 4711])
    optimizer = torch.optim.AdamW(network.parameters(), lr=_RATE, weight_decay=_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE, total_steps=steps, pct_start=0.1)
    best, kept = -1.0, {k: v.clone() for k, v in network.state_dict().items()}
    looks = {steps * n // 4 for n in range(1, 5)}
    for step in tqdm(range(1, steps + 1), desc=f"train {arm} {seed}", disable=not progress, leave=False):
        batch = draw_batch(sets[int(rng.integers(len(sets)))], rng)
        loss = view_loss(network(batch), batch.covisible, batch.allowed)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step in looks:
            recall = float(np.mean([recall_at_5(task, scores(network, task)) for task in val]))
            if recall > best:
                best, kept = recall, {k: v.clone() for k, v in network.state_dict().items()}
    network.load_state_dict(kept)
    return network.eval(), best


def stored_and_asking(task: RecallTask) -> tuple[Pictures, TokenBatch, TokenBatch]:
    """All pictures of a task, and the tokens of its keyframes and queries about one origin."""
    both = np.concatenate([task.keyframes, task.queries])
    source = pictures(task.views, both, pairs=False)
    source = dataclasses.replace(source, origin=task.views.T_map_camera[task.keyframes, :3, 3].mean(axis=0))
    rows = np.arange(len(both))
    count = len(task.keyframes)
    stored = posed(source, rows[:count], task.views.T_map_camera[task.keyframes])
    return source, stored, posed(source, rows[count:], task.T_told)


def encoder_scores(encoder: EncoderNetwork, task: RecallTask) -> NDArray[np.float64]:
    """(Q, F) scores of a task by an encoder's view head."""
    _, stored, asking = stored_and_asking(task)
    with torch.inference_mode():
        product = encoder.views.queries(encoder(asking), asking) @ encoder.views.keys(encoder(stored), stored).T
    return np.asarray(product.double().numpy())


def scores(network: ArmNetwork, task: RecallTask) -> NDArray[np.float64]:
    """(Q, F) scores of a task by an arm."""
    T_query, T_stored = (torch.from_numpy(T).float() for T in (task.T_told, task.views.T_map_camera[task.keyframes]))
    with torch.inference_mode():
        bias = network.pose_term(T_query, T_stored)
    return encoder_scores(network.encoder, task) + np.asarray(bias)


def dense_scores(network: ArmNetwork, task: RecallTask, sharpness: float) -> NDArray[np.float64]:
    """(Q, F) share of the attention that each picture gets when every token attends to every token of every picture.

    Args:
        network: of the arm ``ray_point``.
        task: the task.
        sharpness: factor of the cosines in the softmax.
    """
    _, stored, asking = stored_and_asking(task)
    head, encoder = network.encoder.views, network.encoder
    out = np.zeros(task.allowed.shape)
    with torch.inference_mode():
        keys = nn.functional.normalize(head.turned(encoder(stored), stored, head.key), dim=-1)
        queries = nn.functional.normalize(head.turned(encoder(asking), asking, head.query), dim=-1)
        frames, heads, patches, _ = keys.shape
        flat = keys.transpose(0, 1).flatten(1, 2)
        for q in range(len(queries)):
            allowed = torch.from_numpy(task.allowed[q]).repeat_interleave(patches)
            if not allowed.any():
                continue
            logits = (sharpness * queries[q] @ flat.transpose(1, 2)).masked_fill(~allowed, -torch.inf)
            mass = logits.softmax(dim=-1).reshape(heads, -1, frames, patches)
            out[q] = mass.sum(dim=-1).mean(dim=(0, 1)).double().numpy()
    return out


def told_apart(network: ArmNetwork, task: RecallTask, distance_m: float, seed: int) -> float:
    """How often a keyframe scores higher against itself than against its copy moved aside; a tie counts half.

    The copy has the same picture and rotation, but stands ``distance_m`` away in a random horizontal direction.
    """
    count = len(task.keyframes)
    source, stored, _ = stored_and_asking(task)
    turn = np.random.default_rng([seed, 9]).uniform(0.0, 2.0 * np.pi, count)
    moved = task.views.T_map_camera[task.keyframes].copy()
    moved[:, :2, 3] += distance_m * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    aside = posed(source, np.arange(count), moved)
    head, encoder = network.encoder.views, network.encoder
    with torch.inference_mode():
        queries, keys = head.queries(encoder(stored), stored), head.keys(encoder(stored), stored)
        lead = ((queries * keys).sum(1) - (queries * head.keys(encoder(aside), aside)).sum(1)).numpy()
    return float(np.mean(np.where(np.abs(lead) < 1e-3, 0.5, lead > 0)))
