"""Held-out rows of the feature store, drawn once and for all, as bodies of the requests that a client would send."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import dataset

from pegel.data.columns import Field, Role
from pegel.errors import InvalidSpec, PegelError
from pegel.featurestore import LocalFeatureStore
from pegel.spec.minimums import MIN_BASELINE
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.outside_text import shown
from pegel_serving.table_rows import values_of

MOST_BYTES: Final = 128 << 20
"""Bytes of drawn rows, texts included."""
_SEED: Final = 20_261_130
"""The same rows are drawn each time, whatever else is drawn."""
_AT_ONCE: Final = 8_192


def held_out_table(store: LocalFeatureStore, spec: MonitorSpec, features: Sequence[Field]) -> Path:
    """Return where the held-out rows of a model are.

    Raises NotFound; InvalidSpec where they are the rows that it was fitted on under another name, and where they lack a
    feature or have it as something else.
    """
    source = str(spec.attribution.baseline)
    place = store.read_training_data(source)
    known = {field.name: field.kind for field in store.describe(source).of_role(Role.FEATURE)}
    for field in features:
        if field.name not in known:
            raise InvalidSpec(f"attribution.baseline: expected the feature {shown(field.name)}, {source} has none")
        if known[field.name] is not field.kind:
            raise InvalidSpec(
                f"attribution.baseline: expected {shown(field.name)} as {field.kind.value}, as the baseline has it; "
                f"given {known[field.name].value} in {source}"
            )
    if place.name == _fitted_on(store, spec):
        raise InvalidSpec(
            f"attribution.baseline: {source} holds the same rows as {spec.baseline.source}, which the model was fitted "
            "on and explains more strongly than others; name a held-out split"
        )
    return place


def drawn_rows(
    place: Path,
    features: Sequence[Field],
    most: int,
    *,
    fewest: int = MIN_BASELINE,
    among: Callable[[int], NDArray[np.int64]] | None = None,
) -> Any:
    """Return at most `most` rows of a table of Parquet, evenly drawn, the same ones each time, in their order.

    `among`: returns the places of the rows that are drawn from, of the number of all of them; None: all.

    Raises OSError, pyarrow's errors (ValueErrors), InvalidSpec for fewer than `fewest`, and where they are too large.
    """
    found = dataset.dataset(place, format="parquet")
    names = [field.name for field in features]
    possible = np.arange(found.count_rows()) if among is None else among(found.count_rows())
    count = len(possible)
    if min(count, most) < fewest:
        raise InvalidSpec(f"attribution.baseline: expected at least {fewest:,} held-out rows, given {count:,}")
    places = np.sort(possible[np.random.default_rng(_SEED).choice(count, min(count, most), replace=False)])
    taken, size, start = [], 0, 0
    for batch in found.to_batches(columns=names, batch_size=_AT_ONCE, batch_readahead=1, fragment_readahead=1):
        first, last = np.searchsorted(places, [start, start + batch.num_rows])
        part = batch.take(pa.array(places[first:last] - start))
        start += batch.num_rows
        size += part.nbytes
        if size > MOST_BYTES:
            raise InvalidSpec(
                f"attribution.baseline: expected {len(places):,} rows of {MOST_BYTES >> 20} MiB at most, given more"
            )
        taken.append(part)
    return pa.Table.from_batches(taken)


def request_bodies(rows: Any, features: Sequence[Field]) -> list[bytes]:
    """Return a request for each of some drawn rows, features by name: so none can take another one's place."""
    columns = [values_of(rows.column(field.name).combine_chunks(), field).tolist() for field in features]
    names = [field.name for field in features]
    return [
        orjson.dumps({"instances": [dict(zip(names, map(_plain, row), strict=True))]})
        for row in zip(*columns, strict=True)
    ]


def _fitted_on(store: LocalFeatureStore, spec: MonitorSpec) -> str | None:
    """Return the name of the data that the model was fitted on, which is their digest; None if they are elsewhere."""
    try:
        return store.read_training_data(spec.baseline.source).name
    except PegelError:
        return None


def _plain(value: Any) -> Any:
    """Return a value as JSON writes it: what is missing or infinite is null."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
