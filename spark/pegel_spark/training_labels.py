"""Labels of training rows: how the model did on them, as its baseline keeps it."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as sf

from pegel.data.columns import Role, Schema
from pegel.errors import InvalidSpec
from pegel.notebook.labelled import LabelColumns, learn
from pegel.spec.monitor_spec import MonitorSpec
from pegel.stats.performance import Performance

_TIME = "__pegel_time"


class _Columns:
    """A table in memory, as rules about labels read it."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    @property
    def schema(self) -> pa.Schema:
        """Return the columns that there are."""
        return self._table.schema

    def column(self, name: str) -> Iterator[pa.Array]:
        """Yield one column, block by block."""
        yield from self._table.column(name).iterchunks()


def performance_of(frame: DataFrame, schema: Schema, spec: MonitorSpec) -> Performance | None:
    """Return how the model did on training rows with labels; None where `baseline.label` names no column.

    Labels, answers and scores are in memory as a whole. The order of rows is that of their times; without times nothing
    is said of errors that come in bursts, so that the same rows in any order give the same.

    Raises:
        InvalidSpec: If nobody says which prediction the labels are about, or they do not fit it.
        PermanentError: If a column is not there.
    """
    source = spec.baseline
    if source.label is None:
        return None
    predictions = [field.name for field in schema.of_role(Role.PREDICTION)]
    prediction = spec.labels.prediction or (predictions[0] if len(predictions) == 1 else None)
    if prediction is None:
        raise InvalidSpec(
            f"labels.prediction: expected the prediction that {source.label} is the label of, which may be "
            f"{', '.join(predictions) or 'none'}; given none. No baseline was built."
        )
    columns = LabelColumns(source.label, prediction, source.score)
    wanted = [name for name in (columns.label, columns.prediction, columns.score) if name in frame.columns]
    chosen = [sf.col(f"`{name}`") for name in dict.fromkeys(wanted)]
    keys = list(dict.fromkeys(wanted))
    if source.time_column in frame.columns:
        chosen.append(sf.unix_micros(sf.col(f"`{source.time_column}`").cast("timestamp")).alias(_TIME))
        keys.insert(0, _TIME)
    table = frame.select(*chosen).toArrow()
    ordered = table.sort_by([(name, "ascending") for name in keys]) if _TIME in keys else table
    return learn(_Columns(ordered), columns, in_order=_TIME in keys)
