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
Begins: TypeAlias = Callable[[int], bool]
"""Says of a number, from 0 for the first row or request, whether what is put in on purpose has begun."""
_BY = re.compile(r"([+-]?[0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?)\s*(sd|sigma)?")
FAR = 10.0
"""Standard deviations of its column between an outlier and the smallest or largest value there is."""


@dataclass(frozen=True, slots=True)
class SentRow:
    """A row on its way, whether it was changed on purpose, and which of its columns makes it an outlier, if any."""

    row: Row
    is_changed: bool = False
    far: str | None = None


@dataclass(frozen=True, slots=True)
class Spread:
    """Smallest and largest number of a column, and its standard deviation: more than 0."""

    low: float
    high: float
    deviation: float


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
            raise InvalidSpec(
                f"expected columns that are sent ({listed(columns)}), given {listed(unknown)} to be changed. Nothing "
                f"was sent.{did_you_mean(unknown, columns, lead=' ')}"
            )
        if texts := [name for name in {**self.shifts, **self.factors} if name not in numeric]:
            numbers = listed([name for name in columns if name in numeric]) or "there is none"
            raise InvalidSpec(
                f"--shift, --scale: expected numeric columns ({numbers}), given {listed(texts)}. Nothing was sent."
            )

    def refuse_constant(self, spreads: Collection[str]) -> None:
        """Raise InvalidSpec if a column is to be moved by standard deviations and has none: it is not in `spreads`."""
        if constant := [name for name in self.by_deviations if name not in spreads]:
            raise InvalidSpec(
                f"--shift: expected a column whose numbers vary, given {listed(constant)}, which has no standard "
                "deviation: shift it by units. Nothing was sent."
            )

    def applied(
        self, rows: Iterable[Row], numeric: Collection[str], spreads: Mapping[str, Spread], begins: Begins
    ) -> Iterator[SentRow]:
        """Yield each row, from the first that `begins` changed.

        `spreads` holds the columns in `by_deviations`. What is set in a `numeric` column is a number if it can be read
        as one; else it is the text, for the model to refuse.
        """
        chance = random.Random(0)  # noqa: S311  not for secrets: the same rows each time
        moves = {
            name: shift.by * (spreads[name].deviation if shift.in_deviations else 1.0)
            for name, shift in self.shifts.items()
        }
        fixed: Row = {name: _set(text, name in numeric) for name, text in self.values.items()}
        fixed |= dict.fromkeys(self.missing)
        for number, row in enumerate(rows):
            if not self.columns or not begins(number) or chance.random() >= self.share:
                yield SentRow(row)
                continue
            moved = {
                name: _moved(value, self.factors.get(name, 1.0), moves.get(name, 0.0)) for name, value in row.items()
            }
            yield SentRow(moved | fixed, is_changed=True)


def with_outliers(
    rows: Iterable[SentRow], share: float, spreads: Mapping[str, Spread], begins: Begins
) -> Iterator[SentRow]:
    """Yield each row; from the first that `begins`, about a `share` of them with one number far from all others.

    Which rows, which of the columns in `spreads`, and whether it lies above or below is chosen by chance, the same each
    time: `FAR` standard deviations above the largest value of the column or below the smallest.
    """
    chance, names = random.Random(1), list(spreads)  # noqa: S311  not for secrets
    for number, sent in enumerate(rows):
        if not share or not begins(number) or chance.random() >= share:
            yield sent
            continue
        name = chance.choice(names)
        spread, above = spreads[name], chance.random() < 0.5  # noqa: PLR2004  a coin
        far = spread.high + FAR * spread.deviation if above else spread.low - FAR * spread.deviation
        yield SentRow(sent.row | {name: far}, sent.is_changed, far=name)


def _moved(value: Any, factor: float, by: float) -> Any:
    """Return a number multiplied and moved; anything else, and a number to which nothing happens, as it is."""
    if isinstance(value, bool) or not isinstance(value, int | float) or (factor, by) == (1.0, 0.0):
        return value
    return value * factor + by


def changes_of(
    shift: Sequence[str], scale: Sequence[str], values: Sequence[str], missing: Sequence[str], share: str
) -> Changes:
    """Read changes as they are written: `amount=+1sd` or `amount=-20`, `amount=1.1`, `country=XX`, and names.

    Raises InvalidSpec for anything else, with an example.
    """
    of_rows = share_of("--share", share)
    if not of_rows:
        raise InvalidSpec(f"--share: expected more than 0 and at most 1, given {quoted(share)}. Nothing was sent.")
    return Changes(
        _by_column("--shift", shift, _shift, "amount=+1sd (standard deviations) or amount=-20 (units)"),
        _by_column("--scale", scale, _number, "amount=1.1"),
        _by_column("--set", values, str, "country=XX"),
        tuple(missing),
        of_rows,
    )


def share_of(option: str, text: str, *, most: float = 1.0) -> float:
    """Read a part of something, `5%` or `0.05`, from 0 to `most` inclusive. Raises InvalidSpec."""
    percent = text.strip().endswith("%")
    number = _number(text.strip().removesuffix("%"))
    share = None if number is None else number / 100 if percent else number
    if share is None or not 0 <= share <= most:
        raise InvalidSpec(
            f"{option}: expected a part such as 5% or 0.05, at most {most:g}, given {quoted(text)}. Nothing was sent."
        )
    return share


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
