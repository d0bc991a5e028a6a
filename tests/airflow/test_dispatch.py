"""Alerts on their way to people, through Airflow's SMTP connection and a real mail server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
import scene
from aiosmtpd.controller import Controller

from pegel.errors import Unavailable
from pegel.spec.settings import Settings
from pegel_airflow import alerting, doors
from pegel_local.machine.ports import free_ports


@dataclass
class Server:
    """An SMTP server that keeps what it accepts, and refuses while `refusing` says why."""

    kept: list[EmailMessage] = field(default_factory=list)
    refusing: str | None = None

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
    controller = Controller(handler, hostname="127.0.0.1", port=port)
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
    assert [alert.mailed_at is not None for alert in doors.stores(settings).alerts.open_alerts()] == [True]


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
