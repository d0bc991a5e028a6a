"""What findings tell of single events by their ids, and what is left without those of a subject. Pure."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from pegel.stats.fingerprints.kept_rows import ID_LETTERS


def without_events(evidence: Any, event_ids: Collection[str]) -> Any:
    """Return the evidence of a finding without some events, the same where it names none of them.

    Named are rows of expectations (`named`, as `EVENT/ROW`), events whose answers are others (`event_ids`), and those
    of a crowd (`crowd.events`), of which 64 letters are kept.

    >>> without_events({"event_ids": ["a", "b"], "rule": True}, {"a"})
    {'event_ids': ['b'], 'rule': True}
    >>> without_events({"crowd": {"events": ["a", "b"], "table": 0}}, {"b"})
    {'crowd': {'events': ['a'], 'table': 0}}
    """
    if not isinstance(evidence, dict):
        return evidence
    left: dict[str, Any] = {}
    if isinstance(named := evidence.get("named"), list):
        left["named"] = without_rows(named, event_ids)
    if isinstance(ids := evidence.get("event_ids"), list):
        left["event_ids"] = [one for one in ids if one not in event_ids]
    crowd = evidence.get("crowd")
    if isinstance(crowd, dict) and isinstance(crowd.get("events"), list):
        short = {name[:ID_LETTERS] for name in event_ids}
        left["crowd"] = crowd | {"events": [one for one in crowd["events"] if one not in short]}
    return evidence | left


def without_rows(rows: Any, event_ids: Collection[str]) -> Any:
    """Return rows, told as `EVENT/ROW`, without those of some events."""
    if not isinstance(rows, list):
        return rows
    return [one for one in rows if str(one).rpartition("/")[0] not in event_ids]
