"""A login's cookie alone changes nothing unless the page's own origin sent the request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpx
import pytest
from people import PASSWORDS

from pegel.spec.settings import Settings
from pegel_airflow import services

Browse = Callable[[str | None], httpx.Client]
pytestmark = pytest.mark.usefixtures("played")
MODEL = "/pegel/models/delays/1"
WORDS = {"hours": "1", "why": "forged"}
CHANGING = ("silence", "unsilence", "acknowledge", "unacknowledge")


@pytest.fixture
def cookie(site: str) -> Iterator[httpx.Client]:
    """A browser's client: logged in by Airflow's cookie, sending nothing else by itself."""
    with httpx.Client(base_url=site, timeout=60, trust_env=False) as client:
        answer = client.post("/auth/token", json={"username": "ada", "password": PASSWORDS["ada"]})
        client.cookies.set("_token", answer.json()["access_token"])
        yield client


@pytest.fixture
def harmless(played: Settings) -> dict[str, str]:
    """What is sent to end the acknowledgement of an alert that nobody acknowledged."""
    return {"alert": services.stores(played).alerts.open_alerts()[0].id}


def forged(settings: Settings) -> list[str]:
    """Return who got through."""
    return [one.why for one in services.stores(settings).silences.in_force(datetime.now(UTC)) if one.why == "forged"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "null", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://127.0.0.1"},
        {"Origin": "http://[::1"},
        {"Origin": "http://127.0.0.1:x"},
        {"Origin": ""},
        {"Origin": "ftp://OTHER"},
        {"Origin": "//OTHER"},
        {"Origin": "OWN", "Sec-Fetch-Site": "same-site"},
        {"Origin": "OWN", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "OWN.evil.example"},
        {"Origin": "OWN@evil.example"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://evil.example", "Authorization": "Basic YWRhOmxvdmVsYWNl"},
        {"Origin": "https://evil.example", "X-Forwarded-Host": "evil.example"},
        {"Referer": "OWN/pegel/"},
    ],
    ids=str,
)
def test_a_post_from_elsewhere_changes_nothing(
    cookie: httpx.Client, played: Settings, site: str, headers: dict[str, str]
) -> None:
    """Another host, another port, no origin, one that is hidden, and headers that contradict each other: 403."""
    sent = {name: value.replace("OWN", site).replace("OTHER", urlsplit(site).netloc) for name, value in headers.items()}
    answers = [cookie.post(f"{MODEL}/{verb}", data=WORDS, headers=sent) for verb in CHANGING]

    assert ([403] * len(CHANGING), []) == ([answer.status_code for answer in answers], forged(played))


OWN = [
    {"Origin": "OWN"},
    {"Origin": "OWN", "Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "same-origin"},
]


@pytest.mark.parametrize("headers", OWN, ids=str)
def test_the_page_itself_may(cookie: httpx.Client, played: Settings, site: str, headers: dict[str, str]) -> None:
    """What the page's own forms send is done."""
    sent = {name: value.replace("OWN", site) for name, value in headers.items()}
    answers = [cookie.post(f"{MODEL}/silence", data=WORDS, headers=sent)]
    silenced = forged(played)
    in_force = services.stores(played).silences.in_force(datetime.now(UTC))
    (number,) = (one.id for one in in_force if one.why == "forged")
    answers.append(cookie.post(f"{MODEL}/unsilence", data={"silence": str(number)}, headers=sent))

    assert ([303, 303], ["forged"], []) == ([answer.status_code for answer in answers], silenced, forged(played))


PUBLIC = "https://pegel.example/pegel"


@pytest.mark.parametrize(
    "proxy",
    [
        (PUBLIC, "https://pegel.example", 303),
        (PUBLIC, "https://PEGEL.example:443", 303),
        (PUBLIC, "OWN", 303),
        (PUBLIC, "http://pegel.example", 403),
        (PUBLIC, "http://pegel.example:443", 403),
        (PUBLIC, "https://pegel.example:8443", 403),
        (PUBLIC, "https://pegel.example.evil", 403),
        ("http://pegel.example:8080/pegel", "http://pegel.example:8080", 303),
        ("http://pegel.example:8080/pegel", "https://pegel.example:8080", 403),
        ("OWN/pegel", "OWN", 303),
        ("OWN/pegel", "https://OTHER", 403),
        ("not an address", "OWN", 303),
        ("not an address", "https://evil.example", 403),
    ],
)
def test_behind_a_proxy_the_settings_say_where_the_page_is(
    cookie: httpx.Client, harmless: dict[str, str], monkeypatch: pytest.MonkeyPatch, proxy: tuple[str, str, int]
) -> None:
    """The public address counts with its scheme, host and port; the address that was asked stays good beside it."""
    page_url, origin, status = proxy
    site = str(cookie.base_url).rstrip("/")
    monkeypatch.setenv("PEGEL_PAGE_URL", page_url.replace("OWN", site))
    sent = {"Origin": origin.replace("OWN", site).replace("OTHER", urlsplit(site).netloc)}

    assert status == cookie.post(f"{MODEL}/unacknowledge", data=harmless, headers=sent).status_code


def test_a_program_needs_no_origin(browse: Browse, harmless: dict[str, str]) -> None:
    """A bearer token is sent on purpose: with one, a request may come from anywhere."""
    sent = {"Origin": "https://evil.example"}
    answer = browse("ada").post(f"{MODEL}/unacknowledge", data=harmless, headers=sent)

    assert 303 == answer.status_code


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("verb", CHANGING)
def test_no_other_method_changes_anything(
    cookie: httpx.Client, played: Settings, site: str, method: str, verb: str
) -> None:
    """Only a post changes something; a link or an image with the same address does not, nor a method by header."""
    address = f"{MODEL}/{verb}?hours=1&why=forged&_method=POST"
    answer = cookie.request(method, address, headers={"Origin": site, "X-HTTP-Method-Override": "POST"})

    assert (405, []) == (answer.status_code, forged(played))


def test_a_method_by_header_does_not_hide_a_post(cookie: httpx.Client, played: Settings) -> None:
    """A post that calls itself a get is a post."""
    answer = cookie.post(f"{MODEL}/silence?_method=GET", data=WORDS, headers={"X-HTTP-Method-Override": "GET"})

    assert (403, []) == (answer.status_code, forged(played))
