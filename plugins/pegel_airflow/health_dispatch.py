"""What is wrong with the watching itself: looked at each minute, and mailed to the people of the models it concerns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from pegel_airflow.mail_sender import Delivery, MailSender
from pegel_airflow.outbox import DueMail, Outbox
from pegel_airflow.turns import Turns

if TYPE_CHECKING:
    from pegel.alerts.health import HealthAlert, HealthMail, Sign
    from pegel.alerts.health_kind import HealthKind
    from pegel.report.read_slow_signs import DiskUsage
    from pegel.spec.alert_routes import Route
    from pegel.spec.monitor_spec import MonitorSpec
    from pegel_airflow.services import Stores

log = structlog.get_logger()


@dataclass(slots=True)
class HealthDispatch:
    """The turns of everything that is wrong, or was, in one pass."""

    stores: Stores
    sender: MailSender
    now: datetime
    turns: Turns
    outbox: Outbox
    routes: Sequence[Route] = ()
    """Those of the deployment."""
    disks: Mapping[Path, DiskUsage] = field(default_factory=dict)
    """How full the disks are that everything is kept on, by a folder on each."""
    clock: Callable[[], datetime] | None = None
    """What tells when a mail went out; None: it is always `now`."""

    def look(self, specs: Iterable[MonitorSpec]) -> None:
        """Look at all groups and models of these specs, and give each sign its turn."""
        self.turns.take("the watching itself", lambda: self._look(list(specs)))

    def _look(self, specs: Sequence[MonitorSpec]) -> None:
        from pegel.alerts.health import hidden_kinds, unhidden
        from pegel.alerts.health_kind import HealthKind
        from pegel.alerts.silencing import silenced_health
        from pegel.report.baseline_signs import with_baseline_signs
        from pegel.report.health_signs import read_signs
        from pegel.report.read_slow_signs import with_slow_signs

        found = read_signs(self.stores, specs, self.routes, self.now)
        found = with_slow_signs(found, self.stores, specs, self.disks, self.now)
        found = with_baseline_signs(found, self.stores, specs, self.now)
        for problem in found.problems:
            log.error("not looked at", reason=problem)
            self.turns.lines.append(f"the watching itself: {problem}")
        signs = {sign.key: sign for sign in unhidden(found.signs)}
        # A silence that cannot be read holds back nothing; the page of its model names it.
        silences = self.stores.silences.in_force(self.now, damaged=[])
        own = [(spec.model.name, spec.model.version) for spec in specs]
        silenced = {kind: silenced_health(kind, own, silences) for kind in HealthKind}
        by_key = {spec.key: spec for spec in specs}
        kept = self._kept()
        for key in sorted(signs.keys() | kept.keys()):
            known, sign = kept.get(key), signs.get(key)
            of = known or sign
            if of is None or (sign is None and of.group in found.undecided):
                continue
            if sign is None and key[0] in hidden_kinds(found.signs, of.group, of.about):
                continue  # nothing can be said of it now
            models = [by_key[model] for model in of.models if model in by_key]
            if sign is not None:
                models = [by_key[model] for model in sign.models]
            turn = partial(self._one, key, known, sign, models, silenced[key[0]])
            self.turns.take(f"{key[1]}, {key[0].value}", turn)

    def _kept(self) -> dict[tuple[HealthKind, str], HealthAlert]:
        """Return what is known; what cannot be read is forgotten, and begins anew."""
        damaged = dict[tuple[str, str], str]()
        kept = self.stores.health.all(damaged=damaged)
        for (kind, about), reason in damaged.items():
            log.error("begun anew", kind=kind, about=about, reason=reason)
            self.turns.lines.append(f"{about}, {kind}: {reason}")
            self.stores.health.begin_anew(kind, about)
        return kept

    def _one(
        self,
        key: tuple[HealthKind, str],
        known: HealthAlert | None,
        sign: Sign | None,
        specs: Sequence[MonitorSpec],
        silenced: frozenset[str],
    ) -> None:
        from pegel.alerts.health import due, end_of_incidents, seen
        from pegel.alerts.severity import health_severity

        alert = seen(known, sign, self.now)
        if alert is not None and sign is not None:
            alert = replace(alert, severity=health_severity(alert.kind, [spec.alerts.severity for spec in specs]))
        mail = (
            None if alert is None else due(alert, specs, silenced, self.now, is_over=sign is None, routes=self.routes)
        )
        if alert is not None and sign is None and mail is None:
            mail = end_of_incidents(alert)
        if alert is None or (sign is None and mail is None):
            self.stores.health.forget(*key, self.now)
            return
        if alert != known:
            self.stores.health.keep(alert, self.now)
        if mail is not None:
            self._put(mail)

    def _put(self, mail: HealthMail) -> None:
        from pegel.alerts.alert import MailKind
        from pegel.alerts.message_identity import MailIdentity
        from pegel.report.mail_lead import health_lead

        alert = mail.alert
        self.outbox.put(
            DueMail(
                name=f"{alert.about}, {alert.kind.value}",
                identity=MailIdentity.of_health(alert),
                recipients=mail.recipients,
                is_urgent=mail.kind.is_news,
                is_over=mail.kind is MailKind.OVER,
                write=lambda: self.sender.write_health(mail),
                lead=lambda: health_lead(mail),
                settle=lambda delivery: self._settle(mail, delivery),
                failed=lambda error: log.error("not told", about=alert.about, reason=repr(error)),
            )
        )

    def _settle(self, mail: HealthMail, delivery: Delivery) -> None:
        from pegel.alerts.health import told

        name = f"{mail.alert.about}, {mail.alert.kind.value}"
        for address, why in delivery.refused.items():
            log.error("not told", about=name, address=address, reason=why)
            self.turns.lines.append(f"{name}: {address} was refused: {why}")
        if delivery.later:
            self.turns.later.append(delivery.why_later(name))
        if delivery.waiting:
            self.turns.lines.append(f"{name}: {delivery.why_waiting()}")
        # Mails have the time when they go out: that of the pass is from before they were written.
        at = self.clock() if self.clock is not None and delivery.accepted else self.now
        after = told(mail.alert, mail, delivery.settled, at, waiting=delivery.waiting)
        if after is None:
            self.stores.health.forget(mail.alert.kind, mail.alert.about, self.now)
        else:
            self.stores.health.keep(after, self.now)
        if delivery.accepted:
            self.turns.lines.append(f"{name}: {mail.kind.value}, mailed to {', '.join(delivery.accepted)}")
