"""Who is told, and when: from a spec's routes through alert dispatch and Airflow's connections to what is received."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dispatch_passes
import pytest
from http_receiver import Receiver, running_receiver
from mail_servers import Server
from speaking_servers import speaking_servers

from pegel.alerts.health_kind import HealthKind
from pegel.alerts.matcher import Matcher
from pegel.alerts.severity import Severity
from pegel.alerts.silencing import Silence
from pegel.errors import PermanentError
from pegel.judge.findings import Verdict
from pegel.report.notice import Notice
from pegel.spec.limits import UNREACHABLE_FOR
from pegel.spec.settings import Settings
from pegel.testing.samples import sample_finding, sample_spec, sample_window
from pegel_airflow import services
from pegel_airflow.service_sender import ServiceSender

ADA, BEN = "ada@example.org", "ben@example.org"
NOW = datetime.now(UTC)


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A server behind Airflow's connections of four services, each at a path of its own."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with running_receiver() as receiver:
        monkeypatch.setenv("AIRFLOW_CONN_PEGEL_CHAT", receiver.connection("/services", "T0/B0/secret"))
        monkeypatch.setenv("AIRFLOW_CONN_PEGEL_TEAM", receiver.connection("/teams"))
        monkeypatch.setenv("AIRFLOW_CONN_PEGEL_ONCALL", receiver.connection("", "a key"))
        monkeypatch.setenv("AIRFLOW_CONN_PEGEL_OTHER", receiver.connection("/hook"))
        yield receiver


def leads_to(monkeypatch: pytest.MonkeyPatch, name: str, port: int) -> None:
    """Let a connection of Airflow lead to a port of this machine."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    known = {"conn_type": "http", "host": f"http://127.0.0.1:{port}"}
    monkeypatch.setenv(f"AIRFLOW_CONN_PEGEL_{name.upper()}", json.dumps(known))


NOT_WATCHED = {"kind": "not watched", "to": ["webhook:other"]}
"""Where no driver speaks that is told, too."""
CHAT, TEAM, PAGER, HOOK = "/services/T0/B0/secret", "/teams", "/v2/enqueue", "/hook"


def watched(settings: Settings, name: str = "delays", **alerts: Any) -> None:
    """Watch a model."""
    services.stores(settings).registry.put(sample_spec(name, alerts=alerts))


def drifts(settings: Settings, name: str = "delays", window: int = 0, feature: str = "amount", **more: Any) -> None:
    """Let a model drift in one window."""
    finding = sample_finding(window, feature, model=name, **more)
    stores = services.stores(settings)
    stores.results.write([sample_window(window, model=name, verdict=Verdict.DRIFT)], [finding])


def ends(settings: Settings, name: str = "delays", after: int = 1) -> None:
    """Let a model's windows be as in training for long enough."""
    stores = services.stores(settings)
    stores.results.write([sample_window(at, model=name) for at in range(after, after + 20)])


def look(settings: Settings, at: datetime = NOW) -> str:
    """Let a pass happen at an instant; return what it said."""
    return dispatch_passes.look(settings, at)


def subjects(server: Server) -> list[str]:
    """Return to whom what was mailed, without instants."""
    return [
        " ".join(f"{mail['To']}: {mail['Subject']}".split()).partition(" (")[0].replace("[pegel] ", "")
        for mail in server.kept
    ]


def test_each_severity_goes_its_way(settings: Settings, server: Server, receiver: Receiver) -> None:
    """A large drift pages, a usual one is chatted, and what no route takes is mailed."""
    routes = [{"severity": "critical", "to": ["pagerduty:oncall"]}, {"severity": "warning", "to": ["slack:chat"]}]
    for name, effect in (("large", 1.2), ("usual", 0.4), ("small", 0.1)):
        watched(settings, name, emails=[ADA], routes=routes)
        drifts(settings, name, effect=effect)
    look(settings)
    (page,), (said,) = receiver.kept(PAGER), receiver.kept(CHAT)

    assert ("trigger", "critical", "a key") == (
        page["event_action"],
        page["payload"]["severity"],
        page["routing_key"],
    )
    assert page["payload"]["summary"].startswith("large/1: ")
    assert said["text"].startswith("usual/1: drift of amount (since ")
    assert [f"{ADA}: info: small v1: amount is drifting"] == subjects(server)


