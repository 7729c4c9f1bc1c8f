"""What an answer rests on, drawn in the map: cited objects, where the robot saw them from, and the sentence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from memory_agent_ros.records.answer import Answer, AnswerState
from memory_agent_ros.records.map_object import MapObject
from memory_agent_ros.viz.markers import Color, Marker

#: Namespaces of the markers, for RViz to switch.
ANSWER_NAMESPACES = ("answer", "cited", "seen_from")
_COLORS: dict[AnswerState, Color] = {
    AnswerState.SEEN: (1.0, 0.85, 0.1, 0.55),
    AnswerState.GONE: (0.9, 0.3, 0.2, 0.45),
    AnswerState.UNKNOWN: (0.6, 0.6, 0.6, 0.45),
}
_MARGIN_M, _TEXT_M, _LINE_M = 0.06, 0.16, 0.015
_LONGEST = 120


def answer_markers(answer: Answer, objects: Sequence[MapObject]) -> list[Marker]:
    """Markers of an answer.

    Args:
        answer: with its evidence.
        objects: the cited ones, as they are known now; those that were forgotten meanwhile are missing.
    """
    color = _COLORS[answer.state]
    markers = [
        Marker("cited", obj.id, "cube", obj.box.center, np.maximum(obj.box.size, 0.01) + _MARGIN_M, color, obj.box.yaw)
        for obj in objects
    ]
    rays = [p for e in answer.evidence for p in (e.camera_pose.position_m, e.object_pose.position_m)]
    if rays:
        line = np.array([_LINE_M, 0.0, 0.0])
        points = np.asarray(rays, dtype=np.float64)
        markers.append(Marker("seen_from", 0, "line_list", np.zeros(3), line, (*color[:3], 0.8), points_m=points))
    if objects:
        first = objects[0]
        top = first.box.center + np.array([0.0, 0.0, first.box.size[2] / 2 + 3 * _TEXT_M])
        text = answer.text if len(answer.text) <= _LONGEST else answer.text[: _LONGEST - 3].rstrip() + "..."
        markers.append(Marker("answer", 0, "text", top, np.full(3, _TEXT_M), (1.0, 1.0, 1.0, 1.0), text=text))
    return markers
