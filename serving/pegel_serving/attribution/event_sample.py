"""Which events are explained: their ids alone decide, so that whoever reads them again explains the same ones."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from pegel.spec.monitor_spec import MonitorSpec

MINUTES_PER_DAY: Final = 1_440
_PERSON: Final = b"pegel-explain"


def event_hash(event_id: bytes) -> int:
    """Return 64 bits of an event's id: uniform, and independent of whatever else is decided by ids."""
    return int.from_bytes(blake2b(event_id, digest_size=8, person=_PERSON).digest(), "little")


def is_kept(hashed: int, rate: float) -> bool:
    """Say whether an event is explained at a rate from 0, none, to 1, all: hash < rate * 2**64.

    What is explained at one rate is explained at every larger one.
    """
    return hashed < int(rate * 2**64)


def rate_of(spec: MonitorSpec) -> float:
    """Return the part of a model's events that is explained: above 0, at most 1.

    Of the traffic that the spec expects, `watch.rows_per_day`, it makes `attribution.rows_per_minute`. It follows the
    spec and not what comes: else a replay would explain other events.
    """
    return min(1.0, spec.attribution.rows_per_minute * MINUTES_PER_DAY / spec.watch.rows_per_day)
