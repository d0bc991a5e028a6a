"""The page of one feature, of a real database: its score over time, its numbers, what was found about it."""

from __future__ import annotations

from datetime import timedelta
from xml.etree import ElementTree as ET

import pytest

from pegel.errors import NotFound
from pegel.judge.findings import Verdict
from pegel.report.feature_page import FeaturePage, feature_page
from pegel.report.feature_windows import MOST_POINTS
from pegel.report.page_time import PageTime
from pegel.report.reading import Sources
from pegel.store.results import Results
from pegel.testing.manual_clock import START
from pegel.testing.samples import MINUTE, sample_finding, sample_span, sample_window

pytestmark = pytest.mark.environments("sqlalchemy")
NOW = START + 24 * MINUTE + timedelta(seconds=20)
DELAY = "departure_delay"


def page_of(sources: Sources, feature: str = DELAY, time: PageTime | None = None) -> FeaturePage:
    """Return the page of a feature of the model that drifts."""
    return feature_page(sources, "delays", 1, feature, NOW, time=time)


def test_every_window_is_a_point(sources: Sources) -> None:
    """Of the newest windows each says its p beside its threshold; six of them drift, and each leads to itself."""
    page = page_of(sources)
    drifting = [point for point in page.points if point.verdict is Verdict.DRIFT]

    assert (24, 6, 6) == (len(page.points), len(drifting), page.score.count('class="mark"'))
    assert [True] * 6 == [point.score is not None and point.score > 0 for point in drifting]
    assert "?from=2026-01-01T00%3A23%3A00Z&amp;to=2026-01-01T00%3A24%3A00Z" == page.points[0].link
    assert ET.fromstring(page.score).findtext("title") is not None  # noqa: S314  our own


def test_the_distribution_has_its_numbers(sources: Sources) -> None:
    """Quantiles of baseline and now, of a categorical field its categories; the median moved by the change."""
    lines = {line.label: line for line in page_of(sources).table}
    shares = {line.label: line for line in page_of(sources, "airline").table}

    assert ["least", "5 %", "25 %", "median", "75 %", "95 %", "most"] == list(lines)
    assert lines["median"].before.endswith(" min")
    assert float(lines["median"].now.split()[0]) > float(lines["median"].before.split()[0])
    assert {"WN", "DL", "<b>AA</b>"} == set(shares)


def test_findings_and_alerts_are_those_about_it(sources: Sources) -> None:
    """What was found about another feature is not on the page."""
    page, calm = page_of(sources), page_of(sources, "day_of_week")

    assert {DELAY} == {finding.feature for finding in page.findings}
    assert (6, 1) == (len(page.findings), len(page.alerts))
    assert ([], [], Verdict.OK) == (calm.findings, calm.alerts, calm.feature.verdict)


def test_the_page_is_of_its_time(sources: Sources) -> None:
    """Before the change nothing is found, and the newest window of the time is what the page says of the feature."""
    page = page_of(sources, time=PageTime(START, START + 10 * MINUTE))

    assert (10, [], Verdict.OK) == (len(page.points), page.findings, page.feature.verdict)
    assert "10 final windows, 2026-01-01 00:00:00 to 2026-01-01 00:10:00 UTC" == page.pictured


def test_no_finding_disappears_in_a_long_time(sources: Sources) -> None:
    """Of a day of minutes one finding stays a point of its own, although another window of its bucket is worse."""
    day = [sample_window(minute, verdict=Verdict.OK) for minute in range(-1_400, 0)]
    day[700] = sample_window(-700, verdict=Verdict.DRIFT)
    day[702] = sample_window(-698, verdict=Verdict.DRIFT)
    about = sample_finding(model="delays", span=sample_span(-700), feature=DELAY, p_value=1e-9)
    other = sample_finding(model="delays", span=sample_span(-698), feature="airline")
    Results(sources.engine).write(day, [about, other])
    page = page_of(sources, time=PageTime(NOW - timedelta(days=1), NOW))
    early = [point for point in page.points if point.span.end <= START]

    assert [(sample_span(-700), 1e-9)] == [(point.span, point.p_value) for point in early]
    assert len(page.points) <= MOST_POINTS
    assert "One point for each 15 min" in page.thinned


def test_of_a_time_without_windows_the_baseline_is_shown(sources: Sources) -> None:
    """No point and no finding; the current baseline's numbers stand alone."""
    page = page_of(sources, time=PageTime(START - timedelta(days=3), START - timedelta(days=2)))

    assert ("", [], "no final window") == (page.score, page.points, page.pictured)
    assert {""} == {line.now for line in page.table}


@pytest.mark.parametrize("name", ["", "departure_dela", "<script>" * 40])
def test_what_is_no_feature_is_not_found(sources: Sources, name: str) -> None:
    """In a sentence that says where those that are known are listed."""
    with pytest.raises(NotFound, match=r"delays version 1 has no feature .* its page lists those that it has"):
        page_of(sources, name)