def test_all_four_services_are_written_to_as_they_expect_it(settings: Settings, receiver: Receiver) -> None:
    """One alert, told to a chat, a team, a pager and whoever reads JSON, each with the model and the command."""
    watched(settings, routes=[{"to": ["slack:chat", "teams:team", "pagerduty:oncall", "webhook:other"]}])
    drifts(settings)
    said = look(settings)
    (chat,), (team,), (page,), (hook,) = (receiver.kept(path) for path in (CHAT, TEAM, PAGER, HOOK))
    (card,) = team["attachments"]

    short = chat["text"].partition("pegel ack ")[2][:8]
    links = [card["content"]["actions"][0]["url"], page["client_url"], hook["link"], hook["alerts"][0]["link"]]

    assert [f"{settings.page_url}/alerts?q={short}"] * 4 == links
    assert f"Look      {links[0]}" in chat["text"]
    assert "AdaptiveCard" == card["content"]["type"]
    assert "delays/1: drift of amount" in card["content"]["body"][0]["inlines"][0]["text"]
    assert page["payload"]["summary"].startswith("delays/1: ")
    told = tuple(hook["alerts"][0][name] for name in ("state", "severity", "models"))
    assert ("open", "warning", ["delays/1"]) == told
    assert "mailed to slack:chat, teams:team, pagerduty:oncall, webhook:other" in said


def test_the_first_route_that_fits_takes_an_alert(settings: Settings, server: Server) -> None:
    """One behind it is not looked at, unless it says so; with `continue` alone the addresses are told, too."""
    watched(settings, "one", emails=[ADA], routes=[{"kind": "drift", "to": BEN}, {"to": "cleo@example.org"}])
    watched(settings, "two", emails=[ADA], routes=[{"kind": "drift", "to": BEN, "continue": True}])
    drifts(settings, "one")
    drifts(settings, "two")
    look(settings)

    assert [f"{BEN}: one v1", f"{BEN}: two v1", f"{ADA}: two v1"] == [
        line.partition(": amount")[0] for line in subjects(server)
    ]


@pytest.mark.parametrize(
    ("route", "fits"),
    [
        ({"model": "del*"}, True),
        ({"model": "fraud"}, False),
        ({"feature": "am*"}, True),
        ({"feature": "hour"}, False),
        ({"segment": ""}, True),
        ({"segment": "airline=AA"}, False),
        ({"kind": ["skew", "drift"]}, True),
        ({"kind": "not watched"}, False),
        ({"severity": ["critical", "warning"]}, True),
        ({"hours": "daily 02:00-03:00 UTC"}, True),
        ({"hours": "daily 03:00-04:00 UTC"}, False),
        # 02:30 UTC is half past three in Berlin in winter.
        ({"hours": "daily 03:00-04:00 Europe/Berlin"}, True),
    ],
)
def test_a_route_takes_what_all_it_says_fits(
    settings: Settings, server: Server, route: dict[str, Any], fits: bool
) -> None:
    """Model, feature and segment by patterns, kind and severity by lists, hours by the clocks of a place."""
    watched(settings, emails=[ADA], routes=[{**route, "to": BEN}])
    drifts(settings)
    look(settings, datetime(2027, 1, 12, 2, 30, tzinfo=UTC))

    assert [BEN if fits else ADA] == server.told


@pytest.mark.parametrize(
    ("hours", "at", "fits"),
    [
        # Over midnight a day's hours are those that begin on it: the 12th of January is a Tuesday.
        ("mon 22:00-03:00 UTC", "2027-01-12T02:30Z", True),
        ("tue 22:00-03:00 UTC", "2027-01-12T02:30Z", False),
        ("mon-fri 22:00-03:00 UTC", "2027-01-16T02:59Z", True),
        ("mon-fri 22:00-03:00 UTC", "2027-01-16T22:30Z", False),
        ("sat,sun 00:00-24:00 UTC", "2027-01-16T22:30Z", True),
        # In Berlin, two becomes three on the 28th of March, and three becomes two on the 31st of October.
        ("daily 01:00-03:30 Europe/Berlin", "2027-03-28T01:15Z", True),
        ("daily 01:00-03:30 Europe/Berlin", "2027-03-28T01:45Z", False),
        ("daily 22:00-02:45 Europe/Berlin", "2027-10-31T00:30Z", True),
        ("daily 22:00-02:45 Europe/Berlin", "2027-10-31T01:30Z", True),
        ("daily 22:00-02:45 Europe/Berlin", "2027-10-31T01:50Z", False),
    ],
)
def test_hours_hold_over_midnight_and_where_clocks_change(
    settings: Settings, server: Server, hours: str, at: str, fits: bool
) -> None:
    """Whoever has the night has all of it, however long it is; nobody else is woken then."""
    watched(settings, emails=[ADA], routes=[{"hours": hours, "to": BEN}])
    drifts(settings)
    look(settings, datetime.fromisoformat(at))

    assert [BEN if fits else ADA] == server.told


