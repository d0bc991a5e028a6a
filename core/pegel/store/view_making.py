"""The views made in a database: anew when it lacks one, when one says something else, when its tables are to change.

On PostgreSQL the role `pegel_reader`, where an administrator has made it, may read them, and nothing else.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from pegel.judge import findings
from pegel.store import health_view, plain_rows, result_views, seen_windows, tables
from pegel.store.result_views import views
from pegel.stream import outcomes

READER = "pegel_reader"


@cache
def statements(dialect: str) -> dict[str, str]:
    """Return the SELECT of each view by its name, with every value written out, for `sqlite` or `postgresql`."""
    words: sa.Dialect = (postgresql if dialect == "postgresql" else sqlite).dialect()
    literal = {"literal_binds": True}
    return {name: _plain(view.compile(dialect=words, compile_kwargs=literal)) for name, view in views(dialect).items()}


def _plain(compiled: sa.Compiled) -> str:
    # Drivers that count parameters by percent signs have them doubled.
    return str(compiled).replace("%%", "%")


def drop_others(connection: Connection, *, every: bool = False) -> None:
    """Drop the views that say something else than those of this Pegel; `every`: all, because tables are to change."""
    if not sa.inspect(connection).has_table(tables.views.name):
        return
    wanted = "" if every else _digest()
    for name, digest in _made(connection).items():
        if digest != wanted:
            connection.exec_driver_sql(f'DROP VIEW IF EXISTS "{name}"')
            connection.execute(sa.delete(tables.views).where(tables.views.c.name == name))


def make_missing(connection: Connection) -> None:
    """Make the views that are not there, and let the reader's role read all of them, where there is one."""
    made, wanted = _made(connection), statements(connection.dialect.name)
    for name, statement in wanted.items():
        if name not in made:
            connection.exec_driver_sql(f'CREATE VIEW "{name}" AS {statement}')
            connection.execute(sa.insert(tables.views).values(name=name, digest=_digest()))
    if connection.dialect.name == "postgresql":
        _let_read(connection, list(wanted))


def _let_read(connection: Connection, names: list[str]) -> None:
    is_there = sa.text("SELECT count(*) FROM pg_roles WHERE rolname = :role")
    if not connection.scalar(is_there, {"role": READER}):
        return
    may_not = sa.text(
        "SELECT n FROM unnest(CAST(:names AS text[])) n WHERE NOT has_table_privilege(CAST(:role AS name), n, 'SELECT')"
    )
    for name in connection.scalars(may_not, {"names": names, "role": READER}).all():
        connection.exec_driver_sql(f'GRANT SELECT ON "{name}" TO {READER}')


def _made(connection: Connection) -> dict[str, str]:
    return {row.name: row.digest for row in connection.execute(sa.select(tables.views))}


@cache
def _digest() -> str:
    """Return by what the views of this Pegel are known: the source that they are made of.

    Not what they come to: the versions of SQLAlchemy in several environments may write the same view in other words.
    """
    made_of = (result_views, health_view, plain_rows, seen_windows, outcomes, findings)
    sources = [Path(str(module.__file__)).read_bytes() for module in made_of]
    return hashlib.sha256(b"\0".join(sources)).hexdigest()
