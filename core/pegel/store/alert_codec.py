"""Alerts <-> plain JSON."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Any

from pegel.alerts.alert import Alert, AlertFeature
from pegel.alerts.magnitude import Magnitude
from pegel.alerts.severity import Severity
from pegel.judge.change_interval import ChangeInterval
from pegel.store.row_codec import decoded, finding_from_json, finding_to_json

_INSTANTS = ("opened_at", "since", "last_end", "over_at", "mailed_at", "mailed_end", "acknowledged_until")
_NAMES = ("acknowledged_features", "known_to", "to_end", "told")
_MAGNITUDES = ("mailed_magnitudes", "told_magnitudes")


def alert_to_json(alert: Alert) -> dict[str, Any]:
    """Return plain JSON, the inverse of `alert_from_json`."""
    data = {one.name: getattr(alert, one.name) for one in fields(alert)}
    for name in _INSTANTS:
        data[name] = None if data[name] is None else data[name].isoformat()
    data |= {name: list(data[name]) for name in _NAMES}
    data |= {name: {feature: list(magnitude) for feature, magnitude in data[name].items()} for name in _MAGNITUDES}
    data["missed"] = dict(alert.missed)
    data["severity"] = alert.severity.value
    data["mailed_severity"] = None if alert.mailed_severity is None else alert.mailed_severity.value
    data["held_by"] = list(alert.held_by)
    data["paged"] = [instant.isoformat() for instant in alert.paged]
    data["features"] = [
        {
            "feature": one.feature,
            "since": one.since.isoformat(),
            "finding": finding_to_json(one.finding),
            "windows": one.windows,
            "unbroken_since": one.unbroken_since.isoformat(),
            "began": None if one.began is None else one.began.to_json(),
        }
        for one in alert.features
    ]
    return data


def alert_from_json(data: dict[str, Any]) -> Alert:
    """Build an alert from what `alert_to_json` wrote. Raises DamagedRow."""
    return decoded(_alert, data, "an alert")


def _alert(data: dict[str, Any]) -> Alert:
    instants = {name: None if data[name] is None else datetime.fromisoformat(data[name]) for name in _INSTANTS}
    features = tuple(
        AlertFeature(
            feature=one["feature"],
            since=datetime.fromisoformat(one["since"]),
            finding=finding_from_json(one["finding"]),
            windows=one["windows"],
            unbroken_since=datetime.fromisoformat(one["unbroken_since"]),
            began=None if one["began"] is None else ChangeInterval.from_json(one["began"]),
        )
        for one in data["features"]
    )
    names = {name: tuple(data[name]) for name in _NAMES}
    magnitudes = {
        name: {feature: Magnitude(*magnitude) for feature, magnitude in data[name].items()} for name in _MAGNITUDES
    }
    paged = tuple(datetime.fromisoformat(instant) for instant in data["paged"])
    told = data["mailed_severity"]
    levels = {"severity": Severity(data["severity"]), "mailed_severity": None if told is None else Severity(told)}
    further = {"features": features, "held_by": tuple(data["held_by"]), "paged": paged}
    return Alert(**(data | instants | names | magnitudes | levels | further))
