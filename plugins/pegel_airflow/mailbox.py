"""Mails on their way out, through Airflow's SMTP connection."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self, cast

from pegel.errors import LayoutMismatch, NotFound, Unavailable
from pegel.spec.settings import Settings
from pegel_airflow import doors

if TYPE_CHECKING:
    from smtplib import SMTP

    from pegel.alerts.alert import Mail
    from pegel.baseline.baseline import Baseline

CONNECTION = "smtp_default"


class Mailbox:
    """Sends mails over one SMTP session, opened with the first mail: a pass that has none needs no mail server."""

    def __init__(self, settings: Settings, connection: str = CONNECTION) -> None:
        self._settings = settings
        self._connection = connection
        self._opened = ExitStack()
        self._client: SMTP | None = None
        self._sender = settings.mail_from

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *reason: object) -> None:
        self._opened.close()

    def send(self, mail: Mail) -> None:
        """Send one mail to everyone its spec names. Raises Unavailable if the server is away or refuses it."""
        import smtplib

        from pegel.report.alert_mail import message, render

        now = datetime.now(UTC)
        written = render(mail, baseline=_baseline(self._settings, mail), page_url=self._settings.page_url, now=now)
        try:
            client = self._client or self._open()
            recipients = mail.spec.alerts.emails
            refused = client.send_message(message(written, sender=self._sender, recipients=recipients, now=now))
        except (OSError, smtplib.SMTPException) as error:
            # After an error the session is in no known state; the next mail gets a new one.
            self._opened.close()
            self._client = None
            raise Unavailable(
                f"expected the mail server of connection {self._connection} to accept the mail about "
                f"{mail.alert.key}; given: {error!r}. Nothing is marked as told; a later run tells it."
            ) from error
        for address, answer in refused.items():
            # The others have it. Sending to all again because of one address would repeat their mail for ever.
            print(f"{mail.alert.key}: {address} was refused: {answer}")  # noqa: T201 - a task's output is its log

    def _open(self) -> SMTP:
        from airflow.providers.smtp.hooks.smtp import SmtpHook

        hook = self._opened.enter_context(SmtpHook(smtp_conn_id=self._connection))
        self._sender = hook.from_email or self._settings.mail_from
        # The hook's own sending knows HTML only; our mails lead with plain text, so its session is used directly.
        self._client = cast("SMTP", hook._smtp_client)  # noqa: SLF001
        return self._client


def _baseline(settings: Settings, mail: Mail) -> Baseline | None:
    """Return the baseline that the alert's newest findings were judged by, or None if it is lost or unreadable."""
    newest = max(mail.alert.features, key=lambda one: one.finding.span.end)
    try:
        return doors.stores(settings).baselines.get(newest.finding.baseline_id)
    except (NotFound, LayoutMismatch):
        return None
