"""Who may do what on the page and in the workflows: the table of the documentation, asked of a real Airflow."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from people import BY_ROLE

from pegel.alerts.alert import Alert, AlertFeature, Change
from pegel.spec.settings import Settings
from pegel.testing.samples import sample_finding, sample_silence
from pegel_airflow import services

Browse = Callable[[str | None], httpx.Client]
pytestmark = pytest.mark.usefixtures("played", "listed")
MODEL = "/pegel/models/delays/1"
ONBOARD = {"model.name": "delays", "model.uri": "file:///models/delays", "baseline.source": "local://delays"}


def documented() -> dict[tuple[str, str], str]:
    """Return what the documentation's table says, by action and role."""
    page = (Path(__file__).parents[2] / "docs" / "browser.md").read_text(encoding="utf-8")
    table = page.split("## Who may do what")[1].split("\n\n")[2]
    head, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines())
    return {(row[0], role): cell for row in rows for role, cell in zip(head[1:], row[1:], strict=True)}


def open_alert(settings: Settings) -> str:
    """Return the id of the model's open alert."""
    return services.stores(settings).alerts.open_alerts()[0].id


def over_alert(settings: Settings) -> str:
    """Return the id of an alert that a person has closed: to close it again changes nothing."""
    stores, now = services.stores(settings), datetime.now(UTC)
    finding = sample_finding(model="other")
    about = AlertFeature(feature="amount", since=now, unbroken_since=now, finding=finding)
    own: dict[str, Any] = {"model": "other", "version": 1, "opened_at": now, "since": now, "last_end": now}
    alert = Alert(id=finding.id, features=(about,), over_at=now, is_resolved=True, **own)
    stores.alerts.save(Change(key="other/1", alert=alert, mail=None, cursor=None, at=now))
    return alert.id


def said(settings: Settings) -> str:
    """Return the number of a silence about the model that was said just now."""
    return str(services.stores(settings).silences.say(sample_silence(datetime.now(UTC) + timedelta(hours=1))).id)


def current(settings: Settings) -> str:
    """Return the id of the baseline in force."""
    return services.stores(settings).baselines.current("delays", 1) or ""


def run(client: httpx.Client, workflow: str, conf: dict[str, object]) -> httpx.Response:
    """Start a workflow through Airflow's API, as the page's button and `pegel apply` do."""
    return client.post(f"/api/v2/dags/{workflow}/dagRuns", json={"logical_date": None, "conf": conf})


ACTIONS: dict[str, Callable[[httpx.Client, Settings], httpx.Response]] = {
    "see the list of models": lambda client, _: client.get("/pegel/"),
    "see a model's page": lambda client, _: client.get(MODEL),
    "see what was judged of a finding": lambda client, settings: client.get(f"{MODEL}/findings/{open_alert(settings)}"),
    "see a model's baselines": lambda client, _: client.get(f"{MODEL}/baselines"),
    "see what moved between two baselines": lambda client, settings: client.get(
        f"{MODEL}/baselines/compare", params=dict.fromkeys(("before", "after"), current(settings))
    ),
    "see a feature's page": lambda client, _: client.get(f"{MODEL}/feature", params={"name": "airline"}),
    "acknowledge an alert": lambda client, settings: client.post(
        f"{MODEL}/acknowledge", data={"alert": open_alert(settings), "hours": "1", "why": "storm"}
    ),
    "silence a model": lambda client, _: client.post(f"{MODEL}/silence", data={"hours": "1", "why": "storm"}),
    "end an acknowledgement": lambda client, settings: client.post(
        f"{MODEL}/unacknowledge", data={"alert": open_alert(settings)}
    ),
    "end a silence": lambda client, settings: client.post(f"{MODEL}/unsilence", data={"silence": said(settings)}),
    "look at a spec, and have a text checked": lambda client, _: client.post(
        "/pegel/spec/check", data={"text": "model: {}"}
    ),
    "see the alerts of all models": lambda client, _: client.get("/pegel/alerts"),
    "see the health of Pegel": lambda client, _: client.get("/pegel/health"),
    "acknowledge on the page of all alerts": lambda client, settings: client.post(
        "/pegel/alerts/acknowledge", data={"alert": open_alert(settings), "until": "1h", "why": "storm"}
    ),
    "end an acknowledgement there": lambda client, settings: client.post(
        "/pegel/alerts/unacknowledge", data={"alert": open_alert(settings)}
    ),
    "resolve an alert": lambda client, settings: client.post(
        "/pegel/alerts/resolve", data={"alert": over_alert(settings), "why": "mended"}
    ),
    "silence whatever is named": lambda client, _: client.post(
        "/pegel/alerts/silence", data={"model": "other*", "until": "1h", "why": "storm"}
    ),
    "end any silence": lambda client, settings: client.post(
        "/pegel/alerts/unsilence", data={"silence": said(settings)}
    ),
    "refresh a baseline": lambda client, _: run(client, "baseline_refresh", {"models": ["delays/1"]}),
    "restore a baseline": lambda client, _: run(client, "baseline_restore", {"model": "delays", "why": "bad data"}),
    "onboard a model": lambda client, _: run(client, "model_onboard", dict(ONBOARD)),
    "offboard a model": lambda client, _: run(client, "model_offboard", {"model": "delays"}),
}


