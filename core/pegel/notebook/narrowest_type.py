"""The narrowest type of a column of text: the one that Arrow finds in a file that it reads as one block."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BytesIO

import pyarrow as pa
from pyarrow import csv

from pegel.notebook.decimal_sign import NULLS

FIRST = 10
"""Values that tell the type of most columns."""


def narrowest(blocks: Callable[[], Iterator[pa.StringArray]], decimal: str) -> pa.DataType:
    """Return the narrowest type that holds every value of a column.

    The first values are kept, and a type is what Arrow finds for all that were kept. It is taken until a value does not
    fit; that one is kept, too. A type that later blocks gave is tried on earlier ones, too.

    Args:
        blocks: Reads the column from its beginning; it is called once for most columns, seldom more than twice.
        decimal: The sign before fractions.
    """
    kept: list[str] = []
    fitting, settled = pa.null(), False
    while not settled:
        settled = True
        for place, texts in enumerate(blocks()):
            if not kept:
                kept = texts[:FIRST].to_pylist()
                fitting = _inferred(kept, decimal)
            while converted(texts, fitting, decimal) is None:
                kept.append(_misfit(texts, fitting, decimal))
                fitting = _inferred(kept, decimal)
                settled = settled and place == 0
            if pa.types.is_string(fitting):
                return fitting
    return fitting


def converted(texts: pa.StringArray, target: pa.DataType, decimal: str) -> pa.Array | None:
    """Return texts as values of a type, as Arrow reads them in a file; None if one does not fit."""
    if pa.types.is_string(target):
        return texts
    try:
        return _read(texts, decimal, {"x": target})
    except pa.ArrowInvalid:
        return None


def _misfit(texts: pa.StringArray, target: pa.DataType, decimal: str) -> str:
    """Return a value that does not fit a type; there is one."""
    while len(texts) > 1:
        first = texts[: len(texts) // 2]
        texts = first if converted(first, target, decimal) is None else texts[len(texts) // 2 :]
    return str(texts[0])


def _inferred(texts: list[str], decimal: str) -> pa.DataType:
    return _read(pa.array(texts, pa.string()), decimal, {}).type


def _read(texts: pa.StringArray, decimal: str, types: dict[str, pa.DataType]) -> pa.Array:
    written = BytesIO()
    csv.write_csv(pa.table({"x": texts}), written)
    table = csv.read_csv(
        BytesIO(written.getvalue()),
        read_options=csv.ReadOptions(use_threads=False, block_size=written.tell() + 1),
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(column_types=types, null_values=NULLS, decimal_point=decimal),
    )
    return table.column("x").combine_chunks()
