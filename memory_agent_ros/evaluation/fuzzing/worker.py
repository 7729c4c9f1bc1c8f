"""One process that tries a range of cases on one target; it may die of it.

``python -m memory_agent_ros.evaluation.fuzzing.worker TARGET --seeds A:B --first I --last J`` repeats cases by hand.
The file ``--pulse`` always holds the number of the case in work and the counts so far, so that whoever watches knows
which case it was that hangs or kills.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import logging
import os
import resource
import struct
import sys
import tempfile
import traceback
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from memory_agent_ros.evaluation.fuzzing.hostile import Hostile
from memory_agent_ros.evaluation.fuzzing.target import PartialWriteError, Subject, UnsoundError, targets

#: Case in work (-1: getting ready), cases done, of those accepted.
PULSE = struct.Struct("<qqq")
#: Working memory that a case may take beyond what the process begins with; more is a find.
_MEMORY_BYTES = 3 << 30
_KINDS = {PartialWriteError: "partial_write", UnsoundError: "unsound"}


def case_generator(target: str, seeds: range, case: int) -> np.random.Generator:
    """The random numbers of one case: the same whenever and after whatever it is run."""
    seed = seeds[case % len(seeds)]
    return np.random.default_rng([seed & 0xFFFFFFFF, zlib.crc32(target.encode()), case])


def find_of(error: BaseException, case: int) -> dict[str, Any]:
    """What is kept of an input that broke something; ``signature`` is the same for finds of one cause."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if "memory_agent" in f.filename and "fuzzing" not in f.filename]
    place = ours[-1] if ours else frames[-1]
    kind = next((name for known, name in _KINDS.items() if isinstance(error, known)), "crash")
    return {
        "case": case,
        "kind": kind,
        "signature": f"{type(error).__name__} at {Path(place.filename).name}:{place.name}:{place.lineno}",
        "message": str(error)[:300],
        "trace": "".join(traceback.format_exception(error))[-3000:],
    }


def run_cases(subject: Subject, target: str, seeds: range, cases: range, pulse: Any, finds: Any) -> None:
    """Try cases one after another, telling the pulse and every find."""
    done = accepted = 0
    for case in cases:
        os.pwrite(pulse.fileno(), PULSE.pack(case, done, accepted), 0)
        try:
            accepted += subject.case(Hostile(case_generator(target, seeds, case)))
        except (Exception, SystemExit) as error:
            # Whatever comes out is what is looked for.
            finds.write(json.dumps(find_of(error, case)) + "\n")
            finds.flush()
        done += 1
    os.pwrite(pulse.fileno(), PULSE.pack(cases.stop, done, accepted), 0)


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("target")
    parser.add_argument("--modules", default="memory_agent_ros.evaluation.fuzzing.core", help="with the targets")
    parser.add_argument("--seeds", default="0:1")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--last", type=int, default=1)
    parser.add_argument("--pulse", type=Path, default=None)
    parser.add_argument("--finds", type=Path, default=None)
    args = parser.parse_args()
    faulthandler.enable()
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    start, stop = (int(part) for part in args.seeds.split(":"))
    target = targets(args.modules.split(","))[args.target]
    with tempfile.TemporaryDirectory(prefix="fuzz.") as folder:
        pulse = open(args.pulse or Path(folder, "pulse"), "r+b" if args.pulse else "w+b")  # noqa: SIM115
        os.pwrite(pulse.fileno(), PULSE.pack(-1, 0, 0), 0)
        home = Path(folder, "subject")
        home.mkdir()
        subject = target.ready(home)
        used = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_DATA, (used + _MEMORY_BYTES, resource.RLIM_INFINITY))
        with open(args.finds, "a") if args.finds else os.fdopen(os.dup(2), "w") as finds:
            run_cases(subject, args.target, range(start, stop), range(args.first, args.last), pulse, finds)
        subject.close()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # threads of nodes may be left


if __name__ == "__main__":
    main()
