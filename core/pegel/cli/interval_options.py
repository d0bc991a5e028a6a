"""An interval of a watched model, as commands name it: what is judged, and the page about it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from pegel.cli.options import settings_of
from pegel.cli.watched_model import opened
from pegel.data.spans import Span
from pegel.errors import InvalidSpec, PermanentError
from pegel.notebook.check_report import CheckReport
from pegel.notebook.interval_checking import BASELINE, Where, check_interval
from pegel.notebook.interval_page import interval_page
from pegel.past.interval import interval
from pegel.past.model_history import History
from pegel.past.story_words import nothing_known
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.names import monitor_key
from pegel.store.meant_model import watched_model
from pegel.store.registry import Entry

NAMES = ("--from", "--to")


def checked_interval(  # noqa: PLR0917  options are named on the command line
    model: str, start: str | None, end: str | None, against: str | None, windows_per_week: float, home: Path | None
) -> CheckReport:
    """Judge an interval of a model. Raises what `check_interval` raises, and InvalidSpec where none is meant."""
    now = datetime.now(UTC)
    settings, within = settings_of(home), _within(start, end, now)
    with opened(settings) as engine:
        entry = watched_model(engine, model, otherwise="Nothing was checked.")
        where = Where(engine, settings.archive_root)
        return check_interval(
            where, spec_of(entry), within, against or BASELINE, now=now, windows_per_week=windows_per_week
        )


def interval_report(model: str | None, start: str | None, end: str | None, home: Path | None) -> tuple[Entry, str]:
    """Return the model that is meant, and the page about an interval of it.

    Where the interval cannot be judged as one, the page says why, and tells everything else. Raises InvalidSpec where
    nothing at all is known of it.
    """
    now = datetime.now(UTC)
    settings, within = settings_of(home), _within(start, end, now)
    with opened(settings) as engine:
        entry = watched_model(engine, model, otherwise="Nothing was written.")
        try:
            where = Where(engine, settings.archive_root)
            judged: CheckReport | str = check_interval(where, spec_of(entry), within, now=now)
        except PermanentError as error:
            judged = str(error)
    past = History(entry.model, entry.version, within, settings.database, settings=settings)
    unknown = nothing_known(past.story)
    if unknown and isinstance(judged, str) and not any(day.found or day.performance for day in past.story.days):
        key, start_at, end_at = monitor_key(entry.model, entry.version), within.start, within.end
        given = f"{start_at:%Y-%m-%d %H:%M} to {end_at:%Y-%m-%d %H:%M} UTC"
        raise InvalidSpec(f"--from: expected a time of {key}, given {given}: {unknown}. Nothing was written.")
    return entry, interval_page(past, judged, made_at=now)


def spec_of(entry: Entry) -> MonitorSpec:
    """Return the spec of a model. Raises PermanentError where it cannot be read."""
    if entry.spec is None:
        raise PermanentError(f"expected a spec that can be read, given that {entry.problem}. Nothing was judged.")
    return entry.spec


def _within(start: str | None, end: str | None, now: datetime) -> Span:
    if start is None:
        raise InvalidSpec(f"{NAMES[0]}: expected since when, such as 2026-11-22 or 7d. Nothing was read.")
    return interval(start, end, now=now, names=NAMES)
