"""How a view of an online store is named: `local://flights`, `redis://flights`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pegel.errors import InvalidSpec
from pegel.spec.outside_text import quoted
from pegel.spec.source_reference import is_stored_name

_REFERENCE = re.compile(r"(?P<store>[a-z][a-z0-9+.-]{0,39})://(?P<view>[^?#]{1,400})")
_EXAMPLE = "local://flights"


@dataclass(frozen=True, slots=True)
class OnlineRef:
    """A view of an online store: rows of features, one for each entity. Where the store is, the settings say."""

    store: str
    """Which implementation answers: `local`, `redis`, `hopsworks`, or one that an installed package adds."""
    view: str
    """Its name there: stored names (`is_stored_name`) with `/` between them."""

    @classmethod
    def parse(cls, text: str) -> OnlineRef:
        """Read the written form. Raises InvalidSpec."""
        match = _REFERENCE.fullmatch(text)
        if match is None or not all(map(is_stored_name, match["view"].split("/"))):
            raise InvalidSpec(
                f"online.source: given {quoted(text)}: expected STORE://VIEW, for example {_EXAMPLE}; a view is named "
                f"by letters, digits, `_`, `-` and `.`"
            )
        return cls(match["store"], match["view"])

    def __str__(self) -> str:
        return f"{self.store}://{self.view}"
