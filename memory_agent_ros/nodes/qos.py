"""The QoS profiles of the graph in docs/architecture.md, and why two ends do not match."""

from __future__ import annotations

from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    QoSCompatibility,
    QoSProfile,
    ReliabilityPolicy,
    qos_check_compatible,
)
from rclpy.qos_overriding_options import QoSOverridingOptions


def sensor(depth: int = 5, *, reliable: bool = False) -> QoSProfile:
    """Images and camera_info: best effort (matches every publisher), the newest ``depth``; ``reliable`` loses none."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.VOLATILE,
    )


def reliable(depth: int = 10) -> QoSProfile:
    """Odometry, observations (10), events (100), commands."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.VOLATILE,
    )


def latched(depth: int = 1) -> QoSProfile:
    """Markers, maps, labels: a late subscriber still gets the last ``depth``."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.TRANSIENT_LOCAL,
    )


def tf() -> QoSProfile:
    """``/tf`` as tf2 subscribes to it."""
    return reliable(100)


def tf_static() -> QoSProfile:
    """``/tf_static`` as tf2 subscribes to it."""
    return latched(100)


def overridable() -> QoSOverridingOptions:
    """History, depth and reliability may be set as ``qos_overrides.<topic>.<subscription|publisher>.*``."""
    return QoSOverridingOptions.with_default_policies()


def mismatch(offered: QoSProfile, requested: QoSProfile) -> str | None:
    """Why a publisher offering ``offered`` does not reach a subscriber asking ``requested``; None if it does."""
    compatibility, reason = qos_check_compatible(offered, requested)
    if compatibility != QoSCompatibility.ERROR:
        return None
    reasons = []
    if offered.reliability == ReliabilityPolicy.BEST_EFFORT and requested.reliability == ReliabilityPolicy.RELIABLE:
        reasons.append("it is best effort, we ask for reliable")
    if offered.durability == DurabilityPolicy.VOLATILE and requested.durability == DurabilityPolicy.TRANSIENT_LOCAL:
        reasons.append("it is volatile, we ask for transient local")
    return "; ".join(reasons) or str(reason)
