"""The pages of all models in a real browser: on a phone, a tablet and a screen, by keyboard, in light and in dark."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import scene
import seeds
from browsing import CHECKS, CHROMIUM, WITHOUT_BROWSER, looks

from pegel.data.spans import Span
from pegel.spec.settings import Settings
from pegel.testing.samples import sample_window
from pegel_airflow import services

OpenTab = Callable[..., Any]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=WITHOUT_BROWSER),
    pytest.mark.usefixtures("played"),
]
LONG_NAME = "recommendations-for-returning-customers"
PLACES = {"overview": "/", "alerts": "/alerts", "health": "/health", "model": "/models/delays/1"}


@pytest.fixture
def fleet(played: Settings) -> Iterator[Settings]:
    """The same system with a hundred models more, one of a long name."""
    stores, now = services.stores(played), datetime.now(UTC)
    names = [LONG_NAME, *(f"tariff-{number:02d}" for number in range(99))]
    spans = [Span(now - timedelta(seconds=10 * (back + 1)), now - timedelta(seconds=10 * back)) for back in range(24)]
    for place, name in enumerate(names):
        own = {"name": name, "uri": f"file:///models/{name}"}
        stores.registry.put(seeds.spec(model=own, alerts={"emails": [f"team-{place % 3}@example.org"]}))
        stores.results.write([sample_window(model=name, span=span, baseline_id=None) for span in spans])
    stores.failures.record(LONG_NAME, 1, "ada@example.org was refused: 550 5.1.1 no such person.", now)
    yield played
    for name in names:
        stores.registry.remove(name, 1)
        stores.results.forget(name, 1)


@pytest.mark.usefixtures("fleet", "expecting")
@pytest.mark.parametrize(("width", "scheme"), looks(390, 768, 1000, 1200))
def test_every_page_can_be_read(open_tab: OpenTab, site: str, pictures: Path, scheme: str, width: int) -> None:
    """No page scrolls sideways or squeezes text, all text has the contrast of AA, every control has a name."""
    tab = open_tab(scheme, width)
    errors: list[str] = []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    found = {}
    for name, path in PLACES.items():
        tab.goto(f"{site}/pegel{path}")
        tab.locator("main details").evaluate_all("all => all.forEach(one => { one.open = true; })")
        tab.screenshot(path=pictures / f"{name}-{scheme}-{width}.png", full_page=True)
        found[name] = tab.evaluate(CHECKS)

    assert {name: [0, [], [], []] for name in PLACES} == found
    assert [] == errors


@pytest.mark.usefixtures("fleet")
def test_a_model_is_found_by_keyboard_alone(open_tab: OpenTab, site: str) -> None:
    """Tab leads past the skip link and the pages to the search; what has the focus is outlined; Enter searches."""
    tab = open_tab()
    tab.goto(f"{site}/pegel/")
    focused, outlined = [], []
    for _ in range(12):
        tab.keyboard.press("Tab")
        at = tab.evaluate(
            "() => [document.activeElement.name || document.activeElement.textContent.trim(),"
            " getComputedStyle(document.activeElement).outlineStyle]"
        )
        focused.append(at[0])
        outlined.append(at[1])
        if at[0] == "q":
            break
    tab.keyboard.type("tariff-42")
    tab.keyboard.press("Enter")
    tab.get_by_text(re.compile(r"^1 of \d+ watched")).wait_for()

    assert ["Skip to the content", "Pegel", "Models", "Alerts", "Health"] == focused[:5]
    assert ("q", "none" not in outlined) == (focused[-1], True)
    assert ["tariff-42 v1"] == tab.locator("td.name").all_inner_texts()


@pytest.mark.usefixtures("fleet")
def test_the_list_is_filtered_and_sorted(open_tab: OpenTab, site: str) -> None:
    """By owner and state, by a press on a head; the address keeps what was asked for; nothing found says so."""
    tab = open_tab()
    tab.goto(f"{site}/pegel/")
    tab.get_by_label("Owner").select_option("team-1@example.org")
    tab.get_by_role("button", name="Show").click()
    tab.get_by_text(re.compile(r"^33 of \d+ watched")).wait_for()
    tab.get_by_role("link", name="Model", exact=True).click()
    tab.wait_for_url("**sort=name**")
    names = tab.locator("td.name a").all_inner_texts()
    tab.get_by_label("Search").fill("no such model")
    tab.get_by_role("button", name="Show").click()
    tab.get_by_text("No watched model is like that.").wait_for()

    assert (33, sorted(names)) == (len(names), names)


def test_pegel_itself_is_a_row(open_tab: OpenTab, site: str) -> None:
    """A workflow that never came to its end stands in the first row, which leads to the page of health."""
    tab = open_tab()
    tab.goto(f"{site}/pegel/")
    row = tab.locator("tr.itself").inner_text()
    tab.get_by_role("row").get_by_role("link", name="Pegel").click()
    tab.get_by_role("heading", name="Health of Pegel").wait_for()
    lines = tab.locator("tr", has_text="monitoring_reconcile").inner_text()

    assert ("has never come to its end" in row, "pegel runs monitoring_reconcile" in lines) == (True, True)


def test_an_alert_is_acknowledged_and_that_is_ended(open_tab: OpenTab, site: str) -> None:
    """On the page of all alerts why and until are said; who did is in the alert's history."""
    tab = open_tab()
    tab.goto(f"{site}/pegel/alerts?q=delays")
    alert = tab.locator("article.call", has_text="delays v1")
    alert.get_by_text("Acknowledge or resolve").click()
    alert.get_by_label("Until").fill("2h")
    alert.get_by_label("Why").fill("storm in ORD, again")
    alert.get_by_role("button", name="Acknowledge", exact=True).click()
    tab.get_by_text("Acknowledged. No mail").wait_for()
    said = alert.inner_text()
    tab.goto(f"{site}/pegel/alerts?standing=acknowledged")
    alert.get_by_text("What happened").click()
    happened = alert.inner_text()
    alert.get_by_text("Acknowledge or resolve").click()
    alert.get_by_role("button", name="End the acknowledgement").click()
    tab.get_by_text("The acknowledgement is over.").wait_for()

    assert ("acknowledged by ada until" in said, "storm in ORD, again" in happened) == (True, True)


