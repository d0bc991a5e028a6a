"""What `pegel explain` says, on the page: unfolded where the finding stands, or as a page of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from browsing import CHECKS, CHROMIUM, WITHOUT_BROWSER, looks

from pegel.judge.findings import Verdict
from pegel.report.finding_groups import FindingGroups
from pegel.spec.settings import Settings
from pegel.testing.samples import sample_finding, sample_window
from pegel_airflow import services

Browse = Callable[[str | None], httpx.Client]
OpenTab = Callable[..., Any]
MODEL = "/pegel/models/delays/1"
in_a_browser = pytest.mark.skipif(not CHROMIUM.exists(), reason=WITHOUT_BROWSER)
pytestmark = pytest.mark.slow


def newest(settings: Settings) -> str:
    """Return the id of the newest finding of the scene's model."""
    return services.stores(settings).results.recent_findings("delays", 1, limit=1)[0].id


def clearest(settings: Settings) -> str:
    """Return the id of the finding that stands for the first feature of those on the page."""
    found = services.stores(settings).results.recent_findings("delays", 1, limit=400)
    return FindingGroups.of(found).groups[0].worst.id


@pytest.fixture
def torn(played: Settings) -> Iterator[str]:
    """The id of a finding of the model `torn` whose baseline is not kept."""
    results, lost = services.stores(played).results, sample_finding(model="torn")
    results.write([sample_window(model="torn", verdict=Verdict.DRIFT)], [lost])
    yield lost.id
    results.forget("torn", 1)


def test_a_finding_says_what_explain_says(browse: Browse, played: Settings) -> None:
    """Why, since when, of which rows, training beside then, the arithmetic, and what to type next."""
    from pegel.cli.explain import explained

    finding = newest(played)
    text = browse("vic").get(f"{MODEL}/findings/{finding}").text
    arithmetic = str(explained(played, finding)).splitlines()[0]

    told = ("<dt>Why</dt>", "<dt>When</dt>", "of training", "the same statistic and p-value", arithmetic.split(":")[0])
    assert told == tuple(words for words in told if words in text)
    assert f"pegel explain {finding[:8]} --rows" in text
    assert "pegel-chart" in text


def test_one_that_cannot_be_recomputed_says_so(browse: Browse, torn: str) -> None:
    """Its baseline is gone: the page says that, and what was stored with the finding all the same."""
    answer = browse("vic").get(f"/pegel/models/torn/1/findings/{torn}")

    assert (200, True) == (answer.status_code, "the results database keeps no baseline" in answer.text)
    assert "<dt>Why</dt>" in answer.text


@pytest.mark.usefixtures("played")
@pytest.mark.parametrize(("path", "status"), [("feedfeedfeed", 404), ("%25%25%25%25", 404), ("abc", 422)])
def test_a_finding_that_is_not_there_is_refused_in_words(browse: Browse, path: str, status: int) -> None:
    """An unknown id is 404, one that is too short 422; of another model it is not shown either."""
    assert status == browse("vic").get(f"{MODEL}/findings/{path}").status_code


def test_a_finding_of_another_model_is_not_shown(browse: Browse, played: Settings) -> None:
    """Whoever asks for it below another model's address gets 404."""
    assert 404 == browse("vic").get(f"/pegel/models/loans/1/findings/{newest(played)}").status_code


