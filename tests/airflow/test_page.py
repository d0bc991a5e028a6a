"""The monitoring page, by HTTP from Airflow's real API server."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from pegel.spec.settings import Settings
from pegel_airflow import services
from pegel_local.machine.paths import Home
from pegel_local.processes.process_id import ProcessId
from pegel_local.system.stack_file import Part, StackFile

Browse = Callable[[str | None], httpx.Client]
pytestmark = pytest.mark.usefixtures("played")
MODEL = "/pegel/models/delays/1"
PATHS = ["/pegel/", MODEL, "/pegel/page.js", "/pegel/nowhere"]


@pytest.mark.parametrize("path", PATHS[:3])
def test_nobody_sees_nothing(browse: Browse, path: str) -> None:
    """Without a login every route answers 401 and shows nothing."""
    answer = browse(None).get(path)

    assert (answer.status_code, "departure" in answer.text) == (401, False)


@pytest.mark.parametrize("path", ["/pegel/docs", "/pegel/redoc", "/pegel/openapi.json"])
def test_the_framework_tells_nothing(browse: Browse, path: str) -> None:
    """The framework's own pages about routes are closed, also for those who are logged in."""
    assert browse("ada").get(path).status_code == 404


@pytest.mark.usefixtures("played")
def test_the_list_says_what_is_watched(browse: Browse) -> None:
    """The list has each watched model with its state in words, and the budget of false alarms."""
    text = browse("vic").get("/pegel/").text

    assert [words in text for words in ("delays", "drifting since", "1 per week may be false", "UTC")] == [True] * 4


def test_the_model_page_shows_every_part(browse: Browse) -> None:
    """One model's page has its windows, features, findings, outliers, ledger, invalid input and actions."""
    answer = browse("vic").get(MODEL)
    parts = (
        "Windows",
        "Features",
        "Findings",
        "Alerts",
        "Outliers",
        "Ledger",
        "Invalid input",
        "What the reconciler did",
    )

    assert (answer.status_code, [part for part in parts if f"<h2>{part}" not in answer.text]) == (200, [])


def test_a_segment_is_chosen_by_the_address(browse: Browse) -> None:
    """Of a part of the rows that has none, the page says so as text, and shows all rows instead."""
    text = browse("vic").get(f"{MODEL}?segment=airline%3D%3Cb%3E").text
    words = ("given &#39;airline=&lt;b&gt;&#39;. Shown instead: all rows.", "40 windows of", "<h2>Findings")

    assert ([], False) == ([one for one in words if one not in text], "airline=<b>" in text)


@pytest.mark.usefixtures("expecting")
def test_the_model_page_says_what_is_expected(browse: Browse) -> None:
    """A model with expectations has a section that says which are not met, cannot be told, and are met."""
    text = browse("vic").get(MODEL).text
    section = text[text.index("<h2>Data quality") : text.index("<h2>Alerts")]
    words = ("the number of rows is at least 1,000", "1 not met", "1 cannot be told", "&#39;airline&#39; values to")

    assert [] == [one for one in words if one not in section]


