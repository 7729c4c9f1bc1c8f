"""How long a map remembers: what is too old, or too much, is forgotten as if somebody had asked for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from memory_agent_ros.memory.association.labels import normal_label
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.forgetting import ForgetRequest, Receipt
from memory_agent_ros.records.map_object import MapObject

#: Who asks, in receipts.
AUTHOR = "retention policy"
_DAY_NS = 86_400_000_000_000


@dataclass(frozen=True)
class RetentionConfig:
    """Parameters ``retention.*``; 0 everywhere keeps everything.

    Attributes:
        objects_days: objects not seen, and observations held back, for longer are erased, days, 0 to 36500 (0: never).
        history_days: of what was remembered longer ago, observations, pictures, thumbnails and events are erased, and
            the objects that no later picture shows, though they were seen since, days, 0 to 36500 (0: never).
        most_objects: beyond so many objects, those not seen longest are erased, 0 to 10000000 (0: no limit).
        label_days: limits of their own for some labels, as ``person=1, letter=7``; they win over objects_days.
        period_s: seconds between two looks at the policy, 1 to 86400.
    """

    objects_days: float = 0.0
    history_days: float = 0.0
    most_objects: int = 0
    label_days: str = ""
    period_s: float = 3600.0

    def __post_init__(self) -> None:
        for name in ("objects_days", "history_days", "most_objects"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise BadInputError("retention", f"retention.{name} must be 0 or more, got {getattr(self, name)}")
        self.labels()

    @property
    def keeps_everything(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.objects_days or self.history_days or self.most_objects or self.label_days.strip())

    def labels(self) -> dict[str, float]:
        """Label -> days.

        Raises:
            BadInputError: ``retention``.
        """
        found = {}
        for part in filter(None, (p.strip() for p in self.label_days.split(","))):
            label, _, days = part.rpartition("=")
            try:
                found[label.strip()] = float(days)
            except ValueError:
                found[label.strip()] = -1.0
            if not label.strip() or not 0 < found[label.strip()] < float("inf"):
                raise BadInputError("retention", f"retention.label_days is like person=1, letter=7; got {part!r}")
        return found


def due(memory: SpatialMemory, config: RetentionConfig, now_ns: int) -> list[ForgetRequest]:
    """What the policy wants forgotten now.

    Args:
        memory: of the map.
        config: the policy.
        now_ns: now, by the clock that stamps the images.
    """
    requests = []
    too_old = _too_old(memory, config, now_ns)
    if too_old:
        reason = f"objects_days={config.objects_days:g} label_days={config.label_days}: not seen for longer"
        requests.append(ForgetRequest(tuple(sorted(too_old)), author=AUTHOR, reason=reason))
    for label, horizon_ns in _held_too_long(memory, config, now_ns).items():
        reason = f"objects_days={config.objects_days:g} label_days={config.label_days}: in quarantine for longer"
        requests.append(ForgetRequest(label=label, until_ns=horizon_ns, author=AUTHOR, reason=reason))
    spare = _spare(memory, config, too_old)
    if spare:
        reason = f"most_objects={config.most_objects}: not seen longest"
        requests.append(ForgetRequest(tuple(sorted(spare)), author=AUTHOR, reason=reason))
    horizon = now_ns - int(config.history_days * _DAY_NS)
    if config.history_days and _remembers(memory, horizon):
        reason = f"history_days={config.history_days:g}: remembered longer ago"
        requests.append(ForgetRequest(until_ns=horizon, author=AUTHOR, reason=reason))
    return requests


def retain(memory: SpatialMemory, config: RetentionConfig, now_ns: int) -> list[Receipt]:
    """Apply the policy; returns the receipts of what was erased, which the map keeps too.

    Raises:
        StoreError: the map cannot be written; what was not erased is due again the next time.
    """
    before = len(memory.receipts())
    for request in due(memory, config, now_ns):
        memory.forget(request)
    return memory.receipts()[before:]


def _too_old(memory: SpatialMemory, config: RetentionConfig, now_ns: int) -> set[int]:
    """Ids of objects not seen for longer than they may be kept."""
    labels = config.labels()
    found: set[int] = set()
    for label, days in labels.items():
        found |= _ids(memory.find(label, until_ns=now_ns - int(days * _DAY_NS), limit=_size(memory)))
    if config.objects_days:
        old = memory.find(until_ns=now_ns - int(config.objects_days * _DAY_NS), limit=_size(memory))
        own_limit: set[int] = set()
        for label in labels:
            own_limit |= _ids(memory.find(label, limit=_size(memory)))
        found |= _ids(old) - own_limit
    return found


def _held_too_long(memory: SpatialMemory, config: RetentionConfig, now_ns: int) -> dict[str, int]:
    """Label -> stamp, for what is in quarantine and may be kept from then on only."""
    labels = {normal_label(label): days for label, days in config.labels().items()}
    found = {}
    for entry in memory.quarantine():
        days = labels.get(normal_label(entry.label), config.objects_days)
        horizon_ns = now_ns - int(days * _DAY_NS)
        if days and entry.stamp_ns <= horizon_ns:
            found[entry.label] = horizon_ns
    return found


def _spare(memory: SpatialMemory, config: RetentionConfig, leaving: set[int]) -> set[int]:
    """Ids of the objects beyond the limit that were not seen longest."""
    if not config.most_objects or _size(memory) - len(leaving) <= config.most_objects:
        return set()
    kept = [o for o in memory.objects() if o.id not in leaving]
    kept.sort(key=lambda o: (o.last_seen_ns, o.id))
    return {o.id for o in kept[: len(kept) - config.most_objects]}


def _remembers(memory: SpatialMemory, horizon_ns: int) -> bool:
    """Whether anything of before a stamp is still there."""
    held = any(entry.stamp_ns <= horizon_ns for entry in memory.quarantine())
    return held or any((stamps <= horizon_ns).any() for stamps in memory.sightings().values())


def _ids(objects: Iterable[MapObject]) -> set[int]:
    return {o.id for o in objects}


def _size(memory: SpatialMemory) -> int:
    """How many objects a memory shows."""
    return sum(memory.labels().values())
