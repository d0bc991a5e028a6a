"""A home with training data, a feature store and a results database, as a streaming driver is given it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from blueprints import give_tables

from pegel.baseline.baseline import Baseline
from pegel.data.columns import Field, Kind, Role, Schema
from pegel.featurestore import LocalFeatureStore
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import Settings
from pegel.store.baseline_store import BaselineStore
from pegel.store.database import connect
from pegel.store.registry import Registry
from pegel.store.results import Results
from pegel.testing.samples import trained_on

ROWS = 4_000
SCHEMA = Schema(
    (
        Field("distance", Kind.NUMERIC, Role.FEATURE, "km"),
        Field("carrier", Kind.CATEGORICAL),
        Field("age", Kind.NUMERIC),
        Field("delay", Kind.NUMERIC, Role.PREDICTION, "min"),
    )
)


def training_table(rows: int = ROWS, seed: int = 7) -> pa.Table:
    """Return training data of the schema: a few nulls in `age`, three carriers."""
    rng = np.random.default_rng(seed)
    ages = rng.normal(40, 12, rows)
    return pa.table(
        {
            "distance": rng.gamma(2.0, 400.0, rows),
            "carrier": rng.choice(["AA", "DL", "WN"], rows, p=[0.5, 0.3, 0.2]),
            "age": pa.array(ages, mask=rng.random(rows) < 0.01),
            "delay": rng.normal(5.0, 10.0, rows),
        }
    )


@dataclass
class World:
    """A home with a feature store and a results database, and what a driver needs to know about it."""

    settings: Settings
    store: LocalFeatureStore
    registry: Registry
    results: Results
    baselines: BaselineStore

    def watch(self, spec: MonitorSpec, *, baseline: bool = True) -> Baseline | None:
        """Put a spec into the registry, with a current baseline if wished."""
        made = None
        if baseline:
            made = trained_on(training_table(), SCHEMA, spec, spec.watch.statistics)
            current = self.baselines.current(spec.model.name, 1)
            self.baselines.promote(
                spec.model.name, 1, self.baselines.put(made), current, by="test", now=datetime.now(UTC)
            )
        self.registry.put(spec)
        return made

    @staticmethod
    def now() -> datetime:
        """Return the present instant."""
        return datetime.now(UTC)


def new_world(tmp_path: Path) -> World:
    """Return a home of its own, with the training data registered."""
    tmp_path.mkdir(exist_ok=True)
    settings = Settings(home=tmp_path)
    engine = connect(settings.database)
    give_tables(engine)
    store = LocalFeatureStore(settings.features)
    source = tmp_path / "train.parquet"
    pq.write_table(training_table(), source)
    store.register_training_data("delays", 1, source, SCHEMA)
    return World(settings, store, Registry(engine), Results(engine), BaselineStore(engine))
