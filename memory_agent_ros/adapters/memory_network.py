"""The network behind :class:`~memory_agent_ros.adapters.memory.MemoryToLora`. Needs torch.

Every kind of thing that a chunk tells of is a query of its own: its name's vector, the sum of its things' tokens
(a sum and no average, so that it can count), and what it then reads of all tokens by cross-attention. Each query gives
a row for each layer and for each :data:`CUES`, so an adapter has as many rows as there is to tell, and kinds do not
fight over latents. The rows of A begin as what the adapted layers see at the end of these questions about the thing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from memory_agent_ros.adapters.application import Target
from memory_agent_ros.adapters.heads import RowHeads
from memory_agent_ros.adapters.key_reader import CopiedKeys
from memory_agent_ros.adapters.memory_tokens import APPEARANCE, KINDS, SCALARS, MemoryTokens
from memory_agent_ros.adapters.perceiver import CrossAttention
from memory_agent_ros.adapters.rows import LoraRows

#: What is asked of a thing in a room, each in several forms: what they have in common is what is asked.
CUES = (
    ("how many {thing} are in the {room}?", "count the {thing} of the {room}?", "the {room} has how many {thing}?"),
    ("which room has the {thing}?", "in which room is the {thing}?", "the {thing} is in which room?"),
    ("what is the {thing} in the {room} on?", "on what is the {thing} of the {room}?",
     "the {thing} of the {room} is on what?"),
    ("what became of the {thing} in the {room}?", "what happened to the {thing} of the {room}?",
     "the {thing} of the {room} became what?"),
    ("what colour is the {thing} in the {room}?", "which colour has the {thing} of the {room}?",
     "the {thing} of the {room} is of what colour?"),
)  # fmt: skip


@dataclass(frozen=True)
class MemoryNetworkSize:
    """How large it is.

    Attributes:
        width: of its vectors.
        blocks, heads: of cross-attention.
        encoded: width of the shared encoder's vectors.
    """

    width: int = 192
    blocks: int = 2
    heads: int = 4
    encoded: int = 128


@dataclass(frozen=True)
class TokenBatch:
    """Chunks padded to one length; names are rows of one table of vectors.

    Attributes:
        names: (V, D) vectors of all names.
        room: (B,) the room's name.
        queries: (B, Q) names of the kinds of things, the room's first; ``asked`` (B, Q) bool, which there are.
        kind, subject, other: (B, N); ``mask`` (B, N) bool, which there are.
        values: (B, N, encoded + 64 + 12).
        cues: by kind of target, (B, Q, L, R, inputs) what enters it at the end of the R :data:`CUES`; the mean over
            their forms; zeros for the room itself.
    """

    names: Tensor
    room: Tensor
    queries: Tensor
    asked: Tensor
    kind: Tensor
    subject: Tensor
    other: Tensor
    mask: Tensor
    values: Tensor
    cues: Mapping[str, Tensor]


#: (thing, room) -> by kind of target, (L, R, inputs).
Cues = Callable[[str, str], Mapping[str, Tensor]]


class MemoryNetwork(nn.Module):
    """Tokens of chunks -> LoRA rows.

    Args:
        targets: layers of the language model that are adapted.
        name_width: of names' vectors.
        size: of the network.
    """

    def __init__(self, targets: Sequence[Target], name_width: int, size: MemoryNetworkSize) -> None:
        super().__init__()
        width = size.width
        self.size = size
        self.heads = RowHeads(targets, width, len(CUES))
        inputs = {t.kind: t.inputs for t in targets}
        self.keys = nn.ModuleDict({kind: CopiedKeys(len(self.heads.layers), n) for kind, n in inputs.items()})
        self._targets = tuple(targets)
        self.kinds = nn.Embedding(KINDS, width)
        self.subject, self.other = nn.Linear(name_width, width, bias=False), nn.Linear(name_width, width, bias=False)
        self.values = nn.Sequential(
            nn.Linear(size.encoded + APPEARANCE + SCALARS, width), nn.GELU(), nn.Linear(width, width)
        )
        self.token = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )
        self.query, self.room = nn.Linear(name_width, width), nn.Linear(name_width, width)
        self.total = nn.Linear(width, width)
        self.is_room = nn.Parameter(torch.randn(width) * 0.1)
        self.blocks = nn.ModuleList(CrossAttention(width, size.heads) for _ in range(size.blocks))
        self.places = nn.Parameter(torch.randn(len(self.heads.layers), self.heads.vectors, width) * 0.5)
        self.out = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(self, batch: TokenBatch) -> LoraRows:
        """Rows of B chunks: Q times R of them in each layer, those of padding zero; without the bias."""
        vectors = self.read(batch)
        flat = vectors.flatten(0, 1)[:, None, None] + self.places
        rows = self.heads(flat + self.out(flat))
        count, asked = len(vectors), batch.asked.flatten()[:, None, None]
        of_things = self._of_things(batch)[:, None, None, None]
        for kind, keys in self.keys.items():
            copied = keys.keys(keys.standardised(batch.cues[kind].flatten(0, 1))) * of_things
            for number, target in enumerate(t for t in self._targets if t.kind == kind):
                rows.down[target.name] = rows.down[target.name] + copied[:, number]
        return LoraRows(
            {n: t.unflatten(0, (count, -1)).flatten(1, 2) for n, t in rows.down.items()},
            {n: (t * asked).unflatten(0, (count, -1)).flatten(1, 2) for n, t in rows.up.items()},
            rows.scale,
        )

    def standardise(self, batch: TokenBatch) -> None:
        """Learn from some chunks what usually enters the adapted layers; before training."""
        there = self._of_things(batch)[:, None].expand(-1, len(CUES))
        for kind, keys in self.keys.items():
            keys.standardise(batch.cues[kind].flatten(0, 1), there)

    @staticmethod
    def _of_things(batch: TokenBatch) -> Tensor:
        """(B Q,) bool: which queries are kinds of things; the first is the room's."""
        things = batch.asked.clone()
        things[:, 0] = False
        return things.flatten()

    def read(self, batch: TokenBatch) -> Tensor:
        """(B, Q, width): what the chunk tells of each kind of thing."""
        tokens = self.kinds(batch.kind) + self.values(batch.values)
        tokens = tokens + self.subject(batch.names)[batch.subject] + self.other(batch.names)[batch.other]
        tokens = tokens + self.token(tokens)
        mine = (batch.queries[:, :, None] == batch.subject[:, None, :]) & batch.mask[:, None, :]
        queries = self.query(batch.names)[batch.queries] + self.room(batch.names)[batch.room][:, None]
        queries = queries + self.total(torch.einsum("bqn,bnw->bqw", mine.to(tokens.dtype), tokens)) * 0.5
        first = torch.zeros_like(queries)
        first[:, 0] = self.is_room
        queries = queries + first
        for block in self.blocks:
            queries = block(queries, tokens, batch.mask[:, None, None])
        return queries


