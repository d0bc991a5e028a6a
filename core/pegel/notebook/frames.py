"""Tables in memory, of whatever library: their columns as Arrow arrays, converted one by one and only if wanted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pegel.errors import PermanentError
from pegel.notebook.naming import listed
from pegel.notebook.python_values import are_plain, array_of
from pegel.notebook.row_labels import row_labels
from pegel.spec.outside_text import quoted, shown

_OBJECTS = np.dtype(object)
_EXPORTED = {
    *("Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Float16", "Float32", "Float64"),
    *("Boolean", "String", "Categorical", "Enum", "Binary", "Date", "Datetime", "Duration", "Time", "Null", "Decimal"),
}
"""Types of polars that are exported, alone or in lists. Objects would be addresses, and Arrow has not every other."""
Column: TypeAlias = Any
"""An Arrow array, in one piece or several; Arrow ships no types."""
HINTS = {
    "DataFrame": "collect it into a table in memory",
    "LazyFrame": "collect it first",
    "Series": "a single column becomes a table by to_frame()",
    "list": "a list of rows becomes a table by pandas.DataFrame(rows)",
    "ndarray": "an array becomes a table by pandas.DataFrame(array, columns=[...])",
    "dict": "name its columns by text",
}


@dataclass(frozen=True)
class Frame:
    """A table in memory. `column` converts the column at a place of `names`; `schema` is Arrow's, if there is one."""

    names: tuple[str, ...]
    column: Callable[[int], Column]
    schema: pa.Schema = field(default_factory=lambda: pa.schema([]))


def table_of(data: Any, wanted: Callable[[str], bool]) -> tuple[pa.Table, tuple[str, ...], dict[str, str]]:
    """Return the wanted columns, the names of all that features could be, and those that are none, with the reason.

    Raises PermanentError if it is no table, or not one that can be read: several columns of one name, or columns of
    several lengths.
    """
    frame = _frame(data)
    labels = row_labels(pa.schema([pa.field(name, pa.null()) for name in frame.names], frame.schema.metadata))
    features = [name for name in frame.names if name not in labels]
    if twice := [name for name, count in Counter(features).items() if count > 1]:
        raise PermanentError(f"expected one column per name, given several named {listed(twice)}: nothing was read.")
    columns = {
        name: frame.column(place) for place, name in enumerate(frame.names) if name not in labels and wanted(name)
    }
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        given = listed([f"{name} with {length}" for name, length in lengths.items()])
        raise PermanentError(f"expected columns of one length, given {given}: nothing was read.")
    return pa.table(columns), tuple(features), labels


def _frame(data: Any) -> Frame:
    """Return the columns of whatever is a table. The index of a pandas frame is no column."""
    if isinstance(data, Mapping):
        return _of_columns(list(data.items()))
    if _is_of("pandas", data, "iloc", "columns"):
        return Frame(_named(data.columns), lambda place: _column(data.iloc[:, place], str(data.columns[place])))
    if _is_of("polars", data, "get_columns"):
        return _of_columns([(series.name, series) for series in data.get_columns()])
    table = _foreign(data)
    return Frame(tuple(table.schema.names), table.column, table.schema)


def _of_columns(columns: list[tuple[Any, Any]]) -> Frame:
    names = _named(name for name, _ in columns)
    return Frame(names, lambda place: _column(columns[place][1], names[place]))


def _named(names: Iterable[Any]) -> tuple[str, ...]:
    try:
        return tuple(str(name).encode(errors="backslashreplace").decode() for name in names)
    except Exception as error:  # names are of any type, and so are their faults
        raise PermanentError(
            f"expected columns with names, given one that has no text: {quoted(error)}. Nothing was read."
        ) from error


def _column(values: Any, name: str) -> Column:
    """Return one column as an Arrow array. Raises PermanentError if it is no sequence of single values."""
    try:
        values = _one_dimensional(values, name)
        if (converted := _converted(values)) is not None:
            return converted
        return array_of(values.to_list() if _is_of("polars", values) else list(values))
    except PermanentError:
        raise
    except Exception as error:  # values are of any type, and so are their faults
        raise PermanentError(
            f"expected values that can be read in {shown(name)}, given {quoted(error)}: nothing was read."
        ) from error


def _one_dimensional(values: Any, name: str) -> Any:
    shape = getattr(values, "shape", None)
    if isinstance(shape, tuple) and len(shape) == 2 and shape[1] == 1:  # noqa: PLR2004  one column, as models return it
        values = np.asarray(values).reshape(-1)
    elif isinstance(shape, tuple) and len(shape) != 1:
        raise PermanentError(
            f"expected one value per row in {shown(name)}, given an array of shape {shape}: nothing was read."
        )
    if isinstance(values, str | bytes | bytearray | Mapping | AbstractSet) or not hasattr(values, "__len__"):
        raise PermanentError(
            f"expected a sequence of values in {shown(name)}, given {type(values).__name__}: nothing was read."
        )
    return values


def _converted(values: Any) -> Column | None:
    """Return a column as its library or Arrow converts it; None if neither can."""
    try:
        if _is_of("polars", values, "to_list"):
            # Without its name, because polars ends the process where it exports a name with a null character.
            return pa.chunked_array(values.alias("")) if _is_exported(values.dtype) else None
        if isinstance(values, pa.Array | pa.ChunkedArray):
            return values
        if hasattr(values, "__array__") and not _is_of("pandas", values):
            values = np.asanyarray(values)
        if getattr(values, "dtype", _OBJECTS) == _OBJECTS and not are_plain(values):
            return None
        return _without_nan(pa.array(values, from_pandas=True))
    except Exception:  # noqa: BLE001  whatever the fault, the values may still be read one by one
        return None


def _is_exported(dtype: Any) -> bool:
    """Say whether polars may export a type: structures have names of their own, and those may hold null characters."""
    name = type(dtype).__name__
    return _is_exported(dtype.inner) if name in {"List", "Array"} else name in _EXPORTED


def _without_nan(column: Column) -> Column:
    """Return a column of pandas or Python with nulls for NaN; Arrow leaves those of single numpy scalars."""
    if not pa.types.is_floating(column.type) or not pc.any(pc.is_nan(column)).as_py():
        return column
    return pc.if_else(pc.is_nan(column), None, column)


def _is_of(library: str, value: Any, *names: str) -> bool:
    """Say whether a class of a library, or one that is derived from it, has such attributes; nothing is imported."""
    of_library = any(base.__module__.partition(".")[0] == library for base in type(value).__mro__)
    return of_library and all(hasattr(value, name) for name in names)


def _foreign(data: Any) -> pa.Table:
    """Return the table that an object of another library offers."""
    try:
        # What polars exports it exports by name, see `_converted`; its tables were read before.
        if not _is_of("polars", data) and (hasattr(data, "__arrow_c_stream__") or hasattr(data, "__arrow_c_array__")):
            return pa.table(data)
        if hasattr(data, "__dataframe__"):
            # Imported here, because hardly anything needs it and it costs 50 ms.
            from pyarrow.interchange import from_dataframe  # noqa: PLC0415

            return from_dataframe(data)
        why = "which is none"
    except Exception as error:  # noqa: BLE001  it is of any library, and so are its faults
        why = quoted(error)
    hint = HINTS.get(type(data).__name__)
    raise PermanentError(
        "expected a path, a mapping from column names to values, or a table that offers Arrow data (pandas, polars, "
        f"pyarrow), given {type(data).__name__}, {why}: nothing was read." + (f" Here, {hint}." if hint else "")
    )
