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
        min_depth_share: frames of which a smaller share of the pixels has depth are refused, 0 to 1.

    Observations:
        min_score: detections with a lower score are left out, 0 to 1.
        min_pixels: detections with fewer pixels of depth are left out, 0 to 10000.
    """

    max_rotation_std_deg: float = 0.0
    max_stamp_age_s: float = 0.0
    max_stamp_ahead_s: float = 0.0
    require_extrinsics: bool = False
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
