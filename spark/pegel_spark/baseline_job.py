"""The baseline of a model, from the training data in the feature store: exact edges, exact counts, content address."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import reduce

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame, SparkSession

from pegel.baseline.baseline import Baseline
from pegel.baseline.outliers import OutlierTables
from pegel.data.columns import Role
from pegel.featurestore import FeatureStore
from pegel.judge.comparison import kept_statistics
from pegel.spec.monitor_spec import MonitorSpec
from pegel.stats.layout import Layout, build_layout
from pegel.stats.seasons import Seasons
from pegel.stats.summary import Summary
from pegel.store.baseline_store import BaselineStore
from pegel_spark.timed_rows import Timed, by_season
from pegel_spark.training_columns import TrainingColumns, columns


@dataclass(frozen=True, slots=True)
class Promotion:
    """What a run of the baseline job did. `changed` is False when the same baseline was current already."""

    baseline_id: str
    rows: int
    features: int
    changed: bool

    def to_json(self) -> bytes:
        """Return one line of JSON."""
        return orjson.dumps(asdict(self))


def profile(
    spark: SparkSession, spec: MonitorSpec, features: FeatureStore, baselines: BaselineStore, *, now: datetime
) -> Promotion:
    """Build the baseline that `spec` asks for, keep it and make it the current one.

    Raises NotFound for unknown training data, InvalidSpec when its columns do not fit its schema, Conflict when
    another baseline was promoted meanwhile.
    """
    name, version = spec.model.name, spec.model.version
    expected = baselines.current(name, version)
    baseline = build(spark, spec, features, now=now)
    baselines.put(baseline)
    changed = baselines.promote(name, version, baseline.id, expected, by="baseline job", now=now)
    return Promotion(baseline.id, baseline.rows, len(baseline.layout.features), changed)


def build(spark: SparkSession, spec: MonitorSpec, features: FeatureStore, *, now: datetime) -> Baseline:
    """Build the baseline that `spec` asks for. The same rows, in any order and partitioning, give the same id."""
    schema = features.describe(spec.baseline.source)
    frame = spark.read.parquet(str(features.read_training_data(spec.baseline.source)))
    timed = Timed.of(frame, schema, spec)
    values = TrainingColumns(timed.ordered, schema)
    layout = build_layout(schema, values, kept_statistics(spec.watch))
    noise = timed.noise(layout, values)

    return Baseline.build(
        layout=layout,
        summary=summarise(timed.frame, layout, noise.seasons),
        model=spec.model.name,
        version=spec.model.version,
        source=spec.baseline.source,
        scores=lambda tables: scores(timed.frame, tables),
        watch=spec.watch,
        noise=noise,
        created_at=now,
    )


def summarise(frame: DataFrame, layout: Layout, seasons: Seasons | None = None) -> Summary:
    """Count every row of a table in the cells of a layout, with exact sums; by season, if asked to."""

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        summary = Summary.empty(layout, exact=True)
        for batch in batches:
            for role in layout.schema.roles:
                for season, rows in by_season(batch, columns(batch, layout.schema, role), seasons):
                    summary.update(rows, role, season)
        yield pa.RecordBatch.from_pydict({"data": [summary.to_bytes()]})

    packed = frame.mapInArrow(run, "data binary").toArrow().column("data").to_pylist()
    return reduce(_merged, (Summary.from_bytes(data, layout) for data in packed), Summary.empty(layout, exact=True))


def scores(frame: DataFrame, tables: OutlierTables) -> NDArray[np.float64]:
    """Return the outlier score of every row, in no particular order."""

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            found, _ = tables.score(columns(batch, tables.layout.schema, Role.FEATURE))
            yield pa.RecordBatch.from_pydict({"score": pa.array(found)})

    return np.asarray(frame.mapInArrow(run, "score double").toArrow().column("score").to_numpy(), dtype=np.float64)


def _merged(total: Summary, part: Summary) -> Summary:
    total.merge(part)
    return total
