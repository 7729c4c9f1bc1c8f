"""Synchronised RGB-D images and TF in, observations in the map frame out.

Images are only queued as they arrive; one frame at a time is worked off when the executor has nothing else to take in,
so that transforms are never starved. A frame waits for its pose, at the image's own stamp, up to ``tf_timeout_s``.
When the detector is slower than the camera, the oldest waiting frames are dropped and counted (``dropped_busy``).

Subscribes ``camera/color/image_raw``, ``camera/depth/image_raw`` (or their ``/compressed`` and ``/compressedDepth``),
``camera/color/camera_info``, optionally ``camera/depth/camera_info``, ``/tf``, ``/tf_static``; for the ground-truth
detector of a simulator also ``camera/instances`` and ``camera/instance_labels``. Publishes ``observations``.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import String

from memory_agent_msgs.msg import ObservationArray
from memory_agent_ros.nodes import qos
from memory_agent_ros.nodes.camera_intake import CameraIntake
from memory_agent_ros.nodes.conversions import nanoseconds
from memory_agent_ros.nodes.diagnostics import Timing
from memory_agent_ros.nodes.image_conversion import color_from_message, depth_from_message, instances_from_message
from memory_agent_ros.nodes.node_base import AgentNode, run_node
from memory_agent_ros.nodes.observation_frames import observation_array
from memory_agent_ros.nodes.parameters import parameter
from memory_agent_ros.nodes.synchronizer import Synchronizer
from memory_agent_ros.nodes.tf import TransformBuffer, TransformUnavailableError, make_transform_buffer
from memory_agent_ros.nodes.topic_watch import GRACE_S
from memory_agent_ros.perception.factory import make_detector, make_image_embedder, source_of
from memory_agent_ros.perception.ground_truth import GroundTruthDetector
from memory_agent_ros.perception.lifting import LiftingConfig
from memory_agent_ros.perception.pipeline import PerceptionPipeline
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.frame import Frame

#: How often in a row work is put off because there is more input to take in.
_MOST_DEFERRALS = 10


@dataclass(frozen=True)
class PerceptionNodeConfig:
    """Parameters of the perception node."""

    detector: str = parameter(
        "ssd+segmenter", "ground_truth, ssd, segmenter, ssd+segmenter or transformers:<model id>."
    )
    image_embedder: str = parameter(
        "color_histogram",
        "Appearance of the crops: color_histogram (cheap), efficientnet_lite0 (tens of milliseconds a crop on a CPU "
        "core), reidentification:<file> (color_histogram under a trained projection), or none.",
    )
    vocabulary: tuple[str, ...] = parameter(("",), "Labels to look for; one empty string means the detector's own.")
    sensor: str = parameter(
        "", "Name under which the memory keeps what this camera says of it, unique in the map; empty: the node's own."
    )
    seed: int = parameter(0, "Seed of the detector's randomness.")
    map_frame: str = parameter("map", "World frame of all observations (REP-105).")
    color_transport: str = parameter("raw", "Transport of the colour image.", choices=("raw", "compressed"))
    depth_transport: str = parameter("raw", "Transport of the depth image.", choices=("raw", "compressedDepth"))
    rectified: bool = parameter(False, "Images are rectified already; else the distortion in camera_info is undone.")
    camera_rotation_deg: int = parameter(
        0, "Clockwise turn that makes the image upright: 0, 90, 180 or 270.", minimum=0, maximum=270
    )
    use_depth_camera_info: bool = parameter(
        False, "Depth is aligned to colour but of another size, described by camera/depth/camera_info."
    )
    reliable_images: bool = parameter(False, "Ask for reliable images (needs a reliable publisher); else best effort.")
    queue_depth: int = parameter(
        2, "Frames that may wait for pose and detector; older ones are dropped.", minimum=1, maximum=1000
    )
    sync_slop_s: float = parameter(0.02, "Largest stamp difference of a pair, seconds.", minimum=0.0, maximum=1.0)
    sync_queue: int = parameter(10, "Images that may wait for their partner.", minimum=1, maximum=1000)
    tf_timeout_s: float = parameter(
        0.5, "How long a frame waits for its pose, wall seconds.", minimum=0.0, maximum=60.0, live=True
    )
    tf_keep_s: float = parameter(10.0, "How much history of transforms is kept, seconds.", minimum=1.0, maximum=600.0)
    on_time_jump: str = parameter(
        "reset",
        "Image time running back by more than 1 s (a bag that loops): start anew, or refuse until time has caught up.",
        choices=("reset", "refuse"),
    )
    jpeg_quality: int = parameter(
        90, "Quality of the colour picture sent to the memory.", minimum=30, maximum=100, live=True
    )
    lifting: LiftingConfig = field(default_factory=LiftingConfig)


@dataclass(frozen=True, eq=False)
class _Waiting:
    """A synchronised set of messages that waits for its pose and its turn."""

    stamp_ns: int
    messages: tuple[Any, ...]
    arrived_s: float


class PerceptionNode(AgentNode[PerceptionNodeConfig]):
    """See the module's docstring."""

    node_name = "perception_node"
    config_class = PerceptionNodeConfig

    def setup(self) -> None:
        """Load detector and embedder."""
        config = self.config
        vocabulary = [label for label in config.vocabulary if label] or None
        detector = make_detector(config.detector, seed=config.seed, vocabulary=vocabulary)
        self._pipeline = PerceptionPipeline(detector, make_image_embedder(config.image_embedder), config.lifting)
        sensor = config.sensor or self.get_fully_qualified_name()
        self._source = source_of(sensor, config.detector, config.image_embedder)
        self._intake = CameraIntake(config.camera_rotation_deg, config.rectified)
        self._observations = self.advertise(ObservationArray, "observations", qos.reliable(10))
        self._timings = {name: Timing() for name in ("detect", "lift", "embed", "frame", "tf wait")}
        self._last_refusal = ""

    def start(self) -> None:
        """Subscribe."""
        self._waiting_frames: deque[_Waiting] = deque()
        self._arrived = False
        self._deferred = 0
        self._started_s = time.monotonic()
        self._tf_problem: tuple[str, float] | None = None
        self._labels_came = not self._uses_ground_truth
        self._transforms: TransformBuffer = make_transform_buffer(self, self.config.tf_keep_s, self.counts)
        names = ("color", "depth", "instances") if self._uses_ground_truth else ("color", "depth")
        self._synchronizer = Synchronizer(
            names,
            self._on_set,
            slop_s=self.config.sync_slop_s,
            queue_size=self.config.sync_queue,
            counts=self.counts,
            jump_s=1.0 if self.config.on_time_jump == "reset" else math.inf,
            on_jump=self._on_time_jump,
        )
        self._work = self.create_guard_condition(self._work_off)
        self.every(0.02, self._wake, clock=self.steady_clock)
        self.waiting.add("camera_info", self._camera_problem)
        self.waiting.add("tf", self._transform_problem)
        self._subscribe_camera()
        if self._uses_ground_truth:
            self._subscribe_ground_truth()

    def stop(self) -> None:
        """Stop listening to transforms."""
        self._transforms.close()
        self.destroy_guard_condition(self._work)
        self._waiting_frames.clear()

    def status(self) -> dict[str, object]:
        """Timings, queue and what was last refused."""
        if self.state not in ("active", "inactive"):
            return {}
        values: dict[str, object] = {f"time {name}": timing.summary() for name, timing in self._timings.items()}
        values["detector"] = self.config.detector
        values["source"] = str(self._source)
        if self.state == "active":
            values["frames waiting"] = len(self._waiting_frames)
        if self._last_refusal:
            values["last refusal"] = self._last_refusal
        return values

    @property
    def _uses_ground_truth(self) -> bool:
        return isinstance(self._pipeline.detector, GroundTruthDetector)

    # Input.

    def _subscribe_camera(self) -> None:
        config = self.config
        color, depth = (self.resolve_topic_name(f"camera/{kind}/image_raw") for kind in ("color", "depth"))
        color_type, depth_type = Image, Image
        if config.color_transport != "raw":
            color, color_type = f"{color}/{config.color_transport}", CompressedImage
        if config.depth_transport != "raw":
            depth, depth_type = f"{depth}/{config.depth_transport}", CompressedImage
        self.subscribe(color_type, color, lambda message: self._on_image(0, message), self._image_qos())
        self.subscribe(depth_type, depth, lambda message: self._on_image(1, message), self._image_qos())
        self.subscribe(CameraInfo, "camera/color/camera_info", self._on_color_info, qos.sensor(), silence_s=math.inf)
        if config.use_depth_camera_info:
            self.subscribe(
                CameraInfo, "camera/depth/camera_info", self._on_depth_info, qos.sensor(), silence_s=math.inf
            )

    def _subscribe_ground_truth(self) -> None:
        self.subscribe(Image, "camera/instances", lambda message: self._on_image(2, message), self._image_qos())
        self.subscribe(String, "camera/instance_labels", self._on_labels, qos.latched(), silence_s=math.inf)

    def _image_qos(self) -> Any:
        return qos.sensor(max(5, self.config.queue_depth), reliable=self.config.reliable_images)

    def _on_color_info(self, message: CameraInfo) -> None:
        try:
            self._intake.set_color_info(message)
        except BadInputError as error:
            self._refuse(error)

    def _on_depth_info(self, message: CameraInfo) -> None:
        try:
            self._intake.set_depth_info(message)
        except BadInputError as error:
            self._refuse(error)

    def _on_labels(self, message: String) -> None:
        try:
            labels = {int(key): str(label) for key, label in json.loads(message.data).items()}
        except (ValueError, AttributeError) as error:
            self._refuse(BadInputError("instance_labels", f"instance_labels is no JSON object of id: label ({error})"))
            return
        detector = self._pipeline.detector
        if isinstance(detector, GroundTruthDetector):
            detector.labels = labels
            self._labels_came = True

    def _on_image(self, index: int, message: Any) -> None:
        self._arrived = True
        self._synchronizer.add(index, nanoseconds(message.header.stamp), message)

    def _on_set(self, stamp_ns: int, messages: tuple[Any, ...]) -> None:
        self._waiting_frames.append(_Waiting(stamp_ns, messages, time.monotonic()))
        if len(self._waiting_frames) > self.config.queue_depth:
            self._waiting_frames.popleft()
            self.counts["dropped_busy"] += 1
        self._work.trigger()

    def _on_time_jump(self, seconds: float) -> None:
        self.get_logger().warning(
            f"image time ran back by {seconds:.3f} s: transforms and waiting images are forgotten"
        )
        self._transforms.clear()
        self._waiting_frames.clear()

    # Work.

    def _wake(self) -> None:
        if self._waiting_frames:
            self._work.trigger()

    def _work_off(self) -> None:
        """Work off the oldest frame, unless more input can be taken in first."""
        if self._arrived and self._deferred < _MOST_DEFERRALS:
            self._arrived = False
            self._deferred += 1
            self._work.trigger()
            return
        self._deferred = 0
        if not self._waiting_frames:
            return
        waiting = self._waiting_frames[0]
        try:
            self._process(waiting)
        except TransformUnavailableError as error:
            waited_s = time.monotonic() - waiting.arrived_s
            self._note_tf_problem(str(error))
            if error.may_come and waited_s < self.config.tf_timeout_s:
                return  # stays first in the queue; _wake tries again
            self._refuse(error)
        except BadInputError as error:
            self._refuse(error)
        self._waiting_frames.popleft()
        if self._waiting_frames:
            self._work.trigger()

    def _process(self, waiting: _Waiting) -> None:
        started_s = time.monotonic()
        color, depth = waiting.messages[:2]
        T_map_frame = self._transforms.lookup(self.config.map_frame, color.header.frame_id, waiting.stamp_ns)
        self._tf_problem = None
        self._timings["tf wait"].add((started_s - waiting.arrived_s) * 1e3)
        if not self._labels_came:
            raise BadInputError("instance_labels_missing", "no camera/instance_labels came yet")
        image = self._intake.take(
            color_from_message(color),
            color.header.frame_id,
            depth_from_message(depth),
            depth.header.frame_id,
            instances_from_message(waiting.messages[2]) if len(waiting.messages) > 2 else None,
        )
        frame = Frame(
            stamp_ns=waiting.stamp_ns,
            rgb=image.rgb,
            depth_m=image.depth_m,
            camera=image.camera,
            T_map_camera=T_map_frame @ image.T_frame_camera,
            frame_id=self.config.map_frame,
            camera_frame_id=image.frame_id,
            depth_camera=image.depth_camera,
            instances=image.instances,
            source=self._source,
        )
        result = self._pipeline.process(frame)
        self._observations.publish(observation_array(frame, result.observations, self.config.jpeg_quality))
        self.counts["frames"] += 1
        self.counts["observations"] += len(result.observations)
        self.counts.update({f"detection_{reason}": number for reason, number in result.refused.items()})
        self._timings["detect"].add(result.detect_ms)
        self._timings["lift"].add(result.lift_ms)
        self._timings["embed"].add(result.embed_ms)
        self._timings["frame"].add((time.monotonic() - started_s) * 1e3)

    # What is waited for.

    def _refuse(self, error: BadInputError) -> None:
        self.counts[error.reason] += 1
        self._last_refusal = f"{error.reason}: {error}"
        self.get_logger().warning(f"frame refused, {self._last_refusal}", throttle_duration_sec=1.0)

    def _camera_problem(self) -> str | None:
        if self._intake.ready or time.monotonic() - self._started_s < GRACE_S:
            return None
        topic = self.resolve_topic_name("camera/color/camera_info")
        return f"no valid camera_info on {topic}: frames cannot be used"

    def _note_tf_problem(self, sentence: str) -> None:
        since_s = self._tf_problem[1] if self._tf_problem else time.monotonic()
        self._tf_problem = (sentence, since_s)

    def _transform_problem(self) -> str | None:
        if self._tf_problem is None:
            return None
        sentence, since_s = self._tf_problem
        return f"{sentence} (for {time.monotonic() - since_s:.1f} s)"


def main() -> None:
    """Entry point of ``perception_node``."""
    sys.exit(run_node(PerceptionNode))


if __name__ == "__main__":
    main()
