"""The page of one feature, by HTTP from Airflow's real API server, whatever the feature is called."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import numpy as np
import pytest
import seeds

from pegel.baseline.baseline import Baseline
from pegel.data.columns import Columns, Field, Kind, Role, Schema
from pegel.data.spans import Span
from pegel.judge.judge import judge
from pegel.spec.settings import Settings
from pegel.stats.layout import build_layout
from pegel.stats.summary import Summary
from pegel.testing.samples import sample_window
from pegel_airflow import services

Browse = Callable[[str | None], httpx.Client]
pytestmark = pytest.mark.usefixtures("played")
MODEL = "/pegel/models/delays/1"
FEATURE = f"{MODEL}/feature"
ODD_NAMES = ("two words", "a/b//c", "..", "größe \U0001f680 日本", "it's \"quoted\"", "<script>alert(1)</script>",
             "x" * 300, "a%2fb&name=c#d?e", "+", "trailing ", "\u202eabc", "{{ name }}")  # fmt: skip


@pytest.fixture
def odd(played: Settings) -> Iterator[None]:
    """A model beside the others whose features are called so, with a judged window."""
    wish = seeds.spec(model={"name": "odd", "uri": "file:///models/odd"})
    rng = np.random.default_rng(3)
    schema = Schema(tuple(Field(name, Kind.NUMERIC) for name in ODD_NAMES))
    rows = {name: rng.normal(0, 1, 2_000) for name in ODD_NAMES}
    layout = build_layout(schema, rows)

    def counted(table: dict[str, Any], *, exact: bool = False) -> Summary:
        summary = Summary.empty(layout, exact=exact)
        values = np.column_stack([table[name] for name in ODD_NAMES])
        summary.update(Columns(len(values), values, None, (), ()), Role.FEATURE)
        return summary

    made = Baseline.build(
        layout=layout,
        summary=counted(rows, exact=True),
        model="odd",
        version=1,
        source="local://odd",
        scores=None,
        watch=wish.watch,
    )
    stores, now = services.stores(played), datetime.now(UTC)
    stores.registry.put(wish)
    stores.baselines.promote("odd", 1, stores.baselines.put(made), None, by="test", now=now)
    summary = counted({name: rng.normal(1, 1, 400) for name in ODD_NAMES})
    span = Span(now - timedelta(seconds=20), now - timedelta(seconds=10))
    judged = judge(made, summary, spec=wish, span=span, revision=1)
    window = sample_window(
        model="odd",
        span=span,
        verdict=judged.verdict,
        summary=summary.to_bytes(),
        baseline_id=made.id,
        layout_hash=layout.layout_hash,
        judgement={"features": [one.to_json() for one in judged.features]},
    )
    stores.results.write([window], judged.findings)
    yield
    stores.registry.remove("odd", 1)
    stores.results.forget("odd", 1)


def test_a_feature_has_its_own_page(browse: Browse) -> None:
    """Score, distribution, findings and alerts of one feature, with a way back to its model."""
    answer = browse("vic").get(FEATURE, params={"name": "departure_delay", "last": "1h"})
    words = ("<h2>Over time", "<h2>Distribution", "<h2>Findings", "<h2>Alerts",
             "threshold", "median", f'href="{MODEL}"', "drift")  # fmt: skip

    assert (200, []) == (answer.status_code, [one for one in words if one not in answer.text])


@pytest.mark.usefixtures("odd")
def test_every_name_leads_to_its_page(browse: Browse) -> None:
    """Blanks, slashes, quotes, HTML, other letters, 300 characters: the links of the model's page lead to each."""
    client = browse("vic")
    text = client.get("/pegel/models/odd/1").text
    links = {html.unescape(link) for link in re.findall(r'<h3><a href="(1/feature\?[^"]*)"', text)}
    answers = [client.get(f"/pegel/models/odd/{link}") for link in sorted(links)]

    assert (len(ODD_NAMES), {200}) == (len(links), {answer.status_code for answer in answers})
    assert {True} == {"<h2>Distribution" in answer.text for answer in answers}
    assert [] == [answer.url for answer in answers if "<script>alert" in answer.text]
    assert set(ODD_NAMES) == {answer.url.params["name"] for answer in answers}


@pytest.mark.parametrize(
    ("params", "status", "words"),
    [
        ({"name": "nothing"}, 404, "delays version 1 has no feature &#39;nothing&#39; in its baseline"),
        ({"name": "<b>"}, 404, "has no feature &#39;&lt;b&gt;&#39;"),
        ({}, 404, "has no feature"),
        ({"name": "airline", "last": "2h"}, 400, "last is one of"),
    ],
)
def test_what_is_not_there_is_said_in_a_sentence(
    browse: Browse, params: dict[str, str], status: int, words: str
) -> None:
    """An unknown feature is 404, a time that is none 400."""
    answer = browse("vic").get(FEATURE, params=params, headers={"Accept": "text/html"})

    assert (status, True) == (answer.status_code, words in answer.text)


def test_other_pages_lead_to_it(browse: Browse) -> None:
    """From the findings of the model's page and from the page of all alerts."""
    client, link = browse("vic"), "/feature?name=departure_delay"

    assert (True, True) == (
        f'<a href="1{link}">departure_delay</a>' in client.get(MODEL).text,
        f'href="{MODEL}{link}"' in client.get("/pegel/alerts").text,
    )
