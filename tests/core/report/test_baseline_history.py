"""The history of baselines on a model's page."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from blueprints import give_tables

from pegel.judge.refresh.baseline_changes import BaselineChanges
from pegel.judge.refresh.guard_rails import rows_rail
from pegel.judge.refresh.review import RefreshReview
from pegel.report.model_page import model_view
from pegel.report.reading import Sources
from pegel.report.refresh_words import headline, review_markdown, short
from pegel.store.baseline_store import BaselineStore
from pegel.store.database import connect
from pegel.store.refresh_store import RefreshStore
from pegel.store.registry import Registry
from pegel.testing.manual_clock import START
from pegel.testing.samples import sample_baseline, sample_spec

pytestmark = pytest.mark.environments("sqlalchemy")

CHANGES = BaselineChanges(rows_before=100, rows_now=40, fields=())
REVIEW = RefreshReview(changes=CHANGES, rails=(rows_rail(CHANGES),))


def test_a_page_lists_what_became_current_and_what_waits(tmp_path: Path) -> None:
    """What waits for an answer comes first, then the promotions, newest first, each with who and why."""
    engine = connect(f"sqlite:///{tmp_path / 'pegel.db'}")
    give_tables(engine)
    Registry(engine).put(sample_spec())
    store, hour = BaselineStore(engine), timedelta(hours=1)
    first, second, third = (store.put(sample_baseline(seed)) for seed in range(3))
    store.promote("delays", 1, first, None, by="model_onboard", now=START)
    store.promote("delays", 1, second, first, by="ada", why="summer", now=START + hour)
    RefreshStore(engine).open("delays", 1, third, second, REVIEW, now=START + 2 * hour)
    view = model_view(Sources(engine), "delays", 1, START + 3 * hour)
    engine.dispose()

    assert (view.problems, view.baselines) == (
        [],
        [
            f"{short(third)}  waits for an answer: {headline(REVIEW)}",
            f"2026-01-01 01:00 UTC  {short(second)}  in place of {short(first)}  by ada: summer  (current)",
            f"2026-01-01 00:00 UTC  {short(first)}  the first one  by model_onboard",
        ],
    )


def test_nothing_in_a_question_marks_up_by_itself() -> None:
    """Airflow shows the question as Markdown, in which what comes from outside is letters and nothing else."""
    text = review_markdown(REVIEW)

    assert text.splitlines()[0] == "**no field moved; 100 rows before, 40 now; failed checks: enough rows**"
    assert (
        text.splitlines()[-1]
        == "- enough rows: FAILED; expected 50 rows or more, half of the current 100; given 40 rows"
    )
