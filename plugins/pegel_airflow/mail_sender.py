"""Mails on their way out, through Airflow's SMTP connection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

import structlog

from pegel.spec.alert_routes import is_service
from pegel.spec.settings import Settings
from pegel_airflow import services
from pegel_airflow.mail_sources import MailSources, how_it_moved, logs_of_endpoint, what_was_made
from pegel_airflow.smtp_session import CONNECTION, SmtpSession

if TYPE_CHECKING:
    from email.message import EmailMessage

    from pegel.alerts.alert import Mail
    from pegel.alerts.health import HealthMail
    from pegel.alerts.message_identity import MailIdentity
    from pegel.report.mail_lead import Lead
    from pegel.report.mail_message import Rendered

FOR_GOOD = 500
"""SMTP replies from here on say that trying again unchanged gives the same answer."""

log = structlog.get_logger()


@dataclass(slots=True)
class Delivery:
    """What became of one mail, by address. What is in `later` may be tried again unchanged; what is `refused` not.

    `waiting`: who was sent a mail lately, and until when each is left alone.
    """

    accepted: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    later: dict[str, str] = field(default_factory=dict)
    waiting: dict[str, datetime] = field(default_factory=dict)

    @property
    def settled(self) -> tuple[str, ...]:
        """Return the addresses that have the mail, or never will."""
        return (*self.accepted, *self.refused)

    def why_waiting(self) -> str:
        """Return who is left alone until when, in words."""
        until = (f"{address} until {at:%H:%M:%S} UTC" for address, at in self.waiting.items())
        return f"told later: a mail was sent lately, or it waits for others, to {', '.join(until)}"

    def why_later(self, key: str) -> str:
        """Return why the mail about monitor `key` is to be tried again, in words."""
        mails = [f"{address}: {reason}" for address, reason in self.later.items() if not is_service(address)]
        others = [f"{address}: {reason}" for address, reason in self.later.items() if is_service(address)]
        server = f"the mail server of connection {CONNECTION} to accept the mail about {key}"
        told = f"an answer of success to the message about {key}"
        said = [
            f"expected {expected}; given: {'; '.join(given)}. "
            for expected, given in ((server, mails), (told, others))
            if given
        ]
        return f"{''.join(said)}A later run tells those who do not have it."


class MailSender:
    """Sends mails over one SMTP session, opened with the first mail: a pass that has none needs no mail server."""

    def __init__(self, settings: Settings, session: SmtpSession | None = None) -> None:
        """Use a session that stands for nothing yet; None: one with Airflow's own mail server."""
        self._settings = settings
        self._session = session or SmtpSession(settings.mail_from)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *reason: object) -> None:
        self._session.close()

    def write(self, mail: Mail) -> tuple[Rendered | None, list[str]]:
        """Return the mail's words, and what stood in their way: without a usable baseline less is said.

        Where the words cannot be found at all it is a few plain lines; None if not even these can be written.
        """
        from pegel.report.alert_mail import plain, render

        known = MailSources.of(self._settings, mail)
        now, problems, page_url = known.now, [*known.problems], self._settings.page_url
        logs = logs_of_endpoint(self._settings, mail.spec.endpoint)
        try:
            written = render(
                mail,
                baseline=known.baseline,
                tally=known.tally,
                page_url=page_url,
                now=now,
                endpoint_logs=logs,
                long_spans=known.long_spans,
                moved=how_it_moved(self._settings, mail),
                made=what_was_made(self._settings, mail),
            )
        except Exception as error:
            # Rendering reads what was stored long ago and by others; whatever it meets, a person is told.
            log.exception("a mail could not be rendered", monitor=mail.alert.key)
            problems.append(f"its mail was sent in plain lines, because it could not be rendered: {error!r}")
        else:
            return written, problems
        try:
            return (
                plain(mail, problem=problems[-1], page_url=page_url, now=now, endpoint_logs=logs),
                problems,
            )
        except Exception as error:
            log.exception("a plain mail could not be written", monitor=mail.alert.key)
            problems.append(f"nobody was mailed, because not even plain lines could be written: {error!r}")
        return None, problems

    def lead(self, mail: Mail) -> tuple[Lead | None, list[str]]:
        """Return the first words of the mail, for one message about many, and what stood in their way, as `write`."""
        from pegel.report.mail_facts import Facts
        from pegel.report.mail_lead import alert_lead, plain_lead

        known = MailSources.of(self._settings, mail)
        problems = [*known.problems]
        try:
            facts = Facts.of(mail, known.baseline, known.tally, known.now, known.long_spans)
            return alert_lead(mail, facts), problems
        except Exception as error:
            log.exception("the first words of a mail could not be found", monitor=mail.alert.key)
            problems.append(f"it was told in a few words, because the rest could not be read: {error!r}")
        try:
            return plain_lead(mail), problems
        except Exception as error:
            log.exception("a plain line could not be written", monitor=mail.alert.key)
            problems.append(f"nobody was mailed, because not even a plain line could be written: {error!r}")
        return None, problems

    def write_health(self, mail: HealthMail) -> Rendered:
        """Return the words of a mail about the watching itself."""
        from pegel.reconcile.actions import Target
        from pegel.report.health_mail import health_words

        driver = Target.driver(mail.alert.group)
        moves = services.stores(self._settings).actions.recent(driver, limit=1, damaged=[]) if mail.alert.group else []
        last = moves[-1] if moves else None
        return health_words(mail, last, page_url=self._settings.page_url, now=datetime.now(UTC))

    def deliver(
        self,
        parts: Sequence[Rendered],
        recipients: Sequence[str],
        *,
        subject: str = "",
        mails: Sequence[MailIdentity] = (),
    ) -> Delivery:
        """Send a message to each of its recipients by itself, so that one odd address is in nobody's way.

        `parts`, `subject`: as `pegel.report.mail_message.message` takes them. `mails`: which mails it tells; sent
        again, it is known as the same message.
        """
        import smtplib

        from pegel.report.mail_message import message

        now, delivery = datetime.now(UTC), Delivery()
        for address in recipients:

            def written(sender: str, address: str = address) -> EmailMessage:
                return message(parts, sender=sender, recipient=address, now=now, subject=subject, mails=mails)

            try:
                self._session.send(written)
            except smtplib.SMTPSenderRefused as error:
                # We are refused, not the address: a setting that somebody mends, whatever the server calls it.
                delivery.later[address] = _answered(error.smtp_code, error.smtp_error)
            except smtplib.SMTPRecipientsRefused as error:
                code, answer = error.recipients[address]
                _sort(delivery, address, code, answer)
            except smtplib.SMTPDataError as error:
                _sort(delivery, address, error.smtp_code, error.smtp_error)
            except (smtplib.SMTPNotSupportedError, ValueError) as error:
                delivery.refused[address] = repr(error)
            except (OSError, smtplib.SMTPException) as error:
                delivery.later[address] = str(error) if isinstance(error, ConnectionError) else repr(error)
            else:
                delivery.accepted.append(address)
        return delivery


def _sort(delivery: Delivery, address: str, code: int, answer: bytes | str) -> None:
    """Note what a server answered about one address."""
    (delivery.refused if code >= FOR_GOOD else delivery.later)[address] = _answered(code, answer)


def _answered(code: int, answer: bytes | str) -> str:
    return f"{code} {answer.decode('utf-8', 'replace') if isinstance(answer, bytes) else answer}"
