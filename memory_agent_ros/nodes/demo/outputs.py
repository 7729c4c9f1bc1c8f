"""Everything the demo writes, from the diary and the map file."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.nodes.demo.config import DemoConfig
from memory_agent_ros.nodes.demo.diary import Diary, Snapshot
from memory_agent_ros.nodes.demo.story import Asked, DemoResult, Story
from memory_agent_ros.nodes.demo.world import WorldEdit
from memory_agent_ros.records.event import EventKind, MemoryEvent
from memory_agent_ros.records.map_object import MapObject
from memory_agent_ros.viz.decision_picture import decision_choice, telling_decisions
from memory_agent_ros.viz.evidence_picture import BoxNote, draw_notes, encode_jpeg
from memory_agent_ros.viz.map_scene import event_text, last_moves, object_pictures, objects_at, picture_of
from memory_agent_ros.viz.report import (
    Choice,
    Figure,
    Phase,
    Picture,
    QuestionRow,
    Report,
    Tile,
    TimelineEvent,
    write_report,
)
from memory_agent_ros.viz.scene import GONE_COLOR, MapScene, object_color, scene_bounds
from memory_agent_ros.viz.topdown import map_png

_FILM_FRAMES = 110


def write_outputs(config: DemoConfig, paths: dict[str, Path], diary: Diary, story: Story) -> DemoResult:
    """Write report, Rerun file and film; returns the result without wall times of what comes after."""
    with SpatialMemory.open(paths["map"], read_only=True) as memory:
        objects, events = memory.objects(), memory.changes()
        after = scene_at(objects, events, diary, diary.now_ns, story)
        if "film" in paths:
            _film(paths["film"], objects, events, diary, after)
        _rerun(paths["rerun"], objects, events, diary)
        film = (
            Picture(paths["film"].read_bytes(), "Left: the robot's camera. Right: its map.", "image/gif")
            if config.film == "gif"
            else None
        )
        report = build_report(config, memory, objects, events, diary, story, film)
        write_report(paths["report"], report)
    found = [edit.noticed_by(events) for edit in story.edits]
    return DemoResult(
        paths={name: str(path) for name, path in paths.items()},
        questions=[
            {"question": a.question.text, "truth": a.question.truth, "ok": a.ok, **a.answer.to_dict()}
            for a in story.asked
        ],
        edits=[{"edit": e.sentence(), "noticed": f is not None} for e, f in zip(story.edits, found, strict=True)],
        rounds=story.rounds,
        wall_s=story.wall_s,
    )


def scene_at(
    objects: list[MapObject], events: list[MemoryEvent], diary: Diary, stamp_ns: int, story: Story | None = None
) -> MapScene:
    """The map as it was believed at a time, with the way driven until then; with ``story``, changes are stressed."""
    path, pose = diary.path_xy(stamp_ns), diary.pose_at(stamp_ns)
    moves = [e for e in events if e.kind is EventKind.MOVED and e.stamp_ns <= stamp_ns]
    changed = {e.object_id for e in events if e.kind in (EventKind.MOVED, EventKind.GONE) and e.stamp_ns <= stamp_ns}
    return MapScene(
        objects_at(objects, events, stamp_ns),
        diary.floor_at(stamp_ns),
        None,
        path,
        last_moves(moves) if story else (),
        pose,
        frozenset(changed) if story else frozenset(),
    )


def build_report(
    config: DemoConfig,
    memory: SpatialMemory,
    objects: list[MapObject],
    events: list[MemoryEvent],
    diary: Diary,
    story: Story,
    film: Picture | None,
) -> Report:
    """The page."""
    explored_ns = next((end for name, _, end in story.phases if name == "explore"), diary.now_ns)
    before = scene_at(objects, events, diary, explored_ns)
    after = scene_at(objects, events, diary, diary.now_ns, story)
    noticed = sum(e.noticed_by(events) is not None for e in story.edits)
    right = sum(a.ok for a in story.asked)
    known = sum(o.state == "present" for o in after.objects)
    minutes = sum(story.wall_s.values()) / 60
    origin = story.phases[0][1] if story.phases else 0
    headline = (
        f"A robot drove through {len(story.world.rooms)} rooms and remembered {known} objects. While it looked away, "
        f"{len(story.edits)} things were changed; it noticed {noticed} of them. "
        f"It answered {right} of {len(story.asked)} questions rightly."
    )
    return Report(
        title="A robot that remembers",
        headline=headline,
        tiles=[
            Tile(str(known), "objects remembered"),
            Tile(f"{noticed} of {len(story.edits)}", "changes noticed", noticed == len(story.edits)),
            Tile(f"{right} of {len(story.asked)}", "answers right", right == len(story.asked)),
            Tile(f"{story.rounds.get('explore', {}).get('coverage', 0):.0%}", "of the floor seen"),
            Tile(f"{diary.now_ns / 1e9:.0f} s", f"simulated, in {minutes:.1f} minutes"),
        ],
        maps=[
            Picture(
                map_png(before, width_in=5.6), "Before: what it knew after the first round. Blue: the way it drove."
            ),
            Picture(map_png(after, width_in=5.6), "After: moves are arrows, what is gone is grey and dashed."),
        ],
        choices=choices_of(objects, events, diary, origin),
        changes=[p for edit in story.edits for p in change_pictures(edit, diary, edit.noticed_by(events))],
        questions=[_row(memory, a) for a in story.asked],
        film=film,
        pictures=object_pictures(memory, [o for o in objects if o.state == "present"], limit=12),
        phases=[Phase(name, (s - origin) / 1e9, (e - origin) / 1e9) for name, s, e in story.phases],
        events=timeline(events, story, origin),
        figures=_figures(diary, story),
        notes=[
            f"Apartment: split {config.split}, seed {config.seed}. Detections: the simulation's truth passed through "
            "a noise model. "
            "Truth is used for judging only.",
            *([f"Exploration: {story.explored_by}."] if story.explored_by else []),
        ],
    )


def choices_of(objects: list[MapObject], events: list[MemoryEvent], diary: Diary, origin_ns: int) -> list[Choice]:
    """Three choices of the explorer with their candidates on the map as it was then."""
    found = []
    for index in telling_decisions(diary.decisions):
        decision = diary.decisions[index]
        title = f"Choice {index + 1}, {(decision.stamp_ns - origin_ns) / 1e9:.0f} s, by {decision.policy}"
        scene = scene_at(objects, events, diary, decision.stamp_ns)
        found.append(decision_choice(decision, scene, title))
    return found


def timeline(events: list[MemoryEvent], story: Story, origin_ns: int) -> list[TimelineEvent]:
    """The memory's events and the edits made in the world."""
    marks = [
        TimelineEvent(max(0.0, (e.stamp_ns - origin_ns) / 1e9), str(e.kind), event_text(e))
        for e in events
        if e.kind is not EventKind.UPDATED
    ]
    marks += [TimelineEvent((e.stamp_ns - origin_ns) / 1e9, "edit", e.sentence()) for e in story.edits]
    return sorted(marks, key=lambda m: m.second)


