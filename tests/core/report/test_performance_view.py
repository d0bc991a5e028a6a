"""The page and the report say how a model does: figures, never without coverage and delay, and estimates as such."""

from __future__ import annotations

from datetime import timedelta

import pytest
from labelled_traffic import HOUR, MONDAY, class_baseline, classes, hour, number_baseline, numbers

from pegel.judge.labelled_hours import Followers, Stored
from pegel.judge.performance.performance_rows import PerformanceRow
from pegel.report import html
from pegel.report.model_page import model_view
from pegel.report.performance_view import performance_view
from pegel.report.reading import Sources
from pegel.stats.labelled_rows import LabelledRows
from pegel.store.performance_store import PerformanceStore
from pegel.testing.samples import sample_spec

pytestmark = pytest.mark.environments("sqlalchemy")


def rows_of(hours: dict[int, LabelledRows]) -> list[PerformanceRow]:
    """Return what is kept of some hours two days later."""
    baseline = class_baseline() if hours[0].classes is not None else number_baseline()
    made = Followers(sample_spec(), baseline, timedelta(days=7), MONDAY + 48 * HOUR)
    rows = made.follow({hour(each): rows for each, rows in hours.items()}, Stored()).rows
    return sorted(rows, key=lambda row: (row.span.end, row.span.start, row.segment))


def test_figures_stand_beside_coverage_and_delay() -> None:
    """The newest day: error rate with its interval, how many labels came, how late, and which figures are worse."""
    view = performance_view(rows_of({each: classes(each, 300, flip=0.2, labelled=0.9) for each in range(6)}))
    assert view is not None
    first = view.figures[0]

    assert ("error rate", "drift") == (first.name, first.verdict)
    assert " to " in first.interval
    assert " of 1,800 answered rows labelled (" in view.coverage
    assert ", 99 % within " in view.coverage
    assert "labels may still come" == view.settled
    assert view.reliability.startswith("<svg")
    assert ["airline=WN", "airline=AA"] == [name for name, _, _ in view.segments]


def test_an_estimate_says_that_it_is_one() -> None:
    """Answers without labels: no figure and no health, an estimate with what it cannot see; later, how good it was."""
    unlabelled = performance_view(rows_of({each: classes(each, 300, labelled=0.0) for each in range(3)}))
    known = performance_view(rows_of({each: numbers(each, 300) for each in range(12)}))
    assert unlabelled is not None
    assert known is not None

    assert [] == unlabelled.figures
    assert "cannot see concept drift" in unlabelled.estimate
    assert "0 of 900" in unlabelled.coverage
    assert "In 12 settled hours the estimate was" in known.scored


def test_the_page_and_the_report_tell_it(sources: Sources) -> None:
    """Both have the section, for a model whose labels came, and not for another."""
    spec = sample_spec()
    key = spec.model.name, spec.model.version
    now = MONDAY + 48 * HOUR
    assert "<h2>Performance</h2>" not in html.render(model_view(sources, *key, now))
    PerformanceStore(sources.engine).write(rows_of({each: classes(each, 300, flip=0.2) for each in range(6)}))
    page = html.render(model_view(sources, *key, now))
    assert [] == model_view(sources, *key, now).problems

    assert "<h2>Performance</h2>" in page
    assert "1,800 of 1,800 answered rows labelled" in page
    assert "Reliability" in page
    assert "<strong>Estimate</strong>" in page
