"""What a shell is told when somebody presses Tab where a model or an alert is named: those that the database knows.

Nobody waits long for a Tab, and nothing may stand in the line but what may follow: a database that is not there, is
slow or is damaged offers nothing, without a word.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import Final

import sqlalchemy as sa
import typer

from pegel.cli.options import settings_of
from pegel.store import tables
from pegel.store.database import connect
from pegel.store.database_file import refuse_missing

WITHIN_S: Final = 1.0
"""How long the database is waited for."""
MOST: Final = 500
"""Names that are offered."""


def model_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return names of watched models that begin so; once there is a slash, their versions: `delays/1`."""
    c = tables.monitors.c
    if "/" not in incomplete:
        asked: sa.Select[tuple[str, ...]] = sa.select(c.model).distinct()
        return _within(ctx, incomplete, asked.where(c.model.startswith(incomplete, autoescape=True)).order_by(c.model))
    name = incomplete.partition("/")[0]
    versions = sa.select(c.model + "/" + sa.cast(c.version, sa.Text)).where(c.model == name).order_by(c.version)
    return _within(ctx, incomplete, versions)


def alert_ids(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the ids of open alerts that begin so, the newest first."""
    c = tables.alerts.c
    asked = sa.select(c.id).where(c.over_at.is_(None), c.id.startswith(incomplete, autoescape=True))
    return _within(ctx, incomplete, asked.order_by(c.opened_at.desc()))


def _within(ctx: typer.Context, incomplete: str, asked: sa.Select[tuple[str, ...]]) -> list[str]:
    found = list[str]()
    # A database behind a network that swallows what it is sent ends no call by itself; this thread ends with us.
    asking = Thread(target=_quietly(lambda: found.extend(_read(ctx, asked))), daemon=True)
    asking.start()
    asking.join(WITHIN_S)
    return [name for name in [*found] if name.startswith(incomplete)]


def _quietly(ask: Callable[[], None]) -> Callable[[], None]:
    def run() -> None:
        # Whatever is wrong is no matter of the line that is being typed.
        with suppress(Exception):
            ask()

    return run


def _read(ctx: typer.Context, asked: sa.Select[tuple[str, ...]]) -> list[str]:
    url = settings_of(ctx.params.get("home")).database
    refuse_missing(url)
    # Not migrated: looking changes nothing, and another version's tables offer nothing.
    engine = connect(url)
    try:
        with engine.connect() as connection:
            return [str(row[0]) for row in connection.execute(asked.limit(MOST))]
    finally:
        engine.dispose()
