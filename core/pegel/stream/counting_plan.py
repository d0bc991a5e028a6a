"""What a task is told: which endpoint is which monitor, by which baselines its panes are counted, what to leave out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache

import numpy as np
import orjson
from numpy.typing import NDArray

from pegel.baseline.baseline import Baseline
from pegel.baseline.outliers import OutlierTables
from pegel.data import spans
from pegel.data.instants import MICROSECOND, MINUTE, from_us, to_us
from pegel.data.private_fields import PrivateFields
from pegel.data.spans import floor
from pegel.spec.limits import OLDEST_RECORD
from pegel.spec.monitor_spec import Windowing
from pegel.stream.partial import Ids

MAX_AHEAD = timedelta(seconds=30)
"""How far an event's clock may run ahead of ours. What lies beyond is clamped and counted."""
LEDGER_REACH = timedelta(days=8)
"""How old a minute of the ledger may be when records are booked on it, a day beyond what a broker keeps by default.
What is older is booked on the oldest such minute, so that a wrong clock cannot fill the tables with minutes."""


Times = NDArray[np.int64]
"""Instants in microseconds since the epoch, one per record."""


@dataclass(frozen=True, slots=True)
class Explaining:
    """What attributions of a model have to be like, for which there is no baseline of them yet, too.

    `features`: how many there are; None while nobody knows. `learns`: whether a baseline is learned of them, while
    there is none and where they are of another folder or method than it. `artefact`: the SHA-256 of the folder that is
    served; None if that is not known.
    """

    features: int | None = None
    learns: bool = False
    artefact: str | None = None


@dataclass(frozen=True, slots=True)
class MonitorPlan:
    """One monitor as a task sees it.

    `current` are the baselines (none or one) for panes of spans not yet open; `pinned` maps panes of open spans that
    are judged by others, in microseconds since the epoch, to the baselines of their spans, the newest span's last.
    Spans that end at or before `frontier` are final; None: none is. `samples_rows`: whether a sample of the rows of
    requests is kept, for expectations that counts cannot tell. `private`: what of its rows may be told.
    """

    key: str
    windowing: Windowing
    current: tuple[str, ...]
    pinned: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    frontier: datetime | None = None
    samples_rows: bool = False
    private: PrivateFields = field(default_factory=PrivateFields)
    watches_rows: bool = False
    """Whether it is counted how rows are sent."""
    client_header: str | None = None
    """The HTTP header that says who sends them."""
    explaining: Explaining | None = None
    """Of explained rows, what they have to be like; None: these are rows of requests."""
    explained: MonitorPlan | None = None
    """The plan of the monitor's explained rows, which have windows of their own; None: nobody asks for them."""

    def is_closed(self, pane_us: int) -> bool:
        """Say whether every span of a pane is final: what comes for it is late, and nobody needs its counts."""
        # The newest span of a pane starts with it and ends last.
        start = from_us(pane_us)
        return spans.is_closed(spans.Span(start, start + self.windowing.length), self.frontier)

    @property
    def step_us(self) -> int:
        """Return how long a pane is, in microseconds. Panes begin at multiples of it."""
        return self.windowing.step // MICROSECOND

    def baselines(self, pane_us: int) -> tuple[str, ...]:
        """Return the baselines by which a pane is counted."""
        return self.pinned.get(pane_us, self.current)


@dataclass(frozen=True, slots=True)
class CountingPlan:
    """Everything a batch's tasks need.

    `monitors` is by endpoint; endpoints in `elsewhere` belong to other groups, those in `waiting` to monitors whose
    spec cannot be read, with their keys.

    Instants are in microseconds since the epoch. `latest_us`: times after it are replaced by it; `earliest_us`: so are
    times before it, which are older than every window of any length. `oldest_minute_us`: minutes before it are booked
    on it. `known` holds identities that were counted in an earlier batch, by monitor and pane.
    """

    monitors: Mapping[str, MonitorPlan]
    elsewhere: frozenset[str]
    now_us: int
    latest_us: int
    earliest_us: int
    oldest_minute_us: int
    known: Mapping[tuple[str, int], frozenset[int]] = field(default_factory=dict)
    waiting: Mapping[str, str] = field(default_factory=dict)
    traced: int = 0
    """Most records of a task that are told because they ask for spans; 0: none is looked for."""

    @classmethod
    def at(
        cls,
        now: datetime,
        monitors: Mapping[str, MonitorPlan],
        elsewhere: frozenset[str] = frozenset(),
        waiting: Mapping[str, str] | None = None,
    ) -> CountingPlan:
        """Return the plan of a batch that is counted at `now`."""
        return cls(
            monitors,
            elsewhere,
            now_us=to_us(now),
            latest_us=to_us(now + MAX_AHEAD),
            earliest_us=to_us(now - 2 * OLDEST_RECORD),
            oldest_minute_us=to_us(floor(now - LEDGER_REACH, MINUTE)),
            waiting=waiting or {},
        )

    def believed(self, times: Times) -> Times:
        """Return times as they are counted: any 64 bits may stand on a record, and no calendar has room for them."""
        return np.clip(times, self.earliest_us, self.latest_us)

    def without(self, repeated: Mapping[tuple[str, datetime], Ids]) -> CountingPlan:
        """Return the plan with identities that the window manager knows already."""
        return replace(
            self, known={(key, to_us(pane)): frozenset(ids.tolist()) for (key, pane), ids in repeated.items()}
        )

    @property
    def private(self) -> PrivateFields:
        """Return what may be told of records that may be any monitor's: where one of them has a secret, nothing."""
        private = (monitor.private for monitor in self.monitors.values() if monitor.private.are_any)
        return next(private, PrivateFields())

    @property
    def baseline_ids(self) -> frozenset[str]:
        """Return every baseline that a task may need."""
        rows = self.monitors.values()
        plans = [*rows, *(plan.explained for plan in rows if plan.explained is not None)]
        return frozenset(name for plan in plans for names in (plan.current, *plan.pinned.values()) for name in names)


@dataclass(frozen=True, slots=True)
class LoadedBaseline:
    """A baseline made ready for counting and scoring."""

    baseline: Baseline
    tables: OutlierTables


def pinned_panes(
    opened: Mapping[datetime, str | None], windowing: Windowing, current: str | None
) -> dict[int, tuple[str, ...]]:
    """Return by which baselines the panes of open spans are counted, where that is not the current one alone.

    `opened` maps the starts of open spans to their baselines. A pane may also belong to spans not open yet: these will
    be judged by the current baseline. The work is linear in the panes of open spans.
    """
    if all(baseline == current for baseline in opened.values()):
        return {}
    reach = windowing.length - windowing.step
    newest_start: dict[str | None, datetime] = {}
    panes: dict[int, tuple[str, ...]] = {}
    first, last = min(opened), max(opened) + reach
    for at in range(round((last - first) / windowing.step) + 1):
        pane = first + at * windowing.step
        newest_start[opened.get(pane, current)] = pane
        within = sorted((start, name) for name, start in newest_start.items() if name and start >= pane - reach)
        panes[to_us(pane)] = tuple(name for _, name in within)
    return panes


@lru_cache(maxsize=256)
def load_baseline(baseline_id: str, document: bytes) -> LoadedBaseline:
    """Return the baseline of a document, as far as counting needs it. Workers are reused, so each parses it once."""
    baseline = Baseline.from_json(orjson.loads(document))
    if baseline.id != baseline_id:
        raise ValueError(f"expected the document of {baseline_id}, given that of {baseline.id}; nothing was counted")
    return LoadedBaseline(baseline.for_counting(), baseline.outlier_tables)
