"""Groups that nobody watches: looked at each minute, and mailed to their people, once for all models of a group."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

import structlog

from pegel.spec import names
from pegel_airflow.mail_sender import Delivery, MailSender
from pegel_airflow.outbox import DueMail, Outbox
from pegel_airflow.turns import Turns

if TYPE_CHECKING:
    from pegel.alerts.unwatched import Unwatched, UnwatchedMail
    from pegel.spec.monitor_spec import MonitorSpec
    from pegel.stream.result_rows import Heartbeat
    from pegel_airflow.services import Stores

log = structlog.get_logger()


@dataclass(slots=True)
class UnwatchedDispatch:
    """The turns of all groups in one pass."""

    stores: Stores
    sender: MailSender
    now: datetime
    turns: Turns
    outbox: Outbox

    def groups(self, specs: Iterable[MonitorSpec]) -> None:
        """Give each group of these monitors its turn."""
        self.turns.take("all groups", lambda: self._groups(specs))

    def _groups(self, specs: Iterable[MonitorSpec]) -> None:
        of_group: dict[str, list[MonitorSpec]] = {}
        for spec in (one for one in specs if not one.model.is_table):
            of_group.setdefault(spec.group, []).append(spec)
        beats = {beat.group: beat for beat in self.stores.results.heartbeats(damaged={})}
        # A silence that cannot be read holds back nothing; the page of its model names it.
        silences = self.stores.alerts.silences(self.now, damaged=[])
        silenced = frozenset(names.monitor_key(silence.model, silence.version) for silence in silences)
        kept = self._kept()
        for group in sorted(kept.keys() - of_group.keys()):
            self.stores.unwatched.forget(group)
        for group, own in sorted(of_group.items()):
            look = partial(self._group, group, own, silenced, beats.get(group), kept.get(group))
            self.turns.take(f"group {group}", look)

    def _kept(self) -> dict[str, Unwatched]:
        """Return what is known of groups that nobody watches; what cannot be read is forgotten, and begins anew."""
        damaged = dict[str, str]()
        kept = self.stores.unwatched.all(damaged=damaged)
        for group, reason in damaged.items():
            log.error("begun anew", group=group, reason=reason)
            self.turns.lines.append(f"group {group}: {reason}")
            self.stores.unwatched.forget(group)
        return kept

    def _group(
        self,
        group: str,
        specs: Sequence[MonitorSpec],
        silenced: frozenset[str],
        beat: Heartbeat | None,
        kept: Unwatched | None,
    ) -> None:
        from pegel.alerts.unwatched import due, seen
        from pegel.reconcile.driver_health import why_unwatched

        reason = why_unwatched(beat, self.now)
        if reason is None and kept is not None and beat is not None and beat.lag and not beat.batch_id:
            return  # that it reads is not enough: whether it gets through a batch is to be seen
        unwatched = seen(kept, group, reason, self.now)
        mail = None if unwatched is None else due(unwatched, reason, specs, silenced, self.now)
        if unwatched is None or (reason is None and mail is None):
            if kept is not None:
                self.stores.unwatched.forget(group)
        elif mail is None:
            if kept is None:
                self.stores.unwatched.keep(unwatched)
        else:
            if kept is None:
                self.stores.unwatched.keep(unwatched)
            self._put(mail, unwatched)

    def _put(self, mail: UnwatchedMail, unwatched: Unwatched) -> None:
        from pegel.alerts.message_identity import MailIdentity
        from pegel.report.mail_lead import unwatched_lead

        self.outbox.put(
            DueMail(
                name=f"group {mail.group}",
                identity=MailIdentity.of_group(unwatched),
                recipients=mail.recipients,
                write=lambda: self.sender.write_unwatched(mail),
                lead=lambda: unwatched_lead(mail),
                settle=lambda delivery: self._settle(mail, unwatched, delivery),
                failed=lambda error: log.error("not told", group=mail.group, reason=repr(error)),
            )
        )

    def _settle(self, mail: UnwatchedMail, unwatched: Unwatched, delivery: Delivery) -> None:
        from pegel.alerts.unwatched import told

        for address, why in delivery.refused.items():
            log.error("not told", group=mail.group, address=address, reason=why)
            self.turns.lines.append(f"group {mail.group}: {address} was refused: {why}")
        if delivery.later:
            self.turns.later.append(delivery.why_later(f"group {mail.group}"))
        if delivery.waiting:
            self.turns.lines.append(f"group {mail.group}: {delivery.why_waiting()}")
        after = told(unwatched, mail, delivery.settled, self.now)
        if after is None:
            self.stores.unwatched.forget(mail.group)
        else:
            self.stores.unwatched.keep(after)
        if delivery.accepted:
            what = "watched again" if not mail.reason else f"not watched: {mail.reason}"
            self.turns.lines.append(f"group {mail.group}: {what}, mailed to {', '.join(delivery.accepted)}")
