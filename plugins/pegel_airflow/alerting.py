"""Alert: findings that wait become alerts, and those that a person must see now become mails.

Each monitor has its turn alone: whatever goes wrong with one holds up no other. Mail accepted, then alert and cursor
saved: a crash between the two repeats a mail, it never loses one.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog

from pegel.errors import PermanentError, TemporaryError, Unavailable
from pegel.spec import names
from pegel.spec.settings import Settings
from pegel_airflow import services
from pegel_airflow.mail_sender import MailSender

if TYPE_CHECKING:
    from pegel.alerts.alert import Alert, Change, Mail
    from pegel.spec.monitor_spec import MonitorSpec
    from pegel.store.alert_store import Inbox
    from pegel_airflow.services import Stores

log = structlog.get_logger()


@dataclass(slots=True)
class Dispatch:
    """One pass over all monitors: what was told, and what could not be told yet."""

    settings: Settings
    stores: Stores
    sender: MailSender
    now: datetime
    lines: list[str] = field(default_factory=list)
    later: list[str] = field(default_factory=list)
    """Why something is to be tried again, one sentence per monitor."""
    failed: list[str] = field(default_factory=list)
    """What went wrong in a way nobody foresaw."""

    def monitor(self, model: str, version: int, specs: dict[str, MonitorSpec], unreadable: dict[str, str]) -> None:
        """Give one monitor its turn. Raises nothing that this monitor alone is the reason of."""
        key = names.monitor_key(model, version)
        try:
            self._take_in(model, version, specs, unreadable.get(key))
        except TemporaryError as error:
            self.later.append(f"{key}: {error}")
        except Exception as error:
            # Whatever it is, it is this monitor's: said here, and the others have their turn.
            log.exception("one monitor was not dispatched", monitor=key)
            self.failed.append(f"{key}: {error!r}")
            self._record_unforeseen(model, version, error)

    def _record_unforeseen(self, model: str, version: int, error: Exception) -> None:
        """Record what nobody foresaw, and raise nothing: where it happened, the database may not work either."""
        key = names.monitor_key(model, version)
        try:
            self._record(model, version, f"not dispatched: {error!r}. It is tried again each minute.")
        except TemporaryError as later:
            self.later.append(f"{key}: {later}")
        except Exception as again:
            log.exception("a failure could not be recorded", monitor=key)
            self.failed.append(f"{key}: it could not be recorded: {again!r}")

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
        changes = update(inbox.alerts, inbox.findings, inbox.windows, self.now, specs.values(), silences=inbox.silences)
        for change in changes:
            self._carry_out(change, inbox)
        if not changes:
            self._pass_damaged(model, version, inbox)

    def _carry_out(self, change: Change, inbox: Inbox) -> None:
        change = replace(change, cursor=inbox.cursor)
        if change.mail is None or change.unmailed is None:
            self.stores.alerts.save(change)
            self.lines.append(f"{change.key}: taken in, nothing new to tell")
            return
        alert = self._send(change.mail, change.unmailed)
        self.stores.alerts.save(replace(change, alert=alert or change.alert))

    def _send(self, mail: Mail, unmailed: Alert) -> Alert | None:
        """Send a mail; return the alert as it is to be saved where that is not simply told."""
        alert = mail.alert
        written, problems = self.sender.write(mail)
        for problem in problems:
            self._record(alert.model, alert.version, problem)
        if written is None:
            return replace(alert, mail_failed="it could not be written")
        delivery = self.sender.deliver(written, mail)
        for address, reason in delivery.refused.items():
            self._record(alert.model, alert.version, f"{address} was refused: {reason}. It is not tried again.")
        settled = (*delivery.accepted, *delivery.refused)
        if delivery.later:
            if not settled:
                raise Unavailable(delivery.why_later(alert.key))
            self.later.append(f"{alert.key}: {delivery.why_later(alert.key)}")
            return replace(
                unmailed, told=(*unmailed.told, *settled), told_features=unmailed.told_features or alert.names
            )
        if not delivery.accepted and not unmailed.told:
            return replace(alert, mail_failed="; ".join(f"{to}: {why}" for to, why in delivery.refused.items()))
        self.lines.append(f"{alert.key}: {mail.kind.value}, mailed to {', '.join(delivery.accepted) or 'nobody else'}")
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
            self.lines.append(f"{key}: {reason}")


def drain(settings: Settings) -> str:
    """Take in what waits, send what is due and return what happened, one line per monitor that changed.

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
    with MailSender(settings) as sender:
        dispatch = Dispatch(settings, stores, sender, datetime.now(UTC))
        for model, version in stores.alerts.monitors():
            dispatch.monitor(model, version, specs, unreadable)
    lines = "\n".join(dispatch.lines) or "nothing waits"
    if dispatch.failed:
        raise PermanentError("\n".join([*dispatch.failed, *dispatch.later, "Everything else:", lines]))
    if dispatch.later:
        raise Unavailable("\n".join([*dispatch.later, "Everything else:", lines]))
    return lines
