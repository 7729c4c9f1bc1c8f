"""Parameters of ``reasoner_node``."""

from __future__ import annotations

from dataclasses import dataclass, field

from memory_agent_ros.nodes.parameters import parameter
from memory_agent_ros.reasoning.acting import LOOK

#: Tools that act, by name; none can be called unless ``acting_tools`` names it.
ACTING = (LOOK,)
THINK = ("auto", "always", "never")


@dataclass(frozen=True)
class LookConfig:
    """Going to see, where ``acting_tools`` allows it."""

    time_limit_s: float = parameter(
        120.0, "Wall seconds a search for the thing asked about may take.", minimum=1.0, maximum=3600.0
    )
    budget_m: float = parameter(30.0, "Metres it may drive; 0: no limit.", minimum=0.0, maximum=10000.0)


@dataclass(frozen=True)
class ReasonerNodeConfig:
    """Parameters of ``reasoner_node``."""

    model: str = parameter(
        "auto",
        "Language model for questions that the templates do not surely understand: none, auto (the embedded one where "
        "it is installed, else none), embedded, openai:MODEL (server from the environment), URL#MODEL, or an id of "
        "transformers.",
    )
    vision: str = parameter(
        "none",
        "Model that reads looks off the evidence pictures: none, auto (the embedded one where it is installed, else "
        "none), embedded, openai:MODEL, or an id of transformers.",
    )
    text_embedder: str = parameter(
        "minilm", "Finds names of the memory that mean what a question says in other words, for the language model.",
        choices=("minilm", "none"),
    )  # fmt: skip
    device: str = parameter("auto", "Where a language model of transformers runs: auto, cpu, cuda, cuda:1.")
    threads: int = parameter(1, "CPU threads of the embedded models.", minimum=1, maximum=256)
    think: str = parameter(
        "auto", "Whether the language model reads a question that does not say: by difficulty, always or never.",
        choices=THINK, live=True,
    )  # fmt: skip
    time_budget_s: float = parameter(
        10.0, "Wall seconds for an answer whose goal names none.", minimum=0.1, maximum=3600.0, live=True
    )
    own_words: bool = parameter(
        False, "Let the language model word the answers that it found, where its words hold what the memory says. A "
        "dialogue then takes 16 MB with the embedded model, however long it lasts.",
    )  # fmt: skip
    general_knowledge: bool = parameter(
        False, "Let the language model answer of itself what names nothing of this place; the answer says that it is "
        "not from memory.",
    )  # fmt: skip
    refuse_unsafe: bool = parameter(
        True, "Let the embedded language model refuse requests that could do harm, with a reason, instead of working "
        "on them. No safety function: hard limits stay what prevents harm.",
    )  # fmt: skip
    acting_tools: str = parameter(
        "", "Tools that act which a question may cause, comma-separated; there is one: look (ask the explorer to go "
        "and see what the answer is unknown of). Empty: none.",
    )  # fmt: skip
    adapters: bool = parameter(
        False, "Answer what the memory does not tell from internalised memory, where the adapter node says it holds it."
    )
    look: LookConfig = field(default_factory=LookConfig)
    query_timeout_s: float = parameter(5.0, "Wall seconds a query may take.", minimum=0.1, maximum=120.0)
    queue: int = parameter(8, "Questions that may be under way; further ones are rejected.", minimum=1, maximum=1000)
    dialogues: int = parameter(
        16, "Dialogues whose last answer is kept; the one not used for longest goes first.", minimum=1, maximum=10000
    )
    map_frame: str = parameter("map", "Frame of the markers.")
    picture_height: int = parameter(360, "Height of reasoner/evidence, pixels.", minimum=60, maximum=2160)

    def __post_init__(self) -> None:
        unknown = set(self.allowed) - set(ACTING)
        if unknown:
            raise ValueError(f"acting_tools: there is no {', '.join(sorted(unknown))}; there is {', '.join(ACTING)}")

    @property
    def allowed(self) -> tuple[str, ...]:
        """Names of the tools that act which questions may cause."""
        return tuple(name.strip() for name in self.acting_tools.split(",") if name.strip())
