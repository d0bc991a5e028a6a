"""The monitoring page in a real browser, inside Airflow's own frame; pictures of it are kept for people."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from people import PASSWORDS

CHROMIUM = Path("/usr/bin/chromium")
WITHOUT_BROWSER = (
    "NO BROWSER: /usr/bin/chromium is missing, so nobody has looked at the monitoring page. "
    "Install Debian's package `chromium` to run this test."
)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=WITHOUT_BROWSER),
    pytest.mark.usefixtures("played"),
]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """One headless browser."""
    from playwright.sync_api import sync_playwright

    flags = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=str(CHROMIUM), args=flags)
        yield browser
        browser.close()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Where screenshots go: the folder that PEGEL_TEST_PICTURES names, if it is set."""
    folder = Path(os.environ.get("PEGEL_TEST_PICTURES", str(tmp_path)))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def logged_in(chromium: Any, site: str, scheme: str) -> Any:
    """Return a tab of a person who logged in through Airflow's own form."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, color_scheme=scheme)
    context.set_default_timeout(60_000)
    tab = context.new_page()
    tab.goto(f"{site}/auth/login")
    tab.fill("input[name=username]", "ada")
    tab.fill("input[name=password]", PASSWORDS["ada"])
    tab.press("input[name=password]", "Enter")
    tab.wait_for_url(lambda url: "/auth/login" not in url)
    return tab


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_person_can_read_the_page(chromium: Any, site: str, pictures: Path, scheme: str) -> None:
    """List and model page show in light and dark at 1280 pixels without anything wider than the screen or in error."""
    tab = logged_in(chromium, site, scheme)
    errors: list[str] = []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    tab.goto(f"{site}/pegel/")
    tab.screenshot(path=pictures / f"list-{scheme}.png", full_page=True)
    tab.click("text=delays")
    tab.wait_for_selector("svg.pegel-timeline")
    tab.screenshot(path=pictures / f"model-{scheme}.png", full_page=True)
    shape = tab.evaluate("[document.documentElement.scrollWidth, document.querySelectorAll('svg.pegel-chart').length]")

    assert (errors, shape) == ([], [1280, 6])


def test_the_page_stands_inside_airflow(chromium: Any, site: str, pictures: Path) -> None:
    """Airflow's navigation leads to the page, which shows in its frame without another login."""
    tab = logged_in(chromium, site, "light")
    tab.goto(f"{site}/plugin/pegel")
    frame = tab.frame_locator("iframe")
    frame.locator("text=Watched models").wait_for()
    tab.screenshot(path=pictures / "frame.png")

    assert frame.locator("td.name").first.inner_text() == "delays v1"


def test_acknowledging_takes_two_fields(chromium: Any, site: str) -> None:
    """A person who fills in why and presses the button reads that the alert is acknowledged."""
    tab = logged_in(chromium, site, "light")
    tab.goto(f"{site}/pegel/models/delays/1")
    tab.fill(".call input[name=why]", "storm in ORD")
    tab.click("text=Acknowledge")
    tab.wait_for_selector(".told")

    assert "Acknowledged." in tab.inner_text(".told")


def test_the_form_asks_in_sections(chromium: Any, site: str, pictures: Path, listed: Path) -> None:
    """Airflow draws the onboarding form in its seven sections; the first asks for the model's name."""
    tab = logged_in(chromium, site, "light")
    tab.goto(f"{site}/dags/model_onboard")
    tab.get_by_role("button", name="Trigger").first.click()
    tab.wait_for_selector("[name='element_model.name']", state="attached")
    tab.screenshot(path=pictures / "form.png")
    text = tab.inner_text("body")
    sections = ("Model", "Logging", "Baseline", "Windows", "What to watch", "Alerts", "Advanced JSON")

    assert [section for section in sections if section not in text] == []
