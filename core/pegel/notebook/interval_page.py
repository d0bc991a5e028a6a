"""An interval of a model as one self-contained page: what happened day by day, and the whole against the baseline."""

from __future__ import annotations

from datetime import datetime

from pegel.notebook.check_report import CheckReport
from pegel.notebook.page import rendered
from pegel.past.history_page import told_days
from pegel.past.model_history import History
from pegel.past.story_words import nothing_known, told_below


def interval_page(past: History, judged: CheckReport | str, *, made_at: datetime) -> str:
    """Return the page. `judged`: the interval as one, or why it could not be judged."""
    story = past.story
    return rendered(
        judged if isinstance(judged, CheckReport) else None,
        "interval.html.j2",
        story=story,
        days=told_days(story, past.units),
        below=told_below(story),
        unknown=nothing_known(story),
        why_not="" if isinstance(judged, CheckReport) else judged,
        made_at=made_at,
    )
