"""Which sign stands before fractions, a comma or a point: told by the columns that hold nothing but numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from pegel.errors import PermanentError
from pegel.notebook.naming import place
from pegel.spec.outside_text import shown

NULLS = ("", "NA", "N/A", "n/a", "#N/A", "NULL", "null", "None")
"""What is no value in a column of numbers, of times or of truth values. `NaN` is a number that was sent as such."""
_NO_NUMBER = (*NULLS, "NaN", "nan")
_EXPONENT = r"([eE][+-]?\d+)?"
_FORMS = {
    "comma": rf"[+-]?\d+,\d+{_EXPONENT}",
    "point": rf"[+-]?\d*\.\d+{_EXPONENT}",
    "whole": rf"[+-]?\d+{_EXPONENT}",
    "grouped": r"[+-]?\d{1,3}(\.\d{3})+,\d+|[+-]?\d{1,3}(,\d{3})+(\.\d+)?",
}
"""How numbers are written; what has several of these forms has the first one."""
_THOUSANDS = r"[+-]?[1-9]\d{0,2},\d{3}"
"""A number with a comma that may stand before a fraction as well as between thousands."""
_LOOK = 100
"""Values that tell most text from numbers."""
Forms = frozenset[str]


def forms(blocks: Iterable[pa.StringArray]) -> Forms:
    """Return how the values of a column are written: `text` alone if one of them is no number.

    Else any of `comma`, `thousands` (it may be a comma, too), `point`, `grouped` (with both, or with several commas),
    `whole` and `long` (four figures that no comma parts). What is null, or `NaN`, says nothing.
    """
    written: set[str] = set()
    for texts in blocks:
        for part in (texts[:_LOOK], texts):
            here = _forms(pc.utf8_trim_whitespace(part))
            if "text" in here:
                return here
        written |= here
    return frozenset(written)


def _forms(texts: pa.StringArray) -> Forms:
    rest = texts.filter(pc.invert(pc.is_in(texts, _no_number())))
    written = set()
    for form, pattern in _FORMS.items():
        fits = pc.match_substring_regex(rest, f"^({pattern})$")
        some = rest.filter(fits)
        rest = rest.filter(pc.invert(fits))
        if not len(some):
            continue
        if form == "comma":
            doubtful = pc.match_substring_regex(some, f"^({_THOUSANDS})$")
            written |= {"thousands"} if pc.any(doubtful).as_py() else set()
            written |= set() if pc.all(doubtful).as_py() else {"comma"}
            continue
        written.add(form)
        if pc.max(pc.utf8_length(some)).as_py() >= len("1000"):
            written.add("long")
    return frozenset({"text"} if len(rest) else written)


@cache
def _no_number() -> pa.StringArray:
    """Return what is no number, made when texts are there: making an array loads pandas, which no other table needs."""
    return pa.array(_NO_NUMBER)


def signs(written: Forms) -> list[str]:
    """Return the signs before the fractions of a column, none for whole numbers and for text.

    `thousands` is a comma that may be one between thousands, `grouped` are signs that cannot be read as one sign.
    """
    if "text" in written:
        return []
    if "grouped" in written:
        return ["grouped"]
    seen = []
    if written & {"comma", "thousands"}:
        seen.append("," if written & {"comma", "long"} else "thousands")
    if "point" in written:
        seen.append(".")
    return seen


def is_number(cells: Iterable[str]) -> bool:
    """Say whether all of some values are numbers, in whatever form."""
    return "text" not in forms([pa.array(list(cells), pa.string())])


def settle(path: Path, separator: str, columns: Mapping[str, str]) -> str:
    """Return the sign before the fractions of a file, a point if it has none.

    Args:
        path: For what is said of it.
        separator: What separates its columns.
        columns: For each of the `signs` of its columns one that has it.

    Raises:
        PermanentError: If there is more than one sign, or it cannot be told from others.
    """
    for sign in ("grouped", ",", "thousands"):
        if sign in columns and (sign == "grouped" or separator == ","):
            raise PermanentError(
                f"expected numbers like 1234.5, given {place(path)} with commas inside the numbers of the column "
                f"{shown(columns[sign])}: nothing was read."
            )
    comma = columns.get(",", columns.get("thousands"))
    if comma is not None and "." in columns:
        raise PermanentError(
            f"expected one sign before fractions, given {place(path)} with a comma in the column {shown(comma)} and a "
            f"point in the column {shown(columns['.'])}: nothing was read."
        )
    # One column tells what a comma is in all.
    if "thousands" in columns and "," not in columns:
        raise PermanentError(
            f"expected numbers like 1234.5 or 1234,5, given {place(path)} with commas in the column "
            f"{shown(columns['thousands'])} that may stand between thousands or before fractions: nothing was read. "
            "Write thousands without a sign, or fractions with a point."
        )
    return "," if "," in columns else "."