def change_pictures(edit: WorldEdit, diary: Diary, event: MemoryEvent | None) -> list[Picture]:
    """What the robot saw of one change: the object before, and where it went or where it is missing."""
    found = []
    before = _sight(diary, edit.label, edit.before, until_ns=edit.stamp_ns)
    if before is not None:
        found.append(_boxed(*before, edit.label, f"before: {edit.label}, {before[0].stamp_ns / 1e9:.0f} s"))
    if edit.kind == "move":
        now = _sight(diary, edit.label, edit.after, since_ns=edit.stamp_ns)
        if now is not None:
            found.append(
                _boxed(*now, edit.label, f"after: {edit.label} at its new place, {now[0].stamp_ns / 1e9:.0f} s")
            )
    elif edit.before is not None:
        found += _missing(edit, diary, event)
    return found


def _sight(
    diary: Diary, label: str, place: NDArray[np.float64] | None, since_ns: int = 0, until_ns: int = 1 << 62
) -> tuple[Snapshot, NDArray[np.float32]] | None:
    """The snapshot in which the object at a place was detected biggest."""
    if place is None:
        return None
    best: tuple[float, Snapshot, NDArray[np.float32]] | None = None
    for snapshot in diary.pictures:
        seen = snapshot.best_of(label, place, 0.4) if since_ns <= snapshot.stamp_ns < until_ns else None
        if seen is not None:
            area = float((seen.box_xyxy[2] - seen.box_xyxy[0]) * (seen.box_xyxy[3] - seen.box_xyxy[1]))
            if best is None or area > best[0]:
                best = (area, snapshot, seen.box_xyxy)
    return best[1:] if best is not None else None


