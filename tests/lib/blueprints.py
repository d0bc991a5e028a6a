"""Results databases with their tables, copied: the migrations make them anew for a thousand tests otherwise."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from sqlalchemy.engine import Engine

from pegel.store.database import connect, migrate


@cache
def _blueprint() -> bytes:
    """Return a SQLite database that was migrated once for this process, as a file."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "blueprint.db"
        engine = connect(f"sqlite:///{file}")
        migrate(engine)
        engine.dispose()
        return file.read_bytes()


def give_tables(engine: Engine) -> None:
    """Give a database the tables of results, as `migrate` does; a SQLite file that is not there yet becomes a copy."""
    file = Path(engine.url.database or "")
    if engine.dialect.name == "sqlite" and engine.url.database and file.parent.is_dir() and not file.exists():
        file.write_bytes(_blueprint())
    else:
        migrate(engine)
