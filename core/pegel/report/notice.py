"""What a chat or a pager is told: a few lines about one alert or many, in words, and each alert by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pegel.alerts.message_identity import MailIdentity, short_id, short_thread
from pegel.alerts.severity import Severity
from pegel.report.mail_lead import Lead
from pegel.report.many_mails import many_subject, many_words
from pegel.report.severity_words import LEAD


@dataclass(frozen=True, slots=True)
class Noticed:
    """One alert of a notice. `key`: what all messages about it to the same addressee share; `link`: where it stands."""

    key: str
    lead: Lead
    link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One message to a chat or a pager. `id`: the same when it is sent again; `severity`: of the worst that is open."""

    id: str
    title: str
    text: str
    severity: Severity
    link: str
    alerts: tuple[Noticed, ...]


def notice(told: Sequence[tuple[MailIdentity, Lead]], *, addressee: str, page_url: str, now: datetime) -> Notice:
    """Return the message that tells these, one at least, to one addressee."""
    leads = [lead for _, lead in told]
    said = many_words(leads, page_url=page_url, now=now).text if len(leads) > 1 else _alone(leads[0], page_url)
    begun = [lead.severity for lead in leads if not lead.is_over]
    base = page_url.rstrip("/")
    return Notice(
        id=short_id([identity for identity, _ in told], addressee),
        title=many_subject(leads, now).removeprefix(LEAD),
        text=said,
        severity=min(begun, key=lambda one: one.rank, default=Severity.INFO),
        link=f"{base}/{leads[0].place if len(leads) == 1 else 'alerts'}",
        alerts=tuple(
            Noticed(short_thread(identity, addressee), lead, f"{base}/{lead.place}") for identity, lead in told
        ),
    )


def _alone(lead: Lead, page_url: str) -> str:
    quiet = [f'Quiet it  {lead.quiet} --until 09:00 --why "..."'] if lead.quiet else []
    return "\n".join([lead.sentence, "", *quiet, f"Look      {page_url.rstrip('/')}/{lead.place}"])
