"""The editor of specs: what a text means is said while one types, and what is finished goes the way of the form."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from browsing import CHECKS, CHROMIUM, WITHOUT_BROWSER, looks

from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import Settings
from pegel.spec.spec_text import LARGEST_BYTES, read_data
from pegel.spec.stated_text import stated_text
from pegel_airflow import form, services
from pegel_airflow.page.spec_editor import NEW, checked

Browse = Callable[[str | None], httpx.Client]
OpenTab = Callable[..., Any]


def watched(settings: Settings) -> MonitorSpec:
    """Return the spec of the watched model `delays`."""
    spec = services.stores(settings).registry.get("delays", 1)
    assert spec is not None
    return spec


def told(client: httpx.Client, text: str) -> dict[str, Any]:
    """Ask the site what a text means."""
    answer = client.post("/pegel/spec/check", data={"text": text})
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def test_the_editor_shows_what_is_in_force(browse: Browse, played: Settings) -> None:
    """The text is what a person would have written, and means the spec that is in force."""
    text = browse("vic").get("/pegel/models/delays/1/spec").text
    spec = watched(played)

    lines = ("model:\n  name: delays\n", "  length: 10s\n", "form of model_onboard", "/spec.js")
    assert [True] * 4 == [line in text for line in lines]
    assert MonitorSpec.parse(read_data(stated_text(spec))) == spec


def test_the_spec_in_force_changes_nothing(browse: Browse, played: Settings) -> None:
    """Unchanged text is a valid spec, with what will be judged and nothing to put into force."""
    found = told(browse("vic"), stated_text(watched(played)))

    assert (found["problems"], found["changes"], found["is_changed"]) == ([], ["delays/1: unchanged"], False)
    assert {"judged", "verdicts", "mails", "budget"} <= {about for about, _ in found["outlook"]}


def test_a_change_is_told_with_its_price(browse: Browse, played: Settings) -> None:
    """A changed field is told with both values; a larger budget changes what is said; the answers say the same."""
    before = watched(played)
    text = stated_text(before) + "false_alarms: 10 per day\n"
    found, unchanged = told(browse("vic"), text), told(browse("vic"), stated_text(before))
    wished = MonitorSpec.parse(read_data(text))

    assert "  false_alarms.count: 1.0 -> 10.0" in found["changes"]
    assert found["is_changed"]
    assert dict(found["outlook"])["budget"] != dict(unchanged["outlook"])["budget"]
    assert form.spec_of(found["answers"] | {form.CHANGES_OF: found["changes_of"]}) == wished
    assert found["changes_of"] == before.fingerprint()


def test_a_new_model_begins_with_a_spec(browse: Browse, played: Settings) -> None:
    """The text of a new model is valid as it stands, and says what the budget becomes without a baseline."""
    found, text = told(browse("ada"), NEW), browse("ada").get("/pegel/spec").text

    assert (found["changes"][0], found["is_changed"]) == ("my-model/1: new", True)
    assert "false alarms per day" in dict(found["outlook"])["budget"]
    assert "name: my-model" in text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "a spec is a mapping of fields"),
        ("[1, 2]", "a spec is a mapping of fields"),
        ("model: {name: x\n", "this is not YAML"),
        ("a: &x 1\nb: *x\n", "anchors"),
        ("model: {name: x, uri: y}\nbaseline: {source: z}\nwindowing: {lenght: 5m}\n", "windowing.lenght"),
        ("model: {name: <script>alert(1)</script>, uri: y}\nbaseline: {source: z}\n", "model.name"),
        ("model: {name: x, uri: y}\nbaseline: {source: z}\nwindowing: {slide: 9m}\n", "set slide to"),
        ("\x00", "this is not YAML"),
        ("a: " + "x" * (LARGEST_BYTES - 10), "unknown field"),
    ],
)
def test_what_is_no_spec_is_said_in_words(settings: Settings, text: str, words: str) -> None:
    """Each problem is a line; there is nothing to put into force, and nothing fails."""
    found = checked(settings, text)

    assert any(words in problem for problem, _ in found["problems"])
    assert (found["answers"], found["is_changed"], found["changes"]) == (None, False, [])


def test_all_problems_are_said_at_once(settings: Settings) -> None:
    """Two wrong fields are two lines."""
    found = checked(settings, "model: {name: 'No!', uri: y}\nbaseline: {source: z}\nwindowing: {length: soon}\n")

    assert [1, 3] == [line for _, line in found["problems"]]


@pytest.mark.parametrize("text", ["x" * (LARGEST_BYTES + 1), None])
def test_what_is_too_long_or_absent_is_refused(browse: Browse, played: Settings, text: str | None) -> None:
    """No more than a spec may have is read; without a text there is nothing to check."""
    answer = browse("vic").post("/pegel/spec/check", data={} if text is None else {"text": text})

    assert answer.status_code == 422


@pytest.mark.parametrize("path", ["/pegel/spec", "/pegel/models/delays/1/spec", "/pegel/spec.js"])
def test_nobody_sees_nothing(browse: Browse, played: Settings, path: str) -> None:
    """Without a login the editor shows nothing; a model that is not watched has no spec."""
    assert browse(None).get(path).status_code == 401
    assert browse("vic").get("/pegel/models/nowhere/1/spec").status_code == 404


def test_a_foreign_page_checks_nothing(browse: Browse, played: Settings) -> None:
    """A request with a cookie from elsewhere is refused, as all that are sent with one."""
    client = browse("vic")
    token = client.headers.pop("Authorization").removeprefix("Bearer ")
    client.cookies.set("_token", token)
    answer = client.post("/pegel/spec/check", data={"text": NEW}, headers={"Origin": "http://elsewhere.example"})

    assert answer.status_code == 403


@pytest.mark.slow
@pytest.mark.skipif(not CHROMIUM.exists(), reason=WITHOUT_BROWSER)
@pytest.mark.usefixtures("played")
@pytest.mark.parametrize(("width", "scheme"), looks(390, 1280))
def test_a_text_is_checked_while_one_types(
    open_tab: OpenTab, site: str, pictures: Path, scheme: str, width: int
) -> None:
    """In a browser a changed budget may be put into force, a misspelt field may not; the page can be read."""
    tab = open_tab(scheme, width)
    errors: list[str] = []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    tab.goto(f"{site}/pegel/models/delays/1/spec")
    tab.get_by_text("A valid spec, the one that is in force.").wait_for()
    unchanged, budgets = tab.locator("#force").is_enabled(), [tab.locator("#outlook").inner_text()]
    text = tab.get_by_label("Spec (YAML or JSON)")
    text.press("Control+End")
    text.press_sequentially("false_alarms: 10 per day")
    tab.locator("#force:enabled").wait_for()
    changes = tab.locator("#changes").inner_text()
    budgets.append(tab.locator("#outlook").inner_text())
    tab.screenshot(path=pictures / f"spec-{scheme}-{width}.png", full_page=True)
    found = [tab.evaluate(CHECKS)]
    text.press_sequentially("\nfalse_alarm: 1")
    tab.locator("#problems li", has_text="false_alarm").wait_for()
    tab.screenshot(path=pictures / f"spec-misspelt-{scheme}-{width}.png", full_page=True)
    found.append(tab.evaluate(CHECKS))
    tab.get_by_role("button", name="Line ").click()
    meant = text.evaluate("one => one.value.slice(one.selectionStart, one.selectionEnd)")
    is_there = text.evaluate("one => one === document.activeElement")
    text.fill(" ")
    tab.get_by_text("Not a spec yet: the text is empty.").wait_for()

    assert ("false_alarm: 1", True) == (meant, is_there)
    assert budgets[0] != budgets[1]
    assert (unchanged, tab.locator("#force").is_enabled()) == (False, False)
    assert "false_alarms.count: 1.0 -> 10.0" in changes
    assert [[0, [], [], []]] * 2 == found
    assert [] == errors