@pytest.mark.parametrize("path", PATHS[:2])
def test_a_logger_that_has_ended_is_seen_on_every_page(
    browse: Browse, played: Settings, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """Of a system of this machine that is up, list and model say what it costs that its logger is not."""
    monkeypatch.setenv("PEGEL_SERVING_BACKEND", "local")
    parts = {"airflow-scheduler": ProcessId.of(os.getpid()), "logger": ProcessId(1, "a boot", 2)}
    file = StackFile(Home(played.home))
    before = browse("vic").get(path).text
    file.record(parts={name: Part(process=process, log="a log") for name, process in parts.items()})
    after = browse("vic").get(path).text
    file.forget()

    words = "he logger has ended: what is asked now is answered, and lost to monitoring"
    assert (False, True) == (words in before, words in after)


def test_the_page_needs_nothing_from_elsewhere(browse: Browse) -> None:
    """The page loads nothing from another host, and forbids the browser to."""
    answer = browse("vic").get(MODEL)
    elsewhere = [word for word in ('src="http', 'href="http', "url(http", "@import") if word in answer.text]

    assert (elsewhere, answer.headers["Content-Security-Policy"].startswith("default-src 'none'")) == ([], True)


def test_what_clients_sent_is_shown_as_text(browse: Browse, played: Settings) -> None:
    """A sample of invalid input is shown, never interpreted."""
    from pegel.stream.result_rows import InvalidRow

    minute = datetime.now(UTC).replace(second=0, microsecond=0)
    sample = "<script>alert('here')</script>"
    services.stores(played).results.write(
        invalid=[InvalidRow(model="delays", version=1, minute=minute, kind="not_json", count=4, sample=sample)]
    )
    text = browse("vic").get(MODEL).text

    assert (sample in text, "&lt;script&gt;alert" in text) == (False, True)


def test_an_unknown_model_is_404_in_words(browse: Browse) -> None:
    """A model that is not watched gives 404 and a sentence, not a stack trace."""
    answer = browse("ada").get("/pegel/models/delay/1")

    assert (answer.status_code, "delay/1 is registered" in answer.text) == (404, True)


BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


SILENCE = f"{MODEL}/silence"


@pytest.mark.parametrize(
    ("user", "path", "sent", "expected"),
    [
        (
            None,
            SILENCE,
            {"hours": "1"},
            (401, ["Nothing was changed", "/auth/login?next=%2Fpegel%2Fmodels%2Fdelays%2F1"]),
        ),
        ("vic", SILENCE, {"hours": "1", "why": "x"}, (403, ["Nothing was changed", "Your role in Airflow"])),
        ("ada", SILENCE, {"hours": "1"}, (422, ["Nothing was changed", "why: expected a value; given none"])),
        ("ada", SILENCE, {"hours": "<b>", "why": "x"}, (422, ["hours: expected a number; given &#39;&lt;b&gt;&#39;"])),
        ("ada", "/pegel/nowhere", {}, (404, ["There is no such page."])),
    ],
)
def test_a_browser_is_refused_in_words(
    browse: Browse, user: str | None, path: str, sent: dict[str, str], expected: tuple[int, list[str]]
) -> None:
    """Who is refused in a browser reads what happened and how to go on, on a page of ours and not as JSON."""
    answer = browse(user).request("POST" if sent else "GET", path, data=sent, headers=BROWSER)
    status, words = expected

    assert (status, words) == (answer.status_code, [part for part in words if part in answer.text])
    assert answer.headers["Content-Type"].startswith("text/html")


ODD = ("/models/loans/1%0d%0aX:y", "/models/a%0ab/1/silence", "/models/loans/1%2f2", "/models%2floans/1", "/%2e%2e/x",
       "/models/lo%00ans/1", "/models/%ff%fe/1", "/models/loans/%E2%80%A8", "//", "/models/loans/9" + "9" * 30,
       "/" + "x" * 6000, "/page.js/x", "/%0a")  # fmt: skip

WAY_BACK = re.compile('<p><a href="/pegel/[^"]*">(All watched models|Back to the page)</a></p>')


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_every_odd_address_below_the_page_is_one_of_ours(browse: Browse, method: str) -> None:
    """Line breaks, escaped slashes, NUL, other methods: a page with the way back, never the JSON of another app."""
    client = browse("ada")
    answers = [client.request(method, f"/pegel{path}", headers=BROWSER) for path in ODD]
    kinds = {(answer.status_code // 100, answer.headers["Content-Type"].partition(";")[0]) for answer in answers}

    assert {(4, "text/html")} == kinds
    assert (method != "HEAD") is all(WAY_BACK.search(answer.text) is not None for answer in answers)


def test_a_line_break_needs_a_login_too(browse: Browse) -> None:
    """Whoever is not logged in is led to the login from such an address as well."""
    answer = browse(None).get("/pegel/models/loans/1%0a", headers=BROWSER)

    assert (303, "/auth/login") == (answer.status_code, httpx.URL(answer.headers["Location"]).path)


@pytest.mark.parametrize("path", PATHS[:3])
def test_whoever_asks_for_heads_gets_those_of_the_pages(browse: Browse, path: str) -> None:
    """Previews of links ask by HEAD first: the same status, and no body."""
    client = browse("vic")
    head, whole = client.head(path), client.get(path)

    assert (200, 200, b"") == (head.status_code, whole.status_code, head.content)


@pytest.mark.parametrize("query", ["", "?from=mail&x=a%20b"])
@pytest.mark.parametrize("path", ["/pegel/", MODEL])
def test_whoever_is_not_logged_in_is_led_to_the_login_and_back(browse: Browse, path: str, query: str) -> None:
    """A browser without a login is sent to Airflow's, which is told the whole address; a program gets 401."""
    answer = browse(None).get(path + query, headers=BROWSER)
    place = httpx.URL(answer.headers["Location"])

    assert (303, "/auth/login", path + query) == (answer.status_code, place.path, place.params["next"])
    assert 401 == browse(None).get(path + query).status_code


@pytest.mark.parametrize("query", ["", "?done=silenced&x=a%20b"])
@pytest.mark.parametrize("path", ["/pegel", MODEL])
def test_the_last_slash_makes_no_difference(browse: Browse, path: str, query: str) -> None:
    """Each address of a page works with it and without it, and keeps its query."""
    answers = [browse("vic").get(f"{path}{end}{query}", follow_redirects=True) for end in ("", "/")]

    assert [200, 200] == [answer.status_code for answer in answers]
    assert query.encode() in {b"?" + answer.url.query if answer.url.query else b"" for answer in answers}
    assert 1 == len({answer.url for answer in answers})


def test_a_viewer_may_look_and_not_touch(browse: Browse) -> None:
    """Who may only view cannot silence a model."""
    answer = browse("vic").post(f"{MODEL}/silence", data={"hours": "1", "why": "me"})

    assert answer.status_code == 403


def test_silencing_is_kept_with_its_reason(browse: Browse, played: Settings) -> None:
    """Silencing holds back the model's mails for the hours asked, with the reason given, and says so."""
    answer = browse("ada").post(f"{MODEL}/silence", data={"hours": "8", "why": "migration"}, follow_redirects=True)
    silences: list[Any] = services.stores(played).silences.in_force(datetime.now(UTC))

    assert (answer.status_code, "Silenced." in answer.text) == (200, True)
    assert [(str(one.about), one.why) for one in silences[-1:]] == [("delays/1", "migration")]
