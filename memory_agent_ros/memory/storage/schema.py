"""The tables of a map and their version, in the words of SQLite."""

from __future__ import annotations

import re

#: "MAgM" as a big-endian integer; SQLite keeps it in the file header.
APPLICATION_ID = 0x4D41674D
SCHEMA_VERSION = 13
#: Maps of this schema and later ones have a ledger.
LEDGER_SINCE = 12

_KEYS = (
    "CREATE TABLE keys (kind TEXT NOT NULL, owner INTEGER NOT NULL, secret BLOB NOT NULL, PRIMARY KEY (kind, owner)) "
    "WITHOUT ROWID"
)
_LEDGER = (
    "CREATE TABLE ledger (seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, record BLOB NOT NULL, leaves BLOB NOT NULL, "
    "hash BLOB NOT NULL)",
    "CREATE INDEX ledger_by_kind ON ledger (kind) WHERE kind <> 'observed'",
    "CREATE TABLE checkpoints (size INTEGER PRIMARY KEY, body TEXT NOT NULL, tree BLOB)",
)

_CORRECTIONS = (
    "CREATE TABLE corrections (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, object_id INTEGER NOT NULL, "
    "other_id INTEGER, undoes INTEGER, stamp_ns INTEGER NOT NULL, made_ns INTEGER NOT NULL, body BLOB NOT NULL)"
)

_QUARANTINE = (
    "CREATE TABLE quarantine (id INTEGER PRIMARY KEY, source_id INTEGER NOT NULL, stamp_ns INTEGER NOT NULL, "
    "reason TEXT NOT NULL, frame_row INTEGER NOT NULL, data BLOB NOT NULL)"
)

_VOCABULARY = "CREATE TABLE vocabulary (id INTEGER PRIMARY KEY, label TEXT NOT NULL)"

