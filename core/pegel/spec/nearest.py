"""What somebody probably meant by a name that nothing answers to."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from pegel.spec.outside_text import LONGEST_NAME, shown


def nearest(given: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most like the given one, if one is like it.

    Of what is given 80 characters are compared, so this is quick whatever is given.
    """
    return next(iter(get_close_matches(given[:LONGEST_NAME], list(known), n=1)), None)


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """Return the `nearest` name as a question to be put into a sentence; "" where there is none.

    >>> did_you_mean("lenght", ["width", "length"]), did_you_mean("lenght", ["colour"])
    ('did you mean `length`?', '')
    """
    near = nearest(given, known)
    return "" if near is None else f"did you mean `{shown(near)}`?"
