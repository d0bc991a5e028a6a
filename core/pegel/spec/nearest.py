"""What somebody probably meant by a name that nothing answers to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from pegel.spec.outside_text import LONGEST_NAME, shown

MOST_LOOKED_AT = 20
"""Names that are compared with the known ones; a person does not read more."""
MOST_FIELDS = 200
"""Fields among which the one is looked for that a client means: some milliseconds."""


def nearest(given: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most like the given one, if one is like it.

    Of what is given 80 characters are compared, so this is quick whatever is given.
    """
    return _nearest(given[:LONGEST_NAME], tuple(known))


@lru_cache(maxsize=64)
def _nearest(given: str, known: tuple[str, ...]) -> str | None:
    """Remember the last answers: a client that sends a wrong name sends it again and again."""
    return next(iter(get_close_matches(given, known, n=1)), None)


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


def field_meant(given: Iterable[Any], fields: Sequence[str]) -> str:
    """Return which field the first name that a client sent probably means, as `names_meant` does.

    What is no text is no name. One name and the first 200 fields are compared: this is quick whatever a client sends.

    >>> field_meant([7, "lenght", "wdth"], ["width", "length"])
    '; did you mean `length`?'
    """
    first = next((name for name in given if isinstance(name, str)), "")
    return names_meant([first], fields[:MOST_FIELDS])
