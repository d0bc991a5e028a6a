"""Whether honest sessions can be told from probing, before there is a baseline that has looked at them."""

from __future__ import annotations

from pegel.baseline.session_blocks import MOST_BLOCK_ROWS
from pegel.judge.layer import Setting
from pegel.stats.fingerprints.burst_floor import BLOCKS


def without_sessions(why: str) -> list[str]:
    """Return the sentence that says so; none where nothing is against it."""
    told = f"honest sessions of nearly equal rows are not told from probing: not assessed, because {why}"
    return [told] if why else []


def why_no_sessions(setting: Setting) -> str:
    """Return why a baseline that is still to be made will not say what sessions look like; empty where it may."""
    if setting.spec.baseline.time_column is None:
        return "rows of training have no times (baseline.time_column)"
    most, rows = MOST_BLOCK_ROWS // BLOCKS, max(1, setting.usual_rows)
    if rows > most:
        return f"it needs {BLOCKS} blocks of {rows:,} rows, as windows have, and there is room for blocks of {most:,}"
    training, needed = setting.training, BLOCKS * rows
    if training is None or training.rows >= needed:
        return ""
    return f"it needs {needed:,} distinct rows of training, and there are {training.rows:,}"
