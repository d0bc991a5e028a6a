"""Pages that stay fresh under the eyes of a person: what changed is changed, nothing that the person did is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
import scene
import seeds
from browsing import CHROMIUM, WITHOUT_BROWSER

from pegel.alerts.alert import Alert, AlertFeature, Change
from pegel.spec.settings import Settings
from pegel.testing.samples import sample_finding, sample_silence
from pegel_airflow import services

OpenTab = Callable[..., Any]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=WITHOUT_BROWSER),
    pytest.mark.usefixtures("played"),
]
HALF_A_MINUTE = 30_000
NUMBERS = count()
"""Windows of the newcomer's findings: an alert that is over does not come again."""
KEPT = """() => {
  const place = [window.scrollY, document.activeElement.textContent];
  return [window.sameLoad, window.kept.every(one => one.isConnected), ...place];
}"""
"""Whether it is the same load, whether what was marked is still there, how far down it is, and what has the focus."""


def mark(tab: Any, *selectors: str) -> None:
    """Remember elements of the page, so that it can be asked whether they are the same ones later."""
    tab.evaluate(
        "all => { window.sameLoad = true; window.kept = all.map(one => document.querySelector(one)); }", list(selectors)
    )


def asked(tab: Any) -> list[str]:
    """Return a list that grows by each time the page asks for itself."""
    times: list[str] = []
    tab.on("request", lambda request: times.append(request.url) if request.resource_type == "fetch" else None)
    return times


def pass_half_a_minute(tab: Any, settings: Settings) -> None:
    """Let half a minute pass on the page's clock alone."""
    scene.beat(settings)
    tab.clock.fast_forward(HALF_A_MINUTE)


@pytest.fixture
def newcomer(played: Settings) -> Iterator[Callable[[], None]]:
    """A model that comes when it is called, with an alert of its own; both go in the end."""
    stores, now = services.stores(played), datetime.now(UTC)
    finding = sample_finding(next(NUMBERS), model="newcomer")
    about = AlertFeature(feature=finding.feature, since=now, unbroken_since=now, finding=finding)
    own: dict[str, Any] = {"model": "newcomer", "version": 1, "opened_at": now, "since": now, "last_end": now}
    alert = Alert(id=finding.id, features=(about,), **own)

    def come() -> None:
        stores.registry.put(seeds.spec(model={"name": "newcomer", "uri": "file:///models/newcomer"}))
        stores.alerts.save(Change(key="newcomer/1", alert=alert, mail=None, cursor=None, at=now))

    yield come
    stores.alerts.resolve(alert.id, now, by="ada")
    stores.registry.remove("newcomer", 1)


def test_the_list_keeps_its_rows_its_focus_and_its_place(
    open_tab: OpenTab, site: str, played: Settings, newcomer: Callable[[], None]
) -> None:
    """A row that comes above the one with the focus moves it, and it stays the same row with the focus."""
    tab = open_tab()
    tab.set_viewport_size({"width": 390, "height": 300})
    tab.clock.install()
    tab.goto(f"{site}/pegel/")
    mark(tab, "tr[data-key='delays/1']", "form.filter", "table.watched")
    tab.get_by_role("link", name="delays", exact=True).focus()
    tab.evaluate("scrollTo(0, 120)")
    newcomer()
    pass_half_a_minute(tab, played)
    tab.get_by_role("link", name="newcomer", exact=True).wait_for(state="attached")

    same_load, kept, down, focused = tab.evaluate(KEPT)
    assert (True, True, "delays") == (same_load, kept, focused)
    assert down >= 120


def test_alerts_stay_unfolded(open_tab: OpenTab, site: str, played: Settings, newcomer: Callable[[], None]) -> None:
    """What was unfolded, and fetched, is there when another alert comes; what is typed into the search, too."""
    tab = open_tab()
    tab.clock.install()
    tab.goto(f"{site}/pegel/alerts")
    own = tab.locator("article.call", has_text="delays v1")
    own.get_by_text("What happened").click()
    own.locator("details[id^=why-] summary").first.click()
    own.locator(".explained").wait_for()
    tab.get_by_label("Search").fill("half typed")
    mark(tab, ".explained", "details[open]")
    newcomer()
    pass_half_a_minute(tab, played)
    tab.locator("article.call", has_text="newcomer v1").wait_for()

    assert [True, True] == tab.evaluate(KEPT)[:2]
    assert [True, True] == own.locator("details").evaluate_all("all => all.map(one => one.open)")[:2]
    assert "half typed" == tab.get_by_label("Search").input_value()
    assert "newcomer v1" in tab.locator("#news").inner_text()


def test_a_model_stays_unfolded(open_tab: OpenTab, site: str, played: Settings) -> None:
    """A silence that is said meanwhile stands on the page, below which everything is as the person left it."""
    tab, stores = open_tab(), services.stores(played)
    tab.clock.install()
    tab.goto(f"{site}/pegel/models/delays/1")
    first = tab.locator("details[id^=why-]").first
    first.locator("summary").first.click()
    first.locator(".explained").wait_for()
    first.locator("summary").first.focus()
    mark(tab, ".explained", ".findings", "form[action$=silence]")
    said = stores.silences.say(sample_silence(datetime.now(UTC) + timedelta(hours=1)))
    pass_half_a_minute(tab, played)
    tab.locator(f"[data-key=silence-{said.id}]").wait_for()
    stores.silences.end(said.id, "ada", datetime.now(UTC))

    same_load, kept, _, focused = tab.evaluate(KEPT)
    assert (True, True, True) == (same_load, kept, focused.startswith("Why "))
    assert first.evaluate("one => one.open")
    assert tab.locator("[data-refresh]").is_enabled()


