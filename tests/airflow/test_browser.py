"""The monitoring page in a real browser, inside Airflow's own frame; pictures of it are kept for people."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import seeds
import sqlalchemy as sa
from browsing import CHROMIUM, WITHOUT_BROWSER, log_in, looks

from pegel.alerts.update import update
from pegel.data.spans import Span, floor
from pegel.judge.chart_state import ChartState
from pegel.judge.event_counts import EventCounts
from pegel.judge.judge import judge
from pegel.judge.remarks import remarks
from pegel.spec.settings import Settings
from pegel.store.database import writing
from pegel.testing.samples import sample_window
from pegel_airflow import services

OpenTab = Callable[..., Any]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=WITHOUT_BROWSER),
    pytest.mark.usefixtures("played"),
]


@pytest.fixture
def troubled(played: Settings) -> Settings:
    """The same system with a second model about which much is wrong."""
    stores, now = services.stores(played), datetime.now(UTC)
    stores.registry.put(seeds.spec(model={"name": "zulu", "uri": "file:///models/zulu"}))
    with writing(services.engine(played.database)) as connection:
        connection.execute(sa.text("UPDATE monitors SET spec = '{}' WHERE model = 'zulu'"))
    for reason in (
        "ada@example.org was refused: 550 5.1.1 no such person. It is not tried again.",
        "finding 0a1b: damaged",
    ):
        stores.failures.record("zulu", 1, reason, now)
    return played


@pytest.fixture
def failing(played: Settings) -> Settings:
    """The same system with a model that answered the first two of its requests of the last minutes, and no other."""
    stores, wish = services.stores(played), seeds.spec(model={"name": "prices", "uri": "file:///models/prices"})
    stores.registry.put(wish)
    end = floor(datetime.now(UTC), timedelta(seconds=10))
    ahead = timedelta(seconds=-300)
    noticed = ChartState("")
    for asked, joined in ((60, 60), (60, 60), (1_428, 2), (1_429, 0), (1_429, 0)):
        span = Span(end + ahead, end + ahead + timedelta(seconds=10))
        missing = asked - joined
        events = EventCounts(asked + joined, odd={"unanswered": missing} if missing else {}, asked=asked)
        judgement = judge(None, None, spec=wish, span=span, revision=1, events=events, chart_state=noticed)
        noticed = judgement.chart_state or noticed
        counted: dict[str, Any] = {"model": "prices", "span": span, "requests": asked, "responses": joined}
        counted |= {"joined": joined, "rows": asked, "verdict": judgement.verdict, "baseline_id": None}
        window = sample_window(remarks=remarks(judgement), **counted)
        findings = [replace(finding, model="prices") for finding in judgement.findings]
        stores.results.write(windows=[window], findings=findings)
        ahead += timedelta(seconds=70)
    inbox = stores.alerts.inbox("prices", 1, datetime.now(UTC))
    for change in update(inbox.alerts, inbox.findings, inbox.windows, datetime.now(UTC), stores.registry.list()):
        stores.alerts.save(change)
    return played


LINES_OF_WHOLE = """() => {
  const lines = element => {
    const range = document.createRange();
    range.selectNodeContents(element);
    return new Set([...range.getClientRects()].map(line => Math.round(line.top / 10))).size;
  };
  const whole = [...document.querySelectorAll("td.n, td.whole, code.id, .card .whole")];
  const kinds = ["td.n", "td.whole", "code.id", ".card .whole"].filter(kind => document.querySelector(kind));
  return [kinds, whole.filter(element => lines(element) > 1).map(element => element.textContent)];
}"""
"""Which kinds of numbers, times and ids a page shows, and those of them that stand on more than one line."""


@pytest.mark.usefixtures("expecting")
@pytest.mark.parametrize(("width", "scheme"), looks(390, 1280))
def test_a_person_can_read_the_page(open_tab: OpenTab, site: str, pictures: Path, scheme: str, width: int) -> None:
    """List and model page show in light and dark, on screen and phone: nothing wider than that, nothing in error.

    No id, time or number is wrapped; what is wider than the screen scrolls in its own box.
    """
    tab = open_tab(scheme, width)
    errors: list[str] = []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    tab.goto(f"{site}/pegel/")
    tab.screenshot(path=pictures / f"list-{scheme}-{width}.png", full_page=True)
    tab.get_by_role("link", name="delays", exact=True).click()
    tab.wait_for_selector("svg.pegel-timeline")
    for summary in tab.locator("section:has(ul.expectations) details > summary").all():
        summary.click()
    tab.screenshot(path=pictures / f"model-{scheme}-{width}.png", full_page=True)
    shape = tab.evaluate("[document.documentElement.scrollWidth, document.querySelectorAll('svg.pegel-chart').length]")
    whole = tab.evaluate(LINES_OF_WHOLE)

    assert (errors, shape) == ([], [width, 6])
    assert [["td.n", "td.whole", "code.id", ".card .whole"], []] == whole


@pytest.mark.usefixtures("troubled")
@pytest.mark.parametrize("width", [pytest.param(1280, marks=pytest.mark.long), 390])
def test_a_person_sees_what_is_wrong(open_tab: OpenTab, site: str, pictures: Path, width: int) -> None:
    """A model about which something is wrong says what, in the list and on its page, and fits on a phone."""
    tab = open_tab(width=width)
    tab.goto(f"{site}/pegel/")
    tab.screenshot(path=pictures / f"list-troubled-{width}.png", full_page=True)
    listed = [tab.inner_text("table"), tab.evaluate("document.documentElement.scrollWidth")]
    tab.get_by_role("link", name="zulu", exact=True).click()
    tab.wait_for_selector(".wrong")
    tab.screenshot(path=pictures / f"model-troubled-{width}.png", full_page=True)
    shape = tab.evaluate("document.documentElement.scrollWidth")

    assert ("error: spec: model: missing" in listed[0], listed[1], shape) == (True, width, width)
    assert tab.locator(".wrong li").count() == 3


@pytest.mark.usefixtures("failing")
@pytest.mark.parametrize("width", [pytest.param(1280, marks=pytest.mark.long), 390])
def test_a_person_sees_that_answers_fail(open_tab: OpenTab, site: str, pictures: Path, width: int) -> None:
    """Of a model that fails on nearly all requests the list says how many, and so does its page, also on a phone."""
    tab = open_tab(width=width)
    tab.goto(f"{site}/pegel/")
    tab.screenshot(path=pictures / f"list-failing-{width}.png", full_page=True)
    row = tab.locator("tr", has=tab.get_by_role("link", name="prices", exact=True)).inner_text()
    tab.get_by_role("link", name="prices", exact=True).click()
    tab.wait_for_selector("svg.pegel-timeline")
    tab.screenshot(path=pictures / f"model-failing-{width}.png", full_page=True)
    shape = tab.evaluate("document.documentElement.scrollWidth")

    assert re.search(r"answers missing 100 % \(1,429 of 1,429 requests\) since [0-9: -]+ UTC", row)
    assert "100 % of 1,429 requests had no answer (tolerated 1 %)" in tab.inner_text("main")
    assert width == shape


@pytest.mark.parametrize(
    ("asked", "reached"),
    [
        pytest.param("/pegel", "/pegel/", marks=pytest.mark.long),
        ("/pegel?from=mail&x=a%20b", "/pegel/?from=mail&x=a%20b"),
        ("/pegel/models/delays/1/?done=silenced", "/pegel/models/delays/1?done=silenced"),
    ],
)
def test_a_link_leads_through_the_login_to_where_it_points(chromium: Any, site: str, asked: str, reached: str) -> None:
    """Whoever is not logged in and clicks a link sees Airflow's login, and then exactly what the link names."""
    context = chromium.new_context()
    context.set_default_timeout(60_000)
    tab = context.new_page()
    tab.goto(site + asked)
    at_login = tab.url
    log_in(tab)
    tab.get_by_role("link", name="look again").wait_for()
    there = tab.url
    context.close()

    assert f"{site}/auth/login?next=" == at_login[: len(f"{site}/auth/login?next=")]
    assert site + reached == there


