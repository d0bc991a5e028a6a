"""The subject of a mail about an alert, in words of its kind: data drift or are not as expected, events are late."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pegel.alerts.alert import Mail, MailKind
from pegel.alerts.alert_kind import AlertKind
from pegel.alerts.magnitude import Magnitude
from pegel.detect.effect import percent
from pegel.judge.findings import Finding
from pegel.report import words
from pegel.report.change_words import since
from pegel.report.event_words import OddEvents
from pegel.report.happened_words import worst_feature
from pegel.report.mail_facts import Facts
from pegel.report.span_words import when
from pegel.spec.names import feature_of

_STATES = {
    AlertKind.EVENTS: ("more than tolerated", "still more than tolerated", "no more than tolerated again"),
    AlertKind.DRIFT: ("drifting", "still drifting", "no longer drifting"),
    AlertKind.LONG_SPANS: ("drifting", "still drifting", "no longer drifting"),
    AlertKind.MODEL: (
        "not those of the registered version",
        "still not those",
        "those of the registered version again",
    ),
    AlertKind.ATTRIBUTIONS: ("moving the prediction", "still moving the prediction", "no longer moving the prediction"),
    AlertKind.PERFORMANCE: ("worse than in training", "still worse than in training", "as in training again"),
    AlertKind.QUALITY: ("not as expected", "still not as expected", "as expected again"),
    AlertKind.SKEW: (
        "served otherwise than its table says",
        "still served otherwise",
        "served as its table says again",
    ),
    AlertKind.PROBING: ("suspected", "still suspected", "no longer suspected"),
    AlertKind.SINGLE_EVENT: ("extremely far out", "extremely far out", "extremely far out"),
}


_FURTHER = {
    AlertKind.MODEL: "differing more often",
    AlertKind.ATTRIBUTIONS: "moving the prediction further",
    AlertKind.PERFORMANCE: "worse still",
    AlertKind.QUALITY: "further from what is expected",
    AlertKind.SKEW: "served otherwise more often",
    AlertKind.PROBING: "by more rows",
}


def plain_state(mail: Mail) -> str:
    """Return how what an alert is about is, in words that need no numbers."""
    begun, still, over = _STATES[mail.alert.kind]
    return {MailKind.OVER: over, MailKind.REPEATED: still}.get(mail.kind, begun)


def subject(facts: Facts) -> str:
    """Return the subject: which model, which features or events, since when."""
    alert, mail, findings = facts.alert, facts.mail, facts.findings
    begun = since(alert, facts.now)
    if alert.kind is AlertKind.LONG_SPANS:
        begun = when(worst_feature(alert).finding, facts.now)
    model = f"[pegel] {alert.model} v{alert.version}"
    if alert.kind is AlertKind.MODEL:
        return f"{model}: {_of_the_version(mail.kind, alert.version)} ({begun})"
    if mail.kind is MailKind.OVER:
        names = words.several([feature_of(finding.about) for finding in findings])
        return (
            f"{model}: over: {names} ({words.began(alert, facts.now)} to {words.moment(alert.last_end, facts.now)} UTC)"
        )
    if mail.kind is MailKind.GROWN:
        new = [finding for finding in findings if finding.about in mail.new_features]
        grown = [finding for finding in findings if finding.about in mail.grown]
        news = [*([f"{_trouble(alert.kind, new)} too"] if new else []), *_growth(grown, mail.grown)]
        # Neither is new where it became more severe alone.
        said = ", ".join(news) or _trouble(alert.kind, findings, still=True)
        return f"{model}: {said} ({begun})"
    return f"{model}: {_trouble(alert.kind, findings, still=mail.kind is MailKind.REPEATED)} ({begun})"


def _of_the_version(kind: MailKind, version: int) -> str:
    """Return that answers are not those of the registered version, or are again; nothing else can be told in a line."""
    if kind is MailKind.OVER:
        return f"over: answers are those of version {version} again"
    still = {MailKind.REPEATED: "still ", MailKind.GROWN: "more often "}.get(kind, "")
    return f"answers are {still}not those of version {version}"


def _trouble(kind: AlertKind, findings: Sequence[Finding], *, still: bool = False) -> str:
    """Return that features drift; of odd events how the worst kind is, with its share, and which others there are."""
    names = [feature_of(finding.about) for finding in findings]
    if kind is not AlertKind.EVENTS:
        verb = "are" if len(findings) > 1 else "is"
        return f"{words.several(names)} {verb} {'still ' if still else ''}{_STATES[kind][0]}"
    odd = OddEvents.of(findings[0])
    also = f", also {words.several(names[1:])}" if names[1:] else ""
    return f"{'still: ' if still else ''}{odd.state} ({odd.share}){also}"


def _growth(findings: Sequence[Finding], before: Mapping[str, Magnitude]) -> list[str]:
    """Return how large the worst growth is: then, when a mail last told it, and now."""
    if not findings:
        return []
    worst = findings[0]
    then, now = before[worst.about], Magnitude.of(worst)
    name = words.several([feature_of(finding.about) for finding in findings])
    if worst.detector == AlertKind.EVENTS.value:
        return [f"{name} up from {percent(then.size)} to {percent(now.size)}"]
    how = _FURTHER.get(AlertKind.of(worst), "drifting further")
    return [f"{name} {how}, by {now.size / then.size:.1f} times as much"]
