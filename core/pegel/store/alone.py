"""One process at a time: who sends mails does so alone, else what two of them read as due is sent twice."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from pegel.store.database import lock_number, reading


@contextmanager
def alone(engine: Engine, name: str) -> Iterator[bool]:
    """Hold `name` for the block, of all who use the same database; give whether that is so, without waiting.

    Who is killed holds nothing any more. Raises Unavailable if the database does not answer.
    """
    if engine.dialect.name == "postgresql":
        key = lock_number(f"alone {name}")
        with reading(engine) as connection:
            # The lock is the session's: no transaction has to stay open for it.
            held = bool(connection.execute(sa.select(sa.func.pg_try_advisory_lock(key))).scalar())
            connection.commit()
            try:
                yield held
            finally:
                if held:
                    connection.execute(sa.select(sa.func.pg_advisory_unlock(key)))
                    connection.commit()
        return
    file = engine.url.database
    if not file or file == ":memory:":
        yield True
        return
    with Path(f"{file}.{name}.lock").open("a", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
