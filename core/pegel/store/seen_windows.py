"""Which row of a span a reader of windows sees, and which of its columns Python reads."""

from __future__ import annotations

from functools import cache

import sqlalchemy as sa

from pegel.store import tables

READ = tuple(column for column in tables.windows.columns if column.name != "feature_verdicts")
"""All columns but the one that only views read; the same stands in `judgement`."""


@cache
def is_seen(*, final_only: bool) -> sa.ColumnElement[bool]:
    """Return the rule of `pegel.store.results`: no other row of the same span stands above this one.

    Kept, because making it takes longer than asking for one monitor's windows.
    """
    other, outer = tables.windows.alias(), tables.windows
    same = [other.c[name] == outer.c[name] for name in ("model", "version", "segment", "span_start", "span_end")]
    same_revision = sa.and_(other.c.revision == outer.c.revision, other.c.origin < outer.c.origin)
    above = sa.or_(other.c.revision > outer.c.revision, same_revision)
    if final_only:
        same.append(other.c.final)
    return ~sa.exists().where(*same, above).correlate(outer)