TABLES = f"""
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE objects (
    id INTEGER PRIMARY KEY, label TEXT NOT NULL, confirmed INTEGER NOT NULL, gone INTEGER NOT NULL,
    presence REAL NOT NULL, x REAL NOT NULL, y REAL NOT NULL, z REAL NOT NULL, observations INTEGER NOT NULL,
    first_seen_ns INTEGER NOT NULL, last_seen_ns INTEGER NOT NULL, last_looked_ns INTEGER NOT NULL,
    cx REAL, cy REAL, cz REAL, labels TEXT, flags INTEGER, version INTEGER NOT NULL DEFAULT 0,
    body TEXT NOT NULL, bank BLOB NOT NULL
);
CREATE INDEX objects_by_label ON objects (label, confirmed, gone, presence DESC, observations DESC);
CREATE INDEX objects_by_seen ON objects (last_seen_ns, confirmed, gone, presence, observations, label);
CREATE INDEX objects_by_version ON objects (version);
{_VOCABULARY};
CREATE VIRTUAL TABLE boxes USING rtree(id, x0, x1, y0, y1, z0, z1);
CREATE TRIGGER object_removed AFTER DELETE ON objects BEGIN DELETE FROM boxes WHERE id = old.id; END;
CREATE TABLE clouds (
    object_id INTEGER PRIMARY KEY REFERENCES objects(id) ON DELETE CASCADE, voxel_m REAL NOT NULL,
    keys BLOB NOT NULL, points BLOB NOT NULL, hits BLOB NOT NULL, crc INTEGER NOT NULL, anchors BLOB,
    box BLOB, former BLOB
);
CREATE TABLE aliases (old_id INTEGER PRIMARY KEY, new_id INTEGER NOT NULL);
CREATE TABLE together (
    a INTEGER NOT NULL, b INTEGER NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (a, b)
) WITHOUT ROWID;
CREATE INDEX together_other ON together (b);
CREATE TABLE frames (id INTEGER PRIMARY KEY, stamp_ns INTEGER NOT NULL, pose BLOB NOT NULL, look_k BLOB, look BLOB);
CREATE TABLE keyframes (
    id INTEGER PRIMARY KEY, stamp_ns INTEGER NOT NULL, frame_id TEXT NOT NULL, map_revision INTEGER NOT NULL,
    width INTEGER NOT NULL, height INTEGER NOT NULL, k BLOB NOT NULL, pose BLOB NOT NULL,
    jpeg BLOB NOT NULL, crc INTEGER NOT NULL, frame_row INTEGER, features BLOB
);
CREATE TABLE observations (
    id INTEGER PRIMARY KEY, object_id INTEGER NOT NULL REFERENCES objects(id) ON DELETE CASCADE,
    placement INTEGER NOT NULL, frame_row INTEGER NOT NULL REFERENCES frames(id),
    keyframe_id INTEGER REFERENCES keyframes(id),
    stamp_ns INTEGER NOT NULL, label TEXT NOT NULL, score REAL NOT NULL, quality REAL NOT NULL,
    pixels INTEGER NOT NULL, range_m REAL NOT NULL,
    x REAL NOT NULL, y REAL NOT NULL, z REAL NOT NULL,
    sx REAL NOT NULL, sy REAL NOT NULL, sz REAL NOT NULL, yaw REAL NOT NULL,
    x0 REAL NOT NULL, y0 REAL NOT NULL, x1 REAL NOT NULL, y1 REAL NOT NULL,
    source_id INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE sources (
    id INTEGER PRIMARY KEY, sensor TEXT NOT NULL, detector TEXT NOT NULL, embedder TEXT NOT NULL,
    confirmed REAL NOT NULL, contradicted REAL NOT NULL, frames INTEGER NOT NULL, held INTEGER NOT NULL,
    quarantined INTEGER NOT NULL, last_ns INTEGER NOT NULL
);
{_QUARANTINE};
CREATE TABLE surfaces (
    observation_id INTEGER PRIMARY KEY REFERENCES observations(id) ON DELETE CASCADE, data BLOB NOT NULL,
    owner INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX observations_of_object ON observations (object_id);
CREATE INDEX evidence_of_object ON observations (object_id, placement DESC, quality DESC, id)
    WHERE keyframe_id IS NOT NULL;
CREATE INDEX observations_in_keyframe ON observations (keyframe_id) WHERE keyframe_id IS NOT NULL;
CREATE TABLE events (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, object_id INTEGER NOT NULL, label TEXT NOT NULL,
    stamp_ns INTEGER NOT NULL,
    x REAL, y REAL, z REAL, px REAL, py REAL, pz REAL, other_id INTEGER, confidence REAL NOT NULL, detail TEXT NOT NULL
);
CREATE INDEX events_of_object ON events (object_id);
CREATE INDEX events_by_stamp ON events (stamp_ns);
CREATE TABLE vector_indexes (dimension INTEGER PRIMARY KEY, version INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE tips (
    id INTEGER PRIMARY KEY, domain TEXT NOT NULL, digest TEXT NOT NULL, goal TEXT NOT NULL,
    situation BLOB NOT NULL, choice BLOB NOT NULL, kind TEXT NOT NULL, score REAL NOT NULL, words TEXT NOT NULL,
    episode TEXT NOT NULL, step INTEGER NOT NULL, policy TEXT NOT NULL, stamp_ns INTEGER NOT NULL, world TEXT NOT NULL,
    objects TEXT NOT NULL, owner INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX tips_once ON tips (domain, digest);
{_KEYS};
{_CORRECTIONS};
CREATE TABLE refusals (id INTEGER PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE receipts (id INTEGER PRIMARY KEY, stamp_ns INTEGER NOT NULL, body TEXT NOT NULL);
{_LEDGER[0]};
{_LEDGER[1]};
{_LEDGER[2]};
"""