def test_the_link_of_a_mail_leads_to_what_acknowledges_it(open_tab: OpenTab, site: str) -> None:
    """Where one alert is asked for by its id, it stands alone, and nothing has to be unfolded to acknowledge it."""
    tab = open_tab(width=390)
    tab.goto(f"{site}/pegel/alerts?q=delays")
    alert = tab.locator("article.call", has_text="delays v1")
    tab.goto(f"{site}/pegel/alerts?q={alert.locator('code.id').first.inner_text()}")

    assert 1 == alert.count()
    assert alert.get_by_role("button", name="Acknowledge", exact=True).is_visible()


def test_a_silence_that_comes_again_is_said_and_called_off(open_tab: OpenTab, site: str) -> None:
    """A pattern and a schedule make a silence that is to come, which anybody with the right may call off."""
    tab = open_tab()
    tab.goto(f"{site}/pegel/alerts")
    form = tab.locator("form.say")
    form.get_by_role("textbox", name="Model").fill("tariff-*")
    form.get_by_label("Comes again").fill("sun 02:00-02:01 Europe/Berlin")
    form.get_by_label("Why").fill("maintenance of the warehouse")
    form.get_by_role("button", name="Silence").click()
    tab.get_by_text("Silenced. No mail").wait_for()
    own = tab.locator(".quiet", has_text="maintenance of the warehouse")
    said = own.inner_text()
    own.get_by_role("button").click()
    tab.get_by_text("The silence is over.").wait_for()

    assert ("about tariff-*/*" in said, "every sun 02:00-02:01 Europe/Berlin" in said) == (True, True)
    assert 0 == own.count()


def test_what_is_listed_stays_fresh_without_a_reload(open_tab: OpenTab, site: str, played: Settings) -> None:
    """Half a minute later a model that came meanwhile stands in the list of the same page; a search is left alone."""
    tab = open_tab()
    tab.clock.install()
    tab.goto(f"{site}/pegel/")
    tab.evaluate("window.sameLoad = true")
    tab.get_by_label("Search").fill("half typed")
    stores = services.stores(played)
    stores.registry.put(seeds.spec(model={"name": "newcomer", "uri": "file:///models/newcomer"}))
    scene.beat(played)
    try:
        tab.clock.fast_forward(30_000)
        tab.get_by_role("link", name="newcomer", exact=True).wait_for()
    finally:
        stores.registry.remove("newcomer", 1)

    assert (True, "half typed") == (tab.evaluate("window.sameLoad"), tab.get_by_label("Search").input_value())
