"""The public face of the memory."""

from __future__ import annotations

import dataclasses
import logging
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.memory.anchors import anchors
from memory_agent_ros.memory.arguments import checked_limit, checked_point, checked_radius, checked_region
from memory_agent_ros.memory.association.admission import admit_frame, admit_observations
from memory_agent_ros.memory.association.appearance import usable_vector
from memory_agent_ros.memory.association.association import Associator, associate
from memory_agent_ros.memory.association.associators import make_associator
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.corrections.book import Corrected, CorrectionBook
from memory_agent_ros.memory.encoder import Encoder
from memory_agent_ros.memory.forgetting.forgetting import Forgetting
from memory_agent_ros.memory.forgetting.selection import selected, selected_held
from memory_agent_ros.memory.indexes import queries
from memory_agent_ros.memory.indexes.queries import Query
from memory_agent_ros.memory.indexes.query_planner import QueryPlanner
from memory_agent_ros.memory.ledger.ledger import Ledger
from memory_agent_ros.memory.map_state import MapState
from memory_agent_ros.memory.presence.expected_view import ExpectedObject, expected_objects
from memory_agent_ros.memory.presence.place_state import object_state, place_state
from memory_agent_ros.memory.presence.sight import residual_of
from memory_agent_ros.memory.sessions import map_merge
from memory_agent_ros.memory.sessions.relocalisation import RelocalisationConfig, relocalise
from memory_agent_ros.memory.sessions.surfaces import Surfaces
from memory_agent_ros.memory.storage import archive, verification
from memory_agent_ros.memory.storage.persistence import Persistence
from memory_agent_ros.memory.storage.store import Store
from memory_agent_ros.memory.storage.stores import open_store
from memory_agent_ros.memory.storage.tip_book import TipBook
from memory_agent_ros.memory.structure.select import related_ids
from memory_agent_ros.memory.structure.structure import Structure
from memory_agent_ros.memory.track import Track
from memory_agent_ros.memory.trust.hearing import hear
from memory_agent_ros.memory.trust.provenance import provenance_of
from memory_agent_ros.memory.trust.quarantine import Quarantine
from memory_agent_ros.memory.views.patch_features import PatchFeatures
from memory_agent_ros.memory.views.recall import ViewRecall
from memory_agent_ros.perception.protocols import TextEmbedder
from memory_agent_ros.records.anchor import AnchorPose
from memory_agent_ros.records.answer import AnswerState
from memory_agent_ros.records.camera import Camera
from memory_agent_ros.records.errors import BadInputError, MemoryAgentError, StoreError
from memory_agent_ros.records.event import MemoryEvent
from memory_agent_ros.records.forgetting import ForgetRequest, Receipt
from memory_agent_ros.records.frame import Frame
from memory_agent_ros.records.keyframe import Keyframe
from memory_agent_ros.records.map_object import MapObject, ObjectState
from memory_agent_ros.records.object_query import ObjectQuery, RelationTarget, relation_kind
from memory_agent_ros.records.observation import Observation
from memory_agent_ros.records.provenance import Provenance, SourceStatus
from memory_agent_ros.records.quarantine import Quarantined
from memory_agent_ros.records.recalled_view import RecalledView
from memory_agent_ros.records.region import Region
from memory_agent_ros.records.relation import Relation, RelationKind
from memory_agent_ros.records.relocalisation import Relocalisation
from memory_agent_ros.records.residual import ViewResidual
from memory_agent_ros.records.room import Room, rooms_called
from memory_agent_ros.records.sighting import Sighting


