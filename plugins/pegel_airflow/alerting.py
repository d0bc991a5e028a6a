"""Alert: findings that wait become alerts, and those that a person must see now become mails.

Each monitor has its turn alone, and then each group: whatever goes wrong with one holds up no other. Mail accepted,
then alert and cursor saved: a crash between the two repeats a mail, it never loses one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog

from pegel.spec import names
from pegel.spec.settings import Settings
from pegel_airflow import services
from pegel_airflow.mail_sender import MailSender
from pegel_airflow.turns import Turns
from pegel_airflow.unwatched_dispatch import UnwatchedDispatch

if TYPE_CHECKING:
    from pegel.alerts.alert import Alert, Change, Mail
    from pegel.spec.monitor_spec import MonitorSpec
    from pegel.store.alert_store import Inbox
    from pegel_airflow.services import Stores

log = structlog.get_logger()


@dataclass(slots=True)
class MonitorDispatch:
    """The turns of all monitors in one pass."""

    stores: Stores
    sender: MailSender
    now: datetime
    turns: Turns

    def monitor(self, model: str, version: int, specs: dict[str, MonitorSpec], unreadable: dict[str, str]) -> None:
        """Give one monitor its turn; what nobody foresaw of it is also recorded, for page and status."""
        key = names.monitor_key(model, version)
        self._turn(model, version, key, lambda: self._take_in(model, version, specs, unreadable.get(key)))

    def _turn(self, model: str, version: int, name: str, turn: Callable[[], None]) -> None:
        error = self.turns.take(name, turn)
        if error is not None:
            reason = f"not dispatched: {error!r}. It is tried again each minute."
            # Where that happened, the database may not work either.
            self.turns.take(f"record of {name}", lambda: self._record(model, version, reason))

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
        )
        if changes:
            tried = [self._tried(change, model, version) for change in changes]
            self.stores.alerts.save(*(replace(change, cursor=inbox.cursor) for change in tried))
        else:
            self._pass_damaged(model, version, inbox)

    def _tried(self, change: Change, model: str, version: int) -> Change:
        """Carry a change out; where its mail fails, its findings are taken in and the mail is due again.

        So the mail about another kind of trouble, which may be on its way by now, is not sent again with it.
        """
        carried_out: list[Change] = []
        self._turn(model, version, change.key, lambda: carried_out.append(self._carried_out(change)))
        return carried_out[0] if carried_out else replace(change, alert=change.unmailed)

    def _carried_out(self, change: Change) -> Change:
        """Send the mail of a change, if any; return the change as it is to be saved."""
        if change.mail is None or change.unmailed is None:
            self.turns.lines.append(f"{change.key}: taken in, nothing new to tell")
            return change
        return replace(change, alert=self._send(change.mail, change.unmailed) or change.alert)

    def _send(self, mail: Mail, unmailed: Alert) -> Alert | None:
        """Send a mail; return the alert as it is to be saved where that is not simply told."""
        alert = mail.alert
        written, problems = self.sender.write(mail)
        for problem in problems:
            self._record(alert.model, alert.version, problem)
        if written is None:
            return replace(alert, mail_failed="it could not be written")
        delivery = self.sender.deliver(written, mail.recipients)
        for address, reason in delivery.refused.items():
            self._record(alert.model, alert.version, f"{address} was refused: {reason}. It is not tried again.")
        settled = (*delivery.accepted, *delivery.refused)
        if delivery.later:
            self.turns.later.append(f"{alert.key}: {delivery.why_later(alert.key)}")
            # What was found is taken in all the same: which mail is due is read off the alert.
            known = unmailed.told_severities or (alert.severities if settled else {})
            return replace(unmailed, told=(*unmailed.told, *settled), told_severities=known)
        if not delivery.accepted and not unmailed.told:
            return replace(alert, mail_failed="; ".join(f"{to}: {why}" for to, why in delivery.refused.items()))
        self.turns.lines.append(
            f"{alert.key}: {mail.kind.value}, mailed to {', '.join(delivery.accepted) or 'nobody else'}"
        )
        return None

    def _pass_damaged(self, model: str, version: int, inbox: Inbox) -> None:
        """Move on past findings of which none can be told."""
        from pegel.alerts.alert import Change

        if inbox.cursor is not None:
            key = names.monitor_key(model, version)
            self.stores.alerts.save(Change(key=key, alert=None, mail=None, cursor=inbox.cursor))

    def _record(self, model: str, version: int, reason: str) -> None:
        key = names.monitor_key(model, version)
        log.error("not told", monitor=key, reason=reason)
        if self.stores.failures.record(model, version, reason, self.now):
            self.turns.lines.append(f"{key}: {reason}")


def drain(settings: Settings) -> str:
    """Take in what waits, send what is due and return what happened, one line per monitor or group that changed.

    What can never be told is recorded, shown on page and status, and passed. After all monitors had their turn: raises
    Unavailable if something is to be tried again, PermanentError if something went wrong that nobody foresaw, so that
    the task fails visibly.
    """
    stores = services.stores(settings)
    entries = stores.registry.entries()
    specs = {entry.spec.key: entry.spec for entry in entries if entry.spec is not None}
    unreadable = {
        names.monitor_key(entry.model, entry.version): entry.problem for entry in entries if entry.spec is None
    }
    turns, now = Turns(), datetime.now(UTC)
    with MailSender(settings) as sender:
        monitors = MonitorDispatch(stores, sender, now, turns)
        for model, version in stores.alerts.monitors():
            monitors.monitor(model, version, specs, unreadable)
        UnwatchedDispatch(stores, sender, now, turns).groups(specs.values())
    return turns.outcome()
