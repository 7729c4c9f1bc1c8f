"""Runs the cases of a target in child processes: notices crashes and hangs, goes on after them, and resumes."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from memory_agent_ros.evaluation.fuzzing.target import Target
from memory_agent_ros.evaluation.fuzzing.worker import PULSE

_READY_S = 300.0
#: Cases of one process; after them a fresh one begins, so that nothing that is only used up slowly is taken for a find.
_CASES_A_PROCESS = 4000
#: More finds of one cause than this are counted, but not kept in full.
_KEPT = 3


@dataclass
class Tally:
    """What came of the cases of one target so far.

    Attributes:
        target: its name.
        cases: tried.
        accepted: of those.
        seconds: wall time, getting ready included.
        kinds: number of finds by kind: crash, hang, died, partial_write, unsound.
        finds: the first ones of each cause.
    """

    target: str
    cases: int = 0
    accepted: int = 0
    seconds: float = 0.0
    kinds: dict[str, int] = field(default_factory=dict)
    finds: list[dict[str, Any]] = field(default_factory=list)

    def add(self, find: dict[str, Any]) -> None:
        """Count a find."""
        self.kinds[find["kind"]] = self.kinds.get(find["kind"], 0) + 1
        if sum(f["signature"] == find["signature"] for f in self.finds) < _KEPT:
            self.finds.append(find)

    def save(self, path: Path) -> None:
        """Write it in one move."""
        draft = path.with_suffix(".part")
        draft.write_text(json.dumps(dataclasses.asdict(self), indent=1))
        os.replace(draft, path)

    @staticmethod
    def load(path: Path, target: str) -> Tally:
        """What :meth:`save` wrote, or an empty one."""
        return Tally(**json.loads(path.read_text())) if path.exists() else Tally(target)


def fuzz(
    target: Target,
    modules: Sequence[str],
    seeds: range,
    cases: int,
    folder: Path,
    deadline_s: float = float("inf"),
    told: Callable[[int], object] = lambda cases: None,
) -> Tally:
    """Try the cases of a target up to number ``cases``, or until ``deadline_s`` (steady clock), and go on another time.

    Args:
        target: what is fuzzed.
        modules: names of the modules with targets.
        seeds: of the random numbers.
        cases: how many in all, those of earlier runs in ``folder`` included.
        folder: keeps the tally.
        deadline_s: no further process is started after it, and the last one is ended.
        told: how many cases were done since it was told last.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / f"{target.name}.json"
    tally = Tally.load(kept, target.name)
    while tally.cases < cases and time.monotonic() < deadline_s:
        started, first = time.monotonic(), tally.cases
        _run(target, modules, seeds, range(first, min(cases, first + _CASES_A_PROCESS)), folder, deadline_s, tally)
        tally.seconds += time.monotonic() - started
        tally.save(kept)
        told(tally.cases - first)
    return tally


def _run(
    target: Target, modules: Sequence[str], seeds: range, cases: range, folder: Path, deadline_s: float, tally: Tally
) -> None:
    """One process; afterwards ``tally.cases`` is the number of the case to go on with."""
    pulse, finds = folder / f"{target.name}.pulse", folder / f"{target.name}.finds"
    pulse.write_bytes(PULSE.pack(-1, 0, 0))
    finds.write_bytes(b"")
    command = [
        sys.executable, "-m", "memory_agent_ros.evaluation.fuzzing.worker", target.name, "--modules", ",".join(modules),
        "--seeds", f"{seeds.start}:{seeds.stop}", "--first", str(cases.start), "--last", str(cases.stop),
        "--pulse", str(pulse), "--finds", str(finds),
    ]  # fmt: skip
    log = folder / f"{target.name}.log"
    with log.open("wb") as out:
        child = subprocess.Popen(command, stdout=out, stderr=out, start_new_session=True)
        try:
            end = _watch(child, pulse, target.limit_s, deadline_s)
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
            code = child.wait()
    case, done, accepted = PULSE.unpack(pulse.read_bytes())
    if case < 0 and end != "deadline":
        raise RuntimeError(f"{target.name} did not get ready ({end}, exit code {code}):\n{_tail(log)}")
    for line in finds.read_text().splitlines():
        tally.add(json.loads(line))
    tally.accepted += accepted
    tally.cases = cases.start + done
    if case < cases.stop and end in ("hang", "died"):
        kind = {"kind": end, "signature": f"{end} with exit code {code}" if end == "died" else "hang"}
        tally.add({"case": case, **kind, "message": f"case {case}", "trace": _tail(log)})
        tally.cases += 1
    for path in (pulse, finds, log):
        path.unlink()


def _watch(child: subprocess.Popen[bytes], pulse: Path, limit_s: float, deadline_s: float) -> str:
    """Wait for a process: how it ended, or why it is to be ended: died, hang, deadline, done."""
    last, since = -2, time.monotonic()
    while True:
        try:
            return "died" if child.wait(timeout=0.25) else "done"
        except subprocess.TimeoutExpired:
            now = time.monotonic()
        case = PULSE.unpack(pulse.read_bytes())[0]
        if case != last:
            last, since = case, now
        if now > deadline_s:
            return "deadline"
        if now - since > (_READY_S if case < 0 else limit_s):
            return "hang"


def _tail(log: Path) -> str:
    return log.read_bytes()[-3000:].decode(errors="replace")
