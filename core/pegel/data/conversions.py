"""What a value counts as, whatever door it comes through: tables of three libraries, files, or logged requests.

These are the rules, one value at a time: `pegel.data.arrow_columns` applies them to whole columns, and
`pegel.data.decoding` to bodies of requests. A test sends each row of a table of conversions through every door;
`docs/conversions.md` shows the same rows.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from numbers import Real
from typing import Any, Final, TypeAlias

import numpy as np

from pegel.data.columns import Missing

Plain: TypeAlias = bool | int | float | str | None
"""What any value is taken for: nothing, a truth value, a number or a text. Integers have at most 64 bits."""

INTEGERS: Final = range(-(2**63), 2**64)
"""Integers that keep all their digits. Others become the nearest float: neither JSON nor columns hold them."""
TRUTH: Final = {
    "true": True,
    "True": True,
    "TRUE": True,
    "1": True,
    "false": False,
    "False": False,
    "FALSE": False,
    "0": False,
}
"""How truth values are written. `yes`, `Y` or `t` are words like any other."""
_WORDS = {word: 1.0 if truth else 0.0 for word, truth in TRUTH.items()}
_NUMBER = re.compile(
    r"\s*[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?|inf(?:inity)?|nan)\s*", re.ASCII | re.IGNORECASE
)
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,39})(?P<fraction>\.[0-9]{1,40})?", re.ASCII)
ABSENT: Final = {"NAType", "NaTType", "MaskedConstant"}
"""Types of what pandas and NumPy put where nothing is, by name: neither has to be there, and none equals itself."""
MOST_NESTED: Final = 64
"""Lists within lists that are looked into, at most: a list may contain itself."""
_DIGITS = 20
"""Integers of 64 bits have at most so many."""


class Strange:
    """A value that is neither nothing, a truth value, a number nor a text: a time, a list, bytes, an object."""


STRANGE: Final = Strange()


def plain(value: Any) -> Plain | Strange:
    """Return what a value is taken for: scalars of numpy, decimals and lists of one value as what they hold."""
    for _ in range(MOST_NESTED):
        if not isinstance(value, list | tuple) or len(value) != 1:
            break
        value = value[0]
    if isinstance(value, np.generic):
        value = _of_numpy(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, Real | Decimal):
        return _number(value)
    # By their names, because pandas may not be there, and costs half a second where it is.
    return None if type(value).__name__ in ABSENT else STRANGE


def _of_numpy(value: np.generic) -> Any:
    if isinstance(value, np.datetime64 | np.timedelta64):
        return None if np.isnat(value) else STRANGE  # `item` would make them integers
    return float(value) if isinstance(value, np.floating) else value.item()


def _number(value: Any) -> int | float:
    if isinstance(value, Decimal) and not value.is_finite():
        return math.nan if value.is_nan() else math.copysign(math.inf, value)
    # The power of ten is looked at first, because 1E+999999 has a million digits as an integer.
    if isinstance(value, int) or (isinstance(value, Decimal) and value.adjusted() < _DIGITS and value == int(value)):
        whole = int(value)
        if whole in INTEGERS:
            return whole
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def number_of(value: Any) -> tuple[float, Missing]:
    """Return what a value is in a numeric field: a float, NaN with the reason where there is none.

    >>> number_of("12.5"), number_of(True), number_of("1,000")[1].name, number_of("")[1].name
    ((12.5, <Missing.PRESENT: 0>), (1.0, <Missing.PRESENT: 0>), 'UNPARSEABLE', 'NULL')
    """
    taken = plain(value)
    if taken is None:
        return math.nan, Missing.NULL
    if isinstance(taken, Strange):
        return math.nan, Missing.UNPARSEABLE
    if isinstance(taken, str):
        return parsed(taken)
    return float(taken), Missing.PRESENT


def parsed(text: str) -> tuple[float, Missing]:
    """Return the number that a text writes: digits, point and exponent, inf and nan, or a truth value.

    Blanks around it do not count, and nothing but blanks is a null. Separators of thousands, decimal commas, units,
    signs of currencies and digits of other scripts make it unparseable: guessing would turn `1.234` into 1234.
    """
    if _NUMBER.fullmatch(text):
        return float(text), Missing.PRESENT
    word = text.strip()
    if not word:
        return math.nan, Missing.NULL
    if word in _WORDS:
        return _WORDS[word], Missing.PRESENT
    return math.nan, Missing.UNPARSEABLE


def category_of(value: Any) -> tuple[str | None, bool]:
    """Return what a value is in a categorical field: a text or None, and whether it is unparseable.

    >>> category_of(1.0), category_of(True), category_of(" a"), category_of(float("nan")), category_of([1, 2])
    (('1', False), ('true', False), (' a', False), (None, False), (None, True))
    """
    taken = plain(value)
    if isinstance(taken, Strange):
        return None, True
    if taken is None or isinstance(taken, str):
        return taken, False
    if isinstance(taken, bool):
        return ("true" if taken else "false"), False
    return (None if taken != taken else number_text(taken)), False  # noqa: PLR0124  NaN is no category


def number_text(value: float) -> str:
    """Return the text by which a number, which is not NaN, is a category: one text for equal numbers of any type.

    A whole number below 2**64 is its digits. Anything else is the shortest text that reads back as the same number: in
    float32 if it is one, so that a float32 column has the categories of the decimals it was made from.

    >>> number_text(1e15), number_text(-0.0), number_text(float(np.float32(9.99))), number_text(2.0**70)
    ('1000000000000000', '0', '9.99', '1.1805916e+21')
    """
    if isinstance(value, int) or (value.is_integer() and abs(value) < INTEGERS.stop):
        return str(int(value))
    with np.errstate(over="ignore"):
        single = np.float32(value)
    return repr(float(str(single)) if math.isfinite(value) and float(single) == value else float(value))


def meaning(text: str, *, truth: bool) -> str:
    """Return the one form of a category that writes a number or, in a field of truth values, a truth value.

    Categories are the same by their characters first. Only one that the training has not seen is looked up by its
    meaning: `1.0` then is `1`, but `007` is never 7.

    Args:
        text: The category.
        truth: Whether all categories of the field mean words of `TRUTH`.

    >>> meaning("1.0", truth=False), meaning("1.50", truth=False), meaning("007", truth=False), meaning("1", truth=True)
    ('1', '1.5', '007', 'true')
    """
    written = _DECIMAL.fullmatch(text)
    text = number_text(float(text)) if written and written["fraction"] else text
    return ("true" if TRUTH[text] else "false") if truth and text in TRUTH else text
