"""Alert: findings that wait become alerts, and those that a person must see now become mails.

Each monitor has its turn alone, and then what is wrong with the watching itself: whatever goes wrong with one holds up
no other. What was found is taken in first; which mail is due is read off the alerts. What is due to one address is one
message. Mail accepted, then alert saved: a crash between the two repeats a mail, under the same Message-ID; it never
loses one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import structlog

from pegel.spec import names
from pegel.spec.settings import Settings
from pegel_airflow import services
from pegel_airflow.digest_dispatch import DigestDispatch
from pegel_airflow.health_dispatch import HealthDispatch
from pegel_airflow.mail_sender import Delivery, MailSender
from pegel_airflow.outbox import DueMail, Outbox
from pegel_airflow.turns import Turns

if TYPE_CHECKING:
    from pegel.alerts.alert import Alert, Change, Mail
    from pegel.report.read_slow_signs import DiskUsage
    from pegel.spec.alert_routes import Route
    from pegel.spec.monitor_spec import MonitorSpec
    from pegel.store.alert_store import Inbox
    from pegel_airflow.services import Stores

log = structlog.get_logger()
Words = TypeVar("Words")


@dataclass(slots=True)
class MonitorDispatch:
    """The turns of all monitors in one pass."""

    stores: Stores
    sender: MailSender
    now: datetime
    turns: Turns
    outbox: Outbox
    routes: Sequence[Route] = ()
    """Those of the deployment."""
    clock: Callable[[], datetime] | None = None
    """What tells when a mail went out; None: it is always `now`."""

    def monitor(self, model: str, version: int, specs: dict[str, MonitorSpec], unreadable: dict[str, str]) -> None:
        """Give one monitor its turn; what nobody foresaw of it is also recorded, for page and status."""
        key = names.monitor_key(model, version)
        self._turn(model, version, key, lambda: self._take_in(model, version, specs, unreadable.get(key)))

    def _turn(self, model: str, version: int, name: str, turn: Callable[[], None]) -> None:
        error = self.turns.take(name, turn)
        if error is not None:
            # Where that happened, the database may not work either.
            self.turns.take(f"record of {name}", lambda: self._failed(model, version, error))

    def _failed(self, model: str, version: int, error: Exception) -> None:
        self._record(model, version, f"not dispatched: {error!r}. It is tried again each minute.")

    def _take_in(self, model: str, version: int, specs: dict[str, MonitorSpec], problem: str | None) -> None:
        if problem is not None:
            # Its findings wait: with its spec mended they are told as if nothing had been.
            self._record(model, version, f"nobody is told of its findings, because its spec cannot be read: {problem}")
            return
        from pegel.alerts.update import update

        inbox = self.stores.alerts.inbox(model, version, self.now)
        for reason in inbox.damaged:
            self._record(model, version, reason)
        for alert_id in inbox.damaged_alerts:
            self.stores.alerts.close_damaged(alert_id, self.now)
        changes = update(
            *(inbox.alerts, inbox.findings, inbox.windows, self.now, specs.values()),
            silences=inbox.silences,
            long_spans=inbox.long_spans,
            looked_at=inbox.looked_at,
            looks=inbox.looks,
            routes=self.routes,
        )
        if not changes:
            self._pass_damaged(model, version, inbox)
            return
        self.stores.alerts.save(*(replace(_without_mail(change), cursor=inbox.cursor) for change in changes))
        for change in changes:
            if change.mail is None or change.alert is None or change.unmailed is None:
                self.turns.lines.append(f"{change.key}: taken in, nothing new to tell")
            else:
                self.outbox.put(self._due(change.mail, change.alert, change.unmailed))

    def end_incidents(self) -> None:
        """Put in that alerts are over which a person closed, or whose model is not watched any more: for pagers."""
        from pegel.alerts.message_identity import MailIdentity
        from pegel.report.mail_lead import closed_lead

        for alert in self.stores.alerts.to_end(self.now):
            self.outbox.put(
                DueMail(
                    name=alert.key,
                    identity=MailIdentity.of_alert(alert),
                    recipients=alert.to_end,
                    is_urgent=False,
                    is_over=True,
                    write=lambda: None,
                    lead=partial(closed_lead, alert),
                    settle=partial(self._ended, alert),
                    failed=lambda error: log.error("end not told", reason=repr(error)),
                )
            )

    def _ended(self, alert: Alert, delivery: Delivery) -> None:
        if delivery.later:
            self.turns.later.append(f"{alert.key}: {delivery.why_later(alert.key)}")
        if delivery.settled:
            self.stores.alerts.told_end(alert.id, delivery.settled)
            self.turns.lines.append(f"{alert.key}: over, told to {', '.join(delivery.settled)}")

    def _due(self, mail: Mail, mailed: Alert, unmailed: Alert) -> DueMail:
        from pegel.alerts.alert import MailKind
        from pegel.alerts.message_identity import MailIdentity

        noted = set[str]()
        return DueMail(
            name=mail.alert.key,
            identity=MailIdentity.of_alert(unmailed, mail.ordinal, is_over=mail.kind is MailKind.OVER),
            recipients=mail.recipients,
            is_urgent=mail.kind.is_news,
            is_over=mail.kind is MailKind.OVER,
            write=lambda: self._noted(noted, mail.alert, *self.sender.write(mail)),
            lead=lambda: self._noted(noted, mail.alert, *self.sender.lead(mail)),
            settle=lambda delivery: self._settle(mail, mailed, unmailed, delivery),
            failed=lambda error: self._failed(mail.alert.model, mail.alert.version, error),
        )

    def _noted(self, noted: set[str], alert: Alert, written: Words | None, problems: Sequence[str]) -> Words | None:
        """Record what stood in the way of words, once for a mail that is told whole and in short."""
        for problem in problems:
            if problem not in noted:
                self._record(alert.model, alert.version, problem)
            noted.add(problem)
        return written

    def _settle(self, mail: Mail, alert: Alert, unmailed: Alert, delivery: Delivery) -> None:
        """Save the alert as it is once some of its addresses had their turn; `alert`: once all of them have the mail.

        The mail may tell a part of it, where the rest is silenced.
        """
        from pegel.alerts.alert import MailKind
        from pegel.alerts.due_mail import who_has

        settled, have_it = delivery.settled, who_has(unmailed, mail.kind)
        for address, reason in delivery.refused.items():
            self._record(alert.model, alert.version, f"{address} was refused: {reason}. It is not tried again.")
        if delivery.later:
            self.turns.later.append(f"{alert.key}: {delivery.why_later(alert.key)}")
        if delivery.accepted:
            self.turns.lines.append(f"{alert.key}: {mail.kind.value}, mailed to {', '.join(delivery.accepted)}")
        if delivery.waiting:
            self.turns.lines.append(f"{alert.key}: {mail.kind.value}, {delivery.why_waiting()}")
        if self._saved_without_some(mail, alert, unmailed, delivery):
            return
        if delivery.later or delivery.waiting:
            if settled:
                known = (unmailed.told_magnitudes if have_it else None) or mail.alert.magnitudes
                is_over = mail.kind is MailKind.OVER
                told = replace(unmailed, told=(*have_it, *settled), told_over=is_over, told_magnitudes=known)
                self._save(told, mail, delivery)
            return
        if not settled:
            alert = replace(alert, mail_failed="it could not be written")
        elif not delivery.accepted and not have_it:
            alert = replace(alert, mail_failed="; ".join(f"{to}: {why}" for to, why in delivery.refused.items()))
        self._save(alert, mail, delivery)

    def _saved_without_some(self, mail: Mail, alert: Alert, unmailed: Alert, delivery: Delivery) -> bool:
        """Save that some could not be reached; they hold up no further news to the others. Say whether that is so."""
        reached = bool(delivery.later and not delivery.waiting and (delivery.accepted or unmailed.told))
        if reached or (mail.ordinal and delivery.settled):
            self._save(_missed(alert, unmailed, mail, (*delivery.later, *delivery.waiting)), mail, delivery)
        return reached or mail.ordinal != ""

    def _save(self, alert: Alert, mail: Mail, delivery: Delivery) -> None:
        from pegel.alerts.alert import Change
        from pegel.alerts.alert_life import mail_events

        # Mails have the time when they go out: that of the pass is from before they were written.
        at = self.clock() if self.clock is not None and delivery.accepted else self.now
        if alert.mailed_at == self.now:
            alert = replace(alert, mailed_at=at)
        events = mail_events(mail, alert, at, delivery.accepted)
        change = Change(key=alert.key, alert=alert, mail=None, cursor=None, at=self.now, events=events)
        self.stores.alerts.save(change)

    def _pass_damaged(self, model: str, version: int, inbox: Inbox) -> None:
        """Move on past findings of which none can be told."""
        from pegel.alerts.alert import Change

        if inbox.cursor is not None:
            key = names.monitor_key(model, version)
            self.stores.alerts.save(Change(key=key, alert=None, mail=None, cursor=inbox.cursor, at=self.now))

    def _record(self, model: str, version: int, reason: str) -> None:
        key = names.monitor_key(model, version)
        log.error("not told", monitor=key, reason=reason)
        if self.stores.failures.record(model, version, reason, self.now):
            self.turns.lines.append(f"{key}: {reason}")


def drain(settings: Settings) -> str:
    """Take in what waits, send what is due and return what happened, one line per monitor or other thing that changed.

    Two at once would tell everybody twice: the second has nothing to do. Where something is due, it waits `mail_gather`
    for what else comes: what changes at once is one mail. What can never be told is recorded, shown on page and status,
    and passed. After all monitors had their turn: raises Unavailable if something is to be tried again, PermanentError
    if something went wrong that nobody foresaw, so that the task fails visibly.
    """
    from pegel.store.alone import alone

    with alone(services.engine(settings.database), "alert_dispatch") as is_alone:
        if not is_alone:
            return "another run of alert_dispatch is at work: it tells what is due"
        return _drain(settings)


def _drain(settings: Settings) -> str:
    with MailSender(settings) as sender:
        first = Pass(settings, sender)
        first.take_in()
        if not settings.mail_gather or not first.outbox.has_mail_to_send():
            return first.end()
        time.sleep(settings.mail_gather.total_seconds())
        # What is due is read off the alerts once more, with what came meanwhile.
        again = Pass(settings, sender)
        again.take_in()
        return again.end()


class Pass:
    """One look at all monitors, and at the watching itself."""

    def __init__(self, settings: Settings, sender: MailSender, now: datetime | None = None) -> None:
        """Look at nothing yet. `now`: the present instant; None asks the clock."""
        self._settings = settings
        self._stores = services.stores(settings)
        self._sender = sender
        self._now = now or datetime.now(UTC)
        self._clock = None if now is not None else partial(datetime.now, UTC)
        self._turns = Turns()
        self._routes: tuple[Route, ...] = ()
        self._specs: list[MonitorSpec] = []
        self.outbox = Outbox(self._stores, sender, self._now, self._turns, settings)

    def take_in(self) -> None:
        """Take in what was found, and put into the outbox what is due."""
        # Without them, what is in the specs holds.
        self._turns.take("routes of the deployment", self._read_routes)
        entries = self._stores.registry.entries()
        specs = {entry.spec.key: entry.spec for entry in entries if entry.spec is not None}
        self._specs = list(specs.values())
        unreadable = {
            names.monitor_key(entry.model, entry.version): entry.problem for entry in entries if entry.spec is None
        }
        monitors = MonitorDispatch(
            *(self._stores, self._sender, self._now, self._turns, self.outbox, self._routes), self._clock
        )
        for model, version in self._stores.alerts.monitors():
            monitors.monitor(model, version, specs, unreadable)
        self._turns.take("ends of incidents", monitors.end_incidents)
        disks = self._disks()
        health = HealthDispatch(
            *(self._stores, self._sender, self._now, self._turns, self.outbox, self._routes, disks), self._clock
        )
        health.look(specs.values())

    def _disks(self) -> Mapping[Path, DiskUsage]:
        """Return how full the disks of this machine are that the home and the archive lie on."""
        from pegel.report.read_slow_signs import usages
        from pegel.spec.model_roots import local_folder

        archive = local_folder(self._settings.archive_root)
        return usages([self._settings.home, *([] if archive is None else [archive])])

    def _read_routes(self) -> None:
        from pegel.spec.deployment_routes import deployment_routes

        self._routes = deployment_routes(self._settings.alert_routes)

    def end(self) -> str:
        """Send what is in the outbox; return and raise as `drain`."""
        self.outbox.send()
        digests = DigestDispatch(self._stores, self._sender, self._now, self._turns, self._settings, self._routes)
        self._turns.take("digests", lambda: digests.send(self._specs))
        # Whatever is to be tried again: the pass came to its end.
        self._stores.passes.note("alert_dispatch", datetime.now(UTC))
        return self._turns.outcome()


def _missed(alert: Alert, before: Alert, mail: Mail, left: Collection[str]) -> Alert:
    """Return an alert that was mailed, but for the addressees that are `left`: they are told by a later pass."""
    from pegel.alerts.message_identity import MailIdentity

    ordinal = MailIdentity.of_alert(before, mail.ordinal).ordinal
    known_to = tuple(address for address in alert.known_to if address not in left)
    return replace(alert, missed=dict(alert.missed) | dict.fromkeys(left, ordinal), known_to=known_to)


def _without_mail(change: Change) -> Change:
    """Return what is to be saved before anybody is told."""
    return change if change.unmailed is None else replace(change, alert=change.unmailed, mail=None)
