"""Every tunable of the spatial memory, with unit and range."""

from __future__ import annotations

from dataclasses import dataclass, field

from memory_agent_ros.memory.structure.config import StructureConfig
from memory_agent_ros.memory.trust.config import GateConfig, QuarantineConfig, TrustConfig


@dataclass(frozen=True)
class MemoryConfig:
    """Parameters of :class:`~memory_agent_ros.memory.spatial_memory.SpatialMemory`.

    Lengths in metres, times in seconds, pixel counts as seen at 640x480 (scaled to the real image size).

    Geometry of an object:
        voxel_m: edge of the finest voxel of an object's points, 0.005 to 0.1.
        max_voxels: an object with more voxels doubles its voxel edge, 200 to 20000.
        min_hits: a voxel counts for the box once it was seen so often (or all voxels if too few were), 1 to 5.
        sharp_range_m: surfaces seen from farther away count less, as the square of the range, 0.5 to 10.
        hit_cap: hits above this are forgotten, so that a moved surface is carved away soon, 2 to 50.

    Association (observation to object):
        association: ``hand_built``, ``learned`` (needs the extra ``models`` and shipped weights), or ``auto``: what has
            proved better on held-out worlds, and is there.
        align_frames: correct each pose by what its detections say of it, before anything else.
        assumed_pose_std_m, assumed_pose_std_deg: error of poses that come without covariance, 0 to 0.5 and 0 to 10.
        gate_m: largest gap between the boxes of a pair that is considered, 0 to 1.
        overlap_m: surface points closer than this are the same surface, 0.01 to 0.2.
        match_threshold: smallest log-odds score of a pair that is accepted, -3 to 5.
        fragment_overlap: share of a second detection's points on an object that makes it a fragment of it, 0.3 to 1.
        other_label_overlap: smallest mutual overlap at which a detection of another label is the same object, 0.3 to 1.

    Admission:
        confirm_observations: observations before an object is shown, 1 to 20.
        confirm_score: sum of detector scores before an object is shown, 0 to 10.
        tentative_misses: looks without detection after which a tentative object is dropped, 1 to 20.
        max_position_std_m: frames whose pose is less certain than this are refused, 0.01 to 10.

    Presence (log-odds, natural logarithm):
        presence_max: log-odds of an object just seen, 1 to 10.
        presence_gone: an object below this is gone, -10 to 0.
        hit_gain: added by a detection, 0.1 to 5.
        through_loss: lost when its place is seen to be empty, 0.1 to 5.
        miss_loss: most that is lost when a surface is where it was but nothing is detected, 0 to 5.
        miss_weight: share of -log(1 - p) that such a miss costs; less than 1 as misses come in rows, 0 to 1.
        miss_probability: looks at which a detection was less likely than this say nothing, 0 to 1.
        gone_frames: negative looks needed at least, 1 to 20.
        negative_interval_s: looks closer in time than this count once, 0 to 10.
        presence_range_m: farther objects are not judged, 0.5 to 20.
        presence_pixels: smaller objects are not judged by missed detections, 10 to 10000.
        pose_tolerance_m: a place is empty only if no surface is that near to the line of sight, 0 to 0.1.
        pose_sigmas: standard deviations of the pose's reported error added to every tolerance, 0 to 3.
        depth_tolerance_m: a measured surface agrees with a stored one within this, 0.005 to 0.2.
        depth_tolerance_ratio: added to it for each metre of range, 0 to 0.1.
        through_share: share of an object's visible points that must be seen through, 0.3 to 1.

    Changes:
        moved_m: smaller displacements are not events, 0.05 to 2.
        link_threshold: log-odds above which a new object is a missing one, 0 to 10.
        link_margin: log-odds by which the best link must beat its rivals, 0 to 5.
        update_interval_s: ``updated`` events of one object are at least this far apart, 0 to 3600.

    Pictures and log:
        jpeg_quality: of keyframes, 50 to 100.
        keyframe_gain: a view this much better than the best so far is kept, 1.05 to 5.
        keyframe_angle_deg: a view turned this far from those kept is kept, 10 to 180.
        keyframes_per_object: views kept of one object at one place, 1 to 50.
        keyframe_patches: surface patches a picture kept for the scene must add at least, 1 to 500.
        keyframe_new_share: share of what it shows that must be shown better than ever, 0.05 to 1.
        max_keyframes: pictures kept; beyond, the least useful go, but never an object's last evidence, 10 to 100000.
        observation_interval_s: an object's observations are logged at most this often (0: all), 0 to 60.
        observations_per_object: logged observations without a picture kept of one object, the newest and others spread
            over time; those with a picture all stay (0: no limit), 0 to 100000.
        look_m, look_deg: a depth thumbnail is remembered after so much motion, 0.05 to 2 and 2 to 90.
        max_looks: thumbnails kept, 100 to 20000.

    Tips:
        tips_per_domain: tips kept of one kind of task; beyond, the oldest go, 1 to 100000.

    Budgets:
        max_resident_objects: objects kept in working memory, others come from the file, 100 to 1000000.
        memory_budget_mb: working memory that objects may take, mebibytes, 16 to 65536.

    Queries:
        evidence_limit: observations returned with an object, 1 to 20.
        text_similarity: smallest cosine between free text and a label, 0 to 1.

    Trust:
        gate: see :class:`~memory_agent_ros.memory.trust.config.GateConfig`.
        trust: see :class:`~memory_agent_ros.memory.trust.config.TrustConfig`.
        quarantine: see :class:`~memory_agent_ros.memory.trust.config.QuarantineConfig`.

    Rooms and relations:
        structure: see :class:`~memory_agent_ros.memory.structure.config.StructureConfig`.
    """

    voxel_m: float = 0.02
    max_voxels: int = 1500
    min_hits: int = 2
    sharp_range_m: float = 2.0
    hit_cap: int = 6

    association: str = "auto"
    align_frames: bool = True
    assumed_pose_std_m: float = 0.05
    assumed_pose_std_deg: float = 1.5
    gate_m: float = 0.15
    overlap_m: float = 0.03
    match_threshold: float = 0.0
    fragment_overlap: float = 0.6
    other_label_overlap: float = 0.6

    confirm_observations: int = 3
    confirm_score: float = 1.0
    tentative_misses: int = 4
    max_position_std_m: float = 0.5

    presence_max: float = 3.5
    presence_gone: float = -1.7
    hit_gain: float = 2.0
    through_loss: float = 1.5
    miss_loss: float = 1.5
    miss_weight: float = 0.7
    miss_probability: float = 0.3
    gone_frames: int = 3
    negative_interval_s: float = 0.15
    presence_range_m: float = 5.0
    presence_pixels: int = 150
    pose_tolerance_m: float = 0.015
    pose_sigmas: float = 0.7
    depth_tolerance_m: float = 0.03
    depth_tolerance_ratio: float = 0.01
    through_share: float = 0.6

    moved_m: float = 0.2
    link_threshold: float = 2.0
    link_margin: float = 0.7
    update_interval_s: float = 10.0

    jpeg_quality: int = 90
    keyframe_gain: float = 1.5
    keyframe_angle_deg: float = 45.0
    keyframes_per_object: int = 6
    keyframe_patches: float = 15.0
    keyframe_new_share: float = 0.35
    max_keyframes: int = 600
    observation_interval_s: float = 0.0
    observations_per_object: int = 60
    look_m: float = 0.25
    look_deg: float = 12.0
    max_looks: int = 3000

    tips_per_domain: int = 1000

    max_resident_objects: int = 4096
    memory_budget_mb: int = 256

    evidence_limit: int = 3
    text_similarity: float = 0.51

    gate: GateConfig = field(default_factory=GateConfig)
    trust: TrustConfig = field(default_factory=TrustConfig)
    quarantine: QuarantineConfig = field(default_factory=QuarantineConfig)

    structure: StructureConfig = field(default_factory=StructureConfig)
