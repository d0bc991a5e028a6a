"""The mail box keeps what it accepts."""

from __future__ import annotations

import os
import smtplib
import stat
import sys
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from pegel_local.machine import ports
from pegel_local.processes import process_control
from pegel_local.processes.service import Service

pytest.importorskip("aiosmtpd", reason="the mail box runs in the serving environment")

from pegel_local.system.mailsink import MOST_MAILS


@pytest.fixture
def box(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """Run a mail box; name its folder and its port."""
    (port,) = ports.free_ports(1)
    folder = tmp_path / "mail"
    service = Service(
        name="mail",
        command=(sys.executable, "-m", "pegel_local.system.mailsink", str(folder), str(port)),
        log=tmp_path / "log",
        environment=dict(os.environ),
        healthy=lambda: ports.answers(port),
    )
    process = service.launch()
    service.wait(process)
    yield folder, port
    process_control.end(process)


def test_an_accepted_mail_is_a_file(box: tuple[Path, int]) -> None:
    """Once the server has said OK, the mail is there as it was sent."""
    folder, port = box
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = "drift", "pegel@localhost", "on-call@localhost"
    mail.set_content("departure_delay shifted")
    with smtplib.SMTP(ports.LOOPBACK, port) as client:
        client.send_message(mail)
    (kept,) = folder.glob("*.eml")

    assert "departure_delay shifted" in kept.read_text()
    assert (0o600, 0o700) == (stat.S_IMODE(kept.stat().st_mode), stat.S_IMODE(folder.stat().st_mode))


def test_a_full_box_says_so(box: tuple[Path, int]) -> None:
    """Whoever sends more than a thousand mails is told to come back later; what is there stays."""
    folder, port = box
    for number in range(MOST_MAILS):
        (folder / f"{number}.eml").touch()
    with smtplib.SMTP(ports.LOOPBACK, port) as client, pytest.raises(smtplib.SMTPDataError) as refused:
        client.sendmail("a@localhost", ["b@localhost"], "Subject: one more\r\n\r\n")

    assert (452, MOST_MAILS) == (refused.value.smtp_code, len(list(folder.glob("*.eml"))))
