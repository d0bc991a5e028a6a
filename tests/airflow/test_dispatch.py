"""Alerts on their way to people, through Airflow's SMTP connection and a real mail server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import scene
import sqlalchemy as sa
from aiosmtpd.controller import Controller

from pegel.errors import Unavailable
from pegel.judge.findings import Verdict
from pegel.spec.settings import Settings
from pegel.store import tables
from pegel.store.database import connect, writing
from pegel.store.dispatch_failures import DispatchFailures
from pegel.testing.samples import sample_finding, sample_spec, sample_window
from pegel_airflow import alerting, services
from pegel_airflow.mail_sender import MailSender
from pegel_local.machine.ports import free_ports


@dataclass
class Server:
    """An SMTP server that keeps what it accepts, and refuses while `refusing` says why: all mails, or an address's."""

    kept: list[EmailMessage] = field(default_factory=list)
    refusing: str | None = None
    refusing_addresses: dict[str, str] = field(default_factory=dict)
    refusing_sender: str | None = None

    @property
    def told(self) -> list[str]:
        """Return who was sent the mails that were kept, in order."""
        return [str(mail["To"]) for mail in self.kept]

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: ARG002, N802 - aiosmtpd's
        """Take or refuse the sender."""
        if self.refusing_sender:
            return self.refusing_sender
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: ARG002, N802 - aiosmtpd's
        """Take or refuse one address."""
        if address in self.refusing_addresses:
            return self.refusing_addresses[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: ARG002, N802 - aiosmtpd's
        """Take or refuse one mail."""
        if self.refusing:
            return self.refusing
        self.kept.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 OK"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A mail server on a free port, behind Airflow's connection `smtp_default`."""
    handler = Server()
    (port,) = free_ports(1)
    controller = Controller(handler, hostname="127.0.0.1", port=port, enable_SMTPUTF8=False)
    controller.start()
    extra = {"disable_ssl": True, "disable_tls": True, "from_email": "pegel@here", "timeout": 5, "retry_limit": 0}
    connection = {"conn_type": "smtp", "host": "127.0.0.1", "port": port, "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", json.dumps(connection))
    yield handler
    controller.stop()


def part(mail: EmailMessage, kind: str) -> str:
    """Return the text of a mail's part of a kind."""
    found = next(one for one in mail.walk() if one.get_content_type() == kind)
    return str(found.get_content())


def test_a_drift_becomes_one_mail(settings: Settings, server: Server, run_dag: Any) -> None:
    """Many findings of one model become one alert and one mail; the run that sends it is a success."""
    scene.play(settings)
    state = run_dag("alert_dispatch")

    assert (state, [(mail["To"], mail["From"]) for mail in server.kept]) == (
        "success",
        [("ada@example.org", "pegel@here")],
    )
    assert [alert.mailed_at is not None for alert in services.stores(settings).alerts.open_alerts()] == [True]


def test_the_mail_leads_with_plain_text(settings: Settings, server: Server) -> None:
    """A mail is plain text first, then HTML whose picture travels inside."""
    scene.play(settings)
    alerting.drain(settings)
    (mail,) = server.kept
    kinds = [one.get_content_type() for one in mail.walk() if not one.is_multipart()]

    assert (kinds, "departure_delay" in part(mail, "text/plain"), 'src="cid:' in part(mail, "text/html")) == (
        ["text/plain", "text/html", "image/png"],
        True,
        True,
    )


def test_saying_it_once_is_enough(settings: Settings, server: Server) -> None:
    """A second pass without anything new sends nothing."""
    scene.play(settings)
    told = [alerting.drain(settings), alerting.drain(settings)]

    assert (told[1], len(server.kept)) == ("nothing waits", 1)


def test_a_refused_mail_is_told_again(settings: Settings, server: Server) -> None:
    """While the server refuses, the pass fails and nothing is marked as told; the next pass tells it."""
    scene.play(settings)
    server.refusing = "451 come back later"
    with pytest.raises(Unavailable, match="come back later"):
        alerting.drain(settings)
    server.refusing = None
    alerting.drain(settings)

    assert len(server.kept) == 1


def test_no_mail_no_server(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pass without a mail to send needs no mail server at all."""
    monkeypatch.delenv("AIRFLOW_CONN_SMTP_DEFAULT", raising=False)

    assert alerting.drain(settings) == "nothing waits"


def watched(settings: Settings, name: str, *emails: str, feature: str = "departure_delay", **finding: Any) -> None:
    """Let a further model drift in one window: judged by a baseline that nobody keeps any more."""
    stores = services.stores(settings)
    stores.registry.put(sample_spec(name, alerts={"emails": list(emails) or [f"{name}@example.org"]}))
    window = sample_window(0, model=name, verdict=Verdict.DRIFT)
    stores.results.write([window], [sample_finding(0, feature, model=name, **finding)])


def damage(settings: Settings, statement: sa.Executable) -> None:
    """Change rows of the database as nobody should."""
    with writing(services.engine(settings.database)) as connection:
        connection.execute(statement)


def failures(settings: Settings, model: str) -> list[str]:
    """Return what was recorded as not told about a model, oldest first."""
    return [failure.reason for failure in services.stores(settings).failures.recent(model)][::-1]


def test_a_damaged_finding_holds_up_nobody(settings: Settings, server: Server) -> None:
    """A finding that is no JSON is recorded and passed; other models' mails go out, and so does the model's next."""
    watched(settings, "broken")
    watched(settings, "calm")
    damage(settings, sa.text("UPDATE findings SET finding = '{' WHERE model = 'broken'"))
    alerting.drain(settings)
    stores = services.stores(settings)
    waiting = stores.alerts.unread()
    stores.results.write([sample_window(1, model="broken", verdict=Verdict.DRIFT)], [sample_finding(1, model="broken")])
    alerting.drain(settings)

    assert (waiting, server.told) == (False, ["calm@example.org", "broken@example.org"])
    assert failures(settings, "broken")[0].split(": ")[1] == "a finding cannot be read"


def test_an_invalid_spec_holds_up_nobody(settings: Settings, server: Server) -> None:
    """A model whose stored spec is refused has its reason recorded once; mended, it is told what waited."""
    watched(settings, "broken")
    watched(settings, "calm")
    stored = sa.update(tables.monitors).where(tables.monitors.c.model == "broken")
    good = sample_spec("broken", alerts={"emails": ["broken@example.org"]}).to_json()
    damage(settings, stored.values(spec={}))
    alerting.drain(settings)
    alerting.drain(settings)
    told, reasons = list(server.told), failures(settings, "broken")
    damage(settings, stored.values(spec=good))
    alerting.drain(settings)

    assert (told, server.told) == (["calm@example.org"], ["calm@example.org", "broken@example.org"])
    assert [reason.split(", because")[0] for reason in reasons] == ["nobody is told of its findings"]


def test_a_mail_without_its_baseline_says_less(settings: Settings, server: Server) -> None:
    """When the baseline is gone, the mail goes out without comparison, and that is recorded."""
    watched(settings, "calm")
    alerting.drain(settings)

    assert server.told == ["calm@example.org"]
    assert failures(settings, "calm")[0].startswith("its mail says less, because a baseline cannot be read")


def test_a_mail_that_cannot_be_rendered_is_sent_in_plain_lines(settings: Settings, server: Server) -> None:
    """A finding whose numbers are none gives a short mail that says so; the next model's mail is whole."""
    watched(settings, "broken", effect="much")
    watched(settings, "calm")
    alerting.drain(settings)
    first, second = server.kept

    assert server.told == ["broken@example.org", "calm@example.org"]
    assert ("something is wrong with Pegel itself" in part(first, "text/plain"), second.is_multipart()) == (True, True)


def test_a_refused_address_holds_up_nobody(settings: Settings, server: Server) -> None:
    """One address that is refused for good is recorded and not tried again; everyone else has the mail, once."""
    server.refusing_addresses = {"gone@example.org": "550 no such person", "odd@example.org": "553 not so"}
    watched(settings, "broken", "gone@example.org")
    watched(settings, "mixed", "gone@example.org", "odd@example.org", "ada@example.org")
    for _ in range(3):
        alerting.drain(settings)
    alerts = {alert.model: alert.mail_failed for alert in services.stores(settings).alerts.open_alerts()}

    assert server.told == ["ada@example.org"]
    assert alerts == {"broken": "gone@example.org: 550 no such person", "mixed": ""}
    assert [reason.split(":")[0] for reason in failures(settings, "mixed")[-2:]] == [
        "gone@example.org was refused",
        "odd@example.org was refused",
    ]


def test_a_sender_that_is_refused_for_good_is_refused_for_all(settings: Settings, server: Server) -> None:
    """A server that does not let us send says so once: recorded for each address and not tried again each minute."""
    server.refusing_sender = "553 not your sender address"
    watched(settings, "broken", "ada@example.org", "eve@example.org")
    for _ in range(2):
        alerting.drain(settings)
    (alert,) = services.stores(settings).alerts.open_alerts()
    told = [reason.split(". It")[0] for reason in failures(settings, "broken")]

    assert alert.mail_failed == "; ".join(f"{name}@example.org: 553 not your sender address" for name in ("ada", "eve"))
    assert told[-2:] == [f"{name}@example.org was refused: 553 not your sender address" for name in ("ada", "eve")]


def test_a_sender_that_is_refused_for_now_is_tried_again(settings: Settings, server: Server) -> None:
    """A server that does not let us send now is asked again with the next pass."""
    server.refusing_sender = "451 slow down"
    watched(settings, "calm")
    with pytest.raises(Unavailable, match="451 slow down"):
        alerting.drain(settings)
    server.refusing_sender = None
    alerting.drain(settings)

    assert server.told == ["calm@example.org"]


@pytest.mark.parametrize(("database", "tried_again"), [("", True), ("without-tables.db", False)])
def test_a_failure_that_cannot_be_recorded_holds_up_nobody(
    settings: Settings, server: Server, tmp_path: Path, database: str, tried_again: bool
) -> None:
    """With failures that cannot even be written down, the other monitors still have their turn, and it is said."""
    watched(settings, "broken")
    scene.play(settings)
    damage(settings, sa.text("UPDATE inboxes SET newest = 'z', cursor = 'x' WHERE model = 'broken'"))
    # A folder is no database that answers; a new file has no tables.
    failures = DispatchFailures(connect(f"sqlite:///{tmp_path / database}"))
    stores = replace(services.stores(settings), failures=failures)
    specs = {spec.key: spec for spec in stores.registry.list()}
    with MailSender(settings) as sender:
        dispatch = alerting.Dispatch(settings, stores, sender, datetime.now(UTC))
        for model, version in stores.alerts.monitors():
            dispatch.monitor(model, version, specs, {})

    assert server.told == ["ada@example.org"]
    assert dispatch.failed[0].startswith("broken/1: ValueError")
    assert (len(dispatch.failed), [line.split(":")[0] for line in dispatch.later]) == (
        (1, ["broken/1"]) if tried_again else (2, [])
    )


def test_an_address_that_is_busy_is_tried_again_alone(settings: Settings, server: Server) -> None:
    """Who could not get the mail yet gets it with a later pass; who has it is not sent it again."""
    server.refusing_addresses = {"later@example.org": "451 come back later"}
    watched(settings, "mixed", "ada@example.org", "later@example.org")
    with pytest.raises(Unavailable, match=r"later@example\.org: 451 come back later"):
        alerting.drain(settings)
    server.refusing_addresses = {}
    alerting.drain(settings)
    alerting.drain(settings)

    assert server.told == ["ada@example.org", "later@example.org"]


def test_a_line_break_in_a_name_is_a_mail_like_any_other(settings: Settings, server: Server) -> None:
    """A feature called `Umsatz`, line break, `(EUR)` is mailed with a blank."""
    watched(settings, "calm", feature="Umsatz\n(EUR)")
    alerting.drain(settings)

    assert [str(mail["Subject"]).split(": ")[1].split(" (since")[0] for mail in server.kept] == [
        "Umsatz (EUR) is drifting"
    ]


def test_a_damaged_alert_is_closed_and_another_opened(settings: Settings, server: Server) -> None:
    """An open alert that cannot be read is closed and recorded; the next finding opens and mails another."""
    watched(settings, "calm")
    alerting.drain(settings)
    damage(settings, sa.text("UPDATE alerts SET alert = '[]'"))
    alerting.drain(settings)
    stores = services.stores(settings)
    stores.results.write([sample_window(1, model="calm", verdict=Verdict.DRIFT)], [sample_finding(1, model="calm")])
    alerting.drain(settings)

    assert server.told == ["calm@example.org", "calm@example.org"]
    assert [alert.id for alert in stores.alerts.open_alerts()] == [sample_finding(1, model="calm").id]
