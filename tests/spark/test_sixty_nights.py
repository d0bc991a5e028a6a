"""Sixty days of the third model of three: a job scores it each night, and nothing but tables tells of it.

The flights are those of `test_sixty_days.py`. What else happens here happens to files: the missing day has none, that
of the late day is written three days later, and half of one day's rows come a night after the others.
"""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession
from sixty_days import (
    A_DAY,
    CORRECTED,
    DAY,
    DAYS,
    FEATURES,
    HARMLESS,
    LABELS_AFTER,
    LATE,
    MISSING,
    SEGMENT,
    START,
    days_of_flights,
    ended,
    is_of_labels,
    started,
    table_of,
)
from worlds import World, new_world

import pegel
from pegel.batch.long_span_maker import LongSpanMaker
from pegel.judge.findings import Finding
from pegel.longspans.long_span_row import LongSpanRow
from pegel.past.model_history import History
from pegel.spec.rhythms import Rhythm
from pegel.store.database import connect
from pegel.store.long_span_store import LongSpanStore
from pegel.testing.samples import sample_spec, tabled
from pegel_spark.labels_job import LabelsJob
from pegel_spark.tables_job import TablesJob

pytestmark = [pytest.mark.long, pytest.mark.timeout(1_800)]
PARTLY = 25
"""The day of whose rows half come a night later."""
PREDICTION, TRUTH = "delay", "true_delay"


