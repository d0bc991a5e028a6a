"""When a change began, as people read it: an interval with how sure it is, and what is not known."""

from __future__ import annotations

from datetime import datetime

from pegel.alerts.alert import Alert, AlertFeature
from pegel.judge.change_interval import ChangeInterval
from pegel.judge.findings import Finding
from pegel.report.words import moment, period


def since(alert: Alert, now: datetime) -> str:
    """Return since when something is so: `since 14:10 UTC`, or of a chart `began between 14:10 and 14:40 UTC`."""
    first = next((one for one in alert.features if one.since == alert.since), None)
    return since_of(first, now) if first is not None else f"since {moment(alert.since, now)} UTC"


def since_of(feature: AlertFeature, now: datetime) -> str:
    """Return since when one feature drifts, as `since`; `since about` where a chart can only guess it."""
    if feature.began is not None:
        return between(feature.began, now)
    about = "about " if is_slow(feature.finding) else ""
    return f"since {about}{moment(feature.since, now)} UTC"


def is_slow(finding: Finding) -> bool:
    """Say whether a chart found it, over many windows, of which none need show it by itself."""
    return "chart" in finding.evidence


def so_since(state: str, begun: str) -> str:
    """Return a state with since when it is so, as `since` tells it.

    >>> so_since("drifting", "since 14:10 UTC"), so_since("drifting", "began before 14:40 UTC")
    ('drifting since 14:10 UTC', 'drifting, began before 14:40 UTC')
    """
    return f"{state} {begun}" if begun.startswith("since") else f"{state}, {begun}"


def between(interval: ChangeInterval, now: datetime) -> str:
    """Return an interval in which something began: `began between 14:10 and 14:40 UTC`, `began before 14:40 UTC`."""
    if interval.earliest is None:
        return f"began before {moment(interval.latest, now)} UTC"
    return f"began between {period(interval.earliest, interval.latest, now, ' and ')} UTC"


def began_to_change(name: str, interval: ChangeInterval, now: datetime) -> str:
    """Return a sentence, without its full stop, on when something named `name` began to change."""
    sure, latest = f"({100 * interval.confidence:g} % sure)", moment(interval.latest, now)
    if interval.earliest is None:
        known_from = moment(interval.known_from, now)
        return f"{name} began to change before {latest} UTC {sure}; of the time before {known_from} nothing is kept"
    earliest = moment(interval.earliest, now)
    if not interval.is_sudden:
        return f"{name} began to change gradually, between {earliest} and {latest} UTC {sure}"
    if interval.gradual_earliest is None:
        gradually = f"maybe before {moment(interval.known_from, now)}"
    elif interval.gradual_earliest < interval.earliest:
        gradually = f"maybe from {moment(interval.gradual_earliest, now)} on"
    else:
        gradually = ""
    rest = f"; if it came gradually, {gradually}" if gradually else ""
    return f"{name} began to change between {earliest} and {latest} UTC {sure}{rest}"
