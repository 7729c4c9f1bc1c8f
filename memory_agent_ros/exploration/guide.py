"""A plain rule that a learned policy starts from and corrects (residual policy learning, arXiv 1812.06298).

The rule is :class:`~memory_agent_ros.exploration.policies.frontiers.InformationGain`. Where it explores it is soft, so
that what is learned can overrule it; what matches the goal is gone to and declared whatever was learned, since a policy
that may dither there drives farther: half of what it gained elsewhere was lost so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from memory_agent_ros.exploration.candidates import MATCHES, PRESENT
from memory_agent_ros.exploration.policies.declaring import column
from memory_agent_ros.exploration.situation import Array, Situations

#: Logits of declaring what matches, of going to it (less so many for each metre, the nearest first), of giving up;
#: exploring lies between the last two, far enough that no learned score bridges it.
_DECLARE, _GO, _PER_METRE, _FAR_M, _GIVE_UP = 2000.0, 1000.0, 20.0, 40.0, -40.0
#: Of exploring: a factor on the logarithm of square metres less 0.3 for each metre, and its bounds.
_SHARP, _LEAST, _MOST = 1.5, -5.0, 6.0


def information_gain(situations: Situations) -> Array:
    """(B, C) logits: declare what matches, else go to it, else where much unknown floor is near."""
    stop, viewpoint = column(situations, "is_stop") > 0, column(situations, "is_viewpoint") > 0
    matches = (column(situations, "match") >= MATCHES) & (column(situations, "presence") >= PRESENT)
    path = column(situations, "path")
    value = np.log(10.0 * column(situations, "gain") + 1e-3) - 3.0 * path
    logits = np.where(stop, _GIVE_UP, np.clip(_SHARP * value, _LEAST, _MOST))
    logits = np.where(viewpoint & matches, _GO - _PER_METRE * np.minimum(10.0 * path, _FAR_M), logits)
    return np.where(stop & matches, _DECLARE, logits).astype(np.float32)


#: Guides by the name that weights carry.
GUIDES: Mapping[str, Callable[[Situations], Array]] = {"information_gain": information_gain}
