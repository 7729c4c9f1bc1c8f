"""Time-stamped tree of frames: what tf2's buffer does, without ROS. Shared by live nodes and bag readers."""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass, field

import numpy as np

from memory_agent_ros.geometry.se3 import Matrix, interpolate, inverse
from memory_agent_ros.records.errors import BadInputError


@dataclass
class _Edge:
    parent: str
    stamps: list[int] = field(default_factory=list)
    poses: dict[int, Matrix] = field(default_factory=dict)
    static: Matrix | None = None


class TransformTree:
    """Frames by name, each with its pose in its parent over time.

    Args:
        keep_ns: how much history each moving frame keeps, nanoseconds; 0 keeps everything (bags).
        extrapolate_ns: how far past the newest or before the oldest pose a lookup may reach (that pose is held).
    """

    def __init__(self, keep_ns: int = 0, extrapolate_ns: int = 0) -> None:
        self.keep_ns = keep_ns
        self.extrapolate_ns = extrapolate_ns
        self._edges: dict[str, _Edge] = {}

    def add(self, parent: str, child: str, stamp_ns: int, T_parent_child: Matrix, *, static: bool = False) -> None:
        """Store the pose of ``child`` in ``parent``; leading slashes are dropped.

        Raises:
            BadInputError: ``tf_not_finite`` for NaN or infinity, ``tf_self`` if a frame is its own parent.
        """
        parent, child = parent.lstrip("/"), child.lstrip("/")
        if not np.isfinite(T_parent_child).all():
            raise BadInputError("tf_not_finite", f"transform {parent} -> {child} holds NaN or infinity")
        if parent == child:
            raise BadInputError("tf_self", f"frame {child} is given as its own parent")
        edge = self._edges.setdefault(child, _Edge(parent))
        if edge.parent != parent:
            edge = self._edges[child] = _Edge(parent)
        if static:
            edge.static = T_parent_child
            return
        if stamp_ns not in edge.poses:
            insort(edge.stamps, stamp_ns)
        edge.poses[stamp_ns] = T_parent_child
        while self.keep_ns and edge.stamps[-1] - edge.stamps[0] > self.keep_ns:
            del edge.poses[edge.stamps.pop(0)]

    def clear(self) -> None:
        """Forget every moving pose (time ran back); static transforms stay."""
        self._edges = {child: e for child, e in self._edges.items() if e.static is not None}

    @property
    def frames(self) -> set[str]:
        """Names of all frames seen."""
        return set(self._edges) | {e.parent for e in self._edges.values()}

    def newest_ns(self, child: str) -> int | None:
        """Stamp of the newest pose of ``child`` in its parent; None if it is unknown or static."""
        edge = self._edges.get(child.lstrip("/"))
        return edge.stamps[-1] if edge and edge.stamps else None

    def lookup(self, target: str, source: str, stamp_ns: int) -> Matrix:
        """Pose of ``source`` in ``target`` at ``stamp_ns``: ``T_target_source`` (4, 4), interpolated.

        Raises:
            BadInputError: ``tf_unknown_frame``, ``tf_not_connected``, or ``tf_extrapolation`` (too early or too late).
        """
        target, source = target.lstrip("/"), source.lstrip("/")
        for name in (target, source):
            if name not in self.frames:
                raise BadInputError(
                    "tf_unknown_frame", f"frame '{name}' is in no transform; have {sorted(self.frames)}"
                )
        ups, downs = self.ancestors(source), self.ancestors(target)
        common = next((f for f in ups if f in downs), None)
        if common is None:
            raise BadInputError("tf_not_connected", f"no chain of transforms joins '{target}' and '{source}'")
        T_common_source = self._climb(source, common, stamp_ns)
        return inverse(self._climb(target, common, stamp_ns)) @ T_common_source

    def ancestors(self, name: str) -> list[str]:
        """``name``, its parent, and so on up to the root."""
        chain = [name.lstrip("/")]
        while chain[-1] in self._edges and len(chain) <= len(self._edges):
            chain.append(self._edges[chain[-1]].parent)
        return chain

    def _climb(self, name: str, ancestor: str, stamp_ns: int) -> Matrix:
        T = np.eye(4)
        while name != ancestor:
            T = self._pose_at(name, stamp_ns) @ T
            name = self._edges[name].parent
        return T

    def _pose_at(self, child: str, stamp_ns: int) -> Matrix:
        edge = self._edges[child]
        if edge.static is not None:
            return edge.static
        first, last = edge.stamps[0], edge.stamps[-1]
        if not first - self.extrapolate_ns <= stamp_ns <= last + self.extrapolate_ns:
            late = stamp_ns - last if stamp_ns > last else stamp_ns - first
            raise BadInputError(
                "tf_extrapolation",
                f"{edge.parent} -> {child} is known from {first / 1e9:.3f} to {last / 1e9:.3f} s, "
                f"asked at {stamp_ns / 1e9:.3f} s ({late / 1e9:+.3f} s)",
            )
        stamp = min(max(stamp_ns, first), last)
        i = bisect_left(edge.stamps, stamp)
        after = edge.stamps[i]
        if after == stamp:
            return edge.poses[after]
        before = edge.stamps[i - 1]
        return interpolate(edge.poses[before], edge.poses[after], (stamp - before) / (after - before))
