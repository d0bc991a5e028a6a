"""What somebody probably meant by a name that nothing answers to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from pegel.spec.outside_text import LONGEST_SHOWN, NAME_LIMIT, shown

MOST_LOOKED_AT = 20
"""Names that are compared with the known ones; a person does not read more."""
MOST_FIELDS = 200
"""Fields among which the one is looked for that a client means: some milliseconds."""


def nearest(given: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most like the given one, if one is like it.

    Of what is given 80 characters are compared, so this is quick whatever is given.
    """
    return _nearest(given[:NAME_LIMIT], tuple(known))


@lru_cache(maxsize=64)
def _nearest(given: str, known: tuple[str, ...]) -> str | None:
    """Remember the last answers: a client that sends a wrong name sends it again and again."""
    return next(iter(get_close_matches(given, known, n=1)), None)


def did_you_mean(given: str | Iterable[str], known: Iterable[str], *, lead: str = "") -> str:
    """Return as a question which of the `known` names the given ones probably mean; "" where none is like one.

    A known name that is given, too, is meant by nobody else. Of what is given 20 names are looked at. `lead` stands
    before a question; after a blank alone it begins a sentence.

    >>> did_you_mean("lenght", ["width", "length"]), did_you_mean("lenght", ["colour"], lead="; ")
    ('did you mean `length`?', '')
    >>> did_you_mean(["lenght", "width", "wdth"], ["width", "length"], lead=" ")
    ' Did you mean `length`?'
    """
    names = [given] if isinstance(given, str) else list(given)
    free = [name for name in known if name not in set(names)]
    near = dict.fromkeys(name for each in names[:MOST_LOOKED_AT] if (name := nearest(each, free)) is not None)
    if not near:
        return ""
    verb, most = "Did" if lead == " " else "did", LONGEST_SHOWN if len(near) == 1 else NAME_LIMIT
    return f"{lead}{verb} you mean {', '.join(f'`{shown(name, most)}`' for name in near)}?"


def with_stop(sentence: object) -> str:
    """Return a sentence with its full stop; one that ends as a question has its mark.

    >>> with_stop("given 'drfit'"), with_stop("given 'drfit'; did you mean `drift`?")
    ("given 'drfit'.", "given 'drfit'; did you mean `drift`?")
    """
    words = str(sentence)
    return words if words.endswith("?") else f"{words}."


def field_meant(given: Iterable[Any], fields: Sequence[str]) -> str:
    """Return which field the first name that a client sent probably means, as the end of a sentence.

    What is no text is no name. One name and the first 200 fields are compared: this is quick whatever a client sends.

    >>> field_meant([7, "lenght", "wdth"], ["width", "length"])
    '; did you mean `length`?'
    """
    first = next((name for name in given if isinstance(name, str)), "")
    return did_you_mean(first, fields[:MOST_FIELDS], lead="; ")
