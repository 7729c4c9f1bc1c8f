"""Damaged ledgers, checkpoints, proofs, receipts and keys, and hostile corrections, requests to forget and to prove."""

from __future__ import annotations

import contextlib
import copy
import json
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from memory_agent_ros.evaluation.fuzzing import sample
from memory_agent_ros.evaluation.fuzzing.hostile import Hostile
from memory_agent_ros.evaluation.fuzzing.maps import OpenMap, connection_of, other_value
from memory_agent_ros.evaluation.fuzzing.target import Target, UnsoundError
from memory_agent_ros.memory.ledger import signing
from memory_agent_ros.memory.ledger.checkpoints import Checkpoint
from memory_agent_ros.memory.ledger.proofs import check_proof
from memory_agent_ros.memory.ledger.receipts import check_receipt
from memory_agent_ros.memory.ledger.soundness import verify_store
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.memory.storage import master_key
from memory_agent_ros.memory.storage.sqlite_store import SqliteStore
from memory_agent_ros.records.errors import MemoryAgentError
from memory_agent_ros.records.forgetting import ForgetRequest
from memory_agent_ros.records.region import Region

_LEDGER = ("ledger", "ledger", "checkpoints", "meta", "keys")


class DamagedLedger:
    """Verifies a map of which rows of the ledger, checkpoints or keys were changed past the memory.

    What was changed must be found, or the map be refused as unreadable.
    """

    def __init__(self, folder: Path) -> None:
        self._content = sample.write_sample_map(folder / "sound.map").read_bytes()

    def case(self, hostile: Hostile) -> bool:
        """Verify one; whether it could be read."""
        with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
            connection.deserialize(self._content)
            before = _rows(connection)
            for _ in range(1 + hostile.count(3)):
                _damage(connection, hostile.pick(_LEDGER), hostile)
            try:
                found = verify_store(SqliteStore(connection, None, None, read_only=True))
            except MemoryAgentError:
                return False
            if not found and _rows(connection) != before:
                raise UnsoundError("the ledger or its signatures were changed, and verify finds nothing")
        return True

    def close(self) -> None:
        """Nothing is open."""


def _rows(connection: sqlite3.Connection) -> list[Any]:
    """What verify vouches for; the trees beside checkpoints can be made anew."""
    connection.text_factory = bytes
    found = [connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in ("ledger", "keys")]
    found += [
        connection.execute(f"SELECT {c} ORDER BY 1").fetchall() for c in ("* FROM meta", "size, body FROM checkpoints")
    ]
    connection.text_factory = str
    return found


def _damage(connection: sqlite3.Connection, table: str, hostile: Hostile) -> None:
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    keys = [row[1] for row in connection.execute(f"PRAGMA table_info({table})") if row[5]]
    named = " AND ".join(f"{key}=?" for key in keys)
    with contextlib.suppress(sqlite3.Error, OverflowError):
        rows = connection.execute(f"SELECT {', '.join([*keys, *columns])} FROM {table}").fetchall()
        if not rows:
            return
        row = hostile.pick(rows)
        kind = hostile.rng.random()
        if kind < 0.15:
            connection.execute(f"DELETE FROM {table} WHERE {named}", row[: len(keys)])
        elif kind < 0.25 and table == "ledger":  # cut off, or twice the same
            end = hostile.chance(0.5)
            sql = f"DELETE FROM {table} WHERE {keys[0]} > ?" if end else _AGAIN
            connection.execute(sql, (row[0],))
        else:
            at = int(hostile.rng.integers(len(columns)))
            value = other_value(row[len(keys) + at], hostile)
            connection.execute(f"UPDATE {table} SET {columns[at]}=? WHERE {named}", (value, *row[: len(keys)]))


_AGAIN = (
    "INSERT INTO ledger SELECT (SELECT MAX(seq) + 1 FROM ledger), kind, record, leaves, hash FROM ledger WHERE seq=?"
)


