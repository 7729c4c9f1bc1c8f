"""One family of questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

#: Classes of tasks.
CLASSES = (
    "locate", "count", "compare", "relation", "time", "change", "attribute", "multi_hop", "unanswerable", "dialogue",
)  # fmt: skip


@dataclass(frozen=True)
class Family:
    """A syntactic pattern of a class.

    Attributes:
        name: unique, fixed: the split is by name.
        klass: one of :data:`CLASSES`.
        template: see :func:`~memory_agent_ros.evaluation.qa.families.template.written`.
        fills: key of :data:`~memory_agent_ros.evaluation.qa.families.fillings.FILLINGS`: how its slots are drawn.
        program: the calls, with slots, that answer it.
        first: of a dialogue, the pattern and the program of the question before; "" otherwise.
        held_out: never trained on.
    """

    name: str
    klass: str
    template: str
    fills: str
    program: str
    first: tuple[str, str] = ("", "")
    held_out: bool = False

    @property
    def unanswerable(self) -> bool:
        """Whether no memory can know the answer."""
        return self.klass == "unanswerable" or "find(nothing)" in self.program or ", text)" in self.program


#: A row of a table: template, fillings, program.
Row = tuple[str, str, str]


def families_of(klass: str, seen: Sequence[Row], held_out: Sequence[Row]) -> tuple[Family, ...]:
    """Families of a class, named by their place in the tables: append, never insert."""
    found = [Family(f"{klass}_{n:02d}", klass, *row) for n, row in enumerate(seen, start=1)]
    found += [Family(f"{klass}_h{n}", klass, *row, held_out=True) for n, row in enumerate(held_out, start=1)]
    return tuple(found)
