"""Tunables of admission and of trust in sources, with unit and range."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class GateConfig:
    """What is refused at the border, beside what is refused always. 0 switches a limit off.

    Frames:
        max_rotation_std_deg: frames whose rotation is less certain than this are refused, 0 to 90.
        max_stamp_age_s: frames that arrive later than this after their stamp are refused, 0 to 3600.
        max_stamp_ahead_s: frames whose stamp is farther in the future than this are refused, 0 to 3600.
        require_extrinsics: refuse frames of a camera whose place on the robot is a guess.
        require_source: refuse frames that do not tell which sensor they come from.
        min_depth_share: frames of which a smaller share of the pixels has depth are refused, 0 to 1.

    Observations:
        min_score: detections with a lower score are left out, 0 to 1.
        min_pixels: detections with fewer pixels of depth are left out, 0 to 10000.
    """

    max_rotation_std_deg: float = 0.0
    max_stamp_age_s: float = 0.0
    max_stamp_ahead_s: float = 0.0
    require_extrinsics: bool = False
    require_source: bool = False
    min_depth_share: float = 0.0

    min_score: float = 0.0
    min_pixels: int = 0


@dataclass(frozen=True)
class TrustConfig:
    """How sources are weighed against each other. While a map has one source, nothing of this has any effect.

    Weighing:
        weigh: hold back what most of the trust in other sources speaks against; off, every source is believed alike.
        half_life_s: what a source says of an object counts half after so long, 1 to 86400.
        margin: the others must outweigh a claim by this factor to hold it back, 1 to 10.
        missed: a source that should have seen an object so many times, in sum of probabilities, and never did, denies
            it, 0.5 to 10.
        probation_s: an object that one source alone reports is not shown earlier, while others are about, 0 to 3600.
        known_trust, known_reports: a source trusted so much, on so many checked reports, needs no probation, 0 to 1 and
            0 to 1000.

    Quarantine:
        quarantine_below: a source trusted less is held back altogether, 0 to 1.
        release_above: it is heard again once trusted so much, 0 to 1.
        judged_from: checked reports of a source before that is decided, 1 to 1000.
    """

    weigh: bool = True
    half_life_s: float = 300.0
    margin: float = 1.25
    missed: float = 1.2
    probation_s: float = 10.0
    known_trust: float = 0.85
    known_reports: float = 20.0

    quarantine_below: float = 0.5
    release_above: float = 0.65
    judged_from: float = 8.0


@dataclass(frozen=True)
class QuarantineConfig:
    """What is held back because it looks injected, until somebody releases or discards it. 0 switches a limit off.

    Motion and floods are watched of sources that name their sensor; others may be several cameras.

    hold: hold anything back at all.

    Motion:
        max_source_speed: a camera that is farther from its last place than this speed explains has jumped, metres a
            second, 0 to 1000.
        source_slack_m: shorter jumps are corrections of its pose, 0 to 100.
        settle_images: after so many images in a row from where it jumped to, the robot was re-localised: they are taken
            in after all, 2 to 100.
        max_object_speed: a thing whose place is seen empty, and that is seen farther away than this speed explains, has
            jumped, metres a second, 0 to 1000.
        object_slack_m: shorter jumps are errors of measurement, 0 to 100.

    Floods; of these only things that the memory does not know are held back:
        new_things_per_s: of one source, on average, 0 to 10000.
        new_things_at_once: more than that on average may come, as in a room entered, 1 to 10000.
        detections_per_s: of one source, on average over a second, 0 to 1000000.
        usual_factor: an image with so many times the detections that the source's images usually have, 0 to 1000.
        usual_least: and with so many at least, 1 to 1000.

    Words:
        vocabulary: the labels that detectors here know; observations with others are held back. One empty string: any.

    Bounds; beyond, the oldest go, first of the source that has most:
        max_entries: observations held, 1 to 100000.
        max_age_s: they are discarded so long after their stamp, 0 to 31536000.
    """

    hold: bool = True

    max_source_speed: float = 10.0
    source_slack_m: float = 1.0
    settle_images: int = 3
    max_object_speed: float = 10.0
    object_slack_m: float = 0.5

    new_things_per_s: float = 20.0
    new_things_at_once: int = 200
    detections_per_s: float = 3000.0
    usual_factor: float = 8.0
    usual_least: int = 60

    vocabulary: tuple[str, ...] = ("",)

    max_entries: int = 500
    max_age_s: float = 604800.0
