"""Which columns of a table are measured, how, and which are not and why."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import pyarrow as pa

from pegel.data.arrow_columns import kind_of
from pegel.data.columns import Field, Kind, Role, Schema
from pegel.errors import PermanentError
from pegel.notebook.column_type import is_instant
from pegel.notebook.naming import listed
from pegel.notebook.row_labels import NAMELESS
from pegel.notebook.table_reading import Table
from pegel.notebook.written_times import are_written_times
from pegel.spec.nearest import did_you_mean
from pegel.spec.outside_text import NAME_LIMIT, shown

WRITTEN = "times written as text always differ between then and now"


@dataclass(frozen=True)
class TableColumns:
    """What the columns of a table are.

    `schema`: the fields, predictions last. `left_out`: the columns that are none, in words, each with the reason.
    `times`: those of them that hold times.
    """

    schema: Schema
    left_out: Mapping[str, str]
    times: frozenset[str]


def schema_of(
    table: Table,
    predictions: Collection[str],
    categorical: Collection[str],
    units: Mapping[str, str],
    *,
    without: Iterable[str],
    otherwise: str,
) -> TableColumns:
    """Return the fields of a table, and the columns that are none.

    Args:
        table: The table.
        predictions: Columns that a model has predicted.
        categorical: Columns of codes, not of quantities.
        units: Unit by column.
        without: Columns that are for something else: neither fields nor left out.
        otherwise: What did not happen, for the error.

    Raises:
        PermanentError: If a column that is named is not there.
    """
    if absent := table.absent([*predictions, *categorical, *units]):
        near = did_you_mean(absent, table.schema.names, lead=" ")
        raise PermanentError(f"expected the columns {listed(absent)}, given a table without them: {otherwise}.{near}")
    fields, left_out, times = [], {name: name for name in _nameless(table)}, set()
    elsewhere = set(without)
    for column in table.schema:
        if column.name in elsewhere:
            continue
        kind = kind_of(column.type)
        if column.name not in categorical and pa.types.is_string(column.type):
            kind = WRITTEN if are_written_times(table.column(column.name)) else kind
        if kind == WRITTEN or is_instant(column.type):
            times.add(column.name)
        if not isinstance(kind, Kind):
            left_out[column.name] = f"{shown(column.name, NAME_LIMIT)} ({shown(kind)})"
            continue
        role = Role.PREDICTION if column.name in predictions else Role.FEATURE
        chosen = Kind.CATEGORICAL if column.name in categorical else kind
        fields.append(Field(column.name, chosen, role, units.get(column.name)))
    schema = Schema(tuple(sorted(fields, key=lambda field: field.role is Role.PREDICTION)))
    return TableColumns(schema, left_out, frozenset(times))


def _nameless(table: Table) -> list[str]:
    """Return in words which columns are left out for want of a name, as it stands in the table."""
    nameless = [name for name, reason in table.labels.items() if reason == NAMELESS]
    return [
        f"{shown(name, NAME_LIMIT)} ({NAMELESS})" if name.strip() else "columns without a name" for name in nameless
    ]
