"""What an answer rests on, shown: its pictures with boxes drawn, and the cited objects in the map."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rclpy.publisher import Publisher
from sensor_msgs.msg import Image
from visualization_msgs.msg import MarkerArray

from memory_agent_ros.nodes import qos
from memory_agent_ros.nodes.conversions import time_message
from memory_agent_ros.nodes.image_conversion import color_message
from memory_agent_ros.nodes.markers import marker_array
from memory_agent_ros.nodes.node_base import AgentNode
from memory_agent_ros.nodes.remote_memory import MemoryUnavailableError, RemoteMemory
from memory_agent_ros.records.answer import Answer
from memory_agent_ros.records.map_object import MapObject
from memory_agent_ros.viz.answer_markers import answer_markers
from memory_agent_ros.viz.evidence_picture import draw_notes, evidence_note, keyframe_rgb, picture_strip

#: Pictures shown side by side.
PICTURES = 3


class AnswerView:
    """Publishes ``reasoner/evidence`` and ``reasoner/markers`` for the newest answer.

    Args:
        node: advertises the topics.
        memory: gives pictures and the cited objects as they are now; asked from the thread that calls :meth:`show`.
        map_frame: frame of the markers.
        height: of the published picture, pixels.
    """

    def __init__(self, node: AgentNode[object], memory: RemoteMemory, map_frame: str, height: int) -> None:
        self._memory = memory
        self._frame = map_frame
        self._height = height
        self._pictures: Publisher = node.advertise(Image, "reasoner/evidence", qos.latched())
        self._markers: Publisher = node.advertise(MarkerArray, "reasoner/markers", qos.latched())

    def show(self, answer: Answer, now_ns: int) -> None:
        """Publish what the answer rests on; an answer without evidence takes away what was shown before.

        Raises:
            MemoryUnavailableError: the memory does not answer any more.
        """
        cited = self._cited(answer)
        stamp = time_message(now_ns)
        self._markers.publish(marker_array(answer_markers(answer, list(cited.values())), self._frame, stamp))
        strip = self._strip(answer, cited)
        if strip is not None:
            self._pictures.publish(color_message(strip, self._frame, stamp))

    def _cited(self, answer: Answer) -> dict[int, MapObject]:
        """Cited objects by the id they were cited by; forgotten ones are missing."""
        found: dict[int, MapObject] = {}
        for object_id in dict.fromkeys(e.object_id for e in answer.evidence):
            try:
                found[object_id] = self._memory.get(object_id)
            except MemoryUnavailableError:
                if not self._memory.available:
                    raise
        return found

    def _strip(self, answer: Answer, cited: dict[int, MapObject]) -> NDArray[np.uint8] | None:
        shown: list[NDArray[np.uint8]] = []
        for keyframe_id in picture_ids(answer)[:PICTURES]:
            try:
                rgb = keyframe_rgb(self._memory.keyframe(keyframe_id))
            except MemoryUnavailableError:
                if not self._memory.available:
                    raise
                continue  # the picture was forgotten with what it shows
            notes = [
                evidence_note(e, cited[e.object_id].label)
                for e in answer.evidence
                if e.keyframe_id == keyframe_id and e.object_id in cited
            ]
            shown.append(draw_notes(rgb, notes))
        return picture_strip(shown, self._height) if shown else None


def picture_ids(answer: Answer) -> Sequence[int]:
    """Keyframes that an answer cites, best first: those of its evidence, then those of its place."""
    ids = [e.keyframe_id for e in answer.evidence if e.keyframe_id] + [p.keyframe_id for p in answer.pictures]
    return list(dict.fromkeys(ids))
