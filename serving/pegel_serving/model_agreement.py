"""What a model answers beside what the table holds in the same column, by the kind of the field."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from pegel.data.arrow_columns import categories
from pegel.data.columns import Field, Kind
from pegel.data.conversions import TRUTH, category_of, meaning, number_of
from pegel.notebook.naming import few
from pegel.notebook.table_reading import Table
from pegel.spec.outside_text import quoted, shown
from pegel.spec.plain_numbers import how_many, plain
from pegel_serving.model_process import Findings

_MOST_CLASSES = 1_000
"""Classes of a table that answers are compared with; of a column with more, none is unknown."""


def compare(field: Field, known: Sequence[Any] | None, given: Sequence[Any], table: Table, findings: Findings) -> None:
    """Add to `findings` how the answers `given` of one field differ from what the table holds in the same rows.

    Args:
        field: The prediction.
        known: What the table holds in the rows that are answered; None if it has no such column.
        given: What the model answers, one value per row, at least one.
        table: Where the classes of all rows are looked for, if a class is answered that `known` does not have.
        findings: Where lines and problems are added.
    """
    if field.kind is Kind.NUMERIC:
        answers: list[Any] = [number_of(value)[0] for value in given]
        nulls = [number != number for number in answers]  # noqa: PLR0124  NaN
        missing = [False] * len(given) if known is None else [bool(np.isnan(value)) for value in known]
    else:
        answers = [category_of(value)[0] for value in given]
        nulls = [text is None for text in answers]
        missing = [False] * len(given) if known is None else [value is None for value in known]
    if surplus := sum(null and not absent for null, absent in zip(nulls, missing, strict=True)):
        findings.problems.append(f"{shown(field.name)} is answered null in {surplus:,} of {len(given):,} rows")
    if known is None:
        return
    if field.kind is Kind.NUMERIC:
        findings.lines.append(_of_numbers(field.name, np.array(known, np.float64), np.array(answers, np.float64)))
        return
    same = sum(text == value for text, value in zip(answers, known, strict=True))
    findings.lines.append(f"         {_share(field.name, same, len(given))}")
    findings.problems += _unknown_classes(field, set(known), [text for text in answers if text is not None], table)


def _share(name: str, same: int, rows: int) -> str:
    return f"{shown(name)} is what the table holds in {same:,} of {rows:,} rows"


def _of_numbers(name: str, known: np.ndarray, given: np.ndarray) -> str:
    """Say how far numbers are from those of the table; predictions out of fold may well differ."""
    same = int(np.isclose(known, given, rtol=1e-6, atol=1e-9, equal_nan=True).sum())
    both = np.isfinite(known) & np.isfinite(given)
    share = _share(name, same, len(given))
    if same == len(given) or not both.any():
        return f"         {share}"
    median = plain(float(np.median(np.abs(known[both] - given[both]))))
    differs = f"differs from what the table holds by {median} in the median of {how_many(int(both.sum()), 'row')}"
    where = "(where the model that answered the table had not seen the rows, it should differ)"
    return f"         {f'{share}, and' if same else shown(name)} {differs} {where}"


def _unknown_classes(field: Field, known: set[Any], answers: Sequence[str], table: Table) -> list[str]:
    """Return the problem of classes that no row of the table has; all rows are read only if some seem to be such."""
    known = known - {None}
    if set(answers) <= known:
        return []
    for block in table.column(field.name):
        known |= {text for text in categories(block)[0] if text is not None}
        if len(known) > _MOST_CLASSES:
            return []
    truth = all(meaning(text, truth=False) in TRUTH for text in known)
    meant = {meaning(text, truth=truth) for text in known}
    unknown = [text for text in answers if text not in known and meaning(text, truth=truth) not in meant]
    if not unknown:
        return []
    rows = f"in {len(unknown):,} of {len(answers):,} rows; the table holds {_quoted(sorted(known)) or 'none'}"
    return [f"{shown(field.name)} is answered {_quoted(dict.fromkeys(unknown))} {rows}"]


def _quoted(texts: Iterable[str]) -> str:
    return few([quoted(text) for text in texts], ", ")
