"""A day of a classifier with fifty features: its baseline, its requests on a broker, its windows, and its labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from benchmarks.stream.scene import Logger, World
from numpy.typing import NDArray

import pegel
from pegel.baseline.baseline import Baseline
from pegel.data.columns import Columns, Role
from pegel.data.spans import Span
from pegel.spec.monitor_spec import MonitorSpec
from pegel.stats.summary import Summary
from pegel.store.database import connect
from pegel.store.stream_store import StreamStore
from pegel.stream.commit import Commit, ReadRange
from pegel.testing.samples import sample_spec, sample_window
from pegel_spark.topic_partitions import TopicPartitions

NUMBERS, CATEGORIES, TRAINED = 40, 10, 50_000
FEATURES = [*(f"x{at:02}" for at in range(NUMBERS)), *(f"c{at}" for at in range(CATEGORIES))]
LETTERS = np.array(list("abcdefgh"), dtype=object)
MINUTE, MINUTES = timedelta(minutes=1), 24 * 60
TOOK = timedelta(milliseconds=20)
"""From a request to its answer."""
SEED = 20_261_129


@dataclass(frozen=True, slots=True)
class Drawn:
    """Rows: numbers and categories, the score of the class `1`, the answer, and what really was."""

    numbers: NDArray[np.float64]
    texts: NDArray[np.object_]
    score: NDArray[np.float64]
    answer: NDArray[np.object_]
    truth: NDArray[np.object_]


def drawn(rows: int, seed: int) -> Drawn:
    """Draw rows."""
    rng = np.random.default_rng([SEED, seed])
    score = rng.beta(0.5, 0.5, rows).round(4)
    answer, truth = np.where(score > 0.5, "1", "0"), np.where(rng.random(rows) < score, "1", "0")
    numbers = rng.normal(size=(rows, NUMBERS)).round(6)
    return Drawn(numbers, rng.choice(LETTERS, (rows, CATEGORIES)), score, answer.astype(object), truth.astype(object))


@dataclass(frozen=True)
class LabelledDay:
    """Yesterday, of so many rows, in requests of so many rows each; the last one of a minute may have fewer."""

    folder: Path
    rows: int
    per_request: int

    @cached_property
    def day(self) -> Span:
        """Return the day."""
        midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return Span(midnight - timedelta(days=1), midnight)

    @property
    def labels(self) -> Path:
        """Return the file with the labels."""
        return self.folder / "labels.parquet"

    @property
    def reference(self) -> Path:
        """Return the file with the training rows, answers and labels."""
        return self.folder / "reference.parquet"

    @cached_property
    def spec(self) -> MonitorSpec:
        """Return how it is watched: in minutes, hours and days, with labels of a table."""
        labels = {"source": f"parquet:{self.labels}", "field": "y", "row": "row", "horizon": "2d"}
        watch = {"long_spans": ["hour", "day"], "rows_per_day": self.rows}
        return sample_spec(windowing={"length": 60, "lateness": 60}, labels=labels, watch=watch)

    @cached_property
    def baseline(self) -> Baseline:
        """Return the baseline of the training rows, which are written for whoever else wants them."""
        rows = drawn(TRAINED, 0)
        columns: dict[str, Any] = dict(zip(FEATURES, [*rows.numbers.T, *rows.texts.T], strict=True))
        columns |= {"p": rows.score, "yhat": rows.answer, "y": rows.truth}
        pq.write_table(pa.table(columns), self.reference)
        return pegel.profile(
            columns, predictions=["p", "yhat"], label="y", answer="yhat", score="p", categorical=["yhat", "y"]
        )

    def minutes(self) -> Iterator[tuple[datetime, Drawn]]:
        """Yield the minutes of the day and their rows."""
        ends = np.linspace(0, self.rows, MINUTES + 1).astype(int)
        for at, count in enumerate(np.diff(ends).tolist()):
            yield self.day.start + at * MINUTE, drawn(count, at + 1)

    def happen(self, here: World) -> None:
        """Let the day be over: its events on the broker, read by the stream, its windows and labels there."""
        logger, written = Logger(here.broker.address, self.spec), _Labels(self.labels)
        with written.writer as labels:
            number = 0
            for minute, rows in self.minutes():
                here.results.write([self._window(minute, rows)])
                starts = range(0, len(rows.score), self.per_request)
                for place, start in enumerate(starts):
                    part = slice(start, start + self.per_request)
                    at = minute + place * (MINUTE - TOOK) / len(starts)
                    logger.send_one(f"e{number}", *_bodies(rows, part), at)
                    labels.write_batch(_labels(f"e{number}", rows.truth[part]))
                    number += 1
                logger.wait_below(5_000)
        logger.flush()
        self._note_as_read(here)

    def _window(self, minute: datetime, rows: Drawn) -> Any:
        summary, count = Summary.empty(self.baseline.layout), len(rows.score)
        unparseable = (None,) * CATEGORIES
        summary.update(Columns(count, rows.numbers, None, tuple(rows.texts.T), unparseable), Role.FEATURE)
        summary.update(Columns(count, rows.score[:, None], None, (rows.answer,), (None,)), Role.PREDICTION)
        return sample_window(
            span=Span(minute, minute + MINUTE),
            rows=count,
            requests=-(-count // self.per_request),
            summary=summary.to_bytes(),
            baseline_id=self.baseline.id,
            layout_hash=self.baseline.layout.layout_hash,
        )

    def _note_as_read(self, here: World) -> None:
        """Note the offsets that the stream would have noted, had it read all of it."""
        partitions = TopicPartitions(here.broker.address)
        ends = partitions.look([self.spec.inference_topic]).ends
        partitions.close()
        read = [
            ReadRange(
                topic=one.topic,
                partition=one.partition,
                start=one.beginning,
                end=one.end,
                records=one.end - one.beginning,
                topic_id=one.topic_id,
            )
            for one in ends
        ]
        store, now = StreamStore(connect(here.settings.database)), datetime.now(UTC)
        store.commit(store.claim(self.spec.group, 1, now), Commit(read=read), now)


class _Labels:
    """A file of labels, written as they come."""

    def __init__(self, path: Path) -> None:
        self.writer = pq.ParquetWriter(path, _SCHEMA)


_SCHEMA = pa.schema([("event_id", pa.string()), ("row", pa.int64()), ("y", pa.string())])


def _labels(event_id: str, truth: NDArray[np.object_]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(
        [pa.array([event_id] * len(truth)), pa.array(range(len(truth)), pa.int64()), pa.array(truth, pa.string())],
        schema=_SCHEMA,
    )


def _bodies(rows: Drawn, part: slice) -> tuple[bytes, bytes]:
    pairs = zip(rows.numbers[part].tolist(), rows.texts[part].tolist(), strict=True)
    asked = [numbers + texts for numbers, texts in pairs]
    said = [list(one) for one in zip(rows.score[part].tolist(), rows.answer[part].tolist(), strict=True)]
    return orjson.dumps({"instances": asked}), orjson.dumps({"predictions": said})