@in_a_browser
@pytest.mark.parametrize(("width", "scheme"), looks(390, 1280))
def test_it_unfolds_where_it_stands(  # noqa: PLR0917  fixtures
    open_tab: OpenTab, site: str, played: Settings, pictures: Path, scheme: str, width: int
) -> None:
    """A press fetches it once and shows it, on a phone as well; nothing scrolls sideways, all text can be read."""
    finding, tab = clearest(played), open_tab(scheme, width)
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url) if "/findings/" in request.url else None)
    tab.goto(f"{site}{MODEL}")
    own = tab.locator(f"#why-{finding}")
    for _ in range(3):
        own.locator("summary").first.click()
        own.locator(".explained").wait_for(state="attached")
    own.scroll_into_view_if_needed()
    own.get_by_text("The arithmetic").click()
    tab.screenshot(path=pictures / f"unfolded-{scheme}-{width}.png")
    text = own.inner_text()
    own.locator(".beside th").first.evaluate("head => { head.textContent = 'a_name_of_many_letters'.repeat(9); }")
    checked = tab.evaluate(CHECKS)
    wide = own.locator(".explained").evaluate("element => element.getBoundingClientRect().right <= innerWidth")

    assert (1, True, True) == (len(asked), f"pegel explain {finding[:8]} --rows" in text, wide)
    assert [0, [], [], []] == checked


@in_a_browser
def test_a_finding_that_is_gone_says_so_where_it_stands(open_tab: OpenTab, site: str, played: Settings) -> None:
    """The rest of the page stays; folded and unfolded again it is asked anew."""
    finding, tab = clearest(played), open_tab()
    tab.goto(f"{site}{MODEL}")
    own = tab.locator(f"#why-{finding}")
    own.locator("a").evaluate("link => { link.href = link.href.replace(/[^/]*$/, 'feedfeed'); }")
    own.locator("summary").click()
    own.get_by_text("no finding starts with 'feedfeed'").wait_for()
    own.locator("summary").click()
    own.locator("a").evaluate(f"link => {{ link.href = link.href.replace(/[^/]*$/, '{finding}'); }}")
    own.locator("summary").click()
    own.locator(".explained").wait_for()

    assert 0 == own.get_by_text("no finding starts with").count()


@in_a_browser
def test_an_alert_unfolds_its_finding(open_tab: OpenTab, site: str, played: Settings) -> None:
    """On the page of all alerts, too, what was judged is a press away."""
    tab = open_tab()
    tab.goto(f"{site}/pegel/alerts?q=delays")
    own = tab.locator("article.call", has_text="delays v1").locator("details[id^=why-]").first
    own.locator("summary").click()
    own.locator(".explained").wait_for()

    assert "of training" in own.inner_text()


@in_a_browser
@pytest.mark.usefixtures("played")
def test_an_alert_says_its_kind_and_severity_and_the_words_of_its_finding(open_tab: OpenTab, site: str) -> None:
    """On the model's page and on that of all alerts, the line of an alert is that of the finding unfolded below it."""
    tab, said = open_tab(), []
    for path in (MODEL, "/pegel/alerts?q=delays"):
        tab.goto(f"{site}{path}")
        card = tab.locator("article.call", has_text="drift").first
        card.locator("details[id^=why-] summary").first.click()
        card.locator(".explained").wait_for()
        said.append([card.locator(".kind").all_inner_texts(), card.locator("> p").nth(1).inner_text()])
        said[-1].append(card.locator(".explained > p").first.inner_text())

    assert said[0] == said[1]
    assert (["drift", "warning"], 0) == (said[0][0], said[0][1].find(said[0][2].removesuffix(".")))


@in_a_browser
@pytest.mark.usefixtures("played")
def test_findings_are_a_line_a_feature(open_tab: OpenTab, site: str) -> None:
    """The others of a feature unfold below its clearest; each leads to its own page."""
    tab = open_tab()
    tab.goto(f"{site}{MODEL}")
    lines, further = tab.locator(".findings tr[data-key^=found-] td:first-child"), tab.locator(".findings ul.further")
    hidden = further.first.is_visible()
    tab.locator(".findings details[data-key=further] summary").first.click()
    further.first.locator("a").first.click()
    tab.locator("h1", has_text="finding").wait_for()

    assert (False, True) == (hidden, "/findings/" in tab.url)
    tab.go_back()
    names = [name.partition(" in ")[0] for name in lines.all_inner_texts()]
    assert sorted(set(names)) == sorted(names)
