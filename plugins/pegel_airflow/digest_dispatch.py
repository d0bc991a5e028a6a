"""Digests: what need not wake anybody, sent at the instants that specs or the deployment state.

A digest is known by its addressee and its instant: sent again after a crash, it is the same message. It waits for no
pause and makes none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

import structlog

from pegel.spec.alert_routes import Route, is_service
from pegel.spec.settings import Settings
from pegel_airflow.mail_sender import Delivery, MailSender
from pegel_airflow.service_sender import ServiceSender
from pegel_airflow.turns import Turns

if TYPE_CHECKING:
    from pegel.alerts.digest import Digest, Subscription
    from pegel.data.spans import Span
    from pegel.report.mail_message import Rendered
    from pegel.spec.monitor_spec import MonitorSpec
    from pegel_airflow.services import Stores

log = structlog.get_logger()


@dataclass(slots=True)
class DigestDispatch:
    """The digests of one pass; each has its turn alone."""

    stores: Stores
    sender: MailSender
    now: datetime
    turns: Turns
    settings: Settings
    routes: Sequence[Route]
    chats: ServiceSender = field(default_factory=ServiceSender)

    def send(self, specs: Iterable[MonitorSpec]) -> None:
        """Send the digests that are due of these models."""
        from pegel.alerts.digest import subscriptions

        for of, models in subscriptions(specs, self.routes, self.settings.digest).items():
            self.turns.take(f"digest of {of.address}", partial(self._one, of, models))

    def _one(self, of: Subscription, specs: Sequence[MonitorSpec]) -> None:
        from pegel.alerts.digest import digest_span, last_due, last_told
        from pegel.report.digest_words import digest_words

        last = last_told(self.stores.digests.last(of), self.now)
        span = digest_span(of.every, last, self.now)
        if span is None:
            if last is None:
                self.stores.digests.told(of, last_due(of.every, self.now))
            return
        written = digest_words(self._read(of, span, specs), page_url=self.settings.page_url, now=self.now)
        if written is not None:
            delivery = self._deliver(of, span, written)
            self._told(of, delivery)
            if delivery.later:
                return
        self.stores.digests.told(of, span.end)

    def _read(self, of: Subscription, span: Span, specs: Sequence[MonitorSpec]) -> Digest:
        """Return what the digest tells; what cannot be read is left out, and told on the page of its model."""
        from pegel.alerts.digest import digest
        from pegel.alerts.health_event import HealthEventKind

        unread = list[str]()
        events = self.stores.history.within(span, damaged=unread)
        alerts = self.stores.alerts.known({event.alert for event in events}, damaged=unread)
        past = self.stores.health.events(span=span, damaged=unread)
        righted = [event for event in past if event.event is HealthEventKind.OVER]
        wrong = self.stores.health.all(damaged={}).values()
        silences = self.stores.silences.in_force(self.now, damaged=[])
        for reason in unread:
            log.error("not in a digest", addressee=of.address, reason=reason)
        return digest(
            *(of, span, specs, self.routes),
            events=events,
            alerts=alerts,
            wrong=wrong,
            righted=righted,
            silences=silences,
        )

    def _deliver(self, of: Subscription, span: Span, written: Rendered) -> Delivery:
        from pegel.alerts.message_identity import MailIdentity, short_id
        from pegel.alerts.severity import Severity
        from pegel.report.notice import Notice
        from pegel.report.severity_words import LEAD

        identity = MailIdentity(f"digest {of.every}", span.end.isoformat())
        if not is_service(of.address):
            return self.sender.deliver([written], [of.address], mails=[identity])
        said = Notice(
            id=short_id([identity], of.address),
            title=written.subject.removeprefix(LEAD),
            text=written.text,
            severity=Severity.INFO,
            link=self.settings.page_url.rstrip("/"),
            alerts=(),
        )
        return self.chats.deliver(of.address, said)

    def _told(self, of: Subscription, delivery: Delivery) -> None:
        if delivery.accepted:
            self.stores.last_mails.answered(of.address)
            self.turns.lines.append(f"digest: mailed to {of.address}")
        for address, why in delivery.refused.items():
            self.turns.lines.append(f"digest: {address} was refused: {why}. It is not tried again.")
        for address, why in delivery.later.items():
            self.stores.last_mails.failed(address, self.now, why)
            self.turns.later.append(f"digest of {address}: {why}. A later run sends it.")