class Documents:
    """Checkpoints, proofs and receipts that were changed on their way; what still holds must tell what it told."""

    def __init__(self, folder: Path) -> None:
        path = sample.write_sample_map(folder / "sound.map")
        with SpatialMemory.open(path, sample.CONFIG) as memory:
            memory.forget(ForgetRequest(label="red mug", author="sample", reason="asked to"))
            self._proof = memory.ledger.prove(memory.find("chair")[0].id)
            self._receipt = memory.receipts()[-1].to_dict()
        self._checkpoint = self._proof["checkpoint"]
        self._path = folder / "document.json"
        self._store = SqliteStore.open(path, read_only=True)
        self._trusted = [bytes.fromhex(self._checkpoint["key"])]
        self._proven = check_proof(self._proof, self._trusted)
        self._received = check_receipt(self._receipt, self._trusted)

    def case(self, hostile: Hostile) -> bool:
        """Check one."""
        check = hostile.pick(
            (self._check_proof, self._check_receipt, self._check_checkpoint, self._check_checkpoint_file)
        )
        try:
            check(hostile)
        except MemoryAgentError:
            return False
        return True

    def close(self) -> None:
        """Close the map."""
        self._store.close()

    def _check_proof(self, hostile: Hostile) -> None:
        told = check_proof(other_document(self._proof, hostile), self._trusted)
        genuine = list(zip(self._proven.rows, self._proven.records, strict=True))
        alike = (told.object_id, told.checkpoint) == (self._proven.object_id, self._proven.checkpoint)
        # That rows of the object are left out no proof of single rows can tell.
        if not alike or any(row not in genuine for row in zip(told.rows, told.records, strict=True)):
            raise UnsoundError("a changed proof holds, and tells something else")

    def _check_receipt(self, hostile: Hostile) -> None:
        told = check_receipt(other_document(self._receipt, hostile), self._trusted)
        if told.to_dict() != self._received.to_dict():
            raise UnsoundError("a changed receipt holds, and tells something else")

    def _check_checkpoint(self, hostile: Hostile) -> None:
        checkpoint = Checkpoint.of(other_document(self._checkpoint, hostile))
        if checkpoint.holds() and checkpoint != Checkpoint.of(self._checkpoint):
            raise UnsoundError("a changed checkpoint holds")
        if hostile.chance(0.1):
            verify_store(self._store, checkpoint)

    def _check_checkpoint_file(self, hostile: Hostile) -> None:
        text = json.dumps(self._checkpoint, indent=1).encode()
        self._path.write_bytes(b"[" * 50_000 if hostile.chance(0.01) else hostile.damaged(text))
        Checkpoint.load(self._path).holds()


def other_document(document: Mapping[str, Any], hostile: Hostile) -> Any:
    """A copy of a JSON document in which a few values are others, gone, or in another place."""
    changed: Any = copy.deepcopy(dict(document))
    for _ in range(1 + hostile.count(2)):
        places = list(_places(changed))
        if not places:
            break
        owner, at = hostile.pick(places)
        kind = hostile.rng.random()
        if kind < 0.15:
            del owner[at]
        elif kind < 0.3:
            other, where = hostile.pick(places)
            owner[at] = copy.deepcopy(other[where])
        else:
            owner[at] = _other_json(owner[at], hostile)
    return changed


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """(owner, key or index) of everything in a document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield value, key
        yield from _places(item)


def _other_json(value: Any, hostile: Hostile) -> Any:
    kind = hostile.rng.random()
    if kind < 0.2:
        return hostile.pick([None, True, [], {}, "", 0, -1, 0.5, [[]], {"a": None}, float("nan"), 2**70])
    if isinstance(value, str):
        return hostile.damaged(value.encode()).decode(errors="replace") if kind < 0.8 else hostile.text()
    if isinstance(value, bool) or value is None:
        return not value
    return hostile.whole(-(2**63), 2**64) if isinstance(value, int) else hostile.number()


class KeyFiles:
    """Files of keys that were damaged, or that others may read, and environments that name keys."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._signing, self._master = folder / "signing_key.pem", folder / "master_key"
        signing.write_key(Ed25519PrivateKey.generate(), self._signing)
        self._sound = {self._signing: self._signing.read_bytes(), self._master: b"1a" * 32 + b"\n" + b"2b" * 32 + b"\n"}

    def case(self, hostile: Hostile) -> bool:
        """Read one."""
        path = hostile.pick((self._signing, self._master))
        by_name = hostile.chance(0.3)
        path.unlink(missing_ok=True)
        if not by_name and not hostile.chance(0.05):
            data = self._sound[path] if hostile.chance(0.2) else hostile.damaged(self._sound[path])
            path.write_bytes(data)
            path.chmod(hostile.pick((0o600, 0o600, 0o600, 0o400, 0o640, 0o604, 0o666)))
        read = self._read_signing if path == self._signing else self._read_master
        with self._elsewhere(hostile.text().replace("\0", "").encode(errors="ignore").decode() if by_name else ""):
            try:
                read()
            except MemoryAgentError:
                return False
        if not by_name and path.exists() and path.stat().st_mode & 0o077:
            raise UnsoundError("a key that others may read was taken")
        return True

    def close(self) -> None:
        """Nothing is open."""

    def _read_signing(self) -> None:
        key = signing.signing_key(create=False)
        signing.is_signed(signing.public_bytes(key), key.sign(b"x"), b"x")

    def _read_master(self) -> None:
        master = master_key.wrapping_key()
        if master is not None and master.unwrap("object", 1, master.wrap("object", 1, bytes(32))) != bytes(32):
            raise UnsoundError("a master key does not unwrap what it wrapped")

    @contextlib.contextmanager
    def _elsewhere(self, named: str) -> Iterator[None]:
        """Meanwhile the user's keys are in this target's folder, or in the environment."""
        former = {name: os.environ.get(name) for name in (signing.VARIABLE, master_key.VARIABLE)}
        files = signing.key_file, master_key.key_file
        signing.key_file, master_key.key_file = (lambda: self._signing), (lambda: self._master)
        try:
            for name in former:
                os.environ[name] = named
            yield
        finally:
            signing.key_file, master_key.key_file = files
            for name, value in former.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})


