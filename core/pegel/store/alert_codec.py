"""Alerts <-> plain JSON."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Any

from pegel.alerts.alert import Alert, AlertFeature
from pegel.store.row_codec import decoded, finding_from_json, finding_to_json

_INSTANTS = ("opened_at", "since", "last_end", "over_at", "mailed_at", "mailed_end", "acknowledged_until")
_NAMES = ("mailed_features", "acknowledged_features", "told", "told_features")


def alert_to_json(alert: Alert) -> dict[str, Any]:
    """Return plain JSON, the inverse of `alert_from_json`."""
    data = {one.name: getattr(alert, one.name) for one in fields(alert)}
    for name in _INSTANTS:
        data[name] = None if data[name] is None else data[name].isoformat()
    data |= {name: list(data[name]) for name in _NAMES}
    data["features"] = [
        {
            "feature": one.feature,
            "since": one.since.isoformat(),
            "finding": finding_to_json(one.finding),
            "windows": one.windows,
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
        )
        for one in data["features"]
    )
    return Alert(**(data | instants | {"features": features} | {name: tuple(data[name]) for name in _NAMES}))
