"""Why nobody was mailed of an open alert yet, and when a mail is due."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from pegel.alerts.alert import Alert
from pegel.alerts.due_mail import lasts
from pegel.alerts.routing import told
from pegel.report.words import length, moment
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.outside_text import NAME_LIMIT, shown

Specs = Mapping[str, MonitorSpec]
"""Registered specs by the key of their monitor."""


def not_mailed(alert: Alert, specs: Specs, now: datetime, *, is_held: bool) -> str:
    """Return since when an alert is open unmailed and when its mail is due, or why there is none.

    Args:
        alert: An open one that no mail told of.
        specs: Those that are known; of one that is not only since when is said.
        now: The present instant.
        is_held: Whether an acknowledgement or silences hold its mail back, which is told beside this.
    """
    since = f"not mailed since it opened at {moment(alert.opened_at, now)} UTC"
    spec = specs.get(alert.key)
    return since if spec is None or is_held else f"{since}: {_why(alert, spec, now)}"


def _why(alert: Alert, spec: MonitorSpec, now: datetime) -> str:
    if not any(lasts(one, alert.kind, spec) for one in alert.features):
        # It lasts when its windows do, so no earlier than this.
        first = min(one.unbroken_since for one in alert.features) + spec.alerts.mail_after
        wanted = length(spec.alerts.mail_after)
        return f"due once it has lasted {wanted} (alerts.mail_after), at {moment(first, now)} UTC at the earliest"
    findings = [one.finding for one in alert.features]
    to = told(spec, (), now, severity=alert.severity, kind=alert.kind, findings=findings)
    if to.at_once:
        return (
            "due with the next pass of alert_dispatch; an address that just had a mail is left alone for some minutes"
        )
    if to.in_digest:
        return f"told in the next digest to {', '.join(shown(one, NAME_LIMIT) for one in to.in_digest)}"
    return "its spec names nobody who is told of it now (alerts.emails, alerts.routes)"
