"""What open alerts say of a model, a phrase for each kind: for the line that says how it is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pegel.alerts.alert import Alert, AlertFeature
from pegel.alerts.alert_kind import AlertKind
from pegel.detect.effect import percent_of
from pegel.judge.event_counts import UNANSWERED
from pegel.judge.missing_answers import MissingAnswers
from pegel.judge.performance.headline import HEADLINES
from pegel.report.change_words import since_of, so_since
from pegel.report.event_words import OddEvents, worst_first
from pegel.report.span_words import when
from pegel.report.words import change, effect, moment, period
from pegel.spec.names import feature_of
from pegel.spec.outside_text import LONGEST_SHOWN, NAME_LIMIT, shown
from pegel.stream.result_rows import WindowRow

LISTED = 3
"""Further kinds of odd events that are named; the rest is counted."""


def alerting(alerts: Sequence[Alert], last: WindowRow | None, now: datetime) -> list[str]:
    """Return what open alerts say: odd events first, because they leave little to judge, then drift, then quality."""
    features = {kind: [one for alert in alerts if alert.kind is kind for one in alert.features] for kind in AlertKind}
    texts = [
        *_odd_events(features[AlertKind.EVENTS], last, now),
        _model(features[AlertKind.MODEL], now),
        _drift(features[AlertKind.DRIFT], now),
        _long_spans(features[AlertKind.LONG_SPANS], now),
        _attributions(features[AlertKind.ATTRIBUTIONS], now),
        _performance(features[AlertKind.PERFORMANCE], now),
        _quality(features[AlertKind.QUALITY], now),
        _skew(features[AlertKind.SKEW], now),
        _probing(features[AlertKind.PROBING], now),
    ]
    if features[AlertKind.SINGLE_EVENT]:
        texts.append("an event was extremely far out")
    return [text for text in texts if text]


def _odd_events(features: Sequence[AlertFeature], last: WindowRow | None, now: datetime) -> list[str]:
    """Return the worst kind of odd events with its numbers and since when it is so, the others with their share.

    The numbers of missing answers are those of the newest window that has any; since when, the alert may know longer.
    """
    since = {one.feature: one.since for one in features}
    findings = worst_first(one.finding for one in features)
    newest = None if last is None else missing_answers(last)
    texts, shares = [], []
    for finding in findings:
        odd, missing = OddEvents.of(finding), MissingAnswers.of_finding(finding)
        if missing is None:
            texts.append(f"{odd} since {moment(since[finding.feature], now)} UTC")
            shares.append(f"{finding.feature} {odd.share}")
        else:
            missing = newest or missing
            texts.append(missing_since(missing, min(missing.since, since[finding.feature]), now))
            shares.append(f"{finding.feature} {percent_of(missing.seen, missing.n)}")
    if newest is not None and UNANSWERED.feature not in since:
        texts.insert(0, missing_since(newest, newest.since, now))
        shares.insert(0, "")
    return [*texts[:1], *([f"also {_listed(shares[1:])}"] if shares[1:] else [])]


def _drift(features: Sequence[AlertFeature], now: datetime) -> str:
    """Return the field that drifts clearest, with its size and since when, the others counted.

    Where others drift for longer, since when the first of them does is said as well.
    """
    if not features:
        return ""
    clearest = min(features, key=lambda one: one.finding.p_value)
    worst, others = clearest.finding, [one for one in features if one is not clearest]
    size = f" by {effect(worst)}" if worst.effect_unit == "sigma" else ""
    more = f" and {len(others)} more" if others else ""
    first = min(features, key=lambda one: one.since)
    if first.since < clearest.since:
        more += f"{', the first of them' if others[1:] else ''} {since_of(first, now)}"
    name = shown(worst.about, LONGEST_SHOWN)
    return f"{so_since('drifting', since_of(clearest, now))}: {name}{size}{more}"


def _long_spans(features: Sequence[AlertFeature], now: datetime) -> str:
    """Return which field drifted in a day, or another long span, the clearest one, the others counted."""
    if not features:
        return ""
    worst = min(features, key=lambda one: one.finding.p_value).finding
    size = f" by {effect(worst)}" if worst.effect_unit == "sigma" else ""
    more = f" and {len(features) - 1} more" if len(features) > 1 else ""
    return f"drifted {when(worst, now)}: {shown(worst.about, LONGEST_SHOWN)}{size}{more}"


def _model(features: Sequence[AlertFeature], now: datetime) -> str:
    """Return since when the answers are another model's."""
    if not features:
        return ""
    since = moment(min(one.since for one in features), now)
    return f"answers are not those of the registered version since {since} UTC"


def _attributions(features: Sequence[AlertFeature], now: datetime) -> str:
    """Return since when the prediction moves by features, the clearest first."""
    if not features:
        return ""
    ordered = sorted(features, key=lambda one: one.finding.p_value)
    names = [shown(feature_of(one.feature), NAME_LIMIT) for one in ordered]
    since = moment(min(one.since for one in features), now)
    return f"the prediction moves by {_listed(names)} since {since} UTC"


def _performance(features: Sequence[AlertFeature], now: datetime) -> str:
    """Return what is worse than in training, since when: the error rate or what stands for it, else the clearest."""
    if not features:
        return ""
    worst = min(features, key=lambda one: (one.finding.feature not in HEADLINES, one.finding.p_value))
    return f"{so_since('worse than in training', since_of(worst, now))}: {change(worst.finding, None)}"


def _quality(features: Sequence[AlertFeature], now: datetime) -> str:
    """Return since when fields are not as a suite expects them."""
    if not features:
        return ""
    names = [shown(one.feature, NAME_LIMIT) for one in features]
    return f"not as expected since {moment(min(one.since for one in features), now)} UTC: {_listed(names)}"


def _skew(features: Sequence[AlertFeature], now: datetime) -> str:
    """Return since when features are served otherwise than their table has them."""
    if not features:
        return ""
    names = [shown(one.feature, NAME_LIMIT) for one in features]
    since = moment(min(one.since for one in features), now)
    return f"served otherwise than the table says since {since} UTC: {_listed(names)}"


def _probing(features: Sequence[AlertFeature], now: datetime) -> str:
    """Return since when rows come in crowds."""
    if not features:
        return ""
    return f"probing suspected since {moment(min(one.since for one in features), now)} UTC"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return f"{', '.join(names[:LISTED])}{more}"


def missing_answers(last: WindowRow) -> MissingAnswers | None:
    """Return the answers that a window misses, if they are more than tolerated."""
    stored = last.remarks.get("missing_answers")
    missing = None if stored is None else MissingAnswers.from_json(stored)
    return missing if missing is not None and missing.is_too_many else None


def missing_since(missing: MissingAnswers, since: datetime, now: datetime) -> str:
    """Return missing answers with the time of the requests that the number is of, and since when there are such."""
    begun = f"since {moment(since, now)} UTC"
    if missing.asked_from is None or missing.asked_to is None:
        return f"{missing} {begun}"
    return f"{missing} from {period(missing.asked_from, missing.asked_to, now)}, {begun}"
