"""When a change began, as people read it: an interval with how sure it is, and what is not known."""

from __future__ import annotations

from datetime import datetime

from pegel.alerts.alert import Alert, AlertFeature
from pegel.judge.change_interval import ChangeInterval
from pegel.report.words import began, moment


def since(alert: Alert, now: datetime) -> str:
    """Return since when something drifts, in UTC: `14:10 to 14:40` or `before 14:40` of a chart, else `14:10`."""
    first = next((one for one in alert.features if one.since == alert.since), None)
    return began(alert, now) if first is None or first.began is None else between(first.began, now)


def since_of(feature: AlertFeature, now: datetime) -> str:
    """Return since when one feature drifts, as `since`."""
    if feature.began is not None:
        return between(feature.began, now)
    about = "about " if "chart" in feature.finding.evidence else ""
    return f"{about}{moment(feature.since, now)}"


def between(interval: ChangeInterval, now: datetime) -> str:
    """Return an interval as what follows `since`."""
    latest = moment(interval.latest, now)
    return f"before {latest}" if interval.earliest is None else f"{moment(interval.earliest, now)} to {latest}"


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
