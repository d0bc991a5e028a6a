"""The manager's state as plain values and partials, so that a long history can be cut.

Loading a snapshot and applying the entries after it gives the same state as applying the whole history.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pegel.data.instants import EPOCH, from_us, to_us
from pegel.spec.monitor_spec import Windowing
from pegel.stream.ledger import InvalidCount, LedgerCount
from pegel.stream.monitor_windows import Watched
from pegel.stream.panes import Pane, Unpack
from pegel.stream.partial import MinuteCount, Partial
from pegel.stream.window_manager import WindowManager

SNAPSHOT_VERSION = 1


def dump(manager: WindowManager) -> tuple[dict[str, Any], list[Partial]]:
    """Return the state: plain JSON, and one partial per open pane."""
    ledger = manager.ledger
    state = {
        "snapshot_version": SNAPSHOT_VERSION,
        "last_batch": manager.last_batch,
        "head_us": _us(ledger.head),
        "ledger": [
            [key, to_us(minute), count.judged, count.late, count.invalid, count.duplicate, count.dropped]
            for (key, minute), count in ledger.minutes.items()
        ],
        "invalid": [
            [key, to_us(minute), kind, entry.count, entry.sample]
            for (key, minute, kind), entry in ledger.invalid.items()
        ],
        "watched": {key: _dump_watched(watched) for key, watched in manager.watched.items()},
    }
    panes = [
        _dump_pane(key, start, pane)
        for key, watched in manager.watched.items()
        for start, pane in watched.panes.items()
    ]
    return state, panes


def load(state: dict[str, Any], panes: list[Partial], unpack: Unpack) -> WindowManager:
    """Build the manager that `dump` described."""
    manager = WindowManager(unpack)
    manager.last_batch = state["last_batch"]
    ledger = manager.ledger
    ledger.head = _instant(state["head_us"])
    ledger.minutes = {(key, from_us(minute)): LedgerCount(*counts) for key, minute, *counts in state["ledger"]}
    ledger.invalid = {
        (key, from_us(minute), kind): InvalidCount(count, sample)
        for key, minute, kind, count, sample in state["invalid"]
    }
    manager.watched = {key: _load_watched(data) for key, data in state["watched"].items()}
    for partial in panes:
        pane = Pane()
        pane.add(partial, unpack)
        manager.watched[partial.key].panes[partial.pane] = pane
    return manager


def _dump_watched(watched: Watched) -> dict[str, Any]:
    return {
        "windowing": watched.windowing.model_dump(mode="json"),
        "spans": [[to_us(start), baseline, watched.revisions[start]] for start, baseline in watched.spans.items()],
        "late": [[to_us(start), count] for start, count in watched.late.items()],
        "head_us": _us(watched.head),
        "frontier_us": _us(watched.frontier),
        "last_arrival_us": _us(watched.last_arrival),
    }


def _load_watched(data: dict[str, Any]) -> Watched:
    return Watched(
        windowing=Windowing.model_validate(data["windowing"]),
        spans={from_us(start): baseline for start, baseline, _ in data["spans"]},
        revisions={from_us(start): revision for start, _, revision in data["spans"]},
        late={from_us(start): count for start, count in data["late"]},
        head=_instant(data["head_us"]),
        frontier=_instant(data["frontier_us"]),
        last_arrival=_instant(data["last_arrival_us"]),
    )


def _dump_pane(key: str, start: datetime, pane: Pane) -> Partial:
    """Return a pane as the one partial that would have filled it."""
    return Partial(
        key=key,
        pane=start,
        head=EPOCH,
        summaries={baseline_id: summary.to_bytes() for baseline_id, summary in pane.summaries.items()},
        requests=pane.requests,
        responses=pane.responses,
        rejected=pane.rejected,
        rows=pane.rows,
        duplicates=pane.duplicates,
        clamped=pane.clamped,
        minutes={0: MinuteCount(invalid=pane.invalid)},
        invalid={(0, "any"): (pane.invalid, "")},
    )


def _us(instant: datetime | None) -> int | None:
    return None if instant is None else to_us(instant)


def _instant(value: int | None) -> datetime | None:
    return None if value is None else from_us(value)
