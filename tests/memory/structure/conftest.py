"""Makes the synthetic worlds importable from the tests of this folder."""

import sys
from pathlib import Path

sys.path += [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent)]
