"""The first sentences of a mail about an alert: what changed, by how much and when; or that it is over."""

from __future__ import annotations

from pegel.alerts.alert import AlertFeature, MailKind
from pegel.alerts.alert_kind import AlertKind
from pegel.judge.findings import Finding
from pegel.report import words
from pegel.report.change_words import began_to_change, is_slow
from pegel.report.happened_words import described, worst_feature
from pegel.report.mail_facts import Facts
from pegel.report.span_words import when
from pegel.spec.names import feature_of
from pegel.spec.outside_text import LONGEST_SHOWN, NAME_LIMIT, shown


def headline(facts: Facts) -> list[str]:
    """Return one sentence per field or kind of events, the worst first, each with its size and its time."""
    if facts.mail.kind is MailKind.OVER:
        return [_end_of_explained(facts) if facts.alert.kind in _EXPLAINED else _end(facts)]
    features = {one.finding.id: one for one in facts.alert.features}
    ordered = [features[finding.id] for finding in facts.findings]
    if facts.alert.kind is AlertKind.EVENTS:
        sentences = [f"{_sentence(facts, one.finding)}{_told_with(facts, one.finding)}" for one in ordered]
        return [f"{sentence}." for sentence in sentences]
    if facts.alert.kind is AlertKind.MODEL:
        return [f"{shown(one.finding.what)}, {_between(facts, one)}." for one in ordered]
    if facts.alert.kind is AlertKind.ATTRIBUTIONS:
        return [f"{_moved(one.finding)}, {_between(facts, one)}." for one in ordered]
    if facts.alert.kind is AlertKind.LONG_SPANS:
        return [f"{_sentence(facts, one.finding)} {when(one.finding, facts.now)}." for one in ordered]
    times = [_where(facts, one) for one in ordered]
    # What drifts in the same windows says once in which.
    at_once = len(set(times)) == 1
    sentences = [
        _sentence(facts, one.finding) + (f" in {time}" if not (at_once and number) else "")
        for number, (one, time) in enumerate(zip(ordered, times, strict=True))
    ]
    return [f"{sentence}." for sentence in [*sentences, *_begins(facts)]]


_OVER = {
    AlertKind.QUALITY: "as expected again. What was not so was in the windows",
    AlertKind.SKEW: "served as the table says again. What was not so was served",
    AlertKind.PERFORMANCE: "as in training again. What was worse was in labelled rows",
    AlertKind.PROBING: "no longer suspected. Rows came in crowds in the windows",
}
"""How something is over; from when to when it was so follows."""


_EXPLAINED = (AlertKind.MODEL, AlertKind.ATTRIBUTIONS)


def _end(facts: Facts) -> str:
    alert, now = facts.alert, facts.now
    between = f"from {words.began(alert, now)} to {words.moment(alert.last_end, now)} UTC"
    names = words.several([finding.about for finding in facts.findings])
    if alert.kind is AlertKind.EVENTS:
        return f"{names}: no more than tolerated again. There were too many {between}."
    if alert.kind in _OVER:
        return f"{names} {'are' if len(facts.findings) > 1 else 'is'} {_OVER[alert.kind]} {between}."
    look = "look" if len(facts.findings) > 1 else "looks"
    if alert.kind is AlertKind.LONG_SPANS:
        last = when(worst_feature(alert).finding, now)
        return f"{names} {look} as in training again. It drifted {last}."
    return f"{names} {look} as in training again. The drift was in the windows {between}."


def _end_of_explained(facts: Facts) -> str:
    between = f"from {words.began(facts.alert, facts.now)} to {words.moment(facts.alert.last_end, facts.now)} UTC"
    if facts.alert.kind is AlertKind.MODEL:
        return f"Answers are those of version {facts.alert.version} again. They were not {between}."
    moved = words.several([feature_of(finding.feature) for finding in facts.findings])
    return f"The prediction no longer moves by {moved}. It did in the windows of explained rows {between}."


def _moved(finding: Finding) -> str:
    """Return by how much the prediction moves by a feature; through it, where others interact with it, too."""
    name = shown(feature_of(finding.feature), LONGEST_SHOWN)
    numbers = finding.evidence.get("change", {})
    by_mean = finding.effect == numbers.get("mean")
    error = numbers.get("mean_error" if by_mean else "size_error", 0.0)
    size = f"{abs(finding.effect):.2g} ± {error:.1g} {words.SIGMA} of the prediction"
    if by_mean:
        return f"The prediction is {'up' if finding.effect > 0 else 'down'} through {name} by {size}"
    return f"The prediction moves {'more' if finding.effect > 0 else 'less'} through {name} than before, by {size}"


def _where(facts: Facts, feature: AlertFeature) -> str:
    """Return in what it was found; a drift's size is that of one window, whose time and since when are told apart."""
    if facts.alert.kind is not AlertKind.DRIFT or is_slow(feature.finding):
        place = "labelled rows" if facts.alert.kind is AlertKind.PERFORMANCE else "the windows"
        return f"{place} {_between(facts, feature)}"
    span = feature.finding.span
    start, end = (words.moment(at, facts.now) for at in (span.start, span.end))
    longer = f", drifting since {words.moment(feature.since, facts.now)} UTC" if feature.since < span.start else ""
    return f"the window from {start} to {end} UTC{longer}"


def _between(facts: Facts, feature: AlertFeature) -> str:
    """Return from when to when a field was found to drift."""
    about = "about " if is_slow(feature.finding) else ""
    since, until = (words.moment(at, facts.now) for at in (feature.since, feature.finding.span.end))
    return f"from {about}{since} to {until} UTC"


def _sentence(facts: Facts, finding: Finding) -> str:
    is_prediction = facts.alert.kind is not AlertKind.PERFORMANCE and facts.is_prediction(finding.feature)
    said = described(facts.alert.kind, finding, facts.change(finding))
    return f"the prediction {said}" if is_prediction else said


def _told_with(facts: Facts, finding: Finding) -> str:
    """Return which window counted odd events: the newest alone. Requests say themselves when they were made."""
    if "asked_from" in finding.evidence:
        return ""
    start, end = (words.moment(instant, facts.now) for instant in (finding.span.start, finding.span.end))
    return f", told with the window from {start} to {end} UTC"


def _begins(facts: Facts) -> list[str]:
    """Return when the worst slow change began; nothing where no chart tells."""
    for feature in sorted(facts.alert.features, key=lambda feature: feature.finding.p_value):
        if feature.began is not None:
            return [began_to_change(shown(feature.feature, NAME_LIMIT), feature.began, facts.now)]
    return []
