"""Merges partial summaries, closes spans, numbers revisions. Pure: the clock and the summaries come from outside."""

from __future__ import annotations

from pegel.windows.entries import Batch, Closing, Emissions, Entry, Monitored, Repeated, SpanCount
from pegel.windows.ledger import InvalidCount, Ledger, LedgerCount
from pegel.windows.manager import WindowManager
from pegel.windows.panes import Pane, Unpack
from pegel.windows.partial import Ids, MinuteCount, Partial
from pegel.windows.snapshot import dump, load

__all__ = [
    "Batch",
    "Closing",
    "Emissions",
    "Entry",
    "Ids",
    "InvalidCount",
    "Ledger",
    "LedgerCount",
    "MinuteCount",
    "Monitored",
    "Pane",
    "Partial",
    "Repeated",
    "SpanCount",
    "Unpack",
    "WindowManager",
    "dump",
    "load",
]
