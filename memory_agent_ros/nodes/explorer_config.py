"""Parameters of ``explorer_node``."""

from __future__ import annotations

from dataclasses import dataclass, field

from memory_agent_ros.bringup import EXPLORATIONS
from memory_agent_ros.exploration.config import ExplorerConfig
from memory_agent_ros.exploration.policies.by_name import AUTO, BEST, FALLBACK, POLICY_NAMES
from memory_agent_ros.nodes.parameters import parameter
from memory_agent_ros.records.errors import BadInputError


@dataclass(frozen=True)
class ExplorerNodeConfig:
    """Parameters of ``explorer_node``."""

    map_frame: str = parameter("map", "World frame.")
    base_frame: str = parameter("base_link", "Base frame, x forward, on the floor.")
    explore_on_activate: str = parameter("none", "Exploration that starts by itself.", choices=EXPLORATIONS)
    time_limit_s: float = parameter(
        600.0, "Time limit of the exploration that starts by itself, seconds.", minimum=1.0, maximum=86400.0
    )
    policy: str = parameter(
        "auto",
        "Who chooses where to go when a goal names no policy: "
        + ", ".join(POLICY_NAMES)
        + ", a file of trained weights, or auto: the best one measured, "
        + f"{BEST}, and {FALLBACK} where torch or a text embedder is not installed.",
    )
    text_embedder: str = parameter(
        "auto",
        "Meaning of goals and labels for policies; auto: minilm if it is installed.",
        choices=("auto", "minilm", "none"),
    )
    memory_period_s: float = parameter(
        1.0, "Wall seconds between two looks at the memory, for policies.", minimum=0.1, maximum=60.0
    )
    use_tips: bool = parameter(
        True, "Policies read the tips of the map before each choice; what was learned is written after each run."
    )
    map_source: str = parameter(
        "depth", "Floor plan: made from depth, or taken from topic map.", choices=("depth", "topic")
    )
    map_free_max: int = parameter(25, "Cells of topic map up to this value are free.", minimum=0, maximum=99)
    map_occupied_min: int = parameter(
        65,
        "Cells of topic map from this value on are occupied; between the two they are unknown.",
        minimum=1,
        maximum=127,
    )
    map_latched: bool = parameter(True, "Topic map is transient local (SLAM, map server); false: it is volatile.")
    camera_rotation_deg: int = parameter(
        0, "Clockwise turn that makes the image upright: 0, 90, 180 or 270.", minimum=0, maximum=270
    )
    reliable_images: bool = parameter(False, "Ask for reliable images (needs a reliable publisher); else best effort.")
    max_update_hz: float = parameter(10.0, "Depth images used per second at most.", minimum=0.5, maximum=60.0)
    transform_timeout_s: float = parameter(
        0.5, "Wall seconds to wait for the pose at the stamp of an image.", minimum=0.0, maximum=10.0
    )
    input_timeout_s: float = parameter(
        15.0,
        "Wall seconds without any usable image, floor plan, or memory where one is needed, after which a goal is "
        "aborted.",
        minimum=0.5,
        maximum=600.0,
    )
    command_hold_s: float = parameter(
        0.6, "Seconds after the last image at which the base is stopped.", minimum=0.05, maximum=10.0
    )
    publish_period_s: float = parameter(0.5, "Wall seconds between two floor plans.", minimum=0.05, maximum=60.0)
    stamped_cmd_vel: bool = parameter(False, "Publish TwistStamped instead of Twist.")
    use_nav2: bool = parameter(False, "Let Nav2's navigate_to_pose drive to the goals.")
    nav2_timeout_s: float = parameter(
        10.0, "Wall seconds without Nav2's action server after which a goal is aborted.", minimum=0.1, maximum=600.0
    )
    nav2_retry_pause_s: float = parameter(
        1.0, "Wall seconds to wait after Nav2 failed before the next goal is sent.", minimum=0.0, maximum=60.0
    )
    explorer: ExplorerConfig = field(default_factory=ExplorerConfig)

    def check(self) -> None:
        """Refuse values that do not go together.

        Raises:
            BadInputError: ``camera_rotation``, ``map_thresholds`` or ``policy_unknown``.
        """
        if self.policy not in (AUTO, *POLICY_NAMES) and not self.policy.endswith(".safetensors"):
            known = ", ".join((AUTO, *POLICY_NAMES))
            raise BadInputError("policy_unknown", f"policy must be a .safetensors file or one of {known}")
        if self.camera_rotation_deg % 90:
            raise BadInputError("camera_rotation", "camera_rotation_deg must be 0, 90, 180 or 270")
        if self.map_free_max >= self.map_occupied_min:
            raise BadInputError("map_thresholds", "map_free_max must be below map_occupied_min")