def test_a_silence_is_seen_and_ended(open_tab: OpenTab, site: str) -> None:
    """Who silenced a model until when and why stands in the list and on its page, beside the button that ends it."""
    tab = open_tab()
    tab.goto(f"{site}/pegel/models/delays/1")
    silence = tab.locator("form", has=tab.get_by_role("button", name="Silence", exact=True))
    silence.locator("input[name=why]").fill("planned migration")
    silence.get_by_role("button", name="Silence", exact=True).click()
    # Others may be in force, too.
    own = tab.locator("section.quiet", has_text="planned migration")
    own.wait_for()
    told = own.locator("p").first.inner_text()
    tab.goto(f"{site}/pegel/")
    listed = tab.locator("tr", has=tab.get_by_role("link", name="delays", exact=True)).inner_text()
    tab.goto(f"{site}/pegel/models/delays/1")
    own.get_by_role("button", name="End the silence").click()
    tab.get_by_text("The silence is over.").wait_for()

    assert re.fullmatch(
        r"Silenced: no mail about delays/1 before .+ UTC, said by ada at .+ UTC: planned migration", told
    )
    assert told.lower() in listed.lower()
    assert 0 == own.count()


def test_the_page_stands_inside_airflow(open_tab: OpenTab, site: str, pictures: Path) -> None:
    """Airflow's navigation leads to the page, which shows in its frame without another login."""
    tab = open_tab()
    tab.goto(f"{site}/plugin/pegel")
    frame = tab.frame_locator("iframe")
    frame.locator("text=Watched models").wait_for()
    tab.screenshot(path=pictures / "frame.png")

    assert "delays v1" in frame.locator("td.name").all_inner_texts()


