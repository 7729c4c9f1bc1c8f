"""A PostgreSQL server for tests: the one that ``MEMORY_AGENT_TEST_POSTGRES`` names, or a throw-away one.

The throw-away one listens on a socket in a folder of its own and on no network.
"""

import contextlib
import glob
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

VARIABLE = "MEMORY_AGENT_TEST_POSTGRES"


def _binaries() -> Path | None:
    """Folder of the newest installed server."""
    on_path = shutil.which("initdb")
    folders = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda p: int(Path(p).parent.name.split(".")[0]))
    found = [Path(on_path).resolve().parent] if on_path else [Path(p) for p in reversed(folders)]
    return next((f for f in found if (f / "initdb").exists() and (f / "pg_ctl").exists()), None)


@contextlib.contextmanager
def running_server() -> Iterator[str]:
    """URL, with at least one option, of a database that is there meanwhile; skips the test if none can be had."""
    pytest.importorskip("psycopg", reason="psycopg is not installed (extra: server)")
    if url := os.environ.get(VARIABLE):
        yield url if "?" in url else f"{url}?application_name=tests"
        return
    binaries = _binaries()
    if binaries is None:
        pytest.skip(f"no PostgreSQL: neither initdb and pg_ctl are installed nor is {VARIABLE} set")
    as_root = os.geteuid() == 0
    user = ["runuser", "-u", "postgres", "--"] if as_root else []
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        if as_root:
            try:
                shutil.chown(folder, "postgres")
            except LookupError:
                pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
        data, log = folder / "data", folder / "log"
        options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off -c max_connections=20"
        control = [*user, str(binaries / "pg_ctl"), "-D", str(data), "-w", "-t", "60"]
        initdb = [str(binaries / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N"]
        subprocess.run([*user, *initdb, "--locale=C"], check=True, stdout=subprocess.DEVNULL, cwd=folder)
        subprocess.run(
            [*control, "-l", str(log), "-o", options, "start"], check=True, stdout=subprocess.DEVNULL, cwd=folder
        )
        try:
            yield f"postgresql:///postgres?host={folder}&user=postgres"
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], stdout=subprocess.DEVNULL, cwd=folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def drop_maps(url: str, names: Iterable[str]) -> None:
    """Remove maps from the server."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET lock_timeout = 5000")
        for name in names:
            connection.execute(f'DROP SCHEMA IF EXISTS "map_{name}" CASCADE')
