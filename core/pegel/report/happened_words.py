"""What an alert is about in one phrase, by its findings alone: for lists of alerts, where no window is read."""

from __future__ import annotations

from pegel.alerts.alert import Alert, AlertFeature
from pegel.alerts.alert_kind import AlertKind
from pegel.judge.event_counts import KINDS
from pegel.judge.findings import Finding
from pegel.report import words
from pegel.report.event_words import OddEvents
from pegel.spec.names import feature_of
from pegel.spec.outside_text import LONGEST_SENTENCE, LONGEST_SHOWN, NAME_LIMIT, shown

_ABOUT = {
    AlertKind.DRIFT: "drift of {}",
    AlertKind.LONG_SPANS: "drift of {} in a long span",
    AlertKind.MODEL: "another model answers",
    AlertKind.ATTRIBUTIONS: "the prediction moves by {}",
    AlertKind.PERFORMANCE: "{} worse than in training",
    AlertKind.QUALITY: "{} not as expected",
    AlertKind.SKEW: "{} served otherwise than its table says",
    AlertKind.EVENTS: "{}",
    AlertKind.PROBING: "probing suspected",
    AlertKind.SINGLE_EVENT: "an event extremely far out",
}
_SAID = {kind.test: kind.words for kind in KINDS}


def about(kind: AlertKind, named: str) -> str:
    """Return what an alert of that kind is called; `named`: the features or kinds of events that it is about."""
    return _ABOUT[kind].format(named)


def named(kind: AlertKind, names: str) -> str:
    """Return what stands beside a kind of alert: its features or kinds of events, or that there is one thing alone.

    >>> named(AlertKind.DRIFT, "amount, hour"), named(AlertKind.MODEL, "answers")
    ('amount, hour', 'another model answers')
    """
    return names if "{}" in _ABOUT[kind] else _ABOUT[kind]


def happened(alert: Alert) -> str:
    """Return what its clearest finding says, and how many further features or kinds of events it is about."""
    further = len(alert.features) - 1
    also = f", and {further} more" if further else ""
    return f"{said_of(worst_feature(alert).finding)}{also}"


def said_of(finding: Finding) -> str:
    """Return a finding in one phrase, the same wherever it is told in one."""
    return shown(_phrase(AlertKind.of(finding), finding), LONGEST_SENTENCE)


def worst_feature(alert: Alert) -> AlertFeature:
    """Return the feature whose newest finding is the clearest one."""
    return min(alert.features, key=lambda feature: feature.finding.p_value)


def described(kind: AlertKind, finding: Finding, change: str) -> str:
    """Return a change with what changed, and where it is so. A figure of performance is named by its change."""
    if kind is AlertKind.PERFORMANCE:
        where = f" where {shown(finding.segment, NAME_LIMIT)}" if finding.segment else ""
        return f"{change}{where}"
    colon = "" if finding.effect_unit in {"sigma", "sd ratio"} else ":"
    explained = words.explained_by_segments(finding)
    where = f" ({explained})" if explained else ""
    return f"{shown(finding.about, LONGEST_SHOWN)}{colon} {change}{where}"


def _phrase(kind: AlertKind, finding: Finding) -> str:
    if kind is AlertKind.EVENTS:
        odd = OddEvents.of(finding)
        return f"{odd.among} {_SAID[finding.test]} ({odd.share})"
    if kind is AlertKind.ATTRIBUTIONS:
        return f"the prediction moves by {feature_of(finding.feature)}: {words.effect(finding)}"
    if kind in {AlertKind.MODEL, AlertKind.SINGLE_EVENT}:
        return finding.what
    return described(kind, finding, words.change(finding))
