"""Which revision the tables of a database have, looked at without bringing them up to date."""

from __future__ import annotations

from pathlib import Path

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Engine

from pegel.errors import SetupError
from pegel.store.database import newer_tables, reading, url_of


def schema_revisions(engine: Engine) -> tuple[str | None, str | None]:
    """Return the revision of the tables, None where there are none, and that of this Pegel. Raises Unavailable."""
    found, scripts = _looked_up(engine)
    return found, scripts.get_current_head()


def require_present_tables(engine: Engine) -> None:
    """Raise SetupError unless the tables are of this Pegel's revision, and Unavailable if the database is away.

    A person who looks from a newer installation must not change what the running parts of an older one stand on.
    """
    found, scripts = _looked_up(engine)
    if found is None:
        raise SetupError(f"the database {url_of(engine)} has no tables yet; `pegel up` makes them.")
    if found not in {script.revision for script in scripts.walk_revisions()}:
        raise newer_tables(engine, found)
    if found != scripts.get_current_head():
        raise SetupError(
            f"the database {url_of(engine)} has tables of revision {found}, of an earlier Pegel; this one's are "
            f"of {scripts.get_current_head()}. `pegel up`, in a cluster the first task of its newer Airflow, brings "
            f"them up to date: see docs/upgrading.md. Nothing was changed."
        )


def _looked_up(engine: Engine) -> tuple[str | None, ScriptDirectory]:
    with reading(engine) as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    return found, ScriptDirectory(str(Path(__file__).parent / "migrations"))
