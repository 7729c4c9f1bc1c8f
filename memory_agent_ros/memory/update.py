"""One step of the memory: a frame and its observations change the working state. No storage here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.memory.anchors.measured_surface import MeasuredSurface
from memory_agent_ros.memory.association.association import Associator, Matches, associate
from memory_agent_ros.memory.association.duplicates import count_together, find_duplicates
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.map_state import Changes, MapState, ObservationRow
from memory_agent_ros.memory.presence.changes import is_newcomer
from memory_agent_ros.memory.presence.detection_model import POOLED_LOOKS
from memory_agent_ros.memory.presence.lifecycle import announce, confirm_ready, emit, merge_tracks, settle
from memory_agent_ros.memory.presence.looks import look_of
from memory_agent_ros.memory.presence.presence import Look, judge, taken_places, weaken
from memory_agent_ros.memory.presence.reach import neighbours
from memory_agent_ros.memory.presence.residual import Expectation
from memory_agent_ros.memory.presence.sight import Sight, look_at, residual_of_sight
from memory_agent_ros.memory.presence.visibility import DepthView, ObjectVisibility, judge_points
from memory_agent_ros.memory.track import SAME_LABEL, Track, sharpness
from memory_agent_ros.memory.trust.guard import Newcomers
from memory_agent_ros.memory.trust.holding import frame_row, hold
from memory_agent_ros.memory.trust.jury import Jury
from memory_agent_ros.memory.trust.retraction import retract_invented
from memory_agent_ros.memory.views import keyframes
from memory_agent_ros.memory.views.keyframe_book import StoredView
from memory_agent_ros.memory.views.patch_features import frame_patches, pack_patches
from memory_agent_ros.memory.voxel_cloud import UNANCHORED, MeasuredAt, VoxelCloud
from memory_agent_ros.records.event import EventKind
from memory_agent_ros.records.frame import Frame
from memory_agent_ros.records.keyframe import Keyframe
from memory_agent_ros.records.observation import Observation

#: Observations of a newcomer after which it is compared again with what is missing.
_RETRY_LINKS = frozenset({6, 10, 16, 25, 40, 60})

#: Width of the rim of a detection's box within which a visible voxel may be its own, pixels at a width of 640.
_CARVE_MARGIN_PX = 6.0


@dataclass
class _Step:
    """What the parts of one step share."""

    state: MapState
    config: MemoryConfig
    frame: Frame
    observations: Sequence[Observation]
    view: DepthView
    changes: Changes
    pixel_scale: float  # pixels at 640x480 per pixel of the colour image
    to_depth: NDArray[np.float64]  # (2,) pixels of the depth image per pixel of the colour image
    at: MeasuredAt = UNANCHORED
    jury: Jury | None = None  # None while the map has one source
    newcomers: Newcomers | None = None  # None where every unknown thing is taken in


def step(
    state: MapState,
    frame: Frame,
    observations: Sequence[Observation],
    config: MemoryConfig,
    associator: Associator = associate,
    jury: Jury | None = None,
    newcomers: Newcomers | None = None,
) -> Changes:
    """Take in one checked frame: associate, update, judge the undetected, merge, confirm, link, choose pictures.

    A ``jury`` weighs what the frame's source says against what other sources said; what ``newcomers`` refuse of the
    things that no object explains goes into quarantine.
    """
    sight = look_at(state, frame, observations, config, associator)
    frame, observations, tracks = sight.frame, sight.observations, sight.tracks
    visible, matches, expectation = sight.visible, sight.matches, sight.expectation
    state.stats["frames_aligned"] += sight.alignment is not None
    changes = Changes(stamp_ns=frame.stamp_ns, T_map_camera=frame.T_map_camera, alignment=sight.alignment)
    scale = 640.0 * 480.0 / (frame.camera.width * frame.camera.height)
    run = _Step(
        state, config, frame, observations, sight.view, changes, scale, sight.to_depth, jury=jury, newcomers=newcomers
    )
    silenced = jury is not None and jury.silenced
    if not silenced:
        _lay_anchor(run)
    state.last_residual = residual_of_sight(sight)
    if not silenced:
        _learn_rates(run, tracks, expectation, matches)
        _learn_appearance(run, tracks, matches)
    detected = _update_matched(run, tracks, visible, matches)
    _carve(run, detected, {tracks[j].id for j in matches.fragments.values()})
    lost = _judge_undetected(run, sight)
    count_together(state.together, [t for t, _ in detected if t.confirmed], config)
    _merge_duplicates(run, [t for t, _ in detected])
    if jury is not None:
        retract_invented(state, changes, jury, frame.stamp_ns, config)
        lost = [t for t in lost if t.id in state.tracks]
        for track in lost:
            jury.dropped(track)
    alive = state.tracks.take([i for i in sorted(changes.touched) if i in state.tracks])
    fresh = [t for t in alive if confirm_ready(t, config)]
    if jury is not None:
        fresh = [t for t in fresh if jury.may_show(t, config.confirm_observations)]
    better_known = any(is_newcomer(t) and t.observations in _RETRY_LINKS for t, _ in detected)
    settle(state, changes, fresh, lost, better_known, frame.stamp_ns, config)
    announce(state, changes, [t for t, _ in detected], frame.stamp_ns, config)
    if not silenced:
        _log(run, detected, _pieces(run, tracks, matches))
    state.last_stamp_ns = max(state.last_stamp_ns, frame.stamp_ns)
    return changes


def _learn_rates(run: _Step, tracks: Sequence[Track], expectation: Expectation, matches: Matches) -> None:
    """How this detector differs from the model: on each object, and on all of them together."""
    found = set(matches.pairs.values())
    for j, track in enumerate(tracks):
        p = float(expectation.p_detect[j]) if expectation.expected[j] else None
        if j in found:
            change = track.rate.hit(p)
            if track.confirmed:
                run.state.detector.add(*change, POOLED_LOOKS)
        elif p is not None:
            track.rate.miss(p)


def _learn_appearance(run: _Step, tracks: Sequence[Track], matches: Matches) -> None:
    """Pairs that geometry alone is sure of teach what cosines are worth; others in the image are counter-examples."""
    items = list(matches.pairs.items())
    for n, (i, j) in enumerate(items):
        embedding = run.observations[i].embedding
        cosine = tracks[j].bank.similarity(embedding)
        if cosine is not None and matches.overlap[i, j] > 0.7 and tracks[j].observations >= 3:
            run.state.appearance.learn(cosine, same=True)
        other = items[n - 1][1]
        cosine = tracks[other].bank.similarity(embedding)
        if cosine is not None and other != j and matches.overlap[i, other] < 0.1:
            run.state.appearance.learn(cosine, same=False)


def _update_matched(
    run: _Step, tracks: Sequence[Track], visible: ObjectVisibility, matches: Matches
) -> list[tuple[Track, Observation]]:
    """Feed observations to their tracks, open new ones; returns what was detected."""
    detected = []
    assigned = run.changes.assigned = [0] * len(run.observations)
    for i, j in matches.pairs.items():
        track, obs = tracks[j], run.observations[i]
        assigned[i] = track.id
        judged, total = int(visible.judged[j]), int(visible.total[j])
        away = judged >= max(4, total // 4) and float(visible.through_share[j]) >= run.config.through_share
        denied, negatives = False, track.negatives
        if run.jury is not None:
            if not run.jury.hit(track, obs, obs.score, away=away and track.shifted > 0):
                run.changes.touched.add(track.id)
                continue
            denied = run.jury.denied(track)
        track.shifted = track.shifted + 1 if away else 0
        same = track.votes.agreement(obs.label_scores or {obs.label: obs.score}) >= SAME_LABEL
        if track.shifted >= 2 and not obs.truncated and same and not track.by_hand.holds:
            _relocate(run, track, obs)
        track.observe(obs, obs.pixels * run.pixel_scale, run.config, run.at)
        if denied:
            track.negatives = negatives  # what others saw is not undone by one who says otherwise
        detected.append((track, obs))
    taken_in = {t.id for t, _ in detected}
    for i, j in matches.fragments.items():
        assigned[i] = tracks[j].id
        if tracks[j].by_hand.place:
            continue
        if run.jury is None or tracks[j].id in taken_in:
            tracks[j].absorb_points(run.observations[i], run.config, run.at)
        run.state.stats["fragments"] += 1
    for i in matches.new if run.jury is None or not run.jury.silenced else ():
        if _held(run, run.observations[i], tracks, visible, matches):
            continue
        track = Track(run.state.next_id("objects"), VoxelCloud(run.config.voxel_m), run.frame.stamp_ns)
        track.observe(run.observations[i], run.observations[i].pixels * run.pixel_scale, run.config, run.at)
        run.state.tracks[track.id] = track
        if run.jury is not None:
            run.jury.new(track, run.observations[i], run.observations[i].score)
        assigned[i] = track.id
        detected.append((track, run.observations[i]))
    run.state.stats["clutter"] += len(matches.clutter)
    run.changes.touched.update(t.id for t, _ in detected)
    return detected


def _held(run: _Step, obs: Observation, tracks: Sequence[Track], visible: ObjectVisibility, matches: Matches) -> bool:
    """Whether an observation of no known object goes into quarantine."""
    if run.newcomers is None:
        return False
    reason = run.newcomers.refused(obs, tracks, visible, matches, run.config.through_share)
    if reason is not None:
        hold(run.state, run.changes, run.frame, obs, reason)
    return reason is not None


def _relocate(run: _Step, track: Track, obs: Observation) -> None:
    """An object pushed aside while in view: its old surface is empty, the detection shows the new one."""
    previous = track.box(run.config).center.copy()
    track.relocate(obs, run.config, run.at)
    if not track.confirmed or float(np.linalg.norm(obs.box.center - previous)) < run.config.moved_m:
        return
    track.new_place()
    emit(
        run.state, run.changes, track, EventKind.MOVED, run.frame.stamp_ns, run.config,
        previous=previous, confidence=track.presence, detail="pushed aside in view",
    )  # fmt: skip


def _carve(run: _Step, detected: Sequence[tuple[Track, Observation]], fragmented: set[int]) -> None:
    """Voxels of detected objects lose a hit where an image looks through them, or sees a surface that is not detected.

    So boxes keep neither errors nor the place an object has left. A truncated or split detection proves nothing about
    what lies outside its box.
    """
    grown = [(t, o) for t, o in detected if t.observations > 1 and not t.by_hand.place]
    if not grown:
        return
    verdict = judge_points(np.concatenate([t.cloud.points for t, _ in grown]), run.view, run.config, detected=True)
    scale = np.tile(run.to_depth, 2)
    margin = _CARVE_MARGIN_PX * run.view.camera.width / 640.0
    start = 0
    for track, obs in grown:
        rows = slice(start, start + len(track.cloud))
        start = rows.stop
        stale = verdict.through[rows]
        if not obs.truncated and track.id not in fragmented:
            x0, y0, x1, y1 = obs.box_xyxy * scale
            uv = verdict.uv[rows]
            rim = margin + run.view.shift_px(verdict.z[rows], run.config)
            inside = (uv[:, 0] > x0 - rim) & (uv[:, 0] < x1 + rim) & (uv[:, 1] > y0 - rim) & (uv[:, 1] < y1 + rim)
            stale = stale | (verdict.agree[rows] & ~inside)
        if stale.any():
            track.cloud.carve(stale, sharpness(obs.range_m, run.config.sharp_range_m))


def _judge_undetected(run: _Step, sight: Sight) -> list[Track]:
    """Weigh every undetected object; drops tentative ones; returns the confirmed ones that must be declared gone."""
    tracks, visible, expectation = sight.tracks, sight.visible, sight.expectation
    matched = set(sight.matches.pairs.values())
    known = [j for j in matched if tracks[j].confirmed]
    taken = taken_places(tracks, sight.samples, known, run.config)
    looks = judge(visible, expectation, np.array([t.min_pixels for t in tracks]), taken, run.config)
    lost = []
    for j, (track, look) in enumerate(zip(tracks, looks, strict=True)):
        if j in matched or look is Look.NOTHING or track.by_hand.holds:
            continue
        run.changes.touched.add(track.id)
        if run.jury is not None and not _heard(run.jury, track, look, float(expectation.p_detect[j])):
            continue
        p, through, firm = float(expectation.p_detect[j]), float(visible.through_share[j]), float(visible.firm_share[j])
        is_lost = weaken(track, look, p, through, firm, run.frame.stamp_ns, run.config)
        if track.confirmed:
            if is_lost:
                lost.append(track)
        elif track.negatives >= (2 if look is Look.EMPTY else run.config.tentative_misses):
            if run.jury is not None:
                run.jury.dropped(track)
            del run.state.tracks[track.id]
            run.state.book.forget(track.id)
            run.changes.touched.discard(track.id)
            run.changes.removed.append(track.id)
            run.state.stats["tentative_dropped"] += 1
    return lost


def _heard(jury: Jury, track: Track, look: Look, p_detect: float) -> bool:
    """Whether a look at an undetected object counts beside what other sources say."""
    return jury.empty(track) if look is Look.EMPTY else jury.missed(track, p_detect)


def _merge_duplicates(run: _Step, detected: Sequence[Track]) -> None:
    ids = [t.id for t in detected]
    run.changes.together.update(run.state.together.among(ids))
    nearby = neighbours(run.state.tracks, detected, run.frame.T_map_camera[:3, 3], run.config.overlap_m)
    for keep_id, other_id in find_duplicates(ids, nearby, run.state.together, run.config):
        merge_tracks(run.state, run.changes, keep_id, other_id, run.frame.stamp_ns, run.config)


def _pieces(run: _Step, tracks: Sequence[Track], matches: Matches) -> dict[int, list[Observation]]:
    """Object id -> further detections of it in this image."""
    pieces: dict[int, list[Observation]] = {}
    for i, j in matches.fragments.items():
        pieces.setdefault(tracks[j].id, []).append(run.observations[i])
    return pieces


def _log(
    run: _Step, detected: Sequence[tuple[Track, Observation]], pieces: Mapping[int, Sequence[Observation]]
) -> None:
    """Observation rows of this frame, its picture if an object or the scene wants it, its depth thumbnail."""
    image_pixels = run.frame.camera.width * run.frame.camera.height
    here = [(t.id, o) for t, o in detected if t.id in run.state.tracks or t.id in run.state.aliases]
    alive = [(run.state.resolve(i), o) for i, o in here]
    scored = [(t, o, keyframes.quality(o, image_pixels), keyframes.view_direction(t, run.frame)) for t, o in alive]
    wanting = [t.confirmed and keyframes.wants_view(t, q, d, run.config) for t, _, q, d in scored]
    _keep_picture(run, any(wanting), {t.id: t.placement for t, _ in alive})
    for wants, (track, _, view_quality, direction) in zip(wanting, scored, strict=True):
        if wants:
            keyframes.keep_view(track, view_quality, direction, run.config)
    for (first_id, _), (track, obs, view_quality, _) in zip(here, scored, strict=True):
        due = obs.stamp_ns - track.logged_ns >= run.config.observation_interval_s * 1e9
        if due or run.changes.keyframe is not None:
            track.logged_ns = obs.stamp_ns
            surface = None
            if track.last_seen_ns == obs.stamp_ns:  # else it contradicts the object's label, and was not taken in
                surface = MeasuredSurface.of(run.frame, obs, pieces.get(first_id, ())).packed()
            run.changes.rows.append(
                ObservationRow(
                    run.state.next_id("observations"),
                    track.id,
                    track.placement,
                    frame_row(run.state, run.changes),
                    view_quality,
                    obs,
                    surface,
                )
            )


def _lay_anchor(run: _Step) -> None:
    """After enough motion remember the look; what is measured until the next one hangs on it."""
    looks = run.state.looks
    if looks.wants(run.frame.T_map_camera):
        run.changes.look = look_of(run.frame, frame_row(run.state, run.changes))
        run.changes.dropped_looks = looks.add(run.changes.look)
    run.at = looks.measured_at


def _keep_picture(run: _Step, for_object: bool, seen: dict[int, int]) -> None:
    """Keep the picture if an object wants it or it adds to what is shown of the scene, with its depth thumbnail.

    The scene is asked only where the camera has moved enough for a new thumbnail.
    """
    state, frame, changes = run.state, run.frame, run.changes
    if changes.look is None and not for_object:
        return
    look = changes.look or look_of(frame, frame_row(run.state, run.changes))
    if not (for_object or state.book.wants(look, run.config)):
        return
    changes.keyframe = Keyframe(
        state.next_id("keyframes"), frame.stamp_ns, frame.camera, frame.T_map_camera,
        keyframes.encode(frame.rgb, run.config.jpeg_quality), frame.frame_id, state.map_revision, look.frame_row,
        pack_patches(frame_patches(frame)),
    )  # fmt: skip
    state.looks.pinned.add(look.frame_row)
    state.book.add(StoredView(changes.keyframe.id, frame.stamp_ns, frame.camera, frame.T_map_camera, look, dict(seen)))
    _make_room(run, changes.keyframe.id)
    if changes.look is None:
        changes.look = look
        changes.dropped_looks = state.looks.add(look)


def _make_room(run: _Step, keep: int) -> None:
    """Drop the least useful pictures above the limit; their observations stay, without a picture."""
    book = run.state.book
    while len(book) > run.config.max_keyframes:
        spare = book.least_useful(run.state.tracks, keep)
        if spare is None:
            return
        dropped = book.drop(spare)
        if dropped.look is not None:
            run.state.looks.pinned.discard(dropped.look.frame_row)
        run.changes.dropped_keyframes.append(spare)
        run.state.stats["keyframes_dropped"] += 1
