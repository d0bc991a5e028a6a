"""The time of a model's page, by HTTP from Airflow's real API server."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from pegel.spec.settings import Settings
from pegel_airflow import services

Browse = Callable[[str | None], httpx.Client]
pytestmark = pytest.mark.usefixtures("played")
MODEL = "/pegel/models/delays/1"
BROWSER, PROGRAM = {"Accept": "text/html"}, {"Accept": "application/json"}


def test_a_link_of_two_instants_can_be_shared(browse: Browse, played: Settings) -> None:
    """The windows that end between them are shown, with links around; the form says them again."""
    windows = services.stores(played).results.windows("delays", 1)
    since, until = min(row.span.start for row in windows), max(row.span.end for row in windows)
    asked = {"from": since.isoformat(), "to": until.isoformat()}
    answer = browse("vic").get(MODEL, params=asked, headers=BROWSER)
    count = f"{len(windows)} windows of"
    words = ("Shown is what ends after the first", "← earlier", "zoom out", "Numbers of the picture", count)

    assert (200, []) == (answer.status_code, [one for one in words if one not in answer.text])


def test_a_time_without_windows_says_so(browse: Browse) -> None:
    """There is no picture of it, and the page stays."""
    answer = browse("vic").get(MODEL, params={"from": "2001-01-01T00:00Z", "to": "2001-01-02T00:00Z"})

    assert (200, True, True) == (
        answer.status_code,
        "No window ends in this time." in answer.text,
        "later →" in answer.text,
    )


def test_features_are_asked_for_by_their_names(browse: Browse) -> None:
    """By name, and those alone whose names have a part; a time that is asked for beside it stays."""
    answer = browse("vic").get(MODEL, params={"sort": "name", "q": "delay <b>", "last": "1d"}, headers=BROWSER)
    narrow = browse("vic").get(MODEL, params={"sort": "name", "q": "delay", "last": "1d"}, headers=BROWSER)

    assert (True, True) == ("No feature is called like that." in answer.text, "delay &lt;b&gt;" in answer.text)
    assert "Features, by name" in narrow.text
    assert 'href="?last=1d&amp;sort=name#features">all features' in narrow.text


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"last": "<b>"}, "last is one of 1h, 6h, 1d, 7d, 30d; given &#39;&lt;b&gt;&#39;"),
        ({"from": "yesterday"}, "from: expected an instant with its zone"),
        ({"from": "2026-11-30T10:00Z", "to": "2026-11-30T09:00Z"}, "from has to be before to"),
        ({"from": "2020-01-01T00:00Z"}, "A page shows 92 days at most"),
    ],
)
def test_what_is_no_time_is_answered_with_a_sentence(browse: Browse, asked: dict[str, str], words: str) -> None:
    """400 and why, for a browser on a page, for a program as JSON."""
    person, program = (browse("vic").get(MODEL, params=asked, headers=headers) for headers in (BROWSER, PROGRAM))

    assert (400, True) == (person.status_code, words in person.text)
    assert (400, ["detail"]) == (program.status_code, list(program.json()))