def test_two_routes_to_one_address_are_one_mail(settings: Settings, server: Server) -> None:
    """Also where one of the two is for the digest: who is told at once needs no digest of the same."""
    both = [{"kind": "drift", "to": ADA, "continue": True}, {"severity": "warning", "to": [ADA, BEN], "continue": True}]
    watched(settings, emails=[BEN], routes=[*both, {"kind": "drift", "to": ADA, "digest": True}])
    drifts(settings)
    look(settings)
    look(settings, NOW + timedelta(days=2))

    assert [ADA, BEN] == [mail["To"] for mail in server.kept if "amount is drifting" in str(mail["Subject"])]
    assert [] == [str(mail["Subject"]) for mail in server.kept if "digest" in str(mail["Subject"])]


def test_a_connection_that_goes_missing_holds_up_nobody_and_is_told_when_it_is_back(
    settings: Settings, server: Server, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What became worse meanwhile is with the others at once, and with the chat once its connection is there again."""
    watched(settings, routes=[{"to": [ADA, "slack:chat"]}])
    drifts(settings)
    look(settings)
    with monkeypatch.context() as missing:
        missing.delenv("AIRFLOW_CONN_PEGEL_CHAT")
        drifts(settings, window=1, effect=0.9)
        said = look(settings)
    look(settings)
    look(settings)

    assert "slack:chat: no answer by connection pegel_chat of Airflow: AirflowNotFoundException" in said
    assert [ADA, ADA] == server.told
    assert ["delays/1: drift of amount", "critical: delays/1: drift of amount"] == [
        one["text"].partition(" (")[0].strip("*") for one in receiver.kept(CHAT)
    ]


def test_routes_of_the_deployment_come_behind_those_of_a_spec(
    settings: Settings, server: Server, tmp_path: Path
) -> None:
    """They take what no route of the spec did, before its addresses are told."""
    file = tmp_path / "routes.yaml"
    file.write_text("- {severity: warning, to: [ben@example.org]}\n", encoding="utf-8")
    deployed = settings.model_copy(update={"alert_routes": file})
    watched(settings, "own", emails=[ADA], routes=[{"to": "cleo@example.org"}])
    watched(settings, "usual", emails=[ADA])
    drifts(settings, "own")
    drifts(settings, "usual")
    look(deployed)

    assert ["cleo@example.org", BEN] == server.told


def test_routes_that_cannot_be_read_hold_up_nobody(settings: Settings, server: Server, tmp_path: Path) -> None:
    """The run fails and names the file; what the specs say holds all the same."""
    file = tmp_path / "routes.yaml"
    file.write_text("- {sevrity: info, to: [ben@example.org]}\n", encoding="utf-8")
    watched(settings, emails=[ADA])
    drifts(settings)

    with pytest.raises(PermanentError, match="route 1: unknown field 'sevrity'; did you mean `severity`") as caught:
        look(settings.model_copy(update={"alert_routes": file}))
    assert str(file) in str(caught.value)
    assert [ADA] == server.told


def test_a_route_that_fails_holds_up_no_other_and_is_told_once_it_works(
    settings: Settings, server: Server, receiver: Receiver
) -> None:
    """Others have the news and what comes after them; who was away has one message, under the id of the first try."""
    receiver.status[CHAT] = 503
    watched(settings, routes=[{"to": [ADA, "slack:chat"]}])
    drifts(settings)
    failed = look(settings)
    drifts(settings, window=1, feature="distance", effect=0.9)
    look(settings)
    tries = services.stores(settings).last_mails.unreached()
    receiver.status.clear()
    look(settings)
    look(settings)
    keys = [key for path, _, _, key in receiver.asked if path == CHAT]

    assert "slack:chat: connection pegel_chat of Airflow answered 503" in failed
    assert "mail server" not in failed
    assert [
        f"{ADA}: delays v1: amount is drifting",
        f"{ADA}: critical: delays v1: distance is drifting too",
    ] == subjects(server)
    assert [("slack:chat", 2)] == [(one.address, one.tries) for one in tries]
    assert 1 == len(receiver.kept(CHAT))
    assert "And 1 more." in receiver.kept(CHAT)[0]["text"]
    assert keys[1] == keys[2]
    assert [] == services.stores(settings).last_mails.unreached()


def test_a_message_that_is_refused_is_not_sent_again(settings: Settings, receiver: Receiver) -> None:
    """400 says that the message is wrong: page and status name it, and nothing is tried again."""
    receiver.status[CHAT] = 400
    watched(settings, routes=[{"to": "slack:chat"}])
    drifts(settings)
    look(settings)
    look(settings)
    (alert,) = services.stores(settings).alerts.open_alerts()

    assert 1 == len(receiver.asked)
    assert "slack:chat: connection pegel_chat of Airflow answered 400" == alert.mail_failed


@pytest.mark.parametrize("connection", [None, '{"conn_type": "http", "host": "http://127.0.0.1:9"}'])
def test_no_secret_is_told_of_a_connection_that_does_not_answer(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, connection: str | None
) -> None:
    """One that is not there, and one at which nobody listens: the reason names it, and no address."""
    if connection is not None:
        monkeypatch.setenv("AIRFLOW_CONN_PEGEL_GONE", connection)
    watched(settings, routes=[{"to": "slack:gone"}])
    drifts(settings)
    said = look(settings)

    assert "slack:gone: no answer by connection pegel_gone of Airflow: " in said
    assert "127.0.0.1" not in said


def test_an_answer_without_an_end_holds_up_nobody(
    settings: Settings, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The status is enough, whatever follows it: the message is taken, and is not sent again."""
    whole, poured, has_ended = 1 << 28, [0], threading.Event()

    def pour(connection: socket.socket) -> None:
        try:
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % whole)
            while poured[0] < whole:
                poured[0] += connection.send(b"x" * 65_536)
        finally:
            has_ended.set()

    asked = list[bytes]()
    with speaking_servers() as begin:
        leads_to(monkeypatch, "pour", begin(pour, asked))
        watched(settings, routes=[{"to": [ADA, "webhook:pour"]}])
        drifts(settings)
        look(settings)
        look(settings)
        has_ended.wait()

    assert ([ADA], 1, True) == (server.told, len(asked), poured[0] < whole)
    assert [] == services.stores(settings).last_mails.unreached()


