"""Text from outside as it may be shown: names, values and reasons that clients, files and users have written.

Whatever shows such text, a terminal, a page, a mail or a log, takes it through here: no line is broken, no colour, no
direction and no width is changed by what somebody else wrote, and nothing is longer than a person reads.
"""

from __future__ import annotations

import hashlib
import re
import reprlib
import unicodedata
from typing import Any

LONGEST_SHOWN = 200
"""Characters of one shown text, its note on what was cut included: two lines of a terminal."""
NAME_LIMIT = 80
"""The same for a name: a column of a table, a part of a mail's subject. How long a name may be is another question."""
LONGEST_SENTENCE = 1_000
"""The same for a reason, which may carry the last lines of a log."""
SHORTEST_LIMIT = 64
"""The note on what was cut needs up to 50 characters."""

_BREAKS = re.compile("[\t\n\v\f\r\x85\u2028\u2029]+")
_UNSEEN_LETTERS = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Letters, marks and symbols that are drawn as nothing, although their Unicode category does not say so."""


def shown(text: str, limit: int = LONGEST_SHOWN) -> str:
    r"""Return text as one harmless line of at most `limit` characters.

    Line breaks and tabs become a blank. Whatever else is not seen (controls, directions, joiners, fillers, half pairs)
    is written as its escape. What is too long is cut, with its length and hash. Text that is harmless is returned as it
    is, so showing twice is showing once. Not meant to be read back: a backslash stays one.

    >>> shown("Umsatz\n(EUR)"), shown("\x1b[31mred"), shown("abc\u202efed")
    ('Umsatz (EUR)', '\\x1b[31mred', 'abc\\u202efed')
    """
    if len(text) <= limit and _harmless(text):
        return text
    return _within([_letter(letter) for letter in _BREAKS.sub(" ", text[: limit + 1])], text, limit)


def shown_lines(text: str) -> str:
    r"""Return a page of text as `shown` does, with its own line breaks kept and nothing cut.

    For text that was put together here; each part that came from outside has to be `shown` before, for its line breaks.

    >>> shown_lines("a\x07\nb")
    'a\\x07\nb'
    """
    return "\n".join(map(_escaped, text.split("\n")))


def quoted(value: Any, limit: int = LONGEST_SHOWN) -> str:
    r"""Return a value as code would write it, harmless and of at most `limit` characters: for `given ...` in errors.

    A text that is too long is cut as `shown` does, with its own length and hash. Large and nested values are abridged
    before they are written out, so this is quick whatever is given; of what is still too long the rest is left out.

    >>> quoted("a\nb"), quoted(7), quoted({"a": [1, 2]})
    ("'a\\nb'", '7', "{'a': [1, 2]}")
    """
    if isinstance(value, str):
        return _quoted_text(value, limit)
    line = _escaped(_BREAKS.sub(" ", _Abridged(limit).repr(value)))
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def cut(text: str, limit: int = LONGEST_SHOWN) -> str:
    """Return text of at most `limit` characters, 64 or more; of longer text the start, its length and its hash.

    Text that was cut is not cut again, and what differs anywhere differs in the hash. Nothing is escaped: for storing.

    >>> cut("x" * 5_000, 64)
    'xxxxxxxxxxxxxxxxxxxxxxxxx… (5,000 characters, sha256 c59d3c0480)'
    """
    return text if len(text) <= limit else _within(list(text[:limit]), text, limit)


def _quoted_text(text: str, limit: int) -> str:
    if len(text) <= limit and len(line := _escaped(repr(text))) <= limit:
        return line
    letters = [_escaped(repr(letter)[1:-1]) for letter in text[:limit]]
    return f"'{_start(letters, text, max(limit, SHORTEST_LIMIT) - 2)}'"  # two quotes


def _within(letters: list[str], text: str, limit: int) -> str:
    """Join what stands for the letters of `text`; if that or `text` is too long, as much as leaves room for a note."""
    if len(text) <= limit and sum(map(len, letters)) <= limit:
        return "".join(letters)
    return _start(letters, text, max(limit, SHORTEST_LIMIT))


def _start(letters: list[str], text: str, room: int) -> str:
    """Return as many of the letters as leave room for a note on all of `text`, and the note."""
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:10]
    note = f"… ({len(text):,} characters, sha256 {digest})"
    room -= len(note)
    kept = 0
    for letter in letters:
        if len(letter) > room:
            break
        room -= len(letter)
        kept += 1
    return "".join(letters[:kept]) + note


def _harmless(text: str) -> bool:
    return text.isprintable() and _UNSEEN_LETTERS.search(text) is None


def _escaped(line: str) -> str:
    return line if _harmless(line) else "".join(map(_letter, line))


def _letter(letter: str) -> str:
    if _harmless(letter):
        return letter
    if unicodedata.category(letter) == "Zs":
        return " "
    return letter.encode("unicode_escape").decode("ascii")


class _Abridged(reprlib.Repr):
    """The usual way of writing values, bounded: so many members, so deep, so many characters each."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.maxlevel, self.maxother, self.maxlong = 4, limit, limit

    def repr_str(self, text: str, level: int) -> str:  # noqa: ARG002  reprlib's signature
        return _quoted_text(text, SHORTEST_LIMIT)
