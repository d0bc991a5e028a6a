"""A feature store, a paint model and a database, for what the attribution worker does beside events."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import paint_model
import pyarrow as pa
from blueprints import give_tables
from pyarrow import parquet
from sqlalchemy.engine import Engine

from pegel.baseline.baseline import Baseline
from pegel.data.columns import Schema
from pegel.featurestore import LocalFeatureStore
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import Settings
from pegel.store.baseline_store import BaselineStore
from pegel.store.database import connect
from pegel.testing.samples import trained_on
from pegel_serving.attribution.held_out_baseline import held_out_baselines
from pegel_serving.attribution.model_preparation import ModelPreparation
from pegel_serving.attribution.model_works import ModelWorks
from pegel_serving.attribution.ordered_features import OrderedFeatures

HELD_OUT = "local://paint?split=holdout"
ROWS = 1_200
NOW = datetime(2026, 11, 30, tzinfo=UTC)


def paint_rows(count: int, *, seed: int = 1, lacking: int = 0) -> pa.Table:
    """Return rows as the paint model takes them; of the first ones the size is missing, which it refuses."""
    draw = np.random.default_rng(seed)
    sizes = draw.normal(20, 5, count)
    return pa.table(
        {
            "colour": draw.choice(["red", "blue"], count),
            "size": pa.array(sizes, mask=np.arange(count) < lacking),
            "weight": draw.normal(10, 2, count),
            "price": draw.normal(0, 1, count),
        }
    )


@dataclass
class HeldOutPlace:
    """A feature store, a model and a database; the model's own baseline is current."""

    folder: Path
    engine: Engine
    settings: Settings
    url: str = ""
    """Of the endpoint."""
    token: str = "a secret"  # noqa: S105  of no endpoint but a test's
    running: list[ModelWorks] = field(default_factory=list)

    @property
    def store(self) -> LocalFeatureStore:
        """Return the feature store."""
        return LocalFeatureStore(self.settings.features)

    @property
    def baselines(self) -> BaselineStore:
        """Return the baselines."""
        return BaselineStore(self.engine)

    @property
    def preparation(self) -> ModelPreparation:
        """Return what tells processes of models what they need."""
        features = OrderedFeatures(self.settings, self.engine)
        return ModelPreparation(self.settings, lambda _: (self.url, self.token), features)

    def register(self, table: pa.Table, split: str, schema: Schema = paint_model.SCHEMA, **more: Any) -> None:
        """Register rows."""
        parquet.write_table(table, self.folder / f"{split}.parquet")
        self.store.register_training_data("paint", 1, self.folder / f"{split}.parquet", schema, split=split, **more)

    def spec(self, name: str = "paint", **attribution: Any) -> MonitorSpec:
        """Return a spec whose model is in the folder of its name."""
        return MonitorSpec.parse(
            {
                "model": {"name": name, "uri": f"file://{self.folder / name}"},
                "baseline": {"source": "local://paint"},
                "attribution": {"via": "artefact", "baseline": HELD_OUT} | attribution,
            }
        )

    def begin(self, *specs: MonitorSpec) -> ModelWorks:
        """Make the baselines of some specs, trying again soon."""
        self.running.append(held_out_baselines(self.preparation, self.settings, self.engine, first_wait_s=0.1))
        self.running[-1].watch(specs)
        return self.running[-1]

    def made(self, name: str = "paint") -> Baseline | None:
        """Return the current baseline of attributions."""
        current = self.baselines.current(f"{name}:attributions", 1)
        return None if current is None else self.baselines.get(current)


def made_place(folder: Path) -> HeldOutPlace:
    """Return a place with training rows, their baseline and a model."""
    engine = connect(f"sqlite:///{folder / 'pegel.db'}")
    give_tables(engine)
    made = HeldOutPlace(folder, engine, Settings(home=folder / "home"))
    rows = paint_rows(ROWS, seed=7)
    made.register(rows, "train")
    (folder / "paint").mkdir()
    paint_model.write_paint_model(folder / "paint")
    spec = made.spec()
    baseline = made.baselines.put(trained_on(rows, paint_model.SCHEMA, spec))
    made.baselines.register(spec, baseline, by="test", now=NOW)
    return made
