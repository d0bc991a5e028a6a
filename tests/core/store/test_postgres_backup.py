"""A PostgreSQL results database is copied by the server's own programs while drivers write, and put back."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import sqlalchemy as sa

from pegel.errors import Superseded
from pegel.store.database import connect, migrate
from pegel.store.stream_store import StreamStore
from pegel.stream.commit import Claim, Commit, ReadRange
from pegel.testing.manual_clock import START
from pegel.testing.samples import sample_ledger

pytestmark = pytest.mark.environments("sqlalchemy")
TOPIC = "pegel.default.inference"
ENDED = "UPDATE claims SET token = 'ended by a restoration'"
"""As docs/backup.md has it."""


def commit(store: StreamStore, claim: Claim, *numbers: int) -> None:
    """Write batches of ten records."""
    for number in numbers:
        read = ReadRange(topic=TOPIC, partition=0, start=10 * number, end=10 * number + 10, records=10, topic_id="t1")
        store.commit(claim, Commit(read=[read], ledger=[sample_ledger()]), START)


def stored(engine: sa.Engine, claim: Claim) -> tuple[int, int]:
    """Return up to where was read, and what the ledger has judged."""
    with engine.connect() as connection:
        judged = connection.exec_driver_sql("SELECT sum(judged) FROM ledger").scalar_one()
    return StreamStore(engine).restore(claim).offsets[TOPIC, 0].end, int(judged)


def test_the_stream_catches_up_from_a_dump(postgres: Path, tmp_path: Path) -> None:
    """Put back while a driver of later runs: it is superseded, and the next one reads again to the same end."""
    programs = next(postgres.rglob("bin/pg_dump")).parent
    server = sa.create_engine(f"postgresql+psycopg://pegel@/postgres?host={postgres}", isolation_level="AUTOCOMMIT")

    def program(name: str, *arguments: str) -> None:
        subprocess.run([programs / name, f"--host={postgres}", "--username=pegel", *arguments], check=True)

    with server.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE kept TEMPLATE template0")
    server.dispose()
    engine = connect(f"postgresql+psycopg://pegel@/kept?host={postgres}")
    migrate(engine)
    store = StreamStore(engine)
    old = store.claim("default", 1, START)
    commit(store, old, 0, 1)
    program("pg_dump", "--format=custom", f"--file={tmp_path / 'pegel.dump'}", "kept")
    commit(store, old, 2, 3)
    whole = stored(engine, old)
    program(
        "pg_restore",
        "--clean",
        "--if-exists",
        "--exit-on-error",
        "--single-transaction",
        "--dbname=kept",
        str(tmp_path / "pegel.dump"),
    )
    with engine.begin() as connection:
        connection.exec_driver_sql(ENDED)
    with pytest.raises(Superseded):
        commit(store, old, 4)
    migrate(engine)
    new = store.claim("default", 2, START)
    as_copied = stored(engine, new)
    commit(store, new, 2, 3)
    engine.dispose()

    assert 20 == as_copied[0]
    assert whole == (40, 4 * sample_ledger().judged) == (whole[0], 2 * as_copied[1])
    assert ENDED in (Path(__file__).parents[3] / "docs" / "backup.md").read_text(encoding="utf-8")
