"""Which columns of a table are wanted, and how."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class Wanted:
    """How columns are to be read.

    `text`: columns whose values are taken as written. `watched`: the only ones that are read; None is all. `numbers`:
    columns that hold numbers, even where something else stands among these.
    """

    text: Collection[str] = ()
    watched: Collection[str] | None = None
    numbers: Collection[str] = ()

    def is_read(self, name: str) -> bool:
        """Say whether a column is read."""
        return self.watched is None or name in self.watched

    def may_be_number(self, name: str) -> bool:
        """Say whether what looks like a number in a column is one."""
        return self.is_read(name) and name not in self.text
