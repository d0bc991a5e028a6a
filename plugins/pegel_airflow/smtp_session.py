"""A session with the mail server behind Airflow's SMTP connection, which costs a pass only so much time.

One message that goes wrong leaves a session in no known state: the next one has another. A server that cannot be
reached, or keeps silent, is given up for the rest of the pass; what is due then is sent by a later one.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Final, cast

import structlog

from pegel_airflow.deadline import within

if TYPE_CHECKING:
    import smtplib
    from email.message import EmailMessage

CONNECTION: Final = "smtp_default"
ANSWERS_WITHIN_S: Final = 30.0
"""Seconds for which a pass waits until a session stands, and until a message is accepted, whatever a server sends."""
IN_ALL_S: Final = 60.0
"""Seconds that a pass loses by messages which are not accepted, before it gives the server up."""

log = structlog.get_logger()


class SmtpSession:
    """Opened with the first message: a pass that has none needs no mail server."""

    def __init__(
        self,
        sender: str,
        connection: str = CONNECTION,
        *,
        within_s: float = ANSWERS_WITHIN_S,
        in_all_s: float = IN_ALL_S,
    ) -> None:
        """Open nothing yet. `sender`: who mails are from where the connection does not say."""
        self._connection = connection
        self._sender = sender
        self._within_s = within_s
        self._left_s = in_all_s
        self._opened = ExitStack()
        self._client: smtplib.SMTP | None = None
        self._away: str | None = None
        """Why there is no session to be had in this pass; each further try would wait as long again."""

    def send(self, write: Callable[[str], EmailMessage]) -> None:
        """Send what `write` makes of the sender's address.

        Raises ConnectionError where no session is to be had, TimeoutError where no answer comes in time, and what
        `smtplib` raises of what the server answered.
        """
        import smtplib

        if self._client is not None and self._client.sock is None:
            # The server ended it with its last answer.
            self.close()
        client = self._client or self._open()
        message, begun = write(self._sender), time.monotonic()
        try:
            within(self._within_s, lambda: client.send_message(message))
        except (smtplib.SMTPSenderRefused, smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError):
            raise
        except (OSError, smtplib.SMTPException):
            self._lose(time.monotonic() - begun)
            self.close()
            raise

    def close(self) -> None:
        """End the session, and whatever waits for it."""
        import smtplib

        client, self._client = self._client, None
        if client is not None and client.sock is not None:
            # A message that was given up waits for its answer in a thread of its own.
            with suppress(OSError):
                client.sock.shutdown(socket.SHUT_RDWR)
        opened, self._opened = self._opened, ExitStack()
        try:
            opened.close()
        except (OSError, smtplib.SMTPException):
            # Saying good-bye to a server that is gone already.
            log.info("the mail server was gone before the session ended")

    def _open(self) -> smtplib.SMTP:
        import smtplib

        from airflow.providers.smtp.hooks.smtp import SmtpHook
        from airflow.sdk.exceptions import AirflowException

        if self._away is not None:
            raise ConnectionError(self._away)
        hook = SmtpHook(smtp_conn_id=self._connection)
        try:
            within(self._within_s, hook.get_conn)
        except (AirflowException, OSError, smtplib.SMTPException) as error:
            self._away = f"no session with the mail server: {error!r}"
            raise ConnectionError(self._away) from error
        self._opened.push(hook.__exit__)
        self._sender = hook.from_email or self._sender
        # The hook's own sending knows HTML only; our mails lead with plain text, so its session is used directly.
        self._client = cast("smtplib.SMTP", hook._smtp_client)  # noqa: SLF001
        return self._client

    def _lose(self, seconds: float) -> None:
        self._left_s -= seconds
        if self._left_s <= 0:
            self._away = "the mail server took too long over other mails of this pass"
