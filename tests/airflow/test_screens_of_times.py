"""Pages of a time and of a feature in a real browser: full, empty, thinned, refused; on every width, light and dark."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import seeds
from browsing import CHECKS, CHROMIUM, WITHOUT_BROWSER, looks

from pegel.data.spans import Span
from pegel.judge.findings import Verdict
from pegel.spec.settings import Settings
from pegel.testing.samples import sample_window
from pegel_airflow import services

OpenTab = Callable[..., Any]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=WITHOUT_BROWSER),
    pytest.mark.usefixtures("busy"),
]
EMPTY = "from=2001-01-01T00:00Z&to=2001-01-02T00:00Z"
FEATURE = "/models/delays/1/feature?name=departure_delay"
STATES = {
    "feature": FEATURE,
    "feature-hour": f"{FEATURE}&last=1h",
    "feature-empty": f"{FEATURE}&{EMPTY}",
    "feature-categories": "/models/delays/1/feature?name=airline",
    "feature-error": "/models/delays/1/feature?name=nothing",
    "time-empty": f"/models/delays/1?{EMPTY}",
    "time-thinned": "/models/busy/1?last=1d",
    "time-features": "/models/delays/1?last=1d&sort=name&q=delay",
    "time-error": "/models/delays/1?last=2h",
}


@pytest.fixture
def busy(played: Settings) -> Iterator[None]:
    """A model beside the others with 1,200 windows of this day, one of which drifts."""
    stores, now = services.stores(played), datetime.now(UTC).replace(second=0, microsecond=0)
    stores.registry.put(seeds.spec(model={"name": "busy", "uri": "file:///models/busy"}))
    minute = timedelta(minutes=1)
    spans = [Span(now - back * minute, now - (back - 1) * minute) for back in range(1_200, 0, -1)]
    verdicts = {700: Verdict.DRIFT}
    stores.results.write(
        [
            sample_window(model="busy", span=span, verdict=verdicts.get(place, Verdict.OK), baseline_id=None)
            for place, span in enumerate(spans)
        ]
    )
    yield
    stores.registry.remove("busy", 1)
    stores.results.forget("busy", 1)


@pytest.mark.parametrize(("width", "scheme"), looks(390, 768, 1280))
def test_every_state_can_be_read(open_tab: OpenTab, site: str, pictures: Path, scheme: str, width: int) -> None:
    """No state scrolls sideways or squeezes text, all text has the contrast of AA, every control has a name."""
    tab = open_tab(scheme, width)
    errors: list[str] = []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    found = {}
    for name, path in STATES.items():
        tab.goto(f"{site}/pegel{path}")
        tab.screenshot(path=pictures / f"{name}-{scheme}-{width}.png", full_page=True)
        tab.locator("main details").evaluate_all("all => all.forEach(one => { one.open = true; })")
        found[name] = tab.evaluate(CHECKS)

    assert {name: [0, [], [], []] for name in STATES} == found
    assert [] == errors


def test_a_bar_leads_down_to_one_window(open_tab: OpenTab, site: str) -> None:
    """From a day to the bar that drifts, by its link in the numbers to its windows, by a press on one to that alone."""
    tab = open_tab()
    tab.goto(f"{site}/pegel/models/busy/1?last=1d")
    tab.get_by_text("Numbers of the picture").click()
    tab.get_by_role("listitem").get_by_role("link", name="drift at worst, 10 windows").click()
    tab.wait_for_url("**from=**")
    tab.locator("svg.pegel-timeline a", has_text="UTC: drift").click()
    one = tab.get_by_text("One window:").locator("..").inner_text()

    assert "UTC: drift, 600 rows" in one


def test_a_time_is_asked_for_in_the_form(open_tab: OpenTab, site: str) -> None:
    """What is typed without script makes the address; the feature stays chosen."""
    tab = open_tab()
    tab.goto(f"{site}/pegel{FEATURE}")
    tab.get_by_label("From (UTC").fill("2001-01-01T00:00Z")
    tab.get_by_label("To", exact=True).fill("2001-01-02T00:00+01:00")
    tab.get_by_role("button", name="Show").click()
    tab.get_by_text("No window that ends in this time says anything").wait_for()

    assert ("departure_delay", "2001-01-01T23:00:00Z") == (
        tab.get_by_role("heading", level=1).inner_text(),
        tab.get_by_label("To", exact=True).input_value(),
    )
