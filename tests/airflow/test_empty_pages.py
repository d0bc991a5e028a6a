"""A system that watches nothing yet, and a model that many silence, in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from browsing import CHECKS, CHROMIUM, WITHOUT_BROWSER, looks

from pegel.spec.settings import Settings
from pegel.testing.samples import sample_silence
from pegel_airflow import services

OpenTab = Callable[..., Any]
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not CHROMIUM.exists(), reason=WITHOUT_BROWSER)]
PLACES = {"overview": "/", "alerts": "/alerts", "health": "/health"}


@pytest.mark.usefixtures("played")
@pytest.mark.parametrize(("width", "scheme"), looks(390, 768, 1280))
def test_an_empty_system_says_what_to_do_first(  # noqa: PLR0917  fixtures
    open_tab: OpenTab,
    site: str,
    pictures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    scheme: str,
    width: int,
) -> None:
    """Each page of all models can be read, is without an error, and names workflow and command of the first model."""
    tab, errors, found = open_tab(scheme, width), list[str](), {}
    tab.on("pageerror", lambda error: errors.append(str(error)))
    monkeypatch.setenv("PEGEL_HOME", str(tmp_path / "empty"))
    for name, path in PLACES.items():
        tab.goto(f"{site}/pegel{path}")
        tab.screenshot(path=pictures / f"empty-{name}-{scheme}-{width}.png", full_page=True)
        text = tab.locator("main").inner_text()
        found[name] = ["model_onboard" in text, "pegel apply FILE --wait" in text, tab.evaluate(CHECKS)]

    assert {name: [True, True, [0, [], [], []]] for name in PLACES} == found
    assert [] == errors


def test_many_silences_are_counted(open_tab: OpenTab, site: str, played: Settings) -> None:
    """The list shows two of them and how many more there are, which the model's page has."""
    silences, until = services.stores(played).silences, datetime.now(UTC) + timedelta(hours=1)
    said = [silences.say(sample_silence(until)) for _ in range(5)]
    in_force = len([one for one in silences.in_force(datetime.now(UTC)) if one.about.concerns("delays", 1)])
    tab = open_tab()
    tab.goto(f"{site}/pegel/")
    row = tab.locator("tr[data-key='delays/1']")
    shown = row.get_by_text("silenced: ").count()
    row.get_by_role("link", name=f"{in_force - 2} more silences").click()
    tab.wait_for_url("**/models/delays/1")
    for one in said:
        silences.end(one.id, "ada", datetime.now(UTC))

    assert 2 == shown
