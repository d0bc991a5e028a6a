"""What the model made of a single event, in words: beside why it is unusual, or why it is not known."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from pegel.alerts.update import update
from pegel.judge.single_event import DETECTOR, FEATURE, SEGMENT
from pegel.report import html
from pegel.report.made_of_event import BY_ENDPOINT, GONE, NO_REQUEST, TOO_OLD, made_of_event
from pegel.report.model_page import model_view
from pegel.report.prediction_words import NOT_YET
from pegel.report.reading import Sources
from pegel.report.single_event_mail import single_event_words
from pegel.spec.monitor_spec import MonitorSpec
from pegel.store.made_of_outliers import MadeOfOutliers
from pegel.store.registry import Registry
from pegel.store.results import Results
from pegel.testing.manual_clock import START
from pegel.testing.samples import MINUTE, sample_finding, sample_outlier, sample_spec

pytestmark = pytest.mark.environments("pandas", "pyarrow", "sqlalchemy")

NOW = START + 26 * MINUTE
ASKED = sample_spec(attribution={"via": "artefact"})
FINDING = sample_finding(0, detector=DETECTOR, feature=FEATURE, evidence={"event_id": "e1", "row": 0})
MADE = {"raw": -3.25, "unit": "log-odds", "method": "tree", "base": 0.0, "parts": {"a": 1.0, "b": -2.0}, "errors": {}}
DRAWN = MADE | {"method": "permutation", "errors": {"a": 0.25, "b": 0.5}}
RECORD = ["inference", 0, 7]
BY_ENDPOINTS = sample_spec(attribution={"via": "endpoint", "identity": "off"})


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (None, NOT_YET),
        (MADE, "the model put out -3.25 (log-odds): b -2, a +1"),
        (DRAWN, "the model put out -3.25 (log-odds): b -2 ± 0.5, a +1 ± 0.25"),
        (MADE | {"unit": "prediction"}, "the model put out -3.25: b -2, a +1"),
        ({"why": "its request is no longer on the topic"}, "not known, because its request is no longer on the topic"),
        ({"raw": 1}, "not known, because what is stored of it cannot be read: 'unit'"),
    ],
)
def test_what_is_kept_of_a_row_is_told(sources: Sources, made: dict[str, Any] | None, words: str) -> None:
    """Its output with the unit and the largest parts; what is not known has its reason."""
    row = sample_outlier("e1", record=RECORD)
    Results(sources.engine).write(outliers=[row])
    if made is not None:
        MadeOfOutliers(sources.engine).keep(row, made)

    told = made_of_event(sources.engine, ASKED, FINDING, now=NOW)
    assert told is not None
    assert words == told.words
    assert {"words": words, **(made or {})} == told.to_json()


def test_what_will_never_be_known_is_not_waited_for(sources: Sources) -> None:
    """Rows of tables have no request, the worker asks about rows of one day, and rows are deleted some day."""
    Results(sources.engine).write(outliers=[sample_outlier("e1")])
    first = made_of_event(sources.engine, ASKED, FINDING, now=NOW)
    Results(sources.engine).write(outliers=[sample_outlier("e2", record=RECORD)])
    second = replace(FINDING, evidence={"event_id": "e2", "row": 0})
    late = made_of_event(sources.engine, ASKED, second, now=NOW + timedelta(days=1, hours=1))
    gone = made_of_event(sources.engine, ASKED, replace(FINDING, evidence={"event_id": "e3", "row": 0}), now=NOW)

    assert [NO_REQUEST, TOO_OLD, GONE] == [None if one is None else one.words for one in (first, late, gone)]


def test_nothing_where_nobody_asks(sources: Sources) -> None:
    """Without explanations there is no sentence; an endpoint is asked about windows of rows alone."""
    nothing, by_endpoint = (
        made_of_event(sources.engine, spec, FINDING, now=NOW) for spec in (sample_spec(), BY_ENDPOINTS)
    )

    assert nothing is None
    assert by_endpoint is not None
    assert BY_ENDPOINT == by_endpoint.words


def test_rows_that_are_known_are_not_asked_about_again(sources: Sources) -> None:
    """Asked about are rows of requests, the newest first, of which nothing is kept; rows of tables have no request."""
    store = MadeOfOutliers(sources.engine)
    rows = [sample_outlier(f"e{at}", at, record=["inference", 0, at]) for at in range(4)]
    Results(sources.engine).write(outliers=[*rows, sample_outlier("table", 5)])
    store.keep(rows[2], MADE)

    assert ["e3", "e1"] == [row.event_id for row in store.wanted("delays", 1, rows[1].event_time)]
    known = store.row_of(sample_finding(0, evidence={"event_id": "e2", "row": 0}))
    assert known is not None
    assert MADE == known.made


def test_the_page_has_two_lists(sources: Sources) -> None:
    """Beside why a row is unusual stands what the model made of it, where its predictions are explained."""
    without = html.render(model_view(sources, "delays", 1, NOW))
    Registry(sources.engine).put(ASKED)
    row = sample_outlier("e1", 25)
    Results(sources.engine).write(outliers=[row])
    MadeOfOutliers(sources.engine).keep(row, MADE)
    page = html.render(model_view(sources, "delays", 1, NOW))

    assert "What the model made of it" not in without
    assert 'data-label="What the model made of it">the model put out -3.25 (log-odds): b -2, a +1</td>' in page


@pytest.mark.parametrize(
    ("spec", "made", "words"),
    [
        (ASKED, {"raw": "x"}, "not known, because what is stored of it cannot be read"),
        (ASKED, None, NO_REQUEST),
        (BY_ENDPOINTS, None, BY_ENDPOINT),
    ],
)
def test_the_page_says_what_mails_say(sources: Sources, spec: MonitorSpec, made: Any, words: str) -> None:
    """Also of what is damaged, which fails nothing, and of what nobody will ever ask about."""
    Registry(sources.engine).put(spec)
    row = sample_outlier("e1", 25)
    Results(sources.engine).write(outliers=[row])
    if made is not None:
        MadeOfOutliers(sources.engine).keep(row, made)
    page = html.render(model_view(sources, "delays", 1, NOW))
    told = made_of_event(sources.engine, spec, FINDING, now=NOW)

    assert words in page
    assert told is not None
    assert words in told.words


def test_the_mail_about_an_event_says_what_the_model_made_of_it() -> None:
    """One sentence of its own after why the event is unusual; without explanations there is none."""
    evidence = {"event_id": "e1", "row": 0, "at": START.isoformat(), "score": 31.0, "cutoff": 27.5}
    finding = replace(FINDING, evidence=evidence, segment=SEGMENT)
    paging = sample_spec(alerts={"emails": ["oncall@example.org"], "outliers": "page"})
    (change,) = update([], [(1, finding)], [], NOW, [paging])
    assert change.mail is not None
    texts = [single_event_words(change.mail, link="http://x", now=NOW, made=made)[1] for made in ("known", "")]

    assert ["What the model made of it: known.\n" in text for text in texts] == [True, False]
