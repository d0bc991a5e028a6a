"""The table of conversions: each kind of value, in every type in which it comes, and what it counts as at every door.

A test sends each row through every door; `docs/conversions.md` shows the same rows. `python
tests/lib/conversion_table.py` prints them as that page has them.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import numpy as np

from pegel.data.conversions import number_text

NULL: Final = "null"
NAN: Final = "NaN"
UNPARSEABLE: Final = "unparseable"
UNSEEN: Final = "unseen"
OTHER_NUMBER: Final = "another number"


@dataclass(frozen=True, slots=True)
class Conversion:
    """One value: what it counts as in a numeric and in a categorical field, whatever the training was.

    `examples`: the same value in several types and spellings. `number`: a float, or the word for what is none.
    `category`: the category, or `NULL` or `UNPARSEABLE`. `shown`: the values for people; None for as code writes them.
    """

    examples: tuple[Any, ...]
    number: float | str
    category: str
    why: str
    shown: str | None = None

    @property
    def counted_as(self) -> str:
        """Return what it is in a numeric field, as a text."""
        return self.number if isinstance(self.number, str) else number_text(self.number)


@dataclass(frozen=True, slots=True)
class Recognition:
    """Values that a field of training data is compared with: what they count as.

    `trained`: the values of the training data. `now`: values that come later. `counted_as`: one of the trained values
    as a text, `UNSEEN` in a categorical and `OTHER_NUMBER` in a numeric field.
    """

    trained: tuple[Any, ...]
    is_category: bool
    now: tuple[Any, ...]
    counted_as: str
    why: str


CONVERSIONS: Final = (
    Conversion(
        (7, 7.0, np.float32(7), np.int8(7), np.uint64(7), Decimal(7), Decimal("7.00"), [7]),
        7,
        "7",
        "one number, whatever its type; a list of one value is that value",
    ),
    Conversion((-0.0, 0.0, 0), 0, "0", "there is one zero"),
    Conversion(
        (9.99, np.float32(9.99), Decimal("9.99"), Decimal("9.990")),
        9.99,
        "9.99",
        "float32 has the same cell, and as a category the shortest text that it reads back from",
    ),
    Conversion(
        (np.float16(9.99),),
        9.9921875,
        "9.9921875",
        "float16 keeps three digits: it is another number, and found as one",
    ),
    Conversion(
        (10**15 + 3, float(10**15 + 3)), 1e15 + 3, "1000000000000003", "floats hold whole numbers of 15 digits exactly"
    ),
    Conversion(
        (2**53 + 1,),
        2.0**53,
        "9007199254740993",
        "beyond 2^53 a number is the nearest float, a category keeps its digits",
    ),
    Conversion(
        (2**70, 2.0**70),
        2.0**70,
        "1.1805916e+21",
        "beyond 64 bits no column and no JSON keeps the digits",
        "2**70, 2.0**70",
    ),
    Conversion((True, np.True_), 1, "true", "what a model makes of it that takes numbers"),
    Conversion((False, np.False_), 0, "false", "likewise"),
    Conversion((math.inf,), math.inf, "inf", "counted apart: infinities are found as such"),
    Conversion((-math.inf,), -math.inf, "-inf", "likewise"),
    Conversion(
        (math.nan, np.float32("nan")),
        NAN,
        NULL,
        "null where it comes from pandas or Python, which do not tell them apart; both are judged together",
    ),
    Conversion((None,), NULL, NULL, "also pd.NA, NaT, a masked value, and a field that a request lacks", "None"),
    Conversion(("7", np.str_("7")), 7, "7", "text files know no types, so text of a number is that number"),
    Conversion(("7.0",), 7, "7.0", "but a category is its characters"),
    Conversion((" 7 ",), 7, " 7 ", "blanks around a number do not count"),
    Conversion(("1e3",), 1000, "1e3", "what any float is written as"),
    Conversion(("007",), 7, "007", "codes keep their zeros as categories"),
    Conversion(("true",), 1, "true", "likewise `false`, 0"),
    Conversion(("True",), 1, "True", "likewise `False`"),
    Conversion(("TRUE",), 1, "TRUE", "likewise `FALSE`"),
    Conversion(("nan",), NAN, "nan", "in any case of letters; as text it is a category"),
    Conversion(("inf",), math.inf, "inf", "likewise `-inf`, `Infinity`"),
    Conversion(("yes",), UNPARSEABLE, "yes", "a word: which words mean truth is for the training to say"),
    Conversion(("",), NULL, "", "nothing is written; from CSV it is null as a category, too"),
    Conversion(
        ("n/a",), UNPARSEABLE, "n/a", "a word; from CSV, which has no other way to say it, null where numbers are"
    ),
    Conversion(("1_000",), UNPARSEABLE, "1_000", "Python alone reads this as a number"),
    Conversion(("1,000",), UNPARSEABLE, "1,000", "1000 or 1: never guessed. A CSV file of such numbers is refused"),
    Conversion(("9.99 EUR",), UNPARSEABLE, "9.99 EUR", "units and currencies are never left out"),
    Conversion(("12 %",), UNPARSEABLE, "12 %", "0.12 or 12: never guessed"),
    Conversion(("\u0663",), UNPARSEABLE, "\u0663", "digits of other scripts are not what models read"),
    Conversion(
        ("0x10",),
        UNPARSEABLE,
        "0x10",
        "no float is written like this; a CSV column of nothing else is read as whole numbers",
    ),
    Conversion(
        (dt.datetime(2026, 3, 1, 12), dt.date(2026, 3, 1), dt.time(12), dt.timedelta(hours=1)),  # noqa: DTZ001
        UNPARSEABLE,
        UNPARSEABLE,
        "times always differ between then and now; as text they are text",
        "dates, times, durations",
    ),
    Conversion((b"7",), UNPARSEABLE, UNPARSEABLE, "bytes have no encoding that is known"),
    Conversion(([1, 2], {"a": 1}), UNPARSEABLE, UNPARSEABLE, "no single value"),
)

_CODE = 10**15 + 3
RECOGNITIONS: Final = (
    Recognition((True, False), True, (True, 1, 1.0, "1", "True", "TRUE", "1.0"), "true", "truth values by any name"),
    Recognition((True, False), True, (0, 0.0, "False"), "false", "likewise"),
    Recognition((True, False), True, ("yes", 2), UNSEEN, "neither 1 nor 0, nor a word for them"),
    Recognition((1, 0), True, (1, 1.0, True, "1", "1.0", "true", "True"), "1", "classes 1 and 0 are truth values, too"),
    Recognition((1, 2, 3), True, (1, 1.0, np.float32(1), "1", "1.0", Decimal("1.0")), "1", "class labels as numbers"),
    Recognition((1, 2, 3), True, (True, "01", "one"), UNSEEN, "with a third class, 1 is no truth value"),
    Recognition(("7.0", "8.0"), True, (7, 7.0, "7", "7.00"), "7.0", "the same number, written otherwise in training"),
    Recognition(("007", "008"), True, (7, "7", "07"), UNSEEN, "lost zeros are a change that models see"),
    Recognition((_CODE, 5), True, (_CODE, float(_CODE), str(_CODE), f"{_CODE}.0"), str(_CODE), "codes as floats"),
    Recognition((9.99, 19.95), True, (9.99, np.float32(9.99), "9.99", "9.990"), "9.99", "prices as categories"),
    Recognition(("a", "A"), True, ("a ", " A", "\u00e1"), UNSEEN, "neither case nor blanks nor accents are folded"),
    Recognition((9.99, 19.95), False, (9.99, np.float32(9.99), "9.99"), "9.99", "the same number in float32"),
    Recognition((np.float32(9.99),), False, (9.99, np.float32(9.99)), "9.99", "and the other way round"),
    Recognition((1 / 3, 2 / 3), False, (np.float32(1 / 3), 1 / 3), "0.3333333333333333", "whatever its digits"),
    Recognition((9.99, 19.95), False, (np.float16(9.99), 9.9901), OTHER_NUMBER, "digits that float32 has count"),
    Recognition((0, 1), False, (True, "true", "True", "1.0", Decimal(1)), "1", "truth values where numbers were"),
    Recognition((2**24, 2**24 + 1), False, (2**24 + 1, float(2**24 + 1)), "16777217", "exact where float32 is not"),
)


def conversions_page() -> Iterator[str]:
    """Yield the lines of the first table of the page."""
    yield "| given | in a numeric field | in a categorical field | why |"
    yield "|---|---|---|---|"
    for row in CONVERSIONS:
        given = row.shown or _listed(row.examples)
        yield f"| {given} | {_cell(row.counted_as)} | {_cell(row.category)} | {row.why} |"


def recognitions_page() -> Iterator[str]:
    """Yield the lines of the second table of the page."""
    yield "| trained with | as | now given | counts as | why |"
    yield "|---|---|---|---|---|"
    for row in RECOGNITIONS:
        kind = "categories" if row.is_category else "numbers"
        yield f"| {_listed(row.trained)} | {kind} | {_listed(row.now)} | {_cell(row.counted_as)} | {row.why} |"


def _listed(values: Sequence[Any]) -> str:
    return ", ".join(f"`{value!r}`" for value in values)


def _cell(outcome: str) -> str:
    """Return an outcome for a cell: words as they are, values as code, blanks and nothing in quotes."""
    if outcome in {NULL, NAN, UNPARSEABLE, UNSEEN, OTHER_NUMBER}:
        return outcome
    return f"`{outcome}`" if outcome and outcome == outcome.strip() else f"`{outcome!r}`"


if __name__ == "__main__":
    print("\n".join((*conversions_page(), "", *recognitions_page())))