def hostile_trust_call(memory: SpatialMemory, hostile: Hostile) -> None:
    """Correct, erase, prove or verify with hostile arguments, as the services do."""
    hostile.pick(tuple(_calls(memory, hostile)))()


def _calls(memory: SpatialMemory, hostile: Hostile) -> Iterator[Callable[[], object]]:
    ids = [t.id for t in memory.objects(include_tentative=True)] or [1]

    def number() -> int:
        return hostile.pick(ids) if hostile.chance(0.6) else hostile.whole(-(2**64), 2**64)

    def point() -> Any:
        return hostile.numbers(np.array([2.0, 0.0, 1.0])) if hostile.chance(0.5) else np.array([2.0, 0.0, 1.0])

    def text() -> str:
        return hostile.damaged_text(hostile.pick(["chair", "red mug", "by hand"]))

    def maybe(value: Callable[[], Any]) -> Any:
        return value() if hostile.chance(0.3) else None

    book, who = memory.corrections, {"author": text(), "reason": text()}
    yield lambda: memory.forget(_request(hostile, number, point, text, maybe))
    yield lambda: book.relabel(number(), text(), **who)
    yield lambda: book.move(number(), point(), **who)
    yield lambda: book.merge(number(), number(), **who)
    yield lambda: book.split(number(), maybe(lambda: Region(point()[:3], point()[:3])) or point(), label=text(), **who)
    yield lambda: book.delete(number(), **who)
    yield lambda: book.undo(hostile.pick([1, 2, number()]), **who)
    yield lambda: book.all(maybe(number))
    yield lambda: memory.ledger.prove(number())
    yield lambda: memory.ledger.append(
        hostile.pick(["adapter_made", text()]), {text(): number(), "list": [point().tolist()]}
    )
    yield lambda: memory.ledger.verify(Checkpoint.of(other_document(_last_signed(memory), hostile)))
    yield lambda: memory.provenance(number())
    yield lambda: [r.to_dict() for r in memory.receipts()]


def _last_signed(memory: SpatialMemory) -> dict[str, Any]:
    """The newest checkpoint in a map; making one would be a change."""
    ((body,),) = connection_of(memory).execute("SELECT body FROM checkpoints ORDER BY size DESC LIMIT 1").fetchall()
    found: dict[str, Any] = json.loads(body)
    return found


def _request(
    hostile: Hostile,
    number: Callable[[], int],
    point: Callable[[], Any],
    text: Callable[[], str],
    maybe: Callable[[Callable[[], Any]], Any],
) -> ForgetRequest:
    outline = np.array([[0.0, -1.0], [9.0, -1.0], [9.0, 9.0]])
    return ForgetRequest(
        tuple(number() for _ in range(hostile.count(3))), label=maybe(text),
        like=maybe(lambda: hostile.pick([number(), point()])),
        similarity=hostile.number() if hostile.chance(0.2) else 0.8,
        room=maybe(lambda: hostile.pick([text(), number()])), region=maybe(lambda: Region(point()[:3], point()[:3])),
        polygon=maybe(lambda: hostile.numbers(outline) if hostile.chance(0.5) else outline), since_ns=maybe(number),
        until_ns=maybe(number), never_again=hostile.chance(0.3), author=text(), reason=text(),
    )  # fmt: skip


TARGETS = (
    Target("ledger_rows", DamagedLedger, share=6.0),
    Target("trust_documents", Documents, share=8.0),
    Target("key_files", KeyFiles, share=4.0),
    Target("trust_calls", lambda folder: OpenMap(folder, hostile_trust_call, waits=True), share=6.0),
)