@pytest.mark.parametrize(("role", "user"), [("nobody", None), *BY_ROLE.items()])
def test_a_role_may_do_what_the_documentation_says(
    browse: Browse, filled: Settings, role: str, user: str | None
) -> None:
    """Every action is answered as the table has it: done, refused, or with the demand to log in."""
    table, client = documented(), browse(user)
    answers = {action: ask(client, filled) for action, ask in ACTIONS.items()}

    assert {action: table[action, role] for action in ACTIONS} == {
        action: {401: "log in", 403: "no"}.get(answer.status_code, "yes" if answer.status_code < 400 else "fails")
        for action, answer in answers.items()
    }
    assert {action for action, _ in table} == set(ACTIONS)


def test_every_route_of_the_page_is_an_action_of_the_table() -> None:
    """A route that is added without a row in the table of roles fails here."""
    from pegel_airflow.page.app import build
    from pegel_airflow.page.scripts import NAMES

    routes = {getattr(route, "path", "") for route in build().routes}

    editor = {"/spec", "/spec/check", "/models/{name}/{version}/spec"}
    verbs = ("acknowledge", "unacknowledge", "resolve", "silence", "unsilence")
    of_model = {
        f"/models/{{name}}/{{version}}/{verb}" for verb in ("acknowledge", "unacknowledge", "silence", "unsilence")
    }
    scripts = {f"/{name}" for name in NAMES}
    parts = ("findings/{finding}", "baselines", "baselines/compare")
    explained = {f"/models/{{name}}/{{version}}/{part}" for part in parts}
    explained.add("/models/{model}/{version}/feature")
    assert {"/", "/models/{name}/{version}", "/alerts", "/health", *of_model} | editor | scripts | explained | {
        f"/alerts/{verb}" for verb in verbs
    } == routes


def test_who_it_was_stands_on_the_page(browse: Browse, played: Settings) -> None:
    """Who acknowledged and who silenced is stored and shown, with the reason as harmless text."""
    uma, otto = browse("uma"), browse("otto")
    alert = open_alert(played)
    uma.post(f"{MODEL}/acknowledge", data={"alert": alert, "hours": "2", "why": "storm\x1b[2J\u202eDRO"})
    otto.post(f"{MODEL}/silence", data={"hours": "3", "why": "migration\nof ORD"})
    text = browse("vic").get(MODEL).text
    kept = services.stores(played).alerts
    silence = services.stores(played).silences.in_force(datetime.now(UTC))[-1]

    assert ("uma", "otto") == (kept.alert(alert).acknowledged_by, silence.by)
    assert re.search(r"acknowledged by uma until [0-9: -]+ UTC: storm\\x1b\[2J\\u202eDRO", text)
    assert re.search(r"said by otto at [0-9: -]+ UTC: migration of ORD", text)