class SpatialMemory:
    """Objects in space, as one robot has seen them, in one file. Safe to call from several threads.

    Open with :meth:`open`; it implements :class:`~memory_agent_ros.reasoning.memory_reader.MemoryReader`. All geometry
    is in the map frame of the first image. A read-only memory follows what another process writes into the same file.
    """

    def __init__(self, store: Store, config: MemoryConfig, persistence: Persistence, state: MapState) -> None:
        self.config = config
        self._store = store
        self._persistence = persistence
        self._state = state
        self._matcher = queries.TextMatcher(None, config.text_similarity)
        self._planner = QueryPlanner(store, self._center)
        self._structure = Structure(config)
        self._structure.load(store)
        self._recall = ViewRecall(Encoder.load_default)
        self.forgetting = Forgetting(store, config)
        self._lock = threading.RLock()
        self._closed = False
        self._version = -1
        self._associator: Associator = associate
        self._assignments: tuple[int, ...] = ()

    @classmethod
    def open(
        cls,
        path: Path | str | None,
        config: MemoryConfig | None = None,
        *,
        text_embedder: TextEmbedder | None = None,
        read_only: bool = False,
        associator: Associator | None = None,
    ) -> SpatialMemory:
        """Open a map, or create it if there is none; ``None`` keeps the map in working memory.

        Args:
            path: the file, ``postgresql://[user@]host/database?map=NAME`` for a map on a server, or None.
            config: parameters.
            text_embedder: for queries by free text.
            read_only: follow what another process writes.
            associator: another way to tell which object a detection shows; None takes the one that
                ``config.association`` names.

        Raises:
            StoreError: no map, damaged, of a newer schema, or open for writing elsewhere; the file is left as it is.
            BadInputError: ``association_unknown``.
        """
        config = config or MemoryConfig()
        chosen = associator or make_associator(config.association)
        store = open_store(
            path, read_only=read_only, trial=lambda copy: Persistence(copy, config or MemoryConfig()).load()
        )
        persistence = Persistence(store, config)
        try:
            persistence.check()
            memory = cls(store, config, persistence, persistence.load())
        except MemoryAgentError as error:  # a record that refuses what a row holds is damage too
            store.close()
            raise StoreError(
                f"{store.place} is damaged ({error}); restore it from a copy, it was left as it is"
            ) from error
        try:
            store.settle()
        except StoreError:
            store.close()
            raise
        memory._version = store.data_version()
        memory._matcher = queries.TextMatcher(text_embedder, config.text_similarity)
        memory._associator = chosen
        return memory

    @property
    def path(self) -> Path | None:
        """The map file, None if it is in working memory or on a server."""
        return self._store.path

    @property
    def place(self) -> str:
        """Where the map is, for people: its file, its server without passwords, or working memory."""
        return self._store.place

    @property
    def last_stamp_ns(self) -> int | None:
        """Stamp of the last accepted image, None before the first."""
        state = self._current()
        return state.last_stamp_ns if state.frame_id else None

    @property
    def map_revision(self) -> int:
        """Revision of the map frame."""
        return self._current().map_revision

    @property
    def frame_id(self) -> str:
        """World frame of all geometry, "" before the first image."""
        return self._current().frame_id

    @property
    def stats(self) -> Mapping[str, int]:
        """Counters since opening: ``frames_accepted``, ``refused.<reason>``, ``tentative_dropped``, ``fragments``."""
        return dict(self._state.stats)

    @property
    def tips(self) -> TipBook:
        """What agents wrote down for themselves after their episodes; forgetting an object erases tips about it."""
        return TipBook(self._store, self._lock, self.config.tips_per_domain)

    @property
    def ledger(self) -> Ledger:
        """What made and changed the map, in order, signed: to be verified and proved from."""
        return Ledger(self._store, self._lock, lambda object_id: self._current().resolve(object_id).id)

    @property
    def assignments(self) -> tuple[int, ...]:
        """Per observation of the last accepted image, in the order given, the id of the object it was put to.

        0 if it was refused or is of no object. The object may be tentative, and may be dropped or merged away later.
        """
        return self._assignments

    def observe(self, frame: Frame, observations: Sequence[Observation]) -> list[MemoryEvent]:
        """Take in one image with everything detected in it (nothing is evidence too); commit; return what changed.

        What looks injected is held back (:meth:`quarantine`), a whole image whose camera cannot be where it says too.

        Raises:
            BadInputError: ``stamp_runs_back``, ``frame_id_mismatch``, ``pose_not_finite``, ``pose_uncertain``; nothing
                is stored. Single unusable observations are left out and counted in :attr:`stats`.
            StoreError: the file cannot be written; the step is kept and goes out with the next. Once too many wait,
                the image is not taken in.
        """
        with self._lock:
            self._writable()
            self._persistence.make_room(self._state)
            admit_frame(frame, self._state, self.config)
            admitted = admit_observations(frame, observations, self._state, self.config)
            frame, usable = self.forgetting.refusals.screen(frame, admitted)
            self._state.stats["observation.never_again"] += len(admitted) - len(usable)
            self._state.frame_id = frame.frame_id
            events: list[MemoryEvent] = []
            unwritten: StoreError | None = None
            for changes, taken in hear(self._state, frame, usable, self.config, self._associator):
                assigned = {id(o): track_id for o, track_id in zip(taken, changes.assigned, strict=True)}
                self._assignments = tuple(assigned.get(id(o), 0) for o in observations)
                try:
                    self._persistence.write(self._state, changes)
                    unwritten = None  # what waited went out with it
                except StoreError as error:  # it is kept: the steps after it are still to be made
                    unwritten = error
                events += changes.events
            if unwritten is not None:
                raise unwritten
            return events

    def objects(self, include_tentative: bool = False) -> list[MapObject]:
        """All objects, present and gone, by id."""
        with self._lock:
            tracks = self._current().tracks.scan()
            return [self._record(t) for t in tracks if t.confirmed or (include_tentative and not t.by_hand.deleted)]

    def labels(self) -> dict[str, int]:
        """What confirmed objects are called, by label: how many there are of each, present and gone; loads none."""
        with self._lock:
            return self._current().tracks.confirmed_labels()

    def get(self, object_id: int) -> MapObject:
        """One object with its evidence; the id of an object that was merged away gives the survivor.

        Raises:
            BadInputError: ``unknown_object``.
        """
        track = self._current().resolve(object_id)
        if track.by_hand.deleted:
            raise BadInputError("unknown_object", f"object {object_id} was deleted by hand; to get it back, undo that")
        return self._answer(track)

    def find(
        self,
        label: str | None = None,
        *,
        text: str | None = None,
        region: Region | None = None,
        state: ObjectState | None = None,
        since_ns: int | None = None,
        until_ns: int | None = None,
        limit: int = 20,
        room: str | int | None = None,
        relation: tuple[RelationKind | str, RelationTarget] | None = None,
        like: int | NDArray[np.floating] | None = None,
    ) -> list[MapObject]:
        """Confirmed objects by label (any case, singular or plural) and/or free text, best first.

        Args:
            label: what they are called.
            text: the same in free words.
            region: where their centre is.
            state: present or gone; both if None.
            since_ns: only those last seen at this stamp or later.
            until_ns: only those last seen at this stamp or before.
            limit: how many at most.
            room: id or name of the room they stand (or stood) in.
            relation: (kind, other thing) of theirs; only present objects have any. The other thing is a name, an id,
                ids, or an :class:`ObjectQuery`, so that queries nest: ``("on", ObjectQuery("counter", "kitchen"))``.
            like: an object, by id, or a (D,) appearance vector: the others that look most like it come first, and their
                relevance is the cosine. Objects without an appearance of that dimension are left out.

        Raises:
            BadInputError: ``relation_unknown``, ``unknown_object``, ``object_without_appearance``,
                ``appearance_unusable``.
        """
        gone = None if state is None else state is ObjectState.GONE
        query = Query(label, text, checked_region(region), _stamps(since_ns, until_ns), gone, self._like(like))
        if room is None and relation is None:
            return self._answers(self._best(query, checked_limit(limit)))
        ranked = self._best(query)
        if room is not None or relation is not None:
            chosen = self._selected([t for _, t in ranked], room, relation)
            ranked = [(r, t) for r, t in ranked if t.id in chosen]
        return self._answers(ranked[: checked_limit(limit)])

    def near(
        self,
        center: NDArray[np.float64] | None = None,
        *,
        object_id: int | None = None,
        radius_m: float = 1.0,
        label: str | None = None,
        limit: int = 20,
    ) -> list[MapObject]:
        """Present objects whose box is within ``radius_m`` of a map point or of an object, nearest first.

        Raises:
            BadInputError: ``near_needs_place`` without (or with both) point and object, ``unknown_object``.
        """
        if (center is None) == (object_id is None):
            raise BadInputError("near_needs_place", "give either a center (3,) or an object_id")
        radius_m = checked_radius(radius_m)
        with self._lock:
            state = self._current()
            if object_id is not None:
                own = state.resolve(object_id)
                half = own.box(self.config).size / 2
                low, high = own.cloud.points.min(axis=0) - half, own.cloud.points.max(axis=0) + half
                present = self._around(low, high, radius_m, label)
                measured = [(queries.distance_between(own, t, self.config), t) for t in present if t.id != own.id]
            else:
                point = checked_point(np.asarray(center))
                present = self._around(point, point, radius_m, label)
                measured = [(queries.box_distance(t.box(self.config), point), t) for t in present]
        close = sorted(((d, t) for d, t in measured if d <= radius_m), key=lambda dt: (dt[0], dt[1].id))
        return self._answers([(1.0 - d / (radius_m + 1e-9), t) for d, t in close[: checked_limit(limit)]])

    def last_seen(self, label: str | None = None, *, text: str | None = None) -> MapObject | None:
        """The matching object seen most recently, present or gone; None if none was ever seen."""
        with self._lock:
            state = self._current()
            if self._persistence.behind:
                ranked = self._best(Query(label, text))
                found = max(ranked, key=lambda rt: (rt[1].last_seen_ns, rt[0]), default=None)
            else:
                latest = self._planner.latest(Query(label, text), self._matcher)
                found = None if latest is None else (latest[0], next(state.tracks.scan([latest[1]])))
            return None if found is None else self._answer(found[1], found[0])

    def count(self, label: str | None = None, *, text: str | None = None, region: Region | None = None) -> int:
        """How many matching objects are present."""
        query = Query(label, text, checked_region(region), gone=False)
        with self._lock:
            self._current()
            return len(self._best(query)) if self._persistence.behind else self._planner.count(query, self._matcher)

    def history(self, object_id: int) -> list[MemoryEvent]:
        """All events of one object, and of those merged into it, oldest first.

        Raises:
            BadInputError: ``unknown_object``.
        """
        state = self._current()
        return archive.events_of(self._store, sorted(state.absorbed_ids(state.resolve(object_id).id)))

    def changes(self, since_ns: int = 0) -> list[MemoryEvent]:
        """Events other than ``updated`` with a stamp at or after ``since_ns``, oldest first."""
        return archive.events_since(self._store, since_ns)

    def sightings(self) -> dict[int, NDArray[np.int64]]:
        """Object id -> (N,) stamps at which it was observed, as far as they are logged, ascending."""
        self._current()
        return archive.sightings(self._store)

    def observed_near(self, center: NDArray[np.float64], radius_m: float = 0.5) -> list[Sighting]:
        """Observations within ``radius_m`` of a (3,) map point, as they were detected and logged, oldest first."""
        self._current()
        return archive.observed_near(self._store, checked_point(center), checked_radius(radius_m))

    def rooms(self) -> list[Room]:
        """Rooms found in the free space that was seen, by id, with names, doors and things."""
        with self._lock:
            now = self._structure.snapshot(self._current())
        found = list(self._structure.rooms(now))
        try:
            with self._lock:
                self._structure.save(self._store)
        except StoreError as error:  # the answer is right all the same; the names are written another time
            logging.getLogger(__name__).warning("the names of rooms are not in the map yet: %s", error)
        return found

    def room_of(self, object_id: int) -> Room | None:
        """The room an object stands in, or stood in; None if it is in no known room.

        Raises:
            BadInputError: ``unknown_object``.
        """
        with self._lock:
            track = self._current().resolve(object_id)
            now, place = self._structure.snapshot(self._state), track.box(self.config).center
        room_id = self._structure.rooms_at(now, place[None])[0]
        return next((r for r in self.rooms() if r.id == room_id), None)

    def name_room(self, room_id: int, name: str) -> Room:
        """Call a room by a name of your own; "" lets its things name it again.

        Raises:
            BadInputError: ``unknown_room``.
        """
        with self._lock:
            self._writable()
            if room_id not in {r.id for r in self.rooms()}:
                raise BadInputError("unknown_room", f"no room {room_id} in the map; list them with rooms()")
            self._structure.name_room(room_id, name.strip())
            self.rooms()
            self._structure.save(self._store)
            return next(r for r in self.rooms() if r.id == room_id)

    def relations(
        self, object_id: int | None = None, kinds: Sequence[RelationKind | str] | None = None
    ) -> list[Relation]:
        """Relations of present objects: all, or those an object is part of, of some kinds or of all.

        Raises:
            BadInputError: ``unknown_object``, ``relation_unknown``.
        """
        wanted = set(RelationKind) if kinds is None else {relation_kind(k) for k in kinds}
        with self._lock:
            now = self._structure.snapshot(self._current())
            own = None if object_id is None else self._state.resolve(object_id).id
        found = [r for r in self._structure.relations(now) if r.kind in wanted]
        return found if own is None else [r for r in found if own in (r.subject_id, r.object_id)]

    def keyframe(self, keyframe_id: int) -> Keyframe:
        """One remembered picture.

        Raises:
            BadInputError: ``unknown_keyframe``.
        """
        return archive.keyframe(self._store, keyframe_id)

    def keyframe_ids(self) -> list[int]:
        """Ids of all remembered pictures, oldest first."""
        return archive.keyframe_ids(self._store)

    def recall_views(
        self,
        T_map_camera: NDArray[np.float64],
        k: int = 5,
        camera: Camera | None = None,
        features: PatchFeatures | None = None,
    ) -> list[RecalledView]:
        """Stored pictures that look at the same place as a camera at a pose, best first; see :mod:`recall`.

        Args:
            T_map_camera: (4, 4) pose of the optical frame.
            k: how many at most.
            camera: its intrinsics; those of the newest stored picture if None.
            features: patches of a picture taken there; without, the map tells what would be seen.
        """
        with self._lock:
            pose = np.asarray(T_map_camera, dtype=np.float64).reshape(4, 4)
            return self._recall.at_pose(self._current(), self._store, pose, camera, features, k)

    def recall_place(self, center: NDArray[np.float64], radius_m: float = 1.0, k: int = 5) -> list[RecalledView]:
        """Stored pictures that show the surfaces within ``radius_m`` of a (3,) map point, best first."""
        with self._lock:
            point, radius_m = checked_point(center), checked_radius(radius_m)
            return self._recall.at_place(self._current(), self._store, point, radius_m, k)

    def expected_view(
        self,
        camera: Camera,
        T_map_camera: NDArray[np.float64],
        depth_m: NDArray[np.float32] | None = None,
        depth_camera: Camera | None = None,
    ) -> list[ExpectedObject]:
        """What a camera at a pose should see of the present objects, nearest first; see :mod:`expected_view`."""
        tracks = [t for t in self._current().tracks.scan() if t.confirmed and not t.gone]
        return expected_objects(tracks, camera, T_map_camera, depth_m, depth_camera, self._state.detector, self.config)

    def state_at(self, place: int | NDArray[np.float64], since_ns: int = 0, radius_m: float = 0.1) -> AnswerState:
        """Seen, gone or unknown (not looked at): an object, by id, or a (3,) map point; see :mod:`place_state`.

        Only what was looked at from ``since_ns`` on counts.

        Raises:
            BadInputError: ``unknown_object``, ``position_not_finite``.
        """
        with self._lock:
            state = self._current()
            if isinstance(place, int | np.integer):
                return object_state(state.resolve(int(place)), since_ns)
            point, radius_m = checked_point(place), checked_radius(radius_m)
            state.tracks.sync()
            rows = state.tracks.index.touching(point - radius_m, point + radius_m)
            near = [t for t in state.tracks.take(rows["id"].tolist()) if t.confirmed]
            return place_state(point, radius_m, since_ns, near, state.looks, self.config)

    @property
    def last_residual(self) -> ViewResidual | None:
        """The last accepted image against what was expected in it; None before the first since opening."""
        return self._state.last_residual

    def residual(self, frame: Frame, observations: Sequence[Observation]) -> ViewResidual:
        """An image against what the memory expects in it; the memory stays as it is.

        Which observation shows which object is decided as :meth:`observe` does. For the image just taken in,
        :attr:`last_residual` has the same without a second projection.
        """
        with self._lock:
            return residual_of(self._current(), frame, observations, self.config, self._associator)

    def relocalise(self, other: SpatialMemory, config: RelocalisationConfig | None = None) -> Relocalisation | None:
        """Where the frame of ``other`` lies in this map, from the objects and surfaces both hold; changes nothing.

        None if no pose is sure: too few objects in common, another place, or several places that look alike.
        """
        with self._lock:
            mine, its = self._current(), other._current()
            return relocalise(
                self.objects(),
                other.objects(),
                appearance=mine.appearance,
                stored_surfaces=Surfaces(mine.looks.records),
                local_surfaces=Surfaces(its.looks.records),
                config=config,
            )

    def merge(
        self, other: SpatialMemory | Path | str, T_map_other: NDArray[np.float64] | None = None
    ) -> list[MemoryEvent]:
        """Take in all that another map remembers: objects, observations, pictures, looks and events.

        Objects at the same place become one and keep their id here; each object that comes in gets a fresh id, which
        for those becomes another name (an event says which). What one map saw empty after the other saw something
        there is gone, or moved if it appears elsewhere. All in one transaction; ``other`` is left as it is.

        Args:
            other: the other map, open or its file.
            T_map_other: (4, 4) maps points of the other map's frame into this one's, a turn about z and a shift; the
                identity if both share a frame. None relocalises it first.

        Raises:
            BadInputError: ``merge_with_itself``, ``not_relocalised``, ``transform_not_rigid``,
                ``transform_not_upright``; nothing is changed.
            StoreError: the file cannot be written; nothing is changed.
        """
        if not isinstance(other, SpatialMemory):
            with SpatialMemory.open(other, self.config, read_only=True) as opened:
                return self.merge(opened, T_map_other)
        if other is self:
            raise BadInputError("merge_with_itself", "a map cannot be merged with itself; name another one")
        with self._lock, other._lock:
            self._writable()
            theirs = other._current()
            T = self._transform_of(other) if T_map_other is None else map_merge.check_transform(T_map_other)
            self._persistence.flush(self._state)
            self._state.frame_id = self._state.frame_id or theirs.frame_id
            name = other.path.name if other.path is not None else "another map"
            coming = map_merge.incoming(self._state, theirs, other._store, T)
            stats = self._state.stats
            try:
                changes = map_merge.combine(self._state, coming, T, name, self.config)
                self._persistence.write(self._state, changes)
            finally:
                self._persistence.discard()
                self._state = self._persistence.load()
                self._state.stats = stats
            refused = self.forgetting.refusals.among(self._state.tracks.scan())
            if refused:
                self.forget(ForgetRequest(tuple(refused), reason="refused by a rule when another map was merged"))
            return changes.events

    def _transform_of(self, other: SpatialMemory) -> NDArray[np.float64]:
        if not self._state.tracks:
            return np.eye(4)
        found = self.relocalise(other)
        if found is None:
            raise BadInputError(
                "not_relocalised",
                "no pose of the other map in this one is sure: too few objects in common, another place, or places "
                "that look alike; give the transform if you know it",
            )
        return found.T_map_local

    def anchor_poses(self) -> dict[int, AnchorPose]:
        """The pose nodes on which all geometry hangs, by id, oldest first."""
        with self._lock:
            return anchors.anchor_poses(self._current())

    def object_anchors(self) -> dict[int, int]:
        """Confirmed object id -> id of the anchor that most of its points hang on; see :meth:`anchor_poses`."""
        with self._lock:
            hung = {t.id: t.cloud.anchors[t.cloud.anchors > 0] for t in self._current().tracks.values() if t.confirmed}
        return {i: int(np.bincount(rows).argmax()) for i, rows in hung.items() if len(rows)}

    def reanchor(self, keyframe_poses: Mapping[int, NDArray[np.float64]], map_revision: int) -> list[MemoryEvent]:
        """Move the whole map to new (4, 4) camera poses of anchors, after a loop closure or a jump of the map frame.

        Anchors not named get the correction between their named neighbours in time (the nearest one's beyond the ends).
        Objects that drift had torn apart become one, those it had mixed are taken apart, and what only seemed gone is
        present again. Returns what changed; the last event, ``reanchored``, stands for the whole map.

        Raises:
            BadInputError: ``map_revision_runs_back``, ``no_anchors``, ``unknown_anchor``, ``pose_not_rigid``.
            StoreError: the file cannot be written; the correction is kept and goes out with the next step.
        """
        with self._lock:
            self._writable()
            self._persistence.flush(self._state)
            changes = anchors.reanchor(self._state, self._store, keyframe_poses, map_revision, self.config)
            self._persistence.write(self._state, changes)
            self._persistence.load_book(self._state)
            return changes.events

    @property
    def corrections(self) -> CorrectionBook:
        """What people have put right, with who and why; it outranks detections until it is undone."""
        return CorrectionBook(self._store, self._persistence, self.config, self._lock, self._current, self._writable)

    def relabel(self, object_id: int, label: str, reason: str, author: str = "operator") -> MemoryEvent:
        """:meth:`CorrectionBook.relabel`; returns its event."""
        return self.corrections.relabel(object_id, label, author=author, reason=reason).event

    def move(
        self, object_id: int, position_m: NDArray[np.float64], reason: str, author: str = "operator"
    ) -> MemoryEvent:
        """:meth:`CorrectionBook.move`; returns its event."""
        return self.corrections.move(object_id, position_m, author=author, reason=reason).event

    def merge_objects(self, keep_id: int, other_id: int, reason: str, author: str = "operator") -> MemoryEvent:
        """:meth:`CorrectionBook.merge`; returns its event."""
        return self.corrections.merge(keep_id, other_id, author=author, reason=reason).event

    def forget(
        self,
        object_ids: Sequence[int] | ForgetRequest = (),
        label: str | None = None,
        region: Region | None = None,
    ) -> list[int]:
        """Erase objects for good: what a request says, or those named and those of ``label`` and/or in ``region``.

        Keys, rows, points, events, their part of every picture and of every depth thumbnail leave the file; tips and
        what :meth:`Forgetting.tell` was told of go with them. Returns the ids erased; :meth:`receipts` has the rest.

        Raises:
            BadInputError: ``unknown_object``, ``object_without_appearance``, ``appearance_unusable``,
                ``refusal_unspecific``, ``unknown_room``.
            StoreError: the file cannot be written; nothing was erased from it.
        """
        request = object_ids
        if not isinstance(request, ForgetRequest):
            request = ForgetRequest(tuple(int(i) for i in request), label, region=region)
        with self._lock:
            self._writable()
            self._persistence.flush(self._state)  # what waits to be written may be meant too
            rooms = [] if request.room is None else rooms_called(self.rooms(), request.room)
            tracks = selected(
                request, self._state, self._store, self._matcher, self.config,
                lambda among, room: self._selected(among, room, None),
            )  # fmt: skip
            outlines = [r.polygon for r in rooms]
            rule = self.forgetting.rule(request, tracks, self._state, outlines)
            held = selected_held(request, self._quarantine.rows(), tracks, outlines, self._state, self.config)
            if not tracks and rule is None and request.span is None and not held:
                return []
            try:
                receipt = self.forgetting.erase(self._state, tracks, request, rule, self._persistence.note, held)
            finally:
                self._let_go()
            return list(receipt.object_ids)

    def _let_go(self) -> None:
        """Nothing derived from what was erased stays in working memory."""
        stats = self._state.stats
        self._state = self._persistence.load()
        self._state.stats = stats
        self._planner.appearance.reset()
        self._matcher.forget()
        self._structure.reset()
        self._recall.clear()

    def receipts(self) -> list[Receipt]:
        """What was forgotten on request so far, oldest first."""
        with self._lock:
            self._current()
            return self.forgetting.receipts()

    @property
    def _quarantine(self) -> Quarantine:
        return Quarantine(
            self._store, self._persistence, self.config, self._lock, self._associator, self.forgetting.refusals,
            self._current, self._writable,
        )  # fmt: skip

    def quarantine(self) -> list[Quarantined]:
        """What looked injected and is held back, oldest first; see :class:`QuarantineConfig`."""
        return self._quarantine.all()

    def quarantine_counts(self) -> Mapping[str, int]:
        """How many observations are held back, by reason; opens none of them."""
        return self._quarantine.counts()

    def release(self, held_id: int, *, author: str, reason: str) -> Corrected:
        """:meth:`Quarantine.release`."""
        return self._quarantine.release(held_id, author=author, reason=reason)

    def discard(self, held_id: int, *, author: str, reason: str) -> Corrected:
        """:meth:`Quarantine.discard`."""
        return self._quarantine.discard(held_id, author=author, reason=reason)

    @property
    def sources(self) -> list[SourceStatus]:
        """Who has told what is in the map, by id, and how far each is believed."""
        with self._lock:
            book = self._current().sources
            return [book.status(record) for record in book]

    def provenance(self, object_id: int) -> Provenance:
        """From which observations, sensors, models and corrections an object comes.

        Raises:
            BadInputError: ``unknown_object``.
        """
        with self._lock:
            return provenance_of(self._store, self._current(), object_id, self.config)

    def verify(self) -> list[str]:
        """Problems of the map, one sentence each; empty if it is sound."""
        with self._lock:
            found = verification.problems(self._store, self._current())
            return found + [finding.text for finding in self.ledger.verify()]

    def save(self, path: Path | str | None = None, *, keys: bool = True) -> Path:
        """Write everything to the map file, or a consistent copy to ``path``; returns the file.

        A copy without ``keys`` can be read only with the keys that this map still has: it forgets with the map.

        Raises:
            StoreError: it cannot be written, or the map is in no file and no path is given.
        """
        with self._lock:
            target = self._store.path if path is None else Path(path)
            if target is None:
                raise StoreError(f"this map is in no file but {self._store.place}; give a path to save a copy to")
            if not self._store.read_only:
                self._persistence.flush(self._state)
                self._planner.appearance.save()
            same = self._store.path is not None and target.absolute() == self._store.path.absolute()
            if same:
                self._store.checkpoint()
            else:
                self._store.copy_to(target, keys=keys)
            return target

    def close(self) -> None:
        """Write everything and leave one self-contained file. A closed memory may be closed again."""
        with self._lock:
            if self._closed:
                return
            try:
                if not self._store.read_only:
                    self._persistence.flush(self._state)
                    self._planner.appearance.save()
            except StoreError as error:
                if self._persistence.behind:
                    raise StoreError(f"{error}; the steps that waited to be written are lost") from error
                raise
            finally:
                self._closed = True
                self._store.close()

    def __enter__(self) -> SpatialMemory:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _current(self) -> MapState:
        """Working state; a reader takes over what the writer has committed since."""
        with self._lock:
            if self._closed:
                raise StoreError("this memory is closed; open it again")
            if self._store.read_only:
                version = self._store.data_version()
                if version != self._version:
                    stats = self._state.stats
                    self._state, self._version = self._persistence.load(), version
                    self._structure.load(self._store)
                    self.forgetting.refusals.reload()
                    self._state.stats = stats
                self._state.tracks.trim()
            return self._state

    def _writable(self) -> None:
        if self._closed:
            raise StoreError("this memory is closed; open it again")
        if self._store.read_only:
            raise StoreError("this map was opened read-only; open it without read_only to change it")

    def _ranked(self, label: str | None, text: str | None, region: Region | None) -> list[tuple[float, Track]]:
        return self._best(Query(label, text, region))

    def _best(self, query: Query, limit: int | None = None) -> list[tuple[float, Track]]:
        """What fits a query, best first: from the indexes of the file, or one by one while it is behind."""
        with self._lock:
            tracks = self._current().tracks
            if self._persistence.behind:
                return queries.rank(tracks.scan(), self._matcher, self.config, query)[:limit]
            found = self._planner.ranked(query, self._matcher, limit)
            return list(zip((r for r, _ in found), tracks.scan([i for _, i in found]), strict=True))

    def _like(self, like: int | NDArray[np.floating] | None) -> queries.Like | None:
        """What an object or a vector looks like."""
        if like is None:
            return None
        if not isinstance(like, int | np.integer):
            return queries.Like(usable_vector(like))
        with self._lock:
            track = self._current().resolve(int(like))
            vector = track.bank.mean()
        if vector is None:
            raise BadInputError("object_without_appearance", f"object {like} was seen without an appearance vector")
        return queries.Like(vector, track.id)

    def _around(
        self, low: NDArray[np.float64], high: NDArray[np.float64], radius_m: float, label: str | None
    ) -> list[Track]:
        """Present objects that may be within a radius of a box."""
        tracks = self._state.tracks
        if self._persistence.behind:
            return [t for _, t in queries.rank(tracks.scan(), self._matcher, self.config, Query(label, gone=False))]
        return list(tracks.scan(self._planner.around(low, high, radius_m, label)))

    def _center(self, object_id: int) -> NDArray[np.float64]:
        return next(self._state.tracks.scan([object_id])).box(self.config).center

    def _selected(
        self,
        tracks: Sequence[Track],
        room: str | int | None,
        relation: tuple[RelationKind | str, RelationTarget] | None,
    ) -> set[int]:
        """Ids of those tracks that stand in a room and in a relation."""
        chosen = {t.id for t in tracks}
        if room is not None and chosen:
            wanted = {r.id for r in rooms_called(self.rooms(), room)}
            with self._lock:
                now = self._structure.snapshot(self._current())
                places = np.array([t.box(self.config).center for t in tracks])
            at = self._structure.rooms_at(now, places)
            chosen = {t.id for t, room_id in zip(tracks, at, strict=True) if room_id in wanted}
        if relation is not None and chosen:
            kind, target = relation_kind(relation[0]), relation[1]
            chosen &= related_ids(self.relations(), kind, self._named(target))
        return chosen

    def _named(self, target: RelationTarget) -> set[int]:
        """Ids of the present objects that the other thing of a relation stands for."""
        if isinstance(target, int):
            return {self._current().resolve(target).id}
        query = ObjectQuery(target) if isinstance(target, str) else target
        if not isinstance(query, ObjectQuery):
            return {self._current().resolve(i).id for i in query}
        ranked = self._ranked(query.name or None, None, None)
        if not ranked and query.name:
            ranked = self._ranked(None, query.name, None)
            ranked = [(r, t) for r, t in ranked if r >= ranked[0][0] - 1e-9]
        present = [t for _, t in ranked if not t.gone]
        return self._selected(present, query.room, query.relation)

    def _record(self, track: Track) -> MapObject:
        return track.snapshot(self.config, self._state.frame_id, self._state.map_revision)

    def _answers(self, ranked: Sequence[tuple[float, Track]]) -> list[MapObject]:
        with self._lock:
            found = archive.evidence_of_all(self._store, [t.id for _, t in ranked], self.config.evidence_limit)
            return [dataclasses.replace(self._record(t), evidence=found[t.id], relevance=r) for r, t in ranked]

    def _answer(self, track: Track, relevance: float = 1.0) -> MapObject:
        return self._answers([(relevance, track)])[0]


def _stamps(since_ns: int | None, until_ns: int | None) -> tuple[int, int] | None:
    """A range of stamps, open where it is None; None if it is open on both sides."""
    if since_ns is None and until_ns is None:
        return None
    return -(1 << 63) if since_ns is None else since_ns, (1 << 63) - 1 if until_ns is None else until_ns
