"""What somebody probably meant by a name that nothing answers to."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from pegel.spec.outside_text import LONGEST_NAME, shown


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """Return the known name that is most like the given one, as a question to be put into a sentence; else "".

    Of what is given 80 characters are compared, so this is quick whatever is given.

    >>> did_you_mean("lenght", ["width", "length"]), did_you_mean("lenght", ["colour"])
    ('did you mean `length`?', '')
    """
    nearest = get_close_matches(given[:LONGEST_NAME], list(known), n=1)
    return f"did you mean `{shown(nearest[0])}`?" if nearest else ""
