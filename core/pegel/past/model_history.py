"""`pegel.history`: what is stored of one model in an interval, for notebooks and scripts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from pegel.data.spans import Span
from pegel.errors import PegelError
from pegel.past import found_tables, long_span_tables, window_tables
from pegel.past.finding_slices import FindingSlices, finding_slices
from pegel.past.history_page import story_html
from pegel.past.interval import When, interval
from pegel.past.past_table import PastTable, TableSource
from pegel.past.stored_pages import opened_to_read
from pegel.past.story import Story, story_of
from pegel.past.story_words import story_lines
from pegel.spec.names import monitor_key
from pegel.spec.settings import Settings
from pegel.store.baseline_store import BaselineStore
from pegel.store.meant_model import watched_model


def history(
    model: str | None = None,
    since: When = "7d",
    until: When = None,
    *,
    version: int | None = None,
    home: str | Path | None = None,
    database: str | None = None,
) -> History:
    """Return what is stored of one watched model in an interval. Its tables are read when they are asked for.

    Args:
        model: `"delays"`, or `"delays/1"` where several versions are watched; may be left out if there is one model.
        since: How far back (`"7d"`, `"12h"`), or an instant: `"2026-11-22"`, `"2026-11-22T08:00Z"`, a datetime, a date.
            What names no zone is in UTC. None: from the beginning.
        until: Likewise, exclusive; None: now.
        version: Which version, where `model` does not say it.
        home: The folder of a local system; None: `$PEGEL_HOME`, else the nearest `.pegel` upwards.
        database: SQLAlchemy URL of a results database, in place of that of a home.

    Raises:
        InvalidSpec: If the interval cannot be understood, or not exactly one watched model is meant.
        SetupError: If there is no results database.
        Unavailable: If it does not answer.
    """
    now = datetime.now(UTC)
    within = interval(since, until, now=now)
    settings = Settings.of_home((Path(home) if home is not None else Settings().home).resolve())
    url = database or settings.database
    with opened_to_read(url) as engine:
        entry = watched_model(engine, model, version, otherwise="Nothing was read.")
    return History(entry.model, entry.version, within, url, settings=settings)


@dataclass(frozen=True, eq=False)
class History:
    """What is stored of one model in an interval, `span`. Print it, show it in a notebook, or take its tables.

    Tables hold rows of all segments; the empty segment is that of all rows. Of a span that was counted or judged again
    they have the row that stands; `superseded` has the others.
    """

    model: str
    version: int
    span: Span
    database: str = field(repr=False)
    unread: list[str] = field(default_factory=list, repr=False)
    """What tables that were read so far could not read, in words."""
    settings: Settings = field(default_factory=Settings, repr=False)
    """Where the archive and the training data are."""

    @property
    def windows(self) -> PastTable:
        """Return the windows of the stream: counts, verdict, latency."""
        return self._table("windows", window_tables.windows)

    @property
    def superseded(self) -> PastTable:
        """Return windows in whose place a later revision, or the row of a batch job, stands."""
        return self._table("superseded", window_tables.superseded)

    @property
    def features(self) -> PastTable:
        """Return the verdict on each field of each final window, in the long form: statistic, p-value, effect."""
        return self._table("features", window_tables.features)

    @property
    def findings(self) -> PastTable:
        """Return what was found, in the order in which it became visible."""
        return self._table("findings", found_tables.findings)

    @property
    def days(self) -> PastTable:
        """Return the days, put together from windows and judged as such."""
        return self._table("days", long_span_tables.days)

    @property
    def performance(self) -> PastTable:
        """Return how the model did in spans of which labels are known, or may still come; documents are JSON."""
        return self._table("performance", long_span_tables.performance)

    @property
    def outliers(self) -> PastTable:
        """Return the outlying rows, in order of time."""
        return self._table("outliers", found_tables.outliers)

    @property
    def ledger(self) -> PastTable:
        """Return where the events of each minute went."""
        return self._table("ledger", found_tables.ledger)

    @cached_property
    def story(self) -> Story:
        """Return what happened day by day, as facts."""
        return story_of(self.database, self.model, self.version, self.span, now=datetime.now(UTC))

    def slices(self, finding: str) -> FindingSlices:
        """Search the archive for the rows that hold most of a finding, told by one or two conditions each.

        `finding`: its id, as the table of findings has it; its start is enough. Raises NotFound.
        """
        with opened_to_read(self.database) as engine:
            return finding_slices(self.settings, engine, finding)

    def __str__(self) -> str:
        """Return the story in words."""
        return "\n".join(story_lines(self.story, self.units))

    def __repr__(self) -> str:
        """Return the story in words, as a notebook or a prompt shows it."""
        return str(self)

    def _repr_html_(self) -> str:
        """Return the story as a table, with its tables' names below."""
        return story_html(self.story, self.units)

    @cached_property
    def units(self) -> dict[str, str | None]:
        """Return the unit of each field, as far as the current baseline says; nothing where it cannot be read."""
        with opened_to_read(self.database) as engine:
            store = BaselineStore(engine)
            try:
                current = store.current(self.model, self.version)
                schema = None if current is None else store.get(current).layout.schema
            except PegelError:
                return {}
        return {} if schema is None else {each.name: each.unit for each in schema.fields}

    def _table(self, name: str, source: Callable[[str, int, Span], TableSource]) -> PastTable:
        whole = f"{name} of {monitor_key(self.model, self.version)}"
        return PastTable(whole, self.database, source(self.model, self.version, self.span), self.unread)
