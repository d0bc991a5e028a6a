"""One line about how a part of Pegel is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthLine:
    """What it is about and how it is, in words; `level` is one of `ok`, `warn`, `bad`."""

    about: str
    words: str
    level: str
    next: str = ""
    """The next command where something is wrong, or where to look; empty where nothing is."""
