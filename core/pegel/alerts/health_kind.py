"""What may be wrong with the watching itself, the one that explains others first."""

from __future__ import annotations

from enum import StrEnum


class HealthKind(StrEnum):
    """Kinds of trouble with the watching, the one that explains others first."""

    NOT_WATCHED = "not watched"
    """Of a group: no driver gets through a batch, or of a table: nobody reads it."""
    BEHIND = "behind"
    """Of a group: its driver reads, and what it reads is old."""
    NOT_JUDGED = "not judged"
    """Of a model: its events cannot be counted or its windows not be judged."""
    NO_TRAFFIC = "no traffic"
    """Of a model: nothing has come for longer than it ever was quiet."""
    RECORDS_LOST = "records lost"
    """Of a group: records that nobody read, because the broker had them no longer."""
    OPEN_LEDGER = "open ledger"
    """Of a group: more or fewer records arrived than are accounted for."""
    LABELS_LATE = "labels late"
    """Of a model: no label has come for longer than they ever stayed away."""
    TRAFFIC_FELL = "traffic fell"
    """Of a model: far fewer requests than in the same hours of the days before."""
    DISK_FILLS = "disk fills"
    """Of a folder: hardly anything is free on its disk."""
    UNREACHABLE = "unreachable"
    """Of an addressee: what is due to it is not accepted."""
    REFRESH_REFUSED = "refresh refused"
    """Of a model: the newest refresh of its baseline failed, was refused, or waits for a person."""
    BASELINE_OLD = "baseline old"
    """Of a model: no refresh has looked at its baseline for longer than they may stay away."""
