"""Tools that act. No question reaches one unless its owner allows it by name.

The calls that a question becomes are those of :data:`~memory_agent_ros.reasoning.calls.TOOLS`, which only read. What
moves the robot or changes the memory stands here, beside them, and is reached by code alone: after an answer that is
*unknown* for want of looking, ``look`` may be asked to go and see, if it is there and allowed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TypeAlias

from memory_agent_ros.records.errors import BadInputError

#: Does something about a thing by its name, and says whether that changed what the memory knows.
Act: TypeAlias = Callable[[str], bool]
#: Goes and looks for a thing.
LOOK = "look"


class ActingTools:
    """Tools that act, of which only allowed ones can be reached.

    Args:
        tools: by name.
        allowed: names that may be used; none by default.

    Raises:
        BadInputError: ``acting_tool``: a name is allowed of which there is no tool.
    """

    def __init__(self, tools: Mapping[str, Act] | None = None, allowed: Collection[str] = ()) -> None:
        tools = dict(tools or {})
        missing = sorted(set(allowed) - set(tools))
        if missing:
            raise BadInputError(
                "acting_tool", f"no acting tool {', '.join(missing)}; there are {', '.join(tools) or 'none'}"
            )
        self._tools = {name: tool for name, tool in tools.items() if name in allowed}

    def __contains__(self, name: object) -> bool:
        return name in self._tools

    def act(self, name: str, about: str) -> bool:
        """Use one.

        Raises:
            BadInputError: ``acting_tool``: it is not allowed.
        """
        if name not in self._tools:
            raise BadInputError("acting_tool", f"{name} is not allowed")
        return self._tools[name](about)
