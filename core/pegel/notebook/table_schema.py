"""Which columns of a table are measured, how, and which are not and why."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from pegel.data.arrow_columns import kind_of
from pegel.data.columns import Field, Kind, Role, Schema
from pegel.errors import PermanentError
from pegel.notebook.naming import listed
from pegel.notebook.row_labels import NAMELESS
from pegel.notebook.table_reading import Table
from pegel.spec.outside_text import LONGEST_NAME, shown


def schema_of(
    table: Table,
    predictions: Collection[str],
    categorical: Collection[str],
    units: Mapping[str, str],
    *,
    without: Iterable[str],
    otherwise: str,
) -> tuple[Schema, list[str]]:
    """Return the fields of a table, predictions last, and the columns that are none, each with the reason.

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
        raise PermanentError(f"expected the columns {listed(absent)}, given a table without them: {otherwise}.")
    fields, left_out = [], _nameless(table)
    elsewhere = set(without)
    for column in table.schema:
        if column.name in elsewhere:
            continue
        kind = kind_of(column.type)
        if not isinstance(kind, Kind):
            left_out.append(f"{shown(column.name, LONGEST_NAME)} ({shown(str(kind))})")
            continue
        role = Role.PREDICTION if column.name in predictions else Role.FEATURE
        chosen = Kind.CATEGORICAL if column.name in categorical else kind
        fields.append(Field(column.name, chosen, role, units.get(column.name)))
    return Schema(tuple(sorted(fields, key=lambda field: field.role is Role.PREDICTION))), left_out


def _nameless(table: Table) -> list[str]:
    """Return in words which columns are left out for want of a name, as it stands in the table."""
    nameless = [name for name, reason in table.labels.items() if reason == NAMELESS]
    return [
        f"{shown(name, LONGEST_NAME)} ({NAMELESS})" if name.strip() else "columns without a name" for name in nameless
    ]
