"""Of which rows a surrogate is made: rows of a baseline with the answers of the registered version.

One half is what it is fitted to. By the other half it is told how well it knows the answers, and where these are
held-out rows, they alone are what explained rows are compared with: of rows that it was fitted to it is less far off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pyarrow import dataset

from pegel.data.columns import Field, Role
from pegel.errors import InvalidSpec, NotFound
from pegel.featurestore import LocalFeatureStore
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.outside_text import shown
from pegel_serving.model_columns import Rows
from pegel_serving.table_rows import values_of

MOST_ROWS: Final = 20_000
"""Of each half; fewer of very many features …"""
MOST_VALUES: Final = 2_000_000
"""… of which so many are read in each."""
_SEED: Final = 20_261_130
"""The halves are the same each time."""

Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SurrogateSource:
    """Rows of the feature store with answers to them: what the spec calls them, and their table."""

    source: str
    table: Path


def surrogate_source(store: LocalFeatureStore, spec: MonitorSpec) -> SurrogateSource:
    """Return the held-out rows of a model if answers stand in them, else those of its own baseline.

    Raises NotFound where these are in no folder that is seen from here, InvalidSpec where no answers stand in them,
    OSError and pyarrow's errors (ValueErrors) where they cannot be read.
    """
    answers = [field.name for field in store.describe(spec.baseline.source).of_role(Role.PREDICTION)]
    for source in (spec.attribution.baseline, spec.baseline.source):
        if source is None:
            continue
        table = store.read_training_data(source)
        if not table.exists():
            raise NotFound(f"expected the rows of {shown(source)} in {table}; nothing is there.")
        if answers and set(answers) <= set(dataset.dataset(table, format="parquet").schema.names):
            return SurrogateSource(source, table)
    raise InvalidSpec(
        f"attribution.identity: a surrogate is made of the model's predictions of the rows of its baseline, and "
        f"{shown(spec.baseline.source)} has none; register it with them (--prediction)"
    )


def halves(rows: int) -> tuple[Places, Places]:
    """Return the places of the rows of a table that a surrogate is fitted to, and of the others, both in order."""
    drawn = np.random.default_rng(_SEED).permutation(rows)
    return np.sort(drawn[: rows // 2]), np.sort(drawn[rows // 2 :])


def rows_of_half(
    table: Path, places: Places, features: Sequence[Field], predictions: Sequence[Field]
) -> tuple[Rows, Rows]:
    """Return some of the rows at these places, evenly, with their answers: shape (rows, features), (rows, predictions).

    Raises OSError, pyarrow's errors (ValueErrors), KeyError where the table lacks a feature.
    """
    found = dataset.dataset(table, format="parquet")
    fields = [*features, *predictions]
    if lacking := [field.name for field in fields if field.name not in found.schema.names]:
        raise KeyError(lacking[0])
    most = min(len(places), MOST_ROWS, max(1, MOST_VALUES // max(1, len(features))))
    chosen = places[np.unique(np.linspace(0, max(len(places) - 1, 0), most).astype(np.int64))]
    taken: Any = found.take(chosen, columns=[field.name for field in fields])
    rows = np.empty((taken.num_rows, len(fields)), dtype=object)
    for at, field in enumerate(fields):
        rows[:, at] = values_of(taken.column(at).combine_chunks(), field)
    return rows[:, : len(features)], rows[:, len(features) :]
