"""What became of one event that was to be explained."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ToldEvent:
    """A body, of so many rows, or a reason with a sentence."""

    body: bytes = b""
    rows: int = 0
    reason: str = ""
    why: str = ""
