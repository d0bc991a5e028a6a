"""The windows of a page's time: one by one, thinned, or one alone with its figures."""

from __future__ import annotations

from datetime import timedelta
from xml.etree import ElementTree as ET

import pytest

from pegel.judge.findings import Verdict
from pegel.report.model_page import model_view
from pegel.report.page_query import PageQuery
from pegel.report.page_time import PageTime
from pegel.report.range_view import MOST_BARS, RangeView
from pegel.report.reading import Sources
from pegel.report.views import ModelView
from pegel.store.results import Results
from pegel.testing.manual_clock import START
from pegel.testing.samples import MINUTE, sample_window

pytestmark = pytest.mark.environments("sqlalchemy")
NOW = START + 24 * MINUTE + timedelta(seconds=20)


def shown(sources: Sources, time: PageTime | None) -> tuple[ModelView, RangeView]:
    """Return the page of a time, and its windows."""
    view = model_view(sources, "delays", 1, NOW, time=time, query=PageQuery())
    assert view.time is not None
    return view, view.time


def minutes(first: int, last: int) -> PageTime:
    """Return the time in which the windows of these minutes end."""
    return PageTime(START + first * MINUTE, START + (last + 1) * MINUTE)


def test_each_bar_leads_to_its_own_window(sources: Sources) -> None:
    """Of few windows each is a bar; its link is the time in which it alone ends, in the picture and in the numbers."""
    _, few = shown(sources, minutes(0, 3))
    links = [bar.link for bar in few.bars]

    assert (4, "") == (len(few.bars), few.thinned)
    assert "?from=2026-01-01T00%3A03%3A00Z&amp;to=2026-01-01T00%3A04%3A00Z" == links[0]
    assert [True] * 4 == [f'href="{link}"' in few.timeline for link in links]


def test_one_window_tells_its_figures(sources: Sources) -> None:
    """Zoomed in to one window, the page has what that one says of every field."""
    view, one = shown(sources, minutes(20, 20))

    assert (1, 4) == (len(one.bars), len(one.figures))
    assert one.told.startswith("2026-01-01 00:20:00 to 00:21:00 UTC: drift, 600 rows")
    assert {"departure_delay", "arrival_delay"} == {each.name for each in one.figures if each.verdict is Verdict.DRIFT}
    assert {START + 20 * MINUTE} == {finding.span.start for finding in (group.worst for group in view.findings.groups)}


def test_pictures_and_findings_are_of_that_time(sources: Sources) -> None:
    """Before the change nothing drifts, although the model does now."""
    view, _ = shown(sources, minutes(0, 9))

    assert ([], []) == ([one.name for one in view.features if one.verdict is Verdict.DRIFT], view.findings.groups)
    assert {"6,000 against 5,000 values"} == {one.rows for one in view.features}


def test_many_windows_are_thinned_and_no_alarm_is_lost(sources: Sources) -> None:
    """Of a day of minutes a bar holds ten; the one bad minute among them is seen, told, and a press away."""
    day = [
        sample_window(minute, verdict=Verdict.DRIFT if minute == -701 else Verdict.OK) for minute in range(-1_400, 0)
    ]
    Results(sources.engine).write(day)
    view, many = shown(sources, PageTime(NOW - timedelta(days=1), NOW))
    alarming = [bar for bar in many.bars if bar.verdict is Verdict.DRIFT and bar.span.end <= START]

    assert len(many.bars) <= MOST_BARS
    assert (1, "drift at worst, 10 windows, 6,000 rows" in alarming[0].words) == (len(alarming), True)
    assert "each has the worst verdict among its windows" in many.thinned
    assert f'href="{alarming[0].link}"' in ET.tostring(ET.fromstring(view.timeline), "unicode").replace("ns0:", "")  # noqa: S314  our own


def test_an_empty_time_is_told(sources: Sources) -> None:
    """Of a time before everything there is no picture, and links lead on."""
    view, none = shown(sources, PageTime(START - timedelta(days=9), START - timedelta(days=8)))

    assert ("", [], []) == (view.timeline, none.bars, view.findings.groups)
    assert (True, True) == (none.links.earlier.startswith("?from="), none.links.later.startswith("?from="))


def test_the_newest_are_shown_where_nothing_is_asked(sources: Sources) -> None:
    """Without a time the page is as it was, with links: back as far as it shows, and not into the future."""
    _, newest = shown(sources, None)

    assert (24, "", "") == (len(newest.bars), newest.links.words, newest.links.later)
    assert [("newest", True)] == [(words, on) for words, _, on in newest.links.presets if on]
