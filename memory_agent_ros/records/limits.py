"""The most that anything from outside may hold: messages, requests, files, recordings.

Whatever is larger is refused before work is done on it. The limits are wide: no camera, detector or map server that we
know comes near them. They are constants and no parameters, so that no launch file can take them away.
"""

from __future__ import annotations

#: Characters of a name: label, frame, kind, room, domain, adapter, dialogue.
NAME_CHARACTERS = 256
#: Characters of a sentence: question, reason, tip, detail, path.
TEXT_CHARACTERS = 4096
#: Characters of a document that is to be internalised, or of JSON.
DOCUMENT_CHARACTERS = 4_000_000

#: Bytes of an image as it arrives, packed or not (8K RGBA is 133 million), and of any other array of bytes.
IMAGE_BYTES = 256 << 20
#: Pixels of an image, and of its longer side.
IMAGE_PIXELS = 64_000_000
IMAGE_SIDE = 20_000

#: Observations of one image.
OBSERVATIONS = 1000
#: Surface points of one observation.
POINTS = 100_000
#: Labels that one observation distributes its score over.
LABELS = 2000
#: Numbers of an appearance vector, of a tip's situation or choice, of a camera's distortion.
VECTOR = 16_384
DISTORTION = 32
#: Ids, kinds or choices named in one request, tips sent in one, links of one transform message.
NAMED = 20_000
#: Poses of a pose graph.
POSES = 2_000_000
#: Cells of a floor plan (2 km by 2 km at 5 cm).
CELLS = 1_600_000_000
#: Things in an answer of the memory.
ANSWERED = 2_000_000

#: No robot is farther from the origin of its map than this, no box larger, metres.
COORDINATE_M = 1e6
#: No thing is larger, nor farther from the camera that sees it, metres.
EXTENT_M = 1000.0
#: A floor plan made from looks reaches so many cells from the first of them at most.
PLAN_CELLS = 5000
#: Ids in the store are signed 64-bit numbers.
LARGEST_ID = (1 << 63) - 1
