"""Which revision the tables of a database have, looked at without bringing them up to date."""

from __future__ import annotations

from pathlib import Path

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Engine

from pegel.store.database import reading


def schema_revisions(engine: Engine) -> tuple[str | None, str | None]:
    """Return the revision of the tables, None where there are none, and that of this Pegel. Raises Unavailable."""
    scripts = ScriptDirectory(str(Path(__file__).parent / "migrations"))
    with reading(engine) as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    return found, scripts.get_current_head()
