"""How an engine tells which rows a transaction touches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from memory_agent_ros.memory.ledger.tables import Committed

#: The functions that SQLite calls for each row: with its key, with its values.
TOUCH, PUT = "ledger_touch", "ledger_put"
#: Where PostgreSQL notes each row, for the session that writes.
NOTES = "ledger_touched"


def sqlite_triggers(table: Committed, columns: Iterable[str]) -> Iterator[str]:
    """Statements for the connection that writes; other programs that open the file never see them.

    Args:
        table: that is watched.
        columns: names of its columns.
    """
    old = ", ".join(f"OLD.{key}" for key in table.keys)
    moved = " OR ".join(f"OLD.{key} IS NOT NEW.{key}" for key in table.keys)
    values = ", ".join(f"NEW.{name}" for name in sorted(columns))
    put, gone = f"SELECT {PUT}({table.number}, {{}}, {values})", f"SELECT {TOUCH}({table.number}, 1, {old})"
    # Values that every step writes, whether or not they changed.
    changed = "WHEN OLD.value IS NOT NEW.value " if table.name == "meta" else ""
    name = f"ledger_{table.name}"
    yield f"CREATE TEMP TRIGGER {name}_put AFTER INSERT ON main.{table.name} BEGIN {put.format(0)}; END"
    yield f"CREATE TEMP TRIGGER {name}_gone AFTER DELETE ON main.{table.name} BEGIN {gone}; END"
    yield (
        f"CREATE TEMP TRIGGER {name}_set AFTER UPDATE ON main.{table.name} {changed}BEGIN "
        f"{put.format(1)}; {gone} WHERE {moved}; END"
    )


def postgres_triggers(tables: Iterable[Committed]) -> Iterator[str]:
    """Statements for a map on a server, once; the notes are a table of each session that writes."""
    for table in tables:
        columns = "table_number, was_there, " + ("name, a" if table.keys[0] in ("key", "kind") else "a, b")
        put = f"INSERT INTO pg_temp.{NOTES} ({columns}) VALUES ({table.number}, {{0}}, {{1}})"
        new, old = (_padded(table, side) for side in ("NEW", "OLD"))
        unchanged = (
            "IF TG_OP = 'UPDATE' AND OLD.value = NEW.value THEN RETURN NULL; END IF;" if table.name == "meta" else ""
        )
        yield (
            f"CREATE OR REPLACE FUNCTION ledger_{table.name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF to_regclass('pg_temp.{NOTES}') IS NULL THEN RETURN NULL; END IF; {unchanged} "
            f"IF TG_OP <> 'INSERT' THEN {put.format(1, old)}; END IF; "
            f"IF TG_OP <> 'DELETE' THEN {put.format(0, new)}; END IF; RETURN NULL; END $$"
        )
        yield f"DROP TRIGGER IF EXISTS ledger_{table.name} ON {table.name}"
        yield (
            f"CREATE TRIGGER ledger_{table.name} AFTER INSERT OR UPDATE OR DELETE ON {table.name} "
            f"FOR EACH ROW EXECUTE FUNCTION ledger_{table.name}()"
        )


def _padded(table: Committed, side: str) -> str:
    return ", ".join([*(f"{side}.{key}" for key in table.keys), "NULL"][:2])


#: The table of notes of one session; it is empty again after each transaction.
POSTGRES_NOTES = (
    f"CREATE TEMP TABLE IF NOT EXISTS {NOTES} (table_number INT NOT NULL, was_there INT NOT NULL, name TEXT, "
    "a BIGINT, b BIGINT) ON COMMIT DELETE ROWS"
)


def noted(rows: Iterable[tuple[int, int, str | None, int | None, int | None]]) -> Iterator[tuple[object, ...]]:
    """Rows of the notes as :meth:`~memory_agent_ros.memory.ledger.recorder.Recorder.touch` takes them."""
    for number, was_there, *key in rows:
        yield (number, was_there, *(part for part in key if part is not None))
