"""New training data in the cells of the current baseline: to be compared, and to replay windows with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from pyspark.sql import SparkSession
from pyspark.sql import functions as sf

from pegel.baseline.baseline import Baseline
from pegel.errors import InvalidSpec, LayoutMismatch
from pegel.featurestore import TrainingData
from pegel.spec.monitor_spec import MonitorSpec
from pegel.store.baseline_store import BaselineStore
from pegel_spark import training_table
from pegel_spark.counted_rows import summarise
from pegel_spark.timed_rows import INSTANT, Timed

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Recount:
    """The new rows in the cells of the current baseline: its id, or why there is none.

    `since`, `until`: the time of the new rows, both inclusive, ISO 8601; None where their times are not known.
    """

    baseline_id: str | None = None
    why_not: str = ""
    since: str | None = None
    until: str | None = None


def recount(
    spark: SparkSession,
    spec: MonitorSpec,
    features: TrainingData,
    baselines: BaselineStore,
    new: Baseline,
    *,
    now: datetime,
) -> Recount | None:
    """Count the new rows in the cells of the current baseline, and keep that; None where there is nothing to compare.

    A current baseline that cannot be read, or has fields that the training data lacks, cannot be compared with: that is
    said, and is no reason to keep no new baseline.
    """
    current_id = baselines.current(spec.model.name, spec.model.version)
    if current_id in {None, new.id} or current_id is None:
        return None
    try:
        current = baselines.get(current_id)
        made = _recounted(spark, spec, features, current, now=now)
    except (LayoutMismatch, InvalidSpec) as error:
        return replace(_times(spark, spec, features, new), why_not=str(error))
    return replace(_times(spark, spec, features, new), baseline_id=baselines.put(made))


def _recounted(
    spark: SparkSession, spec: MonitorSpec, features: TrainingData, current: Baseline, *, now: datetime
) -> Baseline:
    layout = current.layout
    frame = training_table.read(spark, features.read_training_data(spec.baseline.source))
    timed = Timed.of(frame, layout.schema, spec)
    noise = timed.noise(layout, timed.columns(layout.schema))
    # Windows were counted by the seasons of the current baseline, so that its recount has the same.
    seasons = None if spec.baseline.time_column is None else current.noise.seasons
    counted = summarise(timed.frame, layout, seasons, current.segments.segments)
    return Baseline.build(
        layout=layout,
        summary=counted.whole,
        model=spec.model.name,
        version=spec.model.version,
        source=f"{spec.baseline.source}, in the cells of {current.id}",
        scores=None,
        watch=spec.watch,
        noise=replace(noise, seasons=seasons),
        segments=counted.segments,
        created_at=now,
    )


def _times(spark: SparkSession, spec: MonitorSpec, features: TrainingData, new: Baseline) -> Recount:
    if spec.baseline.time_column is None:
        return Recount()
    frame = training_table.read(spark, features.read_training_data(spec.baseline.source))
    timed = Timed.of(frame, new.layout.schema, spec)
    first, last = timed.frame.agg(sf.min(INSTANT), sf.max(INSTANT)).first() or (None, None)
    if first is None or last is None:
        return Recount()
    since, until = (_EPOCH + timedelta(microseconds=instant) for instant in (first, last))
    if dict(frame.dtypes)[spec.baseline.time_column] == "date":
        # A row of a day is of any instant of it, and the column says the first.
        until += timedelta(days=1) - timedelta(microseconds=1)
    return Recount(since=since.isoformat(), until=until.isoformat())
