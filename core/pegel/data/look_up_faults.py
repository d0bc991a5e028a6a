"""Why a feature of a request did not come from the online store: the words of transformer, wire and counts."""

from __future__ import annotations

from enum import StrEnum


class LookUpFault(StrEnum):
    """Why a feature was not looked up, the gravest first."""

    UNAVAILABLE = "unavailable"
    """The store did not answer in time."""
    UNKNOWN = "unknown"
    """It knows no such entity, or has no such feature of it."""
    STALE = "stale"
    """What it has is older than the age limit."""
