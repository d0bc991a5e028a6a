"""What somebody probably meant by a name that nothing answers to."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from pegel.spec.outside_text import LONGEST_NAME, shown

MOST_LOOKED_AT = 20
"""Names that are compared with the known ones; a person does not read more."""


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


def names_meant(given: Iterable[str], known: Iterable[str]) -> str:
    """Return which of the `known` names the `given` ones probably mean, as the end of a sentence; "" if none is like.

    A known name that is given, too, is meant by nobody else. Of what is given 20 names are looked at.

    >>> names_meant(["lenght", "width", "wdth"], ["width", "length"]), names_meant(["x"], ["width"])
    ('; did you mean `length`?', '')
    """
    names = list(given)
    free = [name for name in known if name not in set(names)]
    near = dict.fromkeys(name for each in names[:MOST_LOOKED_AT] if (name := nearest(each, free)) is not None)
    return f"; did you mean {', '.join(f'`{shown(name, LONGEST_NAME)}`' for name in near)}?" if near else ""
