"""A mail server that tests send to, and that refuses what it is told to refuse."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller

from pegel_local.machine.ports import free_ports


@dataclass
class Server:
    """An SMTP server that keeps what it accepts, and refuses while `refusing` says why: all mails, or an address's."""

    kept: list[EmailMessage] = field(default_factory=list)
    refusing: str | None = None
    refusing_addresses: dict[str, str] = field(default_factory=dict)
    refusing_sender: str | None = None
    asked: list[str] = field(default_factory=list)
    """To whom a mail was begun, in order."""
    hanging: dict[str, threading.Event] = field(default_factory=dict)
    """Addresses whose mails get no answer until that happens."""

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
        """Take or refuse one mail, in its own time."""
        self.asked += envelope.rcpt_tos
        for address in envelope.rcpt_tos:
            if address in self.hanging:
                await asyncio.to_thread(self.hanging[address].wait)
        if self.refusing:
            return self.refusing
        self.kept.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 OK"


@contextmanager
def running_server() -> Iterator[tuple[Server, str]]:
    """Run a mail server on a free port; give it with the connection of Airflow that leads there, as JSON."""
    handler = Server()
    (port,) = free_ports(1)
    controller = Controller(handler, hostname="127.0.0.1", port=port, enable_SMTPUTF8=False)
    controller.start()
    extra = {"disable_ssl": True, "disable_tls": True, "from_email": "pegel@here", "timeout": 5, "retry_limit": 0}
    connection = {"conn_type": "smtp", "host": "127.0.0.1", "port": port, "extra": extra}
    yield handler, json.dumps(connection)
    controller.stop()
