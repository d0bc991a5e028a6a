"""How far the table of a model that is only scored in batches is read, in words."""

from __future__ import annotations

from datetime import datetime, timedelta

from pegel.report.progress import ago
from pegel.report.words import moment
from pegel.spec.plain_numbers import how_many
from pegel.store.table_reads import TableRead

READ_WITHIN = timedelta(hours=3)
"""`batch_monitor` runs each hour, and a job may take two: what nobody has read for longer, nobody watches."""


def why_unread(read: TableRead | None, now: datetime) -> str | None:
    """Return why nobody watches a table, in words; None while it is read."""
    if read is None:
        return "batch_monitor has not read its table yet"
    if now - read.at > READ_WITHIN:
        return f"batch_monitor has not read its table since {moment(read.at, now)} UTC"
    return None


def table_progress(read: TableRead | None, now: datetime) -> str:
    """Return up to when a table is judged, and what newest rows it has."""
    if read is None:
        return "table, read by batch_monitor, not read yet"
    words = f"table, read by batch_monitor, last {ago(read.at, now)}"
    if read.up_to is not None:
        words += f", judged up to {moment(read.up_to, now)} UTC"
    if read.newest is not None and read.charts is not None:
        words += f", newest rows in the window to {moment(read.newest, now)} UTC"
    if read.untimed:
        words += f"; {how_many(read.untimed, 'row')} without a time, in no window"
    return words
