"""How long the pages take for 200 models of a month, and how often they ask: `python -m benchmarks.pages.times`.

Each page is read several times, on a new connection the first time; what is told is the median. `--database URL` asks
a PostgreSQL: an empty database is filled, one that has models is used as it is.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa
from benchmarks.page import put, when
from benchmarks.pages import fleet, minutes
from sqlalchemy.engine import Engine

from pegel.report.alerts_page import AlertsAsked, alerts_view
from pegel.report.feature_page import feature_page
from pegel.report.fleet_health import read_fleet_health
from pegel.report.model_page import model_view
from pegel.report.overview import Asked, overview
from pegel.report.page_query import PageQuery
from pegel.report.page_time import PageTime
from pegel.report.reading import Sources
from pegel.store.database import connect
from pegel.store.registry import Registry

MODELS = 200
ROUNDS = 5
WANTED_MS = 1_000


def pages(engine: Engine) -> dict[str, Callable[[], object]]:
    """Return what each page reads, by its name."""
    sources, now = Sources(engine), fleet.END
    specs = Registry(engine).list()
    day, month = (PageTime(now - timedelta(days=days), now) for days in (1, fleet.DAYS))

    def of_minutes(time: PageTime) -> object:
        return model_view(sources, minutes.NAME, 1, now, time=time, query=PageQuery())

    def of_feature(time: PageTime) -> object:
        return feature_page(sources, minutes.NAME, 1, minutes.FEATURE, now, time=time)

    of_all: dict[str, Callable[[], object]] = {
        "overview": lambda: overview(sources, Asked(), now),
        "alerts": lambda: alerts_view(sources, AlertsAsked(), now),
        "health of Pegel": lambda: read_fleet_health(sources, specs, now),
        "one model": lambda: model_view(sources, fleet.name(7), 1, now),
    }
    if engine.dialect.name == "postgresql":
        return of_all
    return of_all | {
        "a day of minutes": lambda: of_minutes(day),
        "30 days of minutes": lambda: of_minutes(month),
        "a feature, a day of minutes": lambda: of_feature(day),
        "a feature, 30 days of minutes": lambda: of_feature(month),
    }


def measured(engine: Engine, read: Callable[[], object]) -> tuple[float, float, int]:
    """Return the median milliseconds on the clock and of this process alone, and the questions of one round."""
    engine.dispose()
    asked = list[str]()
    sa.event.listen(engine, "before_cursor_execute", lambda _c, _u, statement, *_: asked.append(statement))
    clock, own = [], []
    for _ in range(ROUNDS):
        asked.clear()
        began, began_own = time.perf_counter(), time.process_time()
        read()
        clock.append(1e3 * (time.perf_counter() - began))
        own.append(1e3 * (time.process_time() - began_own))
    return statistics.median(clock), statistics.median(own), len(asked)


def on_server(url: str, models: int, write: Path | None) -> None:
    """Measure a PostgreSQL, print, and write if asked to."""
    engine = connect(url)
    if not sa.inspect(engine).has_table("monitors"):
        fleet.fill_server(engine, models)
    rows = {name: measured(engine, read) for name, read in pages(engine).items()}
    with engine.connect() as connection:
        size, version = connection.execute(
            sa.text("SELECT pg_database_size(current_database()), current_setting('server_version')")
        ).one()
    engine.dispose()
    text = (
        f"The same on PostgreSQL {version.split()[0]} ({size / 1e9:.1f} GB) on the same machine: {models} models x "
        f"{fleet.DAYS} days of windows of an hour; the median of {ROUNDS} readings. Run on {when()}; "
        f"`python -m benchmarks.pages.times --models {models} --database URL` regenerates it.\n\n{_table(rows)}"
    )
    print(text)
    if write:
        put(write, f"pages-{models}-postgresql", text)


def _table(rows: Mapping[str, tuple[float, float, int]]) -> str:
    lines = [f"| {name} | {took:.0f} | {own:.0f} | {asked} |" for name, (took, own, asked) in rows.items()]
    return "| page | ms | own ms | questions to the database |\n|---|---|---|---|\n" + "\n".join(lines)


def main() -> None:
    """Fill, measure, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--models", type=int, default=MODELS)
    parser.add_argument("--keep", type=Path, help="keep the database here, or use the one that is there")
    parser.add_argument("--database", help="URL of a database of PostgreSQL to be asked instead of a file")
    options = parser.parse_args()
    if options.database:
        on_server(options.database, options.models, options.write)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = options.keep or Path(folder) / "fleet.db"
        if not path.exists():
            fleet.fill(path, options.models)
            minutes.fill_minutes(path)
        engine = connect(f"sqlite:///{path}")
        rows = {name: measured(engine, read) for name, read in pages(engine).items()}
        engine.dispose()
        size = path.stat().st_size / 1e9
    text = (
        f"{options.models} models x {fleet.DAYS} days of windows of an hour on SQLite ({size:.1f} GB; the newest "
        f"{fleet.DETAILED} windows of each model at full size, a baseline of {fleet.FIELDS} fields each), and one "
        "model with 43,200 windows of a minute, all at full size, of whose pages the last four rows tell; the median "
        f"of {ROUNDS} readings, in milliseconds on the clock and of the process alone, without making HTML; wanted: "
        f"each below {WANTED_MS}. Run on {when()}; "
        f"`python -m benchmarks.pages.times --models {options.models}` regenerates it.\n\n{_table(rows)}"
    )
    print(text)
    if options.write:
        put(options.write, "pages" if options.models == MODELS else f"pages-{options.models}", text)


if __name__ == "__main__":
    main()