def token_batch(
    chunks: Sequence[MemoryTokens], name_vectors: Tensor, numbers: Mapping[str, int], cues: Cues
) -> TokenBatch:
    """Pad chunks to one length.

    Args:
        chunks: at least one.
        name_vectors: (V, D).
        numbers: name -> its row of them.
        cues: (thing, room) -> what enters the targets at the end of the :data:`CUES` about them.
    """
    longest, most = max(map(len, chunks)), 1 + max(len(c.things) for c in chunks)
    count = len(chunks)
    width = chunks[0].encoded.shape[1] + APPEARANCE + SCALARS
    kind, subject, other = (np.zeros((count, longest), np.int64) for _ in range(3))
    mask, asked = np.zeros((count, longest), np.bool_), np.zeros((count, most), np.bool_)
    queries, values = np.zeros((count, most), np.int64), np.zeros((count, longest, width), np.float32)
    for i, chunk in enumerate(chunks):
        table = np.array([numbers[name] for name in chunk.names], np.int64)
        n, k = len(chunk), 1 + len(chunk.things)
        kind[i, :n], subject[i, :n], other[i, :n] = chunk.kind, table[chunk.subject], table[chunk.other]
        values[i, :n] = np.concatenate([chunk.encoded, chunk.appearance, chunk.scalars], axis=1)
        queries[i, 0], queries[i, 1:k] = table[0], table[chunk.things]
        mask[i, :n], asked[i, :k] = True, True
    arrays = {
        "room": queries[:, 0].copy(), "queries": queries, "asked": asked, "kind": kind, "subject": subject,
        "other": other, "mask": mask, "values": values,
    }  # fmt: skip
    tensors = {name: torch.from_numpy(a).to(name_vectors.device) for name, a in arrays.items()}
    return TokenBatch(name_vectors, cues=_padded_cues(chunks, most, cues), **tensors)


def _padded_cues(chunks: Sequence[MemoryTokens], most: int, cues: Cues) -> dict[str, Tensor]:
    """See :attr:`TokenBatch.cues`."""
    told = [[cues(c.names[i], c.names[0]) for i in c.things.tolist()] for c in chunks]
    like = next((one for some in told for one in some), None) or cues("", "")
    out = {}
    for kind, first in like.items():
        out[kind] = first.new_zeros(len(chunks), most, *first.shape)
        for row, some in zip(out[kind], told, strict=True):
            if some:
                row[1 : 1 + len(some)] = torch.stack([one[kind] for one in some])
    return out
