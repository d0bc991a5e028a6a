"""What to do about an alert, and what somebody does already, as its mail says it."""

from __future__ import annotations

from collections.abc import Sequence

from pegel.alerts.alert import Mail
from pegel.alerts.alert_kind import AlertKind
from pegel.judge.missing_answers import MissingAnswers
from pegel.report import probing_words, words
from pegel.report.mail_facts import Facts
from pegel.spec.outside_text import NAME_LIMIT, shown

_IF_MEANT = "If the new one is meant, onboard it as another version."
_SERVE_AGAIN = f"`pegel apply FILE` of its spec serves the registered model again. {_IF_MEANT}"
_TELL_THEM = f"Whoever runs its server can put the registered model back. {_IF_MEANT}"


def advice(mail: Mail, endpoint_logs: Sequence[str]) -> list[str]:
    """Return where to look for why requests had no answer; nothing about drift, of which only a person knows.

    The model server's log says what it refused and failed on, the proxy's when it did not answer at all.
    """
    if mail.alert.kind is AlertKind.PROBING:
        told = probing_words.events([feature.finding for feature in mail.alert.features])
        return [probing_words.WHAT_ELSE, probing_words.WHAT_TO_DO, *filter(None, [told])]
    if mail.alert.kind is AlertKind.MODEL:
        return [_SERVE_AGAIN if mail.spec.model.uri is not None else _TELL_THEM]
    if all(MissingAnswers.of_finding(feature.finding) is None for feature in mail.alert.features):
        return []
    if mail.spec.model.is_deployment:
        return ["Why they had no answer stands in the logs of the deployment in Hopsworks"]
    url = mail.spec.model.url
    if url is None:
        where = " or ".join(endpoint_logs) or "kept by whoever runs it"
        return [f"Why they had no answer stands in the endpoint's log: {where}"]
    proxy = f"; the log of the proxy before it: {' or '.join(endpoint_logs)}" if endpoint_logs else ""
    return [f"Either the server {url} was not reached, or its own log says why it failed on or refused these{proxy}"]


def acknowledgement(facts: Facts) -> str:
    """Return who acknowledged what of this alert until when and why; empty if nobody did, or that time has passed."""
    alert = facts.alert
    if alert.acknowledged_until is None or alert.acknowledged_until <= facts.now:
        return ""
    what = words.several(alert.acknowledged_features)
    until = words.moment(alert.acknowledged_until, facts.now)
    why = f": {shown(alert.acknowledged_why)}" if alert.acknowledged_why else ""
    return f"{what} acknowledged by {shown(alert.acknowledged_by, NAME_LIMIT)} until {until} UTC{why}"
