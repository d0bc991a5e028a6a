"""The baseline of a model, from the training data in the feature store: exact edges, exact counts, content address."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf

from pegel.baseline.baseline import Baseline
from pegel.baseline.outliers import OutlierTables
from pegel.data.arrow_columns import columns_of
from pegel.data.columns import TIME, Role
from pegel.errors import PermanentError
from pegel.featurestore import TrainingData
from pegel.featurestore.no_baseline import NO_BASELINE
from pegel.judge.comparison import kept_statistics
from pegel.quality.expectation_outcome import ExpectationOutcome
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.outside_text import shown
from pegel.stats.segments import Segments, refuse_other_segments
from pegel.store.baseline_store import BaselineStore
from pegel_spark import training_table
from pegel_spark.counted_rows import summarise
from pegel_spark.recounting import Recount, recount
from pegel_spark.sent_rows import row_reference
from pegel_spark.timed_rows import Timed
from pegel_spark.training_columns import AT_ONCE
from pegel_spark.training_labels import performance_of
from pegel_spark.training_quality import refuse_unmet

_TIMES = frozenset({"timestamp", "timestamp_ntz", "date"})
"""Types of Spark that hold times."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What a run of the baseline job made. It is kept; making it current is for whoever asked."""

    baseline_id: str
    rows: int
    features: int
    request_row: list[dict[str, Any]]
    """One row of the training data, as a client would send it: see `pegel.data.example_request.Row`."""
    remarks: list[str]
    """What is worth knowing of it, a line each: where the feature store's own statistics say something else."""
    recount: Recount | None = None
    """Its rows in the cells of the current baseline; None where there is none, or it is the same."""
    suite_asked: int = 0
    """Expectations of its suite."""
    suite_unmet: list[str] = field(default_factory=list)
    """Those that its rows do not meet, in words; none of them is critical."""


def profile(
    spark: SparkSession,
    spec: MonitorSpec,
    features: TrainingData,
    baselines: BaselineStore,
    *,
    now: datetime,
    remarks: Callable[[Baseline], list[str]] = lambda _: [],
) -> Profile:
    """Build the baseline that `spec` asks for and keep it.

    `remarks` looks at it before it is kept, and may refuse it. Raises NotFound for unknown training data, InvalidSpec
    when its columns do not fit its schema, PermanentError when its rows are not as the spec expects them.
    """
    baseline = build(spark, spec, features, now=now)
    told = remarks(baseline)
    outcomes: list[ExpectationOutcome] = []
    if spec.watch.expectations:
        rows = training_table.read(spark, features.read_training_data(spec.baseline.source))
        outcomes = refuse_unmet(rows, baseline, spec)
    baselines.put(baseline)
    row = request_row(spark, spec, features)
    return Profile(
        baseline.id,
        baseline.rows,
        len(baseline.layout.features),
        row,
        told,
        recount(spark, spec, features, baselines, baseline, now=now),
        len(outcomes),
        [shown(each.words) for each in outcomes if each.met is not True],
    )


def request_row(spark: SparkSession, spec: MonitorSpec, features: TrainingData) -> list[dict[str, Any]]:
    """Return one row of the training data as a client would send it; a row without gaps, if there is one.

    Features in the order of the schema, then every column of times beside them: a model may take it.
    """
    schema = features.describe(spec.baseline.source)
    frame = training_table.read(spark, features.read_training_data(spec.baseline.source))
    kinds = {field.name: field.kind.value for field in schema.of_role(Role.FEATURE)}
    fields = {field.name for field in schema.fields}
    times = [name for name, kind in frame.dtypes if kind in _TIMES and name not in fields]
    kinds |= dict.fromkeys(times, TIME)
    chosen = frame.select(*(sf.col(f"`{name}`") for name in kinds))
    # As Arrow, because Spark's own rows have their times in the zone of the machine.
    rows = chosen.na.drop().limit(1).toArrow().to_pylist() or chosen.limit(1).toArrow().to_pylist()
    values = rows[0] if rows else {}
    return [{"name": name, "kind": kind, "value": _as_sent(values.get(name))} for name, kind in kinds.items()]


def build(
    spark: SparkSession, spec: MonitorSpec, features: TrainingData, *, now: datetime, at_once: int = AT_ONCE
) -> Baseline:
    """Build the baseline that `spec` asks for. The same rows, in any order and partitioning, give the same id.

    `at_once`: values up to which a table is held in memory as a whole; it changes nothing of the baseline. Raises
    PermanentError where there is no row: what nothing was learnt of would judge nothing, and look calm.
    """
    schema = features.describe(spec.baseline.source)
    refuse_other_segments(spec.watch.segments, schema)
    frame = training_table.read(spark, features.read_training_data(spec.baseline.source))
    timed = Timed.of(frame, schema, spec)
    values = timed.columns(schema, at_once=at_once)
    layout = values.layout(kept_statistics(spec.watch))
    noise = timed.noise(layout, values)
    counted = summarise(timed.frame, layout, noise.seasons, Segments.of(layout, spec.watch.segments))
    if not counted.whole.most_rows:
        given = f"{timed.left_out:,} without a time in {spec.baseline.time_column}" if timed.left_out else "none"
        raise PermanentError(
            f"baseline.source: expected rows of training data in {shown(spec.baseline.source)}, given {given}. "
            f"{NO_BASELINE}"
        )
    return Baseline.build(
        layout=layout,
        summary=counted.whole,
        model=spec.model.name,
        version=spec.model.version,
        source=spec.baseline.source,
        scores=lambda tables: scores(timed.frame, tables),
        watch=spec.watch,
        noise=noise,
        performance=performance_of(frame, schema, spec),
        segments=counted.segments,
        rows_sent=row_reference(timed, counted.whole, spec),
        created_at=now,
    )


def scores(frame: DataFrame, tables: OutlierTables) -> NDArray[np.float64]:
    """Return the outlier score of every row, in no particular order."""

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            found, _ = tables.score(columns_of(tables.layout.schema.of_role(Role.FEATURE), batch))
            yield pa.RecordBatch.from_pydict({"score": pa.array(found)})

    return np.asarray(frame.mapInArrow(run, "score double").toArrow().column("score").to_numpy(), dtype=np.float64)


def _as_sent(value: Any) -> float | int | str | None:
    """Return a value as JSON has it; neither NaN nor infinity stands in JSON. A time without a zone is one of UTC."""
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, date):
        return value.isoformat()
    return value if value is None or isinstance(value, int | str) else str(value)
