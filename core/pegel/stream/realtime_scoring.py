"""Outlying rows as soon as their requests come, before anything is counted.

Decoding, tables and cut-off are those by which the rows are counted a moment later, so a row has one score, however
early it is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pegel.data.columns import Role
from pegel.data.events import EventAttributes, EventType
from pegel.stream.counting_plan import CountingPlan, MonitorPlan
from pegel.stream.counting_task import LoadBaseline
from pegel.stream.decoding_alone import decode
from pegel.stream.event_group import EventGroup, Place, by_pane
from pegel.stream.outlying import outlier_row, outlying
from pegel.stream.read_events import events_of
from pegel.stream.result_rows import OutlierRow
from pegel.stream.wire_records import Records

MOST_REMEMBERED = 50_000
"""Rows of all panes of which is remembered that they were told, some 15 MB; a copy of an event comes soon after it."""
MOST_TOLD = 20_000
"""Rows of one pane that are told. In a flood the others are told where they are counted, as far as they are there."""


@dataclass(slots=True)
class RealtimeScoring:
    """Scores requests of some monitors. `monitors`: by endpoint.

    A model whose baseline cannot be loaded, or whose own parts make an exception, is passed over: where its rows are
    counted the same is found, and said. `failing` holds the reason of each such model, by its key, until it works.
    """

    load: LoadBaseline
    monitors: Mapping[str, MonitorPlan] = field(default_factory=dict)
    most_told: int = MOST_TOLD
    most_remembered: int = MOST_REMEMBERED
    failing: dict[str, str] = field(default_factory=dict)
    _told: dict[Place, set[tuple[str, int]]] = field(default_factory=dict)

    def outliers(self, records: Records, now: datetime) -> list[OutlierRow]:
        """Return the outlying rows of records that were not returned before, at most `MOST_TOLD` of each pane."""
        rows = []
        for place, monitor, events in self._requests(records, now):
            for row in self._scored(monitor, place[1], events):
                told = self._told.setdefault(place, set())
                if (row.event_id, row.row) not in told and len(told) < self.most_told:
                    told.add((row.event_id, row.row))
                    rows.append(row)
        self._forget()
        return rows

    @property
    def remembered(self) -> int:
        """Return of how many rows is remembered that they were told."""
        return sum(map(len, self._told.values()))

    def _requests(self, records: Records, now: datetime) -> Iterator[tuple[Place, MonitorPlan, EventGroup]]:
        events, said = events_of(records)
        times = CountingPlan.at(now, self.monitors).believed(events.times_us)
        for attributes, places in said.by_attributes():
            if not isinstance(attributes, EventAttributes) or attributes.is_probe or attributes.look_up is not None:
                continue
            monitor = self.monitors.get(attributes.endpoint)
            if monitor is not None and attributes.type is EventType.REQUEST:
                yield from by_pane(events, times, said.ids, attributes, places, monitor=monitor)

    def _scored(self, monitor: MonitorPlan, pane_us: int, events: EventGroup) -> list[OutlierRow]:
        baselines = monitor.baselines(pane_us)
        if not baselines or monitor.is_closed(pane_us):
            return []
        try:
            loaded = self.load(baselines[-1])
            decoded = decode(events.bodies, loaded.baseline.layout.schema, Role.FEATURE)
            rows = [
                outlier_row(monitor.key, event)
                for event in outlying(loaded, decoded, events, monitor.private, watches_rows=monitor.watches_rows).worst
            ]
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - a model's own parts run here; where its rows are counted this is said
            self.failing[monitor.key] = monitor.private.failure(error, 200)
            return []
        self.failing.pop(monitor.key, None)
        return rows

    def _forget(self) -> None:
        """Keep what was told of the newest panes, so that half of what may be remembered is free again."""
        remembered = self.remembered
        if remembered > self.most_remembered:
            for place in sorted(self._told, key=lambda place: place[1]):
                if remembered <= self.most_remembered // 2:
                    break
                remembered -= len(self._told.pop(place))