def _missing(edit: WorldEdit, diary: Diary, event: MemoryEvent | None) -> list[Picture]:
    """The place it was taken from, in view and empty, nearest to when the memory said so."""
    assert edit.before is not None
    told_ns = event.stamp_ns if event is not None else diary.now_ns
    views = [(s, s.looks_through(edit.before)) for s in diary.pictures if s.stamp_ns > edit.stamp_ns]
    clear = [(s, pixel) for s, pixel in views if pixel is not None]
    if not clear:
        return []
    snapshot, pixel = min(clear, key=lambda v: abs(v[0].stamp_ns - told_ns))
    reach = 0.2 * snapshot.camera.K[0, 0] / np.linalg.norm(edit.before - snapshot.T_map_camera[:3, 3])
    box = np.array([*(pixel - reach), *(pixel + reach)], dtype=np.float32)
    caption = f"after: the {edit.label} is not there any more, {snapshot.stamp_ns / 1e9:.0f} s"
    return [_boxed(snapshot, box, edit.label, caption, f"{edit.label} was here", GONE_COLOR)]


def _boxed(
    snapshot: Snapshot, box_xyxy: NDArray[np.float32], label: str, caption: str, text: str = "", color: str = ""
) -> Picture:
    note = BoxNote(box_xyxy, text or label, color or object_color(label))
    return Picture(encode_jpeg(draw_notes(_rgb(snapshot), [note], 480 / snapshot.camera.width)), caption, "image/jpeg")


def _row(memory: SpatialMemory, asked: Asked) -> QuestionRow:
    answer = asked.answer
    pictures = []
    for evidence in answer.evidence[:2]:
        label = memory.get(evidence.object_id).label
        caption = f"{label} #{evidence.object_id}, picture {evidence.keyframe_id}, {evidence.stamp_ns / 1e9:.1f} s"
        pictures.append(picture_of(memory, evidence, label, caption, width=320))
    return QuestionRow(
        asked.question.text,
        answer.text,
        str(answer.state),
        answer.confidence,
        asked.question.truth,
        asked.ok,
        "",
        pictures,
    )


def _figures(diary: Diary, story: Story) -> list[Figure]:
    figures = []
    for name, told in story.rounds.items():
        value = f"{told['travelled_m']:.1f} m, {told['goals_reached']:.0f} goals, stopped: {told['stop_reason']}"
        figures.append(Figure(name, value))
    figures.append(Figure("frames worked off", str(diary.frames)))
    figures += [Figure(f"wall time: {name}", f"{seconds:.1f} s") for name, seconds in story.wall_s.items()]
    return figures


def _film(path: Path, objects: list[MapObject], events: list[MemoryEvent], diary: Diary, last: MapScene) -> None:
    from memory_agent_ros.viz.animation import FilmFrames, write_film

    frames = FilmFrames(scene_bounds(last), height=270)
    step = max(1, -(-len(diary.pictures) // _FILM_FRAMES))

    def drawn() -> Any:
        for snapshot in diary.pictures[::step]:
            scene = scene_at(objects, events, diary, snapshot.stamp_ns)
            notes = [BoxNote(s.box_xyxy, s.label, object_color(s.label)) for s in snapshot.seen]
            present = sum(o.state == "present" for o in scene.objects)
            recent = [e for e in events if 0 <= snapshot.stamp_ns - e.stamp_ns < 6e9 and e.kind in ("moved", "gone")]
            told = "; ".join(f"{e.label} {e.kind}" for e in recent)
            caption = f"{snapshot.stamp_ns / 1e9:.0f} s   {present} objects   {told}"
            yield frames.draw(draw_notes(_rgb(snapshot), notes, 360 / snapshot.camera.width), scene, caption)

    write_film(path, drawn(), rate_hz=6.0)


def _rerun(path: Path, objects: list[MapObject], events: list[MemoryEvent], diary: Diary) -> None:
    from memory_agent_ros.viz.rerun_scene import RerunScene

    with RerunScene(path) as scene:
        for snapshot in diary.pictures:
            scene.log_picture(snapshot.stamp_ns, snapshot.camera, snapshot.T_map_camera, snapshot.jpeg)
        scene.log_objects(objects, events)
        scene.log_events(events)
        scene.log_path([p[0] for p in diary.poses], diary.path_xy())
        for stamp_ns, floor in diary.floors[:: max(1, len(diary.floors) // 40)]:
            scene.log_floor(stamp_ns, floor)
        for stamp_ns, frontiers in diary.frontiers:
            scene.log_frontiers(stamp_ns, frontiers)


def _rgb(snapshot: Snapshot) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(snapshot.jpeg)).convert("RGB"), dtype=np.uint8)
