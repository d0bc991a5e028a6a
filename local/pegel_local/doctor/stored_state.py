"""The results database: does it answer, has it the right tables, and what does it say of drivers and workflows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from pegel.reconcile.driver_health import why_doubtful
from pegel.report.progress import ago
from pegel.spec.settings import Settings
from pegel.store.database import connect, reading, writing
from pegel.store.database_file import refuse_missing
from pegel.store.passes import DISPATCH, RECONCILE, Passes
from pegel.store.registry import Entry, Registry
from pegel.store.results import Results
from pegel.store.schema_revision import schema_revisions
from pegel_local.doctor.diagnosis import Diagnosis, bad, ok, warning

PASS_WITHIN = timedelta(minutes=5)
"""The workflows that run each minute may miss some."""
MOST_SKEW = timedelta(seconds=5)


def database(settings: Settings) -> Iterator[Diagnosis]:
    """Look at the database: reachable, its revision, whether it takes writes, and, of a server, its clock."""
    refuse_missing(settings.database)
    engine = connect(settings.database)
    try:
        found, expected = schema_revisions(engine)
        kind = "SQLite" if engine.dialect.name == "sqlite" else "PostgreSQL"
        if found is None:
            yield bad("database", f"{kind} answers and has no tables of Pegel", "pegel up")
            return
        if found != expected:
            sentence = f"its tables are of revision {found}, and this Pegel's of {expected}"
            yield bad(
                "database", sentence, "pegel up, which brings older tables up to date; newer ones need a newer Pegel"
            )
            return
        with writing(engine):
            pass
        yield from _server(engine) if kind == "PostgreSQL" else ()
        yield ok("database", f"{kind} answers, has tables of revision {found}, and takes writes")
    finally:
        engine.dispose()


def _server(engine: Engine) -> Iterator[Diagnosis]:
    with reading(engine) as connection:
        said = connection.execute(sa.text("SELECT clock_timestamp(), current_setting('transaction_read_only')")).one()
    skew = abs(datetime.now(UTC) - said[0].astimezone(UTC))
    if skew > MOST_SKEW:
        sentence = f"the database's clock and this machine's differ by {skew.total_seconds():.0f} s"
        yield bad("clock", sentence, "let both follow the same time servers (NTP)")
    if said[1] == "on":
        yield bad(
            "database", "the server takes no writes: it is a replica, or set read-only", "name the primary server"
        )


def heartbeats(settings: Settings) -> Iterator[Diagnosis]:
    """Look at whether each group with models that send events is watched by a driver that has spoken lately."""
    now = datetime.now(UTC)
    with _opened(settings) as engine:
        damaged = dict[str, str]()
        beats = {beat.group: beat for beat in Results(engine).heartbeats(damaged=damaged)}
        groups = {entry.group for entry in _entries(engine) if entry.spec is None or not entry.spec.model.is_table}
        for group in sorted(groups):
            if group in damaged:
                yield bad("heartbeats", f"that of group {group} cannot be read: {damaged[group]}", "pegel status")
            elif group not in beats:
                yield bad("heartbeats", f"no driver of group {group} has ever spoken", "pegel plan")
            elif (why := why_doubtful(beats[group], now)) is not None or beats[group].state == "stopped":
                yield bad(
                    "heartbeats", f"group {group} is not watched: {why or 'its driver was stopped'}", "pegel status"
                )
            else:
                yield ok("heartbeats", f"the driver of group {group} spoke {ago(beats[group].at, now)}")
        if not groups:
            yield ok("heartbeats", "no watched model needs a driver")


def workflows(settings: Settings) -> Iterator[Diagnosis]:
    """Look at when the workflows that run each minute last came to their end."""
    now = datetime.now(UTC)
    with _opened(settings) as engine:
        ends = Passes(engine).ends()
    for name in (RECONCILE, DISPATCH):
        if name not in ends:
            yield bad("workflows", f"{name} has never come to its end", f"pegel runs {name}")
        elif now - ends[name] > PASS_WITHIN:
            yield bad("workflows", f"{name} last came to its end {ago(ends[name], now)}", f"pegel runs {name}")
        else:
            yield ok("workflows", f"{name} came to its end {ago(ends[name], now)}")


def registry(settings: Settings) -> Iterator[Diagnosis]:
    """Look at whether every stored spec can be read."""
    with _opened(settings) as engine:
        entries = _entries(engine)
    broken = [entry for entry in entries if entry.spec is None]
    for entry in broken:
        remedy = "pegel apply FILE with its spec"
        yield bad("specs", f"that of {entry.model}/{entry.version} cannot be read: {entry.problem}", remedy)
    if not entries:
        yield warning("specs", "no model is watched yet", "pegel apply FILE")
    elif not broken:
        yield ok("specs", f"{f'all {len(entries)}' if entries[1:] else 'the one'} in the registry can be read")


@contextmanager
def _opened(settings: Settings) -> Iterator[Engine]:
    """Open the database to look alone: it is not brought up to date."""
    refuse_missing(settings.database)
    engine = connect(settings.database)
    try:
        yield engine
    finally:
        engine.dispose()


def _entries(engine: Engine) -> list[Entry]:
    return Registry(engine).entries()
