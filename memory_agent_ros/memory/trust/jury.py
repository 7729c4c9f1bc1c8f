"""Sources against each other: which reports count now, which are only kept beside them, and who earns trust by it.

Each source's last word on an object is kept (:class:`Claim`). A report that most of the trust in the other sources
speaks against is held back: the claim stands beside theirs and changes nothing, until others say the same or what they
said has grown old. A source earns trust for reports that others confirm and loses it for reports in which it is
outvoted (a Beta distribution over each source, as in Jøsang and Ismail's beta reputation, 2002). One against one
decides nothing. Where there is one source there is no jury.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from memory_agent_ros.memory.association.labels import normal_label
from memory_agent_ros.memory.track import Track
from memory_agent_ros.memory.trust.claims import Claim, Claims
from memory_agent_ros.memory.trust.config import TrustConfig
from memory_agent_ros.memory.trust.sources import SourceBook, SourceRecord
from memory_agent_ros.records.observation import Observation

#: Reports of one source on one object earn or cost trust at most this often, nanoseconds.
_SETTLE_NS = 400_000_000
#: Less trust than this on the other side decides nothing.
_SLIGHT = 0.2
#: What a source's failure to see a thing weighs, against having looked at its empty place.
_SOFT = 0.5


class Jury:
    """Weighs what one source says in one frame against what the others said.

    Args:
        book: all sources.
        speaker: the one that the frame is of.
        stamp_ns: of the frame.
        config: parameters.
    """

    def __init__(self, book: SourceBook, speaker: SourceRecord, stamp_ns: int, config: TrustConfig) -> None:
        self._book, self._config = book, config
        self._stamp_ns = stamp_ns
        self.speaker = speaker
        self.heard: dict[int, Track] = {}
        self.held = 0

    @property
    def silenced(self) -> bool:
        """Whether the speaker is in quarantine: listened to, so that it can earn trust again, and not believed."""
        return self.speaker.quarantined

    def hit(self, track: Track, obs: Observation, weight: float, *, away: bool) -> bool:
        """The speaker detects an object; ``away``: where it is not remembered. Whether that counts."""
        claims = self._claims(track)
        scores = obs.label_scores or {obs.label: obs.score}
        own = self._own(track)
        own.vote(scores, weight)
        own.say(not away, self._stamp_ns)
        own.seen = True
        pro, contra = self._sides(claims, not away)
        label = normal_label(max(scores, key=lambda name: scores[name]))
        same, other = self._label_sides(claims, label)
        if not self._misnamed(claims, own):
            self._settle(own, pro, contra)
        return self._counts(not self._outvoted(pro, contra) and not self._outvoted(same, other))

    def empty(self, track: Track) -> bool:
        """The speaker sees an object's place without it. Whether that counts."""
        claims, own = self._claims(track), self._own(track)
        if own.present and not own.seen:
            self._deny(claims)
        own.say(False, self._stamp_ns)
        pro, contra = self._sides(claims, False)
        self._settle(own, pro, contra)
        return self._counts(not self._outvoted(pro, contra))

    def missed(self, track: Track, p_detect: float) -> bool:
        """The speaker does not detect an object that it should. Whether that counts."""
        claims = self._claims(track)
        own = claims.get(self.speaker.id)
        if own is None or not own.seen:
            own = self._own(track)
            own.missed += p_detect
            if own.missed >= self._config.missed:
                own.say(False, self._stamp_ns, firm=False)
        pro, contra = self._sides(claims, False)
        return self._counts(not self._outvoted(pro, contra))

    def new(self, track: Track, obs: Observation, weight: float) -> None:
        """The speaker reports an object that nobody knows, or that others have denied already."""
        track.claims = self._book.denials(track.label, track.centroid)
        own = self._own(track, fresh=True)
        own.vote(obs.label_scores or {obs.label: obs.score}, weight)
        own.say(True, self._stamp_ns)
        own.times = 1

    def dropped(self, track: Track) -> None:
        """A tentative object goes: those who denied it need not do so again if it is reported again."""
        self._book.remember_denied(track.label, track.centroid, track.claims)

    def denied(self, track: Track) -> bool:
        """Whether others, not outweighed, say that an object is not there."""
        pro, contra = self._standing(track.claims)
        return contra > 0.0 and contra >= pro

    def may_show(self, track: Track, confirm_observations: int) -> bool:
        """Whether a tentative object is vouched for well enough to be shown."""
        claims = self._claims(track)
        by = [s for s, c in claims.items() if c.present and self.weight(s, c) > 0.0]
        if not by or self.denied(track):
            return False
        if len(by) > 1 or not self._others_about(by[0]):
            return True
        record = self._book.records[by[0]]
        if record.trust >= self._config.known_trust and record.reports >= self._config.known_reports:
            return True
        old = self._stamp_ns - track.first_seen_ns >= self._config.probation_s * 1e9
        return old and track.observations >= 2 * confirm_observations

    def invented(self) -> list[Track]:
        """Objects heard of in this frame that one source alone ever saw, and several others deny."""
        found = []
        for track in self.heard.values():
            witnesses = [s for s, c in track.claims.items() if c.seen]
            if len(witnesses) != 1 or vouched_by_hand(track):
                continue
            deniers = [s for s, c in track.claims.items() if not c.present and not c.seen and self.weight(s, c) > 0.0]
            pro, contra = self._standing(track.claims)
            if contra > self._config.margin * pro and (len(deniers) > 1 or contra > 2.0 * pro):
                self._book.report(witnesses[0], contradicted=1.0)
                self.dropped(track)
                found.append(track)
        return found

    def weight(self, source_id: int, claim: Claim) -> float:
        """How much a claim counts now, in [0, 1]."""
        record = self._book.records.get(source_id)
        if record is None or record.quarantined:
            return 0.0
        return claim_weight(record, claim, self._stamp_ns, self._config)

    # -- weighing ----------------------------------------------------------------------------------------------

    def _claims(self, track: Track) -> Claims:
        """The claims on an object; what was known while there was one source is that source's."""
        self.heard[track.id] = track
        track.heard += 1
        if not track.claims and track.observations:
            claim = Claim(not track.gone, track.last_seen_ns, times=track.observations, seen=True)
            claim.votes = dict(track.votes.votes)
            track.claims[self._book.first_id] = claim
        return track.claims

    def _own(self, track: Track, *, fresh: bool = False) -> Claim:
        claims = track.claims if fresh else self._claims(track)
        if fresh:
            self.heard[track.id] = track
        return claims.setdefault(self.speaker.id, Claim(True, self._stamp_ns))

    def _sides(self, claims: Mapping[int, Claim], present: bool) -> tuple[float, float]:
        """Weight of the other sources that say the same, and that say the opposite."""
        pro = contra = 0.0
        for source_id, claim in claims.items():
            if source_id == self.speaker.id or not (claim.seen or not claim.present):
                continue
            weight = self.weight(source_id, claim)
            if claim.present is present:
                pro += weight
            else:
                contra += weight
        return pro, contra

    def _standing(self, claims: Mapping[int, Claim]) -> tuple[float, float]:
        """Weight of all who say that an object is there, and of all who say that it is not."""
        pro = contra = 0.0
        for source_id, claim in claims.items():
            weight = self.weight(source_id, claim)
            if claim.present and claim.seen:
                pro += weight
            elif not claim.present:
                contra += weight
        return pro, contra

    def _label_sides(self, claims: Mapping[int, Claim], label: str) -> tuple[float, float]:
        """Weight of the other sources that call an object so, and of those that call it something else."""
        same = other = 0.0
        for source_id, claim in claims.items():
            if source_id == self.speaker.id or not claim.votes:
                continue
            weight = self.weight(source_id, claim)
            if normal_label(claim.label) == label:
                same += weight
            else:
                other += weight
        return same, other

    def _outvoted(self, pro: float, contra: float) -> bool:
        """Whether the speaker, with those who agree, is outweighed."""
        return contra > self._config.margin * (pro + self._voice())

    def _voice(self) -> float:
        return 0.0 if self.speaker.quarantined else self.speaker.trust

    def _counts(self, counts: bool) -> bool:
        counts = counts and not self.silenced
        self.held += not counts
        return counts

    # -- trust -------------------------------------------------------------------------------------------------

    def _settle(self, own: Claim, pro: float, contra: float) -> None:
        if self._stamp_ns - own.settled_ns < _SETTLE_NS or max(pro, contra) < _SLIGHT:
            return
        own.settled_ns = self._stamp_ns
        self._book.judge(self.speaker, self._verdict(pro, contra), pro, contra)

    def _verdict(self, pro: float, contra: float) -> bool | None:
        """True: the others bear the speaker out; False: they outvote it; None: nothing is decided."""
        voice = max(self.speaker.trust, _SLIGHT)
        if contra > self._config.margin * (pro + voice):
            return False
        return True if pro and pro + voice > self._config.margin * contra else None

    def _misnamed(self, claims: Claims, own: Claim) -> bool:
        """Whether the speaker goes on calling a thing by another name than others with the same detector do."""
        if own.times < 2 or self._stamp_ns - own.settled_ns < _SETTLE_NS:
            return False
        detector = self.speaker.source.detector
        alike = {s: c for s, c in claims.items() if self._book.records[s].source.detector == detector}
        same, other = self._label_sides(alike, normal_label(own.label))
        if self._verdict(same, other) is not False:
            return False
        own.settled_ns = self._stamp_ns
        self._book.judge(self.speaker, False, same, other)
        return True

    def _deny(self, claims: Claims) -> None:
        """The speaker finds the place empty of a thing that only one other source ever saw, and that lately."""
        witnesses = [s for s, c in claims.items() if c.seen]
        if len(witnesses) != 1 or not claims[witnesses[0]].present:
            return
        if self.weight(witnesses[0], claims[witnesses[0]]) >= _SLIGHT:
            self._book.dispute(witnesses[0], self.speaker.id)

    def _others_about(self, source_id: int) -> bool:
        """Whether another source, heard at present, might check what this one says."""
        recent = self._stamp_ns - int(self._config.half_life_s * 1e9)
        return any(r.id != source_id and not r.quarantined and r.last_ns >= recent for r in self._book)


def claim_weight(record: SourceRecord, claim: Claim, now_ns: int, config: TrustConfig) -> float:
    """Trust in a source, halved with each half-life since it spoke, and less if it only failed to see."""
    age_s = max(now_ns - claim.stamp_ns, 0) * 1e-9
    return float(record.trust * 0.5 ** (age_s / config.half_life_s) * (1.0 if claim.firm else _SOFT))


def without_source(claims: Claims, source_id: int) -> dict[str, float]:
    """Label votes of all sources but one."""
    votes: dict[str, float] = {}
    for other, claim in claims.items():
        for label, weight in claim.votes.items() if other != source_id else ():
            votes[label] = votes.get(label, 0.0) + weight
    return votes


def rests_on(tracks: Iterable[Track], source_id: int) -> list[int]:
    """Objects that no source but one ever saw, and no person vouched for."""
    return [
        t.id for t in tracks if [s for s, c in t.claims.items() if c.seen] == [source_id] and not vouched_by_hand(t)
    ]


def vouched_by_hand(track: Track) -> bool:
    """Whether a person named or placed an object: no source outranks that."""
    return track.votes.pinned is not None or track.by_hand.holds