@pytest.mark.parametrize(
    ("path", "data", "status"),
    [
        ("/pegel/models/nobody/1/silence", {"hours": "1", "why": "x"}, 404),
        ("/pegel/models/delays/2/silence", {"hours": "1", "why": "x"}, 404),
        ("/pegel/models/nobody/1/unsilence", {"silence": "1"}, 404),
        (f"{MODEL}/unsilence", {"silence": "0"}, 422),
        (f"{MODEL}/unsilence", {"silence": "77"}, 404),
        (f"{MODEL}/unacknowledge", {"alert": "beefbeef"}, 404),
        ("/pegel/models/other/1/unacknowledge", {"alert": "OPEN"}, 404),
        (f"{MODEL}/silence", {"hours": "1", "why": "x", "kind": "drifts"}, 422),
        ("/pegel/models/delays/99999999999/silence", {"hours": "1", "why": "x"}, 422),
        ("/pegel/models/delays/0/silence", {"hours": "1", "why": "x"}, 422),
        (f"{MODEL}/acknowledge", {"alert": "beefbeef", "hours": "1", "why": "x"}, 404),
        (f"{MODEL}/acknowledge", {"alert": "%%%%", "hours": "1", "why": "x"}, 404),
        ("/pegel/models/other/1/acknowledge", {"alert": "OPEN", "hours": "1", "why": "x"}, 404),
        ("/pegel/alerts/acknowledge", {"alert": "beefbeef", "until": "1h", "why": "x"}, 404),
        ("/pegel/alerts/acknowledge", {"alert": "OPEN", "until": "soon", "why": "x"}, 422),
        ("/pegel/alerts/acknowledge", {"alert": "OPEN", "until": "32d", "why": "x"}, 422),
        ("/pegel/alerts/resolve", {"alert": "OPEN"}, 422),
        ("/pegel/alerts/resolve", {"alert": "beefbeef", "why": "x"}, 404),
        ("/pegel/alerts/unsilence", {"silence": "77777"}, 404),
        ("/pegel/alerts/silence", {"until": "1h", "why": "x"}, 422),
        ("/pegel/alerts/silence", {"model": "delays", "why": "x"}, 422),
        ("/pegel/alerts/silence", {"model": "delays", "until": "1h", "why": " "}, 422),
        ("/pegel/alerts/silence", {"model": "delay", "until": "1h", "why": "x"}, 422),
        ("/pegel/alerts/silence", {"model": "delays/7", "until": "1h", "why": "x"}, 422),
        ("/pegel/alerts/silence", {"model": "delays/one", "until": "1h", "why": "x"}, 422),
        ("/pegel/alerts/silence", {"model": "delays/1", "version": "2", "until": "1h", "why": "x"}, 422),
        ("/pegel/alerts/silence", {"model": "delays", "every": "sun 02:00 Mars/Olympus", "why": "x"}, 422),
        ("/pegel/alerts/silence", {"model": "delays", "until": "1h", "kind": "drifts", "why": "x"}, 422),
        ("/pegel/alerts/silence", {"model": "delays", "version": "0", "until": "1h", "why": "x"}, 422),
        (f"{MODEL}/silence", {"hours": "745", "why": "x"}, 422),
        (f"{MODEL}/silence", {"hours": "0", "why": "x"}, 422),
        (f"{MODEL}/silence", {"hours": "nan", "why": "x"}, 422),
        (f"{MODEL}/silence", {"hours": "inf", "why": "x"}, 422),
        (f"{MODEL}/silence", {"hours": "-1", "why": "x"}, 422),
        (f"{MODEL}/silence", {"hours": "1e308", "why": "x"}, 422),
        (f"{MODEL}/silence", {"hours": "1", "why": "  "}, 422),
        (f"{MODEL}/silence", {"hours": "1", "why": "x" * 201}, 422),
    ],
)
def test_what_is_not_there_or_out_of_bounds_is_refused(
    browse: Browse, played: Settings, path: str, data: dict[str, str], status: int
) -> None:
    """Models, versions and alerts must exist and belong together; nothing can be quiet for more than 31 days."""
    silences = services.stores(played).silences
    before = silences.in_force(datetime.now(UTC))
    meant = {name: open_alert(played) if value == "OPEN" else value for name, value in data.items()}
    answer = browse("ada").post(path, data=meant)

    assert (status, before) == (answer.status_code, silences.in_force(datetime.now(UTC)))
