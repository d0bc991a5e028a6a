"""What the model made of a single event, in words: beside why it is unusual, or why it is not known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pegel.alerts.update import update
from pegel.judge.single_event import DETECTOR, FEATURE, SEGMENT
from pegel.report import html
from pegel.report.made_of_event import BY_ENDPOINT, made_of_event
from pegel.report.model_page import model_view
from pegel.report.prediction_words import NOT_YET
from pegel.report.reading import Sources
from pegel.report.single_event_mail import single_event_words
from pegel.store.made_of_outliers import MadeOfOutliers
from pegel.store.registry import Registry
from pegel.store.results import Results
from pegel.testing.manual_clock import START
from pegel.testing.samples import MINUTE, sample_finding, sample_outlier, sample_spec

pytestmark = pytest.mark.environments("pandas", "pyarrow", "sqlalchemy")

NOW = START + 26 * MINUTE
ASKED = sample_spec(attribution={"via": "artefact"})
FINDING = sample_finding(0, detector=DETECTOR, feature=FEATURE, evidence={"event_id": "e1", "row": 0})
MADE = {"raw": -3.25, "unit": "log-odds", "method": "tree", "base": 0.0, "parts": {"a": 1.0, "b": -2.0}}


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (None, NOT_YET),
        (MADE, "the model put out -3.25 (log-odds): b -2, a +1"),
        (MADE | {"unit": "prediction"}, "the model put out -3.25: b -2, a +1"),
        ({"why": "its request is no longer on the topic"}, "not known, because its request is no longer on the topic"),
        ({"raw": 1}, "not known, because what is stored of it cannot be read: 'unit'"),
    ],
)
def test_what_is_kept_of_a_row_is_told(sources: Sources, made: dict[str, Any] | None, words: str) -> None:
    """Its output with the unit and the largest parts; what is not known has its reason."""
    row = sample_outlier("e1")
    Results(sources.engine).write(outliers=[row])
    if made is not None:
        MadeOfOutliers(sources.engine).keep(row, made)

    assert words == made_of_event(sources.engine, ASKED, FINDING)


def test_nothing_where_nobody_asks(sources: Sources) -> None:
    """Without explanations there is no sentence; an endpoint is asked about windows of rows alone."""
    by_endpoint = sample_spec(attribution={"via": "endpoint", "identity": "off"})

    assert ("", BY_ENDPOINT) == tuple(
        made_of_event(sources.engine, spec, FINDING) for spec in (sample_spec(), by_endpoint)
    )


def test_rows_that_are_known_are_not_asked_about_again(sources: Sources) -> None:
    """Asked about are rows of requests, the newest first, of which nothing is kept; rows of tables have no request."""
    store = MadeOfOutliers(sources.engine)
    rows = [sample_outlier(f"e{at}", at, record=["inference", 0, at]) for at in range(4)]
    Results(sources.engine).write(outliers=[*rows, sample_outlier("table", 5)])
    store.keep(rows[2], MADE)

    assert ["e3", "e1"] == [row.event_id for row in store.wanted("delays", 1, rows[1].event_time)]
    assert MADE == store.of_finding(sample_finding(0, evidence={"event_id": "e2", "row": 0}))


def test_the_page_has_two_lists(sources: Sources) -> None:
    """Beside why a row is unusual stands what the model made of it, where its predictions are explained."""
    without = html.render(model_view(sources, "delays", 1, NOW))
    Registry(sources.engine).put(ASKED)
    row = sample_outlier("e1", 25)
    Results(sources.engine).write(outliers=[row])
    MadeOfOutliers(sources.engine).keep(row, MADE)
    page = html.render(model_view(sources, "delays", 1, NOW))

    assert "What the model made of it" not in without
    assert '</td><td class="long">the model put out -3.25 (log-odds): b -2, a +1</td>' in page


def test_the_mail_about_an_event_says_what_the_model_made_of_it() -> None:
    """One sentence of its own after why the event is unusual; without explanations there is none."""
    evidence = {"event_id": "e1", "row": 0, "at": START.isoformat(), "score": 31.0, "cutoff": 27.5}
    finding = replace(FINDING, evidence=evidence, segment=SEGMENT)
    paging = sample_spec(alerts={"emails": ["oncall@example.org"], "outliers": "page"})
    (change,) = update([], [(1, finding)], [], NOW, [paging])
    assert change.mail is not None
    texts = [single_event_words(change.mail, link="http://x", now=NOW, made=made)[1] for made in ("known", "")]

    assert ["What the model made of it: known.\n" in text for text in texts] == [True, False]
