"""Windows of a long time in a bounded number of buckets, each with the worst of its verdicts: counted in the database.

Buckets have a round width and are aligned to the epoch, so that those of two questions are the same. A window belongs
to the bucket in which it ends: after the bucket's start, and not after its end.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from pegel.data.instants import DAY, EPOCH
from pegel.data.spans import Span
from pegel.judge.findings import FROM_BEST_TO_WORST, Finding, Verdict
from pegel.store import tables
from pegel.store.database import reading
from pegel.store.row_codec import fetched, finding_from_json, readable, window
from pegel.store.seen_windows import READ, is_seen
from pegel.store.statements import of_monitor
from pegel.stream.result_rows import WindowRow

_WIDTHS: Final = tuple(
    timedelta(seconds=s)
    for s in (10, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800)
)
_KEY: Final = tuple(column.name for column in tables.windows.primary_key)


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowBucket:
    """What windows that end in one bucket have together. `span`: from the first one's start to the last one's end."""

    span: Span
    windows: int
    rows: int
    late: int
    invalid: int
    final: bool
    """Whether all are."""
    verdict: Verdict
    """The worst of them."""
    unreadable: int
    """Windows whose verdict no version knows."""


def bucket_width(length: timedelta, most: int) -> timedelta:
    """Return the smallest round width of which at most `most` fit into `length`; beyond weeks, whole days."""
    for width in _WIDTHS:
        if length / width <= most:
            return width
    return DAY * -(-length // (DAY * most))


class WindowBuckets:
    """Reads the windows of one segment of a monitor that end after `within.start` and not after `within.end`."""

    def __init__(self, engine: Engine, model: str, version: int, within: Span, *, segment: str = "") -> None:
        """Use the migrated database behind `engine`; an empty `segment` is all rows."""
        c = tables.windows.c
        self._engine, self._key = engine, f"{model}/{version}"
        self._monitor, self._within = (model, version, segment), within
        ends = (c.span_end > within.start, c.span_end <= within.end)
        self._own = (*of_monitor(tables.windows, model, version), c.segment == segment, *ends)

    def count(self, most: int) -> int:
        """Return how many windows there are; one more than `most` for any larger number."""
        c = tables.windows.c
        some = sa.select(c.span_end).where(*self._own, is_seen(final_only=False)).limit(most + 1).subquery()
        with reading(self._engine) as connection:
            return int(connection.execute(sa.select(sa.func.count()).select_from(some)).scalar_one())

    def buckets(self, width: timedelta) -> list[WindowBucket]:
        """Return the buckets in which any window ends, in order of time."""
        c, place = tables.windows.c, _place(width).label("place")
        sums = [sa.func.sum(c[name]).label(name) for name in ("rows", "late", "invalid")]
        statement = (
            sa.select(
                place,
                sa.func.min(c.span_start).label("start"),
                sa.func.max(c.span_end).label("end"),
                sa.func.count().label("windows"),
                *sums,
                sa.func.sum(sa.case((c.final, 0), else_=1)).label("open"),
                sa.func.max(_RANK).label("rank"),
                sa.func.sum(sa.case((_RANK < 0, 1), else_=0)).label("unreadable"),
            )
            .where(*self._own, is_seen(final_only=False))
            .group_by(place)
            .order_by(place)
        )
        with reading(self._engine) as connection:
            rows = connection.execute(statement).mappings().all()
        return [_bucket(row) for row in rows]

    def worst(self, width: timedelta, damaged: list[str]) -> list[WindowRow]:
        """Return of each bucket the final window with the worst verdict, the last of several, in order of time.

        What cannot be read is left out and named in `damaged`.
        """
        c = tables.windows.c
        order = (_RANK.desc(), c.span_end.desc(), c.span_start)
        number = sa.func.row_number().over(partition_by=_place(width), order_by=order).label("number")
        numbered = (
            sa.select(*(c[name] for name in _KEY), number)
            .where(*self._own, c.final, is_seen(final_only=True))
            .subquery("numbered")
        )
        same = sa.and_(*(c[name] == numbered.c[name] for name in _KEY))
        chosen = sa.select(*READ).join(numbered, same).where(numbered.c.number == 1)
        with reading(self._engine) as connection:
            rows = fetched(connection, chosen.order_by(c.span_end, c.span_start), f"a window of {self._key}")
        return readable(window, rows, damaged)

    def worst_findings(self, feature: str, width: timedelta, damaged: list[str]) -> list[Finding]:
        """Return of each bucket the finding about a feature in a window with the lowest p, in order of time.

        What cannot be read is left out and named in `damaged`.
        """
        f, (model, version, segment) = tables.findings.c, self._monitor
        ends = (f.span_end > self._within.start, f.span_end <= self._within.end)
        about = (f.feature == feature, f.segment == segment, f.rhythm == "window")
        order = (f.p_value, f.seq)
        number = sa.func.row_number().over(partition_by=_place(width, f.span_end), order_by=order).label("number")
        own = (*of_monitor(tables.findings, model, version), *ends, *about)
        numbered = sa.select(f.seq, number).where(*own).subquery("numbered")
        chosen = sa.select(f.finding).join(numbered, f.seq == numbered.c.seq).where(numbered.c.number == 1)
        with reading(self._engine) as connection:
            rows = connection.execute(chosen.order_by(f.span_end, f.seq)).scalars().all()
        return readable(finding_from_json, rows, damaged)


def place_of(end: datetime, width: timedelta) -> int:
    """Return the number of the bucket in which a window that ends so does."""
    return (int((end - EPOCH).total_seconds()) - 1) // int(width.total_seconds())


_RANK = sa.case(
    {verdict.value: rank for rank, verdict in enumerate(FROM_BEST_TO_WORST)}, value=tables.windows.c.verdict, else_=-1
)


def _place(width: timedelta, end: sa.ColumnElement[datetime] = tables.windows.c.span_end) -> sa.ColumnElement[int]:
    """Return the number of the bucket in which a window ends; windows begin and end with whole seconds."""
    seconds = sa.cast(sa.extract("epoch", end), sa.BigInteger)
    # A literal: PostgreSQL groups by what stands there, and takes two parameters for two different values.
    return (seconds - sa.literal_column("1")) // sa.literal_column(str(int(width.total_seconds())), sa.BigInteger)


def _bucket(row: Any) -> WindowBucket:
    return WindowBucket(
        span=Span(row["start"], row["end"]),
        windows=row["windows"],
        rows=int(row["rows"]),
        late=int(row["late"]),
        invalid=int(row["invalid"]),
        final=not row["open"],
        verdict=FROM_BEST_TO_WORST[row["rank"]] if row["rank"] >= 0 else Verdict.NO_DATA,
        unreadable=int(row["unreadable"]),
    )