#: Statements that bring a map from a version to the next one.
MIGRATIONS: dict[int, tuple[str, ...]] = {
    1: (
        "ALTER TABLE clouds ADD COLUMN anchors BLOB",
        "ALTER TABLE keyframes ADD COLUMN frame_row INTEGER",
        "ALTER TABLE keyframes ADD COLUMN features BLOB",
    ),
    2: (
        "ALTER TABLE objects ADD COLUMN cx REAL",
        "ALTER TABLE objects ADD COLUMN cy REAL",
        "ALTER TABLE objects ADD COLUMN cz REAL",
        "ALTER TABLE objects ADD COLUMN labels TEXT",
        "ALTER TABLE objects ADD COLUMN flags INTEGER",
        "CREATE VIRTUAL TABLE boxes USING rtree(id, x0, x1, y0, y1, z0, z1)",
        "CREATE TRIGGER object_removed AFTER DELETE ON objects BEGIN DELETE FROM boxes WHERE id = old.id; END",
        "CREATE INDEX together_other ON together (b)",
        "ALTER TABLE objects ADD COLUMN version INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE clouds ADD COLUMN box BLOB",
        "CREATE INDEX objects_by_label ON objects (label, confirmed, gone, presence DESC, observations DESC)",
        "CREATE INDEX objects_by_seen ON objects (last_seen_ns, confirmed, gone, presence, observations, label)",
        "CREATE INDEX objects_by_version ON objects (version)",
        "CREATE TABLE vocabulary (id INTEGER PRIMARY KEY, label TEXT NOT NULL UNIQUE, normal TEXT NOT NULL)",
        "CREATE INDEX vocabulary_by_normal ON vocabulary (normal)",
        "CREATE VIRTUAL TABLE label_words USING fts5(words)",
        "CREATE INDEX evidence_of_object ON observations (object_id, placement DESC, quality DESC, id) "
        "WHERE keyframe_id IS NOT NULL",
    ),
    3: ("CREATE TABLE vector_indexes (dimension INTEGER PRIMARY KEY, version INTEGER NOT NULL, data BLOB NOT NULL)",),
    4: ("ALTER TABLE clouds ADD COLUMN visits BLOB",),
    5: (
        "CREATE TABLE tips (id INTEGER PRIMARY KEY, domain TEXT NOT NULL, digest TEXT NOT NULL, goal TEXT NOT NULL, "
        "situation BLOB NOT NULL, choice BLOB NOT NULL, kind TEXT NOT NULL, score REAL NOT NULL, words TEXT NOT NULL, "
        "episode TEXT NOT NULL, step INTEGER NOT NULL, policy TEXT NOT NULL, stamp_ns INTEGER NOT NULL, "
        "world TEXT NOT NULL, objects TEXT NOT NULL)",
        "CREATE UNIQUE INDEX tips_once ON tips (domain, digest)",
    ),
    6: (
        "ALTER TABLE clouds RENAME COLUMN visits TO former",
        "CREATE TABLE surfaces (observation_id INTEGER PRIMARY KEY REFERENCES observations(id) ON DELETE CASCADE, "
        "data BLOB NOT NULL)",
    ),
    7: (_KEYS,),
    8: (
        "ALTER TABLE observations ADD COLUMN source_id INTEGER NOT NULL DEFAULT 0",
        "CREATE TABLE sources (id INTEGER PRIMARY KEY, sensor TEXT NOT NULL, detector TEXT NOT NULL, "
        "embedder TEXT NOT NULL, confirmed REAL NOT NULL, contradicted REAL NOT NULL, frames INTEGER NOT NULL, "
        "held INTEGER NOT NULL, quarantined INTEGER NOT NULL, last_ns INTEGER NOT NULL)",
        "CREATE TABLE quarantine (id INTEGER PRIMARY KEY, source_id INTEGER NOT NULL, stamp_ns INTEGER NOT NULL, "
        "reason TEXT NOT NULL, label TEXT NOT NULL, score REAL, x REAL, y REAL, z REAL)",
    ),
    9: (_CORRECTIONS,),
    10: (
        "DROP TABLE label_words",
        "DROP TABLE vocabulary",
        _VOCABULARY,
        "ALTER TABLE surfaces ADD COLUMN owner INTEGER NOT NULL DEFAULT 0",
        "UPDATE surfaces SET owner=(SELECT object_id FROM observations o WHERE o.id = observation_id)",
        "ALTER TABLE tips ADD COLUMN owner INTEGER NOT NULL DEFAULT 0",
        "UPDATE tips SET owner=id",
        "CREATE TABLE refusals (id INTEGER PRIMARY KEY, body TEXT NOT NULL)",
        "CREATE TABLE receipts (id INTEGER PRIMARY KEY, stamp_ns INTEGER NOT NULL, body TEXT NOT NULL)",
    ),
    11: _LEDGER,
    12: ("DROP TABLE quarantine", _QUARANTINE),
}


def table_names() -> list[str]:
    """All tables, those that others refer to first."""
    return re.findall(r"^CREATE (?:VIRTUAL )?TABLE (\w+)", TABLES, re.MULTILINE)
