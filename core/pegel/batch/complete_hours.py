"""Were all rows of an hour, or a day, there when they were joined with labels? A driver may lag, or have been down."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from pegel.archive.folders import HOUR
from pegel.archive.opened_archive import open_archive
from pegel.batch.archived_counts import ArchiveRecount
from pegel.data.spans import Span
from pegel.errors import PegelError, TemporaryError
from pegel.longspans.settled import is_read_past
from pegel.spec.monitor_spec import MonitorSpec
from pegel.store.window_keys import WindowKeys
from pegel.stream.result_rows import Heartbeat

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CompleteHours:
    """Says of spans of one model whether everything in them was there to be counted.

    That is: the driver has read past the end, and the archive holds as many events as the ledger says it has read.
    Without a driver, as of a model in a table, what is there is everything.

    `beat`: the last one of the model's driver; None where there never was one. `written`: the number of the newest
    write of each archived hour. Both as they were before rows were read: what has changed since was not counted.
    """

    root: str
    keys: WindowKeys
    spec: MonitorSpec
    beat: Heartbeat | None
    written: Mapping[datetime, int]

    def __call__(self, span: Span, hours: Collection[Span], /) -> bool:
        """Say so of an hour, or of a day of which `hours` were counted, each of which says so for itself.

        Raises Unavailable where the database is away.
        """
        if not self.spec.model.is_table and self.beat is not None:
            if not is_read_past(span, self.spec.windowing, self.beat):
                return False
            if span in hours:
                return self._has_all(span)
        starts = {hour.start for hour in hours}
        return not any(self._is_known_of(at) for at in _hours_in(span) if at not in starts)

    def _is_known_of(self, start: datetime) -> bool:
        """Say whether an hour has rows, or may have some yet."""
        model = self.spec.model
        return start in self.written or self.keys.read(model.name, model.version, start, start + HOUR) > 0

    def _has_all(self, hour: Span) -> bool:
        model = self.spec.model
        recount = ArchiveRecount(self.root, self.keys)
        try:
            opened = open_archive(self.root, model.name, model.version, start=hour.start, end=hour.end)
            newest = max((one.written for one in opened.hours if one.start == hour.start), default=0)
            return newest == self.written.get(hour.start, 0) and recount.has_all(self.spec, hour)
        except TemporaryError:
            raise
        except (PegelError, OSError, pa.ArrowException) as error:
            # Its labels are in the figures by what could be read; it settles by time.
            why = str(error).partition("\n")[0][:200]
            _log.warning("%s: the hour from %s of its archive cannot be read: %s", self.spec.key, hour.start, why)
            return False


def _hours_in(span: Span) -> list[datetime]:
    return [span.start + at * HOUR for at in range((span.end - span.start) // HOUR)]
