"""A line of what `pegel status` says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusLine:
    """One line of the status. One that is not `good` says in `remedy` which command comes next; others may."""

    name: str
    state: str
    good: bool = True
    remedy: str = ""
