"""The first words of a mail, by themselves: how it is told among many that are due at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pegel.alerts.alert import Alert, Mail, MailKind
from pegel.alerts.health import HealthMail
from pegel.alerts.severity import Severity
from pegel.report.alert_place import alert_place, model_place
from pegel.report.alert_subject import plain_state
from pegel.report.happened_words import about, worst_feature
from pegel.report.health_mail import STATES
from pegel.report.mail_facts import Facts
from pegel.report.mail_headline import headline
from pegel.report.words import several
from pegel.spec import names
from pegel.spec.outside_text import LONGEST_SENTENCE, NAME_LIMIT, shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """What one of many mails says. `about`: alike for alerts about the same; `models`: keys of those it concerns."""

    about: str
    models: tuple[str, ...]
    is_over: bool
    is_news: bool
    """Whether nobody was told of it yet, or of as much of it."""
    since: datetime
    p_value: float
    """Of its clearest finding: the smallest is told first."""
    sentence: str
    quiet: str
    """The command that acknowledges or silences it; empty where there is none."""
    severity: Severity = Severity.WARNING
    """How bad it is, or was."""
    place: str = "alerts"
    """Where it stands, below the address of the pages."""

    @property
    def named(self) -> str:
        """Return which models it concerns: a few by name, the rest counted."""
        return several(self.models, most=3)


def alert_lead(mail: Mail, facts: Facts) -> Lead:
    """Return the first sentence of a mail about an alert, and of how many further features it tells."""
    first, *further = headline(facts)
    more = f" And {len(further)} more." if further and mail.kind is not MailKind.OVER else ""
    return _of_alert(mail.alert, mail.kind, f"{first}{more}")


def plain_lead(mail: Mail) -> Lead:
    """Return what can be said of an alert without looking at its windows or its baseline."""
    worst = shown(worst_feature(mail.alert).feature, NAME_LIMIT)
    return _of_alert(mail.alert, mail.kind, f"{worst}: {plain_state(mail)}.")


def closed_lead(alert: Alert) -> Lead:
    """Return what is said of an alert that was closed without a mail."""
    return _of_alert(alert, MailKind.OVER, f"{shown(worst_feature(alert).feature, NAME_LIMIT)}: over.")


def health_lead(mail: HealthMail) -> Lead:
    """Return what a mail about the watching itself says."""
    alert, is_over = mail.alert, mail.kind is MailKind.OVER
    state, over = STATES[alert.kind]
    said = f"{over}." if is_over else f"{state}: {shown(alert.reason, LONGEST_SENTENCE)}."
    return Lead(
        about=state,
        models=mail.models,
        is_over=is_over,
        is_news=mail.kind.is_news,
        since=alert.since,
        p_value=0.0,
        severity=mail.severity,
        sentence=said,
        quiet="",
        place="health",
    )


def _of_alert(alert: Alert, kind: MailKind, sentence: str) -> Lead:
    worst, is_over = worst_feature(alert), kind is MailKind.OVER
    return Lead(
        about=about(alert.kind, shown(names.feature_of(worst.feature), NAME_LIMIT)),
        models=(alert.key,),
        is_over=is_over,
        is_news=kind.is_news,
        since=alert.since,
        p_value=worst.finding.p_value,
        severity=alert.severity,
        sentence=sentence,
        quiet="" if is_over else f"pegel ack {alert.id[:8]}",
        place=model_place(alert) if is_over else alert_place(alert),
    )


def worst_first(leads: Sequence[Lead]) -> list[Lead]:
    """Return leads in the order in which they are told."""
    return sorted(leads, key=lambda lead: (lead.severity.rank, lead.p_value, lead.since, lead.models))
