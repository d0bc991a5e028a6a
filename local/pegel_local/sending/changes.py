"""Changes put into rows on purpose, so that a monitor has something to find."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from pegel.errors import InvalidSpec
from pegel.notebook.naming import listed
from pegel.spec.nearest import did_you_mean
from pegel.spec.outside_text import quoted

Row: TypeAlias = dict[str, Any]
"""Values by column, as JSON has them: texts, numbers, truth values or None."""
_BY = re.compile(r"([+-]?[0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?)\s*(sd)?")


@dataclass(frozen=True)
class Shift:
    """How far numbers are moved: by so many units of their column, or so many of its standard deviations."""

    by: float
    in_deviations: bool


@dataclass(frozen=True)
class Changes:
    """What is changed in a `share` of the rows, chosen by chance, the same each time.

    A number is first multiplied, then moved; what is set or missing is so whatever was there. Values that are no
    numbers are neither multiplied nor moved.
    """

    shifts: Mapping[str, Shift] = field(default_factory=dict)
    factors: Mapping[str, float] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    missing: Collection[str] = ()
    share: float = 1.0

    @property
    def columns(self) -> list[str]:
        """Return the columns that are changed."""
        return list(dict.fromkeys([*self.shifts, *self.factors, *self.values, *self.missing]))

    @property
    def by_deviations(self) -> list[str]:
        """Return the columns whose standard deviation has to be known."""
        return [name for name, shift in self.shifts.items() if shift.in_deviations]

    def refuse_unfit(self, columns: Sequence[str], numeric: Collection[str]) -> None:
        """Raise InvalidSpec if a column to be changed is not sent, or one to be multiplied or moved is no number."""
        if unknown := [name for name in self.columns if name not in columns]:
            near = did_you_mean(unknown[0], columns)
            raise InvalidSpec(
                f"expected columns that are sent ({listed(columns)}), given {listed(unknown)} to be changed. Nothing "
                f"was sent.{f' {near[:1].upper()}{near[1:]}' if near else ''}"
            )
        if texts := [name for name in {**self.shifts, **self.factors} if name not in numeric]:
            numbers = listed([name for name in columns if name in numeric]) or "there is none"
            raise InvalidSpec(
                f"--shift, --scale: expected numeric columns ({numbers}), given {listed(texts)}. Nothing was sent."
            )

    def applied(
        self, rows: Iterable[Row], numeric: Collection[str], deviations: Mapping[str, float]
    ) -> Iterator[tuple[Row, bool]]:
        """Yield each row, and whether it is one of those that are changed.

        `deviations` holds the standard deviation of each column in `by_deviations`. What is set in a `numeric` column
        is a number if it can be read as one; else it is the text, for the model to refuse.
        """
        chance = random.Random(0)  # noqa: S311  not for secrets: the same rows each time
        moves = {name: shift.by * deviations.get(name, 1.0) for name, shift in self.shifts.items()}
        fixed: Row = {name: _set(text, name in numeric) for name, text in self.values.items()}
        fixed |= dict.fromkeys(self.missing)
        for row in rows:
            if not self.columns or chance.random() >= self.share:
                yield row, False
                continue
            moved = {
                name: _moved(value, self.factors.get(name, 1.0), moves.get(name, 0.0)) for name, value in row.items()
            }
            yield moved | fixed, True


def _moved(value: Any, factor: float, by: float) -> Any:
    """Return a number multiplied and moved; anything else, and a number to which nothing happens, as it is."""
    if isinstance(value, bool) or not isinstance(value, int | float) or (factor, by) == (1.0, 0.0):
        return value
    return value * factor + by


def changes_of(
    shift: Sequence[str], scale: Sequence[str], values: Sequence[str], missing: Sequence[str], share: float
) -> Changes:
    """Read changes as they are written: `amount=+1sd` or `amount=-20`, `amount=1.1`, `country=XX`, and names.

    Raises InvalidSpec for anything else, with an example.
    """
    if not 0 < share <= 1:
        raise InvalidSpec(f"--share: expected more than 0 and at most 1, given {quoted(share)}. Nothing was sent.")
    return Changes(
        _by_column("--shift", shift, _shift, "amount=+1sd (standard deviations) or amount=-20 (units)"),
        _by_column("--scale", scale, _number, "amount=1.1"),
        _by_column("--set", values, str, "country=XX"),
        tuple(missing),
        share,
    )


def _by_column(option: str, given: Sequence[str], read: Callable[[str], Any], example: str) -> dict[str, Any]:
    by_column: dict[str, Any] = {}
    for pair in given:
        column, sign, text = pair.partition("=")
        value = read(text.strip()) if column and sign else None
        if value is None:
            raise InvalidSpec(
                f"{option}: expected COLUMN=CHANGE such as {example}, given {quoted(pair)}. Nothing was sent."
            )
        if column in by_column:
            raise InvalidSpec(f"{option}: expected each column once, given {quoted(column)} twice. Nothing was sent.")
        by_column[column] = value
    return by_column


def _shift(text: str) -> Shift | None:
    match = _BY.fullmatch(text)
    number = None if match is None else _number(match[1])
    return None if match is None or number is None else Shift(number, match[2] is not None)


def _set(text: str, numeric: bool) -> str | float:
    number = _number(text) if numeric else None
    return text if number is None else number


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
