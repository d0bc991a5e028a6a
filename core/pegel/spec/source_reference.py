"""How registered training data is named: `local://delays?version=1&split=train`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit

from pegel.errors import InvalidSpec
from pegel.spec.outside_text import quoted

LONGEST_STORED = 200
"""Letters of a stored name, inclusive: with an ending it is the name of a file, which has at most 255 bytes."""
_STORED_NAME = re.compile(rf"[A-Za-z0-9_][-A-Za-z0-9_.]{{0,{LONGEST_STORED - 1}}}")
_VERSION = re.compile(r"[0-9]{1,9}")
_EXAMPLE = "local://delays?version=1&split=train"


@dataclass(frozen=True, slots=True)
class SourceRef:
    """A reference to registered training data, written `local://delays?version=1&split=train`."""

    name: str
    version: int = 1
    split: str = "train"
    store: str = "local"

    @classmethod
    def parse(cls, text: str) -> SourceRef:
        """Read the written form; version and split default to 1 and `train`. Raises InvalidSpec.

        Name and split are stored names, see `is_stored_name`; a version is 1 to 9 digits; nothing is said twice.
        """
        try:
            parts = urlsplit(text)
            pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        except ValueError:
            raise _refused(text) from None
        asked = dict(pairs)
        version, split = asked.pop("version", "1"), asked.pop("split", "train")
        named = is_stored_name(parts.netloc) and is_stored_name(split) and _VERSION.fullmatch(version) is not None
        once = not asked and len({key for key, _ in pairs}) == len(pairs)
        if not (parts.scheme and named and once) or parts.path.strip("/") or "#" in text:
            raise _refused(text)
        return cls(parts.netloc, int(version), split, parts.scheme)

    def __str__(self) -> str:
        return f"{self.store}://{self.name}?{urlencode({'version': self.version, 'split': self.split})}"


def same_source(one: str, other: str) -> bool:
    """Say whether two references name the same rows, however version and split are written.

    >>> same_source("local://delays", "local://delays?split=train&version=1")
    True
    """
    try:
        return SourceRef.parse(one) == SourceRef.parse(other)
    except InvalidSpec:
        return one.strip() == other.strip()


def is_stored_name(name: str) -> bool:
    """Say whether `name` can be part of a path that stays in the store: letters, digits, `_`, inner `-` and `.`.

    It has at most `LONGEST_STORED` of them.
    """
    return _STORED_NAME.fullmatch(name) is not None


def _refused(text: str) -> InvalidSpec:
    return InvalidSpec(
        f"baseline.source: given {quoted(text)}: expected STORE://NAME?version=1&split=train, for example {_EXAMPLE}"
    )
