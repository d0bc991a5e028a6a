"""Addresses of pages that ask for what there is not, by HTTP from Airflow's real API server."""

from __future__ import annotations

import html
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from pegel.alerts.alert import Alert, AlertFeature, Change
from pegel.spec.settings import Settings
from pegel.testing.samples import sample_finding
from pegel_airflow import services

Browse = Callable[[str | None], httpx.Client]
pytestmark = pytest.mark.usefixtures("played")
MODEL = "/pegel/models/delays/1"
FEATURE = f"{MODEL}/feature?name=distance&"
PAST = "past: expected true or false; given 'zz'. Shown instead: open alerts."
ASKED = {
    "/pegel/alerts?past=zz": PAST,
    "/pegel/alerts?kind=zz": "; given 'zz'. Shown instead: alerts of every kind.",
    "/pegel/alerts?severity=zz": "severity: expected one of critical, warning, info; given 'zz'. Shown instead: alerts",
    "/pegel/alerts?standing=zz": "standing: expected one of unacknowledged, acknowledged, silenced; given 'zz'",
    "/pegel/?state=zz": "state: expected one of bad, warn, idle, ok; given 'zz'. Shown instead: models in every state.",
    "/pegel/?owner=zz": "owner: expected an owner of a watched model; given 'zz'. Shown instead: the models of all",
    "/pegel/?sort=zz": "sort: expected one of urgency, name, window, alerts, owner; given 'zz'. Shown",
    f"{MODEL}?last=zz": "last is one of 1h, 6h, 1d, 7d, 30d; given 'zz'. Shown instead: the newest windows.",
    f"{MODEL}?from=zz": "from: expected an instant with its zone",
    f"{MODEL}?to=zz": "to: expected an instant with its zone",
    f"{MODEL}?sort=zz": "sort: expected worst or name; given 'zz'. Shown instead: the worst first.",
    f"{MODEL}?segment=zz": "segment: expected one that the model has rows of; it has none; given 'zz'. Shown",
    f"{FEATURE}last=zz": "last is one of 1h, 6h, 1d, 7d, 30d; given 'zz'",
    f"{FEATURE}to=zz": "to: expected an instant with its zone",
    f"{FEATURE}segment=%00": "segment: expected one that the model has rows of; it has none; given '\\x00'",
    f"{MODEL}/baselines/compare": "expected the ids of two kept baselines; given none and none",
    f"{MODEL}/baselines/compare?before=zz&after=<b>": "given 'zz' and '<b>'",
}
"""What is of no use, and what is said of it."""


@pytest.mark.parametrize("address", ASKED)
def test_what_is_of_no_use_is_said_above_what_is_shown_instead(browse: Browse, address: str) -> None:
    """Whoever asks, the answer is the page with what was expected, given, and is shown now; the status is 400."""
    answer = browse("vic").get(address)
    head, _, rest = html.unescape(answer.text).partition('<section class="unusable"')[2].partition("</section>")

    assert (400, "text/html") == (answer.status_code, answer.headers["Content-Type"].partition(";")[0])
    assert (True, True) == (ASKED[address] in head, "<h1>" in rest)


@pytest.mark.parametrize("address", ["/pegel/?q=zz", "/pegel/alerts?q=%00&done=zz", f"{MODEL}?q=zz&done=zz&zz=zz"])
def test_what_is_searched_for_may_be_anything(browse: Browse, address: str) -> None:
    """Words to look for fit nothing, what was done is one of few words, and what no page knows is not looked at."""
    answer = browse("vic").get(address)

    assert (200, False) == (answer.status_code, 'class="unusable"' in answer.text)


def test_the_link_of_a_mail_leads_to_an_alert_that_is_over(browse: Browse, played: Settings) -> None:
    """No open one is like that: the page is that of those that are over, with the filter set to them."""
    now, finding = datetime.now(UTC), sample_finding(model="gone")
    about = AlertFeature(feature="amount", since=now, unbroken_since=now, finding=finding)
    own: dict[str, Any] = {"model": "gone", "version": 1, "opened_at": now, "since": now, "last_end": now}
    over = Alert(id="0ded" + finding.id[4:], features=(about,), over_at=now, is_resolved=True, **own)
    services.stores(played).alerts.save(Change(key="gone/1", alert=over, mail=None, cursor=None, at=now))
    page = browse("vic").get(f"/pegel/alerts?q={over.id[:8]}").text

    assert "<h1>Alerts that are over</h1>" in page
    assert '<option value="true" selected>over' in page
    assert f'<article id="alert-{over.id}"' in page


@pytest.mark.parametrize(
    ("address", "status", "words"),
    [
        ("/pegel/models/delays/zz", 422, "version: expected a whole number; given 'zz'."),
        ("/pegel/models/delays/0/spec", 422, "version: expected a number from 1 on; given '0'."),
        (f"{MODEL}/findings/zz", 422, "finding: expected at least 4 letters; given 'zz'."),
        (f"{MODEL}/findings/zzzz", 404, "no finding starts with 'zzzz'"),
        (f"{MODEL}/feature?name=zz", 404, "no feature 'zz' in its baseline"),
        (f"{MODEL}/feature", 404, "no feature '' in its baseline"),
        ("/pegel/models/zz/1/baselines/compare?before=a&after=b", 404, "zz"),
    ],
)
def test_where_there_is_no_such_page_a_page_says_so(browse: Browse, address: str, status: int, words: str) -> None:
    """Nothing can be shown instead of it: what was expected, what was given, and the way back."""
    answer = browse("vic").get(address)

    assert (status, "text/html") == (answer.status_code, answer.headers["Content-Type"].partition(";")[0])
    assert (True, True) == (words in html.unescape(answer.text), "All watched models" in answer.text)


def test_a_program_that_reads_json_has_the_same_sentence(browse: Browse) -> None:
    """What asks for JSON has the sentences of the page as `detail`."""
    answer = browse("vic").get("/pegel/alerts?past=zz", headers={"Accept": "application/json"})

    assert (400, {"detail": PAST}) == (answer.status_code, answer.json())