def test_a_form_that_comes_with_a_refresh_works(open_tab: OpenTab, site: str, played: Settings) -> None:
    """The button that ends a silence which was said meanwhile says that it was pressed, as all do."""
    tab, stores = open_tab(), services.stores(played)
    tab.clock.install()
    tab.goto(f"{site}/pegel/models/delays/1")
    said = stores.silences.say(sample_silence(datetime.now(UTC) + timedelta(hours=1)))
    pass_half_a_minute(tab, played)
    own = tab.locator(f"[data-key=silence-{said.id}]")
    tab.evaluate("document.addEventListener('submit', event => event.preventDefault())")
    own.get_by_role("button").click()
    own.get_by_text("Sent, waiting for the answer").wait_for()
    stores.silences.end(said.id, "ada", datetime.now(UTC))

    assert "Sent, waiting for the answer" in own.inner_text()


def test_health_stays_fresh(open_tab: OpenTab, site: str, played: Settings) -> None:
    """What nobody was told meanwhile comes into the page, whose sections stay the same ones."""
    tab = open_tab()
    tab.clock.install()
    tab.goto(f"{site}/pegel/health")
    mark(tab, "section:last-of-type", "table.lines")
    tab.get_by_role("link", name="look again").focus()
    services.stores(played).failures.record("delays", 1, "ada@example.org was refused: 550.", datetime.now(UTC))
    pass_half_a_minute(tab, played)
    tab.get_by_text("550").first.wait_for()

    assert [True, True, "look again"] == [*tab.evaluate(KEPT)[:2], tab.evaluate(KEPT)[3]]


def test_a_form_that_is_filled_in_holds_the_page(
    open_tab: OpenTab, site: str, played: Settings, newcomer: Callable[[], None]
) -> None:
    """The page says so, and of when it is; it asks for nothing, until the form is as it was."""
    tab = open_tab()
    times = asked(tab)
    tab.clock.install()
    tab.goto(f"{site}/pegel/alerts")
    own = tab.locator("form.say").get_by_label("Why")
    own.fill("planned")
    tab.get_by_role("link", name="look again").focus()
    newcomer()
    pass_half_a_minute(tab, played)
    tab.get_by_text("not refreshed while a form is filled in").wait_for()
    waited = list(times)
    own.fill("")
    tab.get_by_role("link", name="look again").focus()
    pass_half_a_minute(tab, played)
    tab.locator("article.call", has_text="newcomer v1").wait_for()

    assert ([], 1, "") == (waited, len(times), tab.locator("#stale").inner_text())


def test_a_tab_that_nobody_sees_asks_for_nothing(open_tab: OpenTab, site: str, played: Settings) -> None:
    """Once it is seen again it asks at once."""
    tab = open_tab()
    times = asked(tab)
    tab.clock.install()
    tab.goto(f"{site}/pegel/health")
    tab.evaluate("Object.defineProperty(document, 'hidden', { get: () => window.isHidden, configurable: true })")
    tab.evaluate("window.isHidden = true")
    for _ in range(3):
        pass_half_a_minute(tab, played)
    unseen = list(times)
    with tab.expect_response(f"{site}/pegel/health"):
        tab.evaluate("window.isHidden = false; document.dispatchEvent(new Event('visibilitychange'))")

    assert ([], 1) == (unseen, len(times))


@pytest.mark.parametrize(
    ("path", "answer", "words"),
    [
        ("/", None, "Airflow does not answer"),
        ("/alerts", 503, "the database is away"),
        ("/health", 404, "Airflow answered 404"),
        pytest.param("/models/delays/1", None, "Airflow does not answer", marks=pytest.mark.long),
    ],
)
def test_a_refresh_that_fails_says_of_when_the_page_is(  # noqa: PLR0917  fixtures
    open_tab: OpenTab, site: str, played: Settings, path: str, answer: int | None, words: str
) -> None:
    """The page stays and says why; once it is answered again it says nothing."""
    body = "<main><p>the database is away.</p></main>" if answer == 503 else ""
    tab = open_tab()
    tab.clock.install()
    tab.goto(f"{site}/pegel{path}")
    then, before = tab.locator("#now").inner_text(), tab.locator("main").inner_text()

    def fail(route: Any) -> None:
        route.abort() if answer is None else route.fulfill(status=answer, content_type="text/html", body=body)

    tab.route(f"**/pegel{path}", fail)
    pass_half_a_minute(tab, played)
    stale = tab.locator("#stale")
    tab.get_by_text(words).wait_for()
    said, shown = stale.inner_text(), tab.locator("main").inner_text()
    tab.unroute(f"**/pegel{path}")
    pass_half_a_minute(tab, played)
    tab.locator("#stale:empty").wait_for(state="attached")

    assert f"As of {then[11:16]} UTC: {words}." == said
    assert before == shown
    assert "polite" == stale.get_attribute("aria-live")


def test_who_is_logged_out_is_told(open_tab: OpenTab, site: str, played: Settings) -> None:
    """A page whose login is over says so, and of when it is."""
    tab = open_tab()
    tab.clock.install()
    tab.goto(f"{site}/pegel/")
    then = tab.locator("#now").inner_text()
    tab.context.clear_cookies()
    pass_half_a_minute(tab, played)
    tab.get_by_text("you are not logged in any longer").wait_for()

    assert f"As of {then[11:16]} UTC: you are not logged in any longer" in tab.locator("#stale").inner_text()