@pytest.mark.parametrize("why", ["storm in ORD", "storm in ORD, still"])
def test_acknowledging_takes_two_fields(open_tab: OpenTab, site: str, why: str) -> None:
    """A person who fills in why and presses the button reads that it is acknowledged, the second time too."""
    tab = open_tab()
    tab.goto(f"{site}/pegel/models/delays/1")
    tab.fill(".call input[name=why]", why)
    # By its role: text of an earlier acknowledgement holds the same word.
    tab.locator(".call").get_by_role("button", name="Acknowledge", exact=True).click()
    tab.wait_for_selector(".done")

    assert "Acknowledged." in tab.inner_text(".done")
    assert "acknowledged by ada until" in tab.inner_text(".call")
    assert f" UTC: {why}" in tab.inner_text(".call")


TWO_PRESSES = """button => {
  button.click();
  button.click();
  return button.form.querySelector("[role=status]").textContent;
}"""


def test_a_press_says_that_it_is_under_way(open_tab: OpenTab, site: str) -> None:
    """While a press waits for its answer the page says so, and a second press sends nothing."""
    tab = open_tab()
    tab.goto(f"{site}/pegel/models/delays/1")
    sent: list[str] = []
    tab.on("request", lambda request: sent.append(request.method))
    tab.fill(".call input[name=why]", "storm in ORD")
    words = tab.locator(".call").get_by_role("button", name="Acknowledge", exact=True).evaluate(TWO_PRESSES)
    tab.wait_for_selector(".done")

    assert ("Sent, waiting for the answer …", ["POST"]) == (words, [method for method in sent if method == "POST"])


STOPPED_PRESS = """form => {
  form.addEventListener("submit", event => event.preventDefault());
  form.requestSubmit();
  return form.querySelector("[role=status]").textContent;
}"""


def test_a_press_that_nobody_answers_is_not_the_last(open_tab: OpenTab, site: str) -> None:
    """After 20 s without an answer the page says so, and takes another press."""
    tab = open_tab()
    tab.clock.install()
    tab.goto(f"{site}/pegel/models/delays/1")
    tab.fill(".call input[name=why]", "storm in ORD")
    form = tab.locator(".call form", has=tab.get_by_role("button", name="Acknowledge", exact=True))
    words = form.evaluate(STOPPED_PRESS)
    tab.clock.fast_forward(20_000)
    tab.get_by_text("No answer yet.").wait_for()

    assert (words, tab.locator(".call form[aria-busy]").count()) == ("Sent, waiting for the answer …", 0)


def test_a_press_after_the_login_ended_leads_back(open_tab: OpenTab, site: str) -> None:
    """Who is logged out meanwhile reads that nothing was changed, logs in again and is back at the model."""
    tab = open_tab()
    tab.goto(f"{site}/pegel/models/delays/1")
    tab.context.clear_cookies()
    tab.fill(".call input[name=why]", "storm in ORD")
    tab.locator(".call").get_by_role("button", name="Acknowledge", exact=True).click()
    tab.get_by_role("heading", name="Nothing was changed").wait_for()
    tab.get_by_role("link", name="Log in").click()
    log_in(tab)
    tab.get_by_role("heading", name="delays v1").wait_for()

    assert f"{site}/pegel/models/delays/1" == tab.url


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"status": 200, "body": "{}"}, "Asked. The workflow baseline_refresh is under way."),
        ({"status": 403, "body": "{}"}, "Refused (403); see the workflow baseline_refresh."),
        (None, "Airflow did not answer. Whether it was asked shows in the workflow baseline_refresh."),
    ],
)
def test_a_refresh_says_what_became_of_it(
    open_tab: OpenTab, site: str, answer: dict[str, Any] | None, words: str
) -> None:
    """Asking for a baseline ends in a sentence, whether Airflow agrees, refuses or does not answer."""
    tab = open_tab()
    tab.goto(f"{site}/pegel/models/delays/1")
    tab.route("**/dagRuns", lambda asked: asked.fulfill(**answer) if answer else asked.abort())
    button = tab.get_by_role("button", name="Refresh baseline")
    button.click()
    tab.get_by_text(words).wait_for()

    assert button.is_enabled()


def test_the_form_asks_in_sections(open_tab: OpenTab, site: str, pictures: Path, listed: Path) -> None:
    """What a newcomer has to say is open at once, with the dry run; the other sections wait, and no time takes JSON."""
    tab = open_tab()
    tab.goto(f"{site}/dags/model_onboard")
    tab.get_by_role("button", name="Trigger").first.click()
    tab.wait_for_selector("[name='element_model.name']", state="attached")
    tab.get_by_text("Dry run").wait_for()
    tab.screenshot(path=pictures / "form.png")
    text = tab.inner_text("body")
    sections = ("Model", "Logging", "Baseline", "Windows", "What to watch", "Alerts", "Advanced JSON")
    named = {name: tab.locator(f"[name='element_{name}']") for name in ("windowing.length", "alerts.repeat_after")}

    assert [section for section in sections if section not in text] == []
    assert ["input", "input"] == [field.evaluate("field => field.localName") for field in named.values()]
    assert [True, False] == [field.is_visible() for field in named.values()]