def test_who_answers_byte_by_byte_is_given_up(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A receiver that never ends its headers is left alone, said to be away, and not asked again in that pass."""
    is_over = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nx: ")
        while not is_over.wait(0.02):
            connection.sendall(b"y")

    said = Notice(id="one", title="drift", text="drift", severity=Severity.WARNING, link=settings.page_url, alerts=())
    sender = ServiceSender(within_s=0.5)
    with speaking_servers() as begin:
        leads_to(monkeypatch, "slow", begin(drip))
        told = [sender.deliver("webhook:slow", said).later for _ in range(2)]
        is_over.set()

    assert [{"webhook:slow": "no answer by connection pegel_slow of Airflow: TimeoutError"}] * 2 == told


def test_chats_that_hang_cost_a_pass_so_much_time_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """After that nobody else is asked: a later pass does."""
    is_over = threading.Event()
    said = Notice(id="a", title="t", text="", severity=Severity.INFO, link="http://pegel", alerts=())
    sender = ServiceSender(within_s=0.3, in_all_s=0.3)
    with speaking_servers() as begin:
        for name in ("one", "two"):
            leads_to(monkeypatch, name, begin(lambda _: is_over.wait(20)))
        told = [sender.deliver(f"webhook:{name}", said).later for name in ("one", "two")]
        is_over.set()

    assert [
        {"webhook:one": "no answer by connection pegel_one of Airflow: TimeoutError"},
        {"webhook:two": "others took too long to answer in this pass"},
    ] == told


def test_who_cannot_be_reached_is_told_of_to_others(settings: Settings, server: Server, receiver: Receiver) -> None:
    """After a quarter of an hour the model's other people have a mail, and one when it works again."""
    receiver.status[CHAT] = 500
    watched(settings, routes=[NOT_WATCHED, {"to": [ADA, "slack:chat"]}])
    drifts(settings)
    begin = datetime.now(UTC)
    for minutes in range(int(UNREACHABLE_FOR / timedelta(minutes=1)) + 3):
        look(settings, begin + timedelta(minutes=minutes))
    receiver.status.clear()
    look(settings, begin + timedelta(minutes=20))
    look(settings, begin + timedelta(minutes=21))

    assert [
        f"{ADA}: delays v1: amount is drifting",
        f"{ADA}: delays/1: with people who cannot be reached",
        f"{ADA}: delays/1: with people who can be reached again",
    ] == subjects(server)
    assert "slack:chat takes nothing since " in server.kept[1].get_content()
    kept = services.stores(settings).health.all(damaged={})
    assert [HealthKind.NOT_WATCHED] == [kind for kind, _ in kept]


def test_that_it_is_over_is_told_to_those_who_knew(settings: Settings, server: Server, receiver: Receiver) -> None:
    """At night the pager was told; by day, when others are on duty, its incident is resolved."""
    night = datetime(2027, 1, 12, 2, 30, tzinfo=UTC)
    hours = {"hours": "daily 22:00-06:00 UTC", "to": "pagerduty:oncall"}
    watched(settings, emails=[ADA], routes=[NOT_WATCHED, hours])
    drifts(settings)
    look(settings, night)
    ends(settings)
    look(settings, night + timedelta(hours=8))
    opened, over = receiver.kept(PAGER)

    assert ("trigger", "resolve") == (opened["event_action"], over["event_action"])
    assert opened["dedup_key"] == over["dedup_key"]
    assert [] == server.told


def test_an_alert_that_becomes_worse_is_news_to_whom_it_concerns_then(
    settings: Settings, server: Server, receiver: Receiver
) -> None:
    """A drift grows from usual to large without doubling: the pager is told, once."""
    watched(settings, emails=[ADA], routes=[{"severity": "critical", "to": "pagerduty:oncall"}])
    for window, effect in enumerate((0.5, 0.7, 0.85, 0.7, 0.9)):
        drifts(settings, window=window, effect=effect)
        look(settings)

    assert [f"{ADA}: delays v1: amount is drifting"] == subjects(server)
    assert ["critical"] == [page["payload"]["severity"] for page in receiver.kept(PAGER)]


def test_a_spec_says_how_bad_a_kind_is(settings: Settings, server: Server) -> None:
    """What is stated holds, whatever the size is."""
    watched(settings, emails=[ADA], severity={"drift": "info"}, routes=[{"severity": "critical", "to": BEN}])
    drifts(settings, effect=5.0)
    look(settings)

    assert [f"{ADA}: info: delays v1: amount is drifting"] == subjects(server)


def test_two_hundred_models_are_one_page(settings: Settings, receiver: Receiver) -> None:
    """What is due to a pager at once is one incident, and a repeated pass tells nothing more."""
    paused = settings.model_copy(update={"mail_pause": timedelta(minutes=5)})
    for at in range(200):
        watched(settings, f"m{at:03}", routes=[{"to": ["pagerduty:oncall", "slack:chat"]}])
        drifts(settings, f"m{at:03}")
    look(paused)
    look(paused, NOW + timedelta(minutes=1))
    (page,), (chat,) = receiver.kept(PAGER), receiver.kept(CHAT)

    assert page["payload"]["summary"].startswith("m000/1 and 199 more models: drift of amount (200 models")
    assert "and 195 more of the same" in chat["text"]


def test_what_goes_on_is_no_further_page_and_ends_come_in_parts(settings: Settings, receiver: Receiver) -> None:
    """60 models page once; an hour later that is the same incident, a model that joins another; 50 ends at a time."""
    paused = settings.model_copy(update={"mail_pause": timedelta(minutes=5), "mail_patience": timedelta(0)})
    models, later = [f"m{at:03}" for at in range(60)], NOW + timedelta(minutes=61)
    for name in models:
        watched(settings, name, routes=[NOT_WATCHED, {"to": ["pagerduty:oncall"]}])
        drifts(settings, name)
    look(paused)
    for name in models:
        drifts(settings, name, 1)
    look(paused, later)
    watched(settings, "joins", routes=[NOT_WATCHED, {"to": ["pagerduty:oncall"]}])
    drifts(settings, "joins", 1)
    for name in models:
        ends(settings, name, 2)
    asked = list[list[str]]()
    for minutes in (1, 6, 12, 18):
        before = len(receiver.kept(PAGER))
        look(paused, later + timedelta(minutes=minutes))
        asked.append([page["event_action"] for page in receiver.kept(PAGER)[before:]])
    first, again, joined, *_ = receiver.kept(PAGER)

    assert [[], ["trigger", *["resolve"] * 50], ["resolve"] * 10, []] == asked
    assert (True, False) == (first["dedup_key"] == again["dedup_key"], first["dedup_key"] == joined["dedup_key"])
    assert joined["payload"]["summary"].startswith("joins/1: ")
    assert [] == [alert.key for alert in services.stores(settings).alerts.open_alerts() if alert.model != "joins"]


def test_an_incident_ends_also_where_nobody_else_is_told_so(
    settings: Settings, server: Server, receiver: Receiver
) -> None:
    """A person resolves one alert, another's model is taken away; two end in somebody's hand: all incidents end."""
    for name in ("closed", "gone", "known", "quiet"):
        watched(settings, name, emails=[ADA], routes=[{"to": ["pagerduty:oncall"]}])
        drifts(settings, name)
    look(settings)
    stores, opened = services.stores(settings), {page["dedup_key"] for page in receiver.kept(PAGER)}
    (alert,) = stores.alerts.open_alerts("closed")
    stores.alerts.resolve(alert.id, NOW, by="ada", why="mended")
    stores.registry.remove("gone", 1)
    until, (known,) = NOW + timedelta(hours=1), stores.alerts.open_alerts("known")
    stores.alerts.acknowledge(known.id, until, "storm", by="ada", now=NOW)
    stores.silences.say(Silence(about=Matcher(model="quiet"), until=until, why="storm", by="ada", said_at=NOW))
    for name in ("known", "quiet"):
        ends(settings, name)
    receiver.status["/v2"] = 500
    assert "expected an answer of success" in look(settings)
    receiver.status.clear()
    for _ in range(2):
        look(settings)
    ended = [page["dedup_key"] for page in receiver.kept(PAGER) if page["event_action"] == "resolve"]

    assert (4, sorted(opened)) == (len(opened), sorted(ended))
    assert [] == server.told


def test_a_long_message_in_any_script_fits_into_a_card(settings: Settings, receiver: Receiver) -> None:
    """Letters beyond ASCII are six bytes each: Teams refuses for good what is larger than 28 KB."""
    paused = settings.model_copy(update={"mail_pause": timedelta(minutes=5)})
    for at in range(40):
        watched(settings, f"m{at:03}", routes=[NOT_WATCHED, {"to": ["teams:team"]}])
        drifts(settings, f"m{at:03}", feature=f"{'特' * 70}{at}")
    look(paused)
    (team,) = receiver.kept(TEAM)

    assert 20_000 < len(json.dumps(team)) < 28_000


def test_what_others_named_is_text_and_no_command(settings: Settings, receiver: Receiver) -> None:
    """A feature that is called like a mention or a link mentions nobody and links nowhere."""
    watched(settings, routes=[{"to": ["slack:chat", "teams:team"]}])
    drifts(settings, feature="<!channel> [x](http://example.org)")
    look(settings)
    (chat,), (team,) = receiver.kept(CHAT), receiver.kept(TEAM)
    kinds = {block["type"] for block in team["attachments"][0]["content"]["body"]}

    assert "&lt;!channel&gt;" in chat["text"]
    assert "<!channel>" not in chat["text"]
    assert {"RichTextBlock"} == kinds


def test_the_watching_itself_is_routed(settings: Settings, server: Server, receiver: Receiver) -> None:
    """No heartbeat is critical: the pager is told, and of no model's drift."""
    watched(settings, emails=[ADA], routes=[{"kind": ["not watched", "no traffic"], "to": "pagerduty:oncall"}])
    begin = datetime.now(UTC)
    look(settings, begin)
    look(settings, begin + timedelta(minutes=30))
    kinds = [kind for kind, _ in services.stores(settings).health.all(damaged={})]

    assert [HealthKind.NOT_WATCHED] == kinds
    assert ["critical"] == [page["payload"]["severity"] for page in receiver.kept(PAGER)]
    services.stores(settings).registry.remove("delays", 1)
    look(settings, begin + timedelta(minutes=31))
    opened, over = receiver.kept(PAGER)

    assert (opened["dedup_key"], "resolve") == (over["dedup_key"], over["event_action"])
    assert {} == services.stores(settings).health.all(damaged={})
    assert [] == server.told