class Nights:
    """Sixty nights gone by: rows are written to one table and what really was to another, and jobs read both."""

    def __init__(self, spark: SparkSession, world: World) -> None:
        self.spark, self.world, self.engine = spark, world, connect(world.settings.database)
        self.scores, self.outcomes = (world.settings.home / name for name in ("scores", "outcomes"))
        for folder in (self.scores, self.outcomes):
            folder.mkdir()
        self.spec = sample_spec(
            "scores",
            model=tabled("scores", table=f"parquet:{self.scores}", time="at", event_id="id"),
            windowing={"length": "24h", "lateness": "1h"},
            watch={"rows_per_day": A_DAY, "outliers_per_day": 12, "segments": ["carrier"]},
            labels={
                "source": f"parquet:{self.outcomes}",
                "field": "truth",
                "event_id": "id",
                "known_at": "noted",
                # Labels are joined every tenth day, and those of the late day then.
                "horizon": "21d",
            },
        )
        self.truth = days_of_flights()

    def watch(self) -> None:
        """Learn what training looked like, and watch the model."""
        training = table_of(np.random.default_rng(7), 20_000).select([*FEATURES, PREDICTION, TRUTH])
        baseline = pegel.profile(
            training, predictions=[PREDICTION], label=TRUTH, answer=PREDICTION, segments=["carrier"], name="scores"
        )
        baselines = self.world.baselines
        baselines.promote("scores", 1, baselines.put(baseline), None, by="test", now=START)
        self.world.registry.put(self.spec)

    def go_by(self) -> None:
        """Let all nights pass."""
        for ten in range(0, DAYS, 10):
            for day in range(ten, ten + 10):
                if day not in (MISSING, LATE, PARTLY):
                    self.write(day, 0, A_DAY)
                if day == PARTLY:
                    self.write(day, 0, A_DAY // 2)
                    self.read(day + 1)
                    self.write(day, A_DAY // 2, A_DAY)
                    self.read(day + 2)
                if day == LATE + 3:
                    self.write(LATE, 0, A_DAY)
                    # What came to the table later than a run looks back is read by who asks for that time.
                    self.read(day, since=LATE)
            self.read(ten + 10, since=None if ten else 0)
            self.join_labels(ten + 10)
            self.make_long_spans(ten, ten + 10)
        # That nothing came after the last day is known a night later, and of its labels once their horizon is over.
        self.read(DAYS + 1)
        self.make_long_spans(DAYS, DAYS + 1)
        self.join_labels(DAYS + 21)

    def write(self, day: int, first: int, last: int) -> None:
        """Write some rows of a day, and what is known of them two days later; of one day something else first."""
        rows, begin = self.truth[day].slice(first, last - first), START + day * DAY
        ids = pa.array([f"{day}-{row}" for row in range(first, last)])
        times = pa.array([begin + timedelta(seconds=row) for row in range(first, last)], pa.timestamp("us", "UTC"))
        scored = rows.select([*FEATURES, PREDICTION]).append_column("at", times).append_column("id", ids)
        pq.write_table(scored, self.scores / f"{day}-{first}.parquet")
        truth = rows[TRUTH].to_numpy()
        told = [(truth, LABELS_AFTER)]
        if day == CORRECTED:
            told = [(truth + 50.0, LABELS_AFTER), (truth, LABELS_AFTER + timedelta(hours=1))]
        for at, (outcomes, after) in enumerate(told):
            noted = pa.array([begin + after] * len(ids), pa.timestamp("us", "UTC"))
            table = pa.table({"id": ids, "truth": outcomes, "noted": noted})
            pq.write_table(table, self.outcomes / f"{day}-{first}-{at}.parquet")

    def read(self, until: int, since: int | None = None) -> None:
        """Judge what the table has anew by the begin of a day, and of an earlier one on where that is asked for."""
        begin, now = None if since is None else START + since * DAY, START + until * DAY + timedelta(hours=2)
        assert {} == TablesJob(self.spark, self.world.settings, self.engine, now, begin).run().failed

    def join_labels(self, until: int) -> None:
        """Join what is known of the days before one."""
        now = START + (until + 1) * DAY + LABELS_AFTER
        assert {} == LabelsJob(self.spark, self.world.settings, self.engine, now).run().failed

    def make_long_spans(self, since: int, until: int) -> None:
        """Make what is due, as the workflow does of the time after its last run."""
        begin, end = START + since * DAY, START + until * DAY
        assert [] == LongSpanMaker(self.engine).make_due(self.spec, begin, end, now=end + DAY).unread

    @property
    def history(self) -> History:
        """Return what a person reads of it."""
        return pegel.history("scores/1", since=START, database=self.world.settings.database)

    def weeks(self) -> dict[int, LongSpanRow]:
        """Return the newest row of each week by the number of its first day. Days are windows here."""
        rows = LongSpanStore(self.engine).spans("scores", 1, Rhythm.WEEK, segment="")
        return {(row.span.start - START) // DAY: row for row in rows}

    def findings(self) -> list[Finding]:
        """Return everything that was found."""
        return [finding for _, finding in self.world.results.findings("scores", 1)]


@pytest.fixture(scope="module")
def nights(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Nights:
    """The sixty nights, over."""
    told = Nights(spark, new_world(tmp_path_factory.mktemp("sixty-nights") / "home"))
    told.watch()
    told.go_by()
    return told


def by_day(rows: list[dict[str, object]]) -> dict[int, dict[str, object]]:
    """Return rows of a table of the past by the number of the day in which they begin."""
    return {(row["start"] - START) // DAY: row for row in rows if row["segment"] == ""}  # type: ignore[operator]


def test_every_row_is_in_its_day_and_week(nights: Nights) -> None:
    """Whenever it came; the missing day has no window, and its week a day less."""
    windows = by_day(nights.history.windows.to_arrow().to_pylist())
    weeks = {day: row.row.rows for day, row in nights.weeks().items() if 0 <= day <= DAYS - 7}

    assert {day: A_DAY for day in range(DAYS) if day != MISSING} == {day: row["rows"] for day, row in windows.items()}
    assert {day: (7 - (day <= MISSING < day + 7)) * A_DAY for day in range(6, DAYS - 6, 7)} == weeks
    assert {"batch"} == {row["origin"] for row in windows.values()}


def test_rows_that_come_a_night_later_raise_the_revision(nights: Nights) -> None:
    """Of their day alone: one whose rows all came late is judged for the first time then."""
    windows = by_day(nights.history.windows.to_arrow().to_pylist())

    assert {PARTLY} == {day for day, row in windows.items() if row["revision"] == 2}
    assert 1 == windows[LATE]["revision"]


def test_a_harmless_drift_and_a_segment_are_told_apart(nights: Nights) -> None:
    """The first is found on its first day and labels say that it does no harm; the other in its segment alone."""
    found = nights.findings()
    aged = min(started(finding) for finding in found if finding.feature == "age")
    far = {finding.segment for finding in found if finding.segment and finding.feature == "distance"}
    first = min(ended(finding) for finding in found if finding.segment and finding.feature == "distance")

    assert (HARMLESS, {"carrier=WN"}) == (aged, far)
    assert SEGMENT < first < SEGMENT + 7
    assert [] == [finding for finding in found if is_of_labels(finding)]


def test_labels_of_a_table_tell_how_it_did(nights: Nights) -> None:
    """Of each day whose labels are known, and of corrected ones what was said last."""
    rows = nights.history.performance.to_arrow().to_pylist()
    days = by_day([row for row in rows if row["end"] - row["start"] == DAY])
    labelled = {day: row["labelled"] for day, row in days.items()}

    assert {day: A_DAY for day in range(DAYS) if day != MISSING} == labelled
    assert {"ok"} == {row["verdict"] for row in days.values()}


def test_history_tells_of_the_nights(nights: Nights) -> None:
    """A person reads of the missing day and of the segment."""
    told = str(nights.history)

    for words in ("no events", "distance where carrier=WN"):
        assert words in told
