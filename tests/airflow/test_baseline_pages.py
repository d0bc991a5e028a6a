"""The pages of a model's baselines, and two of them side by side, by request and in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import scene
import seeds
from browsing import CHECKS, CHROMIUM, WITHOUT_BROWSER, looks

from pegel.spec.settings import Settings
from pegel_airflow import services

Browse = Callable[[str | None], httpx.Client]
OpenTab = Callable[..., Any]
MODEL = "/pegel/models/delays/1"
pytestmark = pytest.mark.slow


@pytest.fixture
def two(played: Settings) -> tuple[str, str]:
    """The first baseline of the scene's model, and one of changed flights that was in its place for a moment."""
    baselines = services.stores(played).baselines
    first = baselines.current("delays", 1)
    assert first is not None
    other = baselines.put(scene.baseline(seeds.spec(), np.random.default_rng(11), 5_000, changed=True))
    for to, since in ((other, first), (first, other)):
        baselines.promote("delays", 1, to, since, by="ada", now=datetime.now(UTC), why="summer")
    return first, other


def test_the_only_baseline_has_nothing_beside_it(browse: Browse, played: Settings) -> None:
    """A model that was just registered says how it gets its first; an unknown one is 404; half a pair is no pair."""
    stores, client = services.stores(played), browse("vic")
    stores.registry.put(seeds.spec(model={"name": "bare", "uri": "file:///models/bare"}))
    text = client.get("/pegel/models/bare/1/baselines").text
    stores.registry.remove("bare", 1)
    pair = {"before": stores.baselines.current("delays", 1) or "", "after": "sha256:nothing"}

    assert "It has no baseline yet" in text
    assert 404 == client.get("/pegel/models/nobody/1/baselines").status_code
    assert 400 == client.get(f"{MODEL}/baselines/compare", params=pair).status_code
    assert 400 == client.get(f"{MODEL}/baselines/compare").status_code


@pytest.mark.skipif(not CHROMIUM.exists(), reason=WITHOUT_BROWSER)
@pytest.mark.parametrize(("width", "scheme"), looks(390, 768, 1280))
def test_what_moved_is_found_from_the_models_page(  # noqa: PLR0917  fixtures
    open_tab: OpenTab, site: str, two: tuple[str, str], pictures: Path, scheme: str, width: int
) -> None:
    """From the model to its baselines to two of them; both pages can be read, and what moved most comes first."""
    tab = open_tab(scheme, width)
    tab.goto(f"{site}{MODEL}")
    tab.get_by_role("link", name="all baselines").click()
    tab.get_by_role("button", name="Show what moved").wait_for()
    tab.screenshot(path=pictures / f"baselines-{scheme}-{width}.png", full_page=True)
    listed, history = tab.evaluate(CHECKS), tab.locator("main").inner_text()
    tab.get_by_label("Compare").select_option(two[0])
    tab.get_by_label("with").select_option(two[1])
    tab.get_by_role("button", name="Show what moved").click()
    tab.get_by_role("heading", name="Field by field").wait_for()
    tab.screenshot(path=pictures / f"baseline-diff-{scheme}-{width}.png", full_page=True)
    fields = tab.locator(".card h3").all_inner_texts()

    assert [0, [], [], []] == listed
    assert ("in force" in history, "promoted by ada: summer" in history) == (True, True)
    assert [0, [], [], []] == tab.evaluate(CHECKS)
    assert {"departure_delay", "arrival_delay", "airline"} == set(fields[:3])
