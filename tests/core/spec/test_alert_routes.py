"""Routes, severities and digests as a spec states them: what is read, and what is refused with what to write."""

from __future__ import annotations

from typing import Any

import pytest

from pegel.alerts.alert_kind import AlertKind
from pegel.alerts.health_kind import HealthKind
from pegel.alerts.severity import Severity
from pegel.errors import InvalidSpec
from pegel.spec.alert_routes import ALERT_KINDS, HEALTH_KINDS, SEVERITIES
from pegel.spec.monitor_spec import MonitorSpec
from pegel.testing.samples import sample_spec

ROUTES = """
model: {name: delays, uri: file:///models/delays}
baseline: {source: "local://delays"}
alerts:
  routes:
    - {severity: critical, hours: every Monday 22:00-7:00 Europe/Berlin, to: "pagerduty:oncall", continue: true}
    - {kind: [not watched, drift], feature: "amount*", digest: true, to: [ada@example.org, ada@example.org]}
  severity: {drift: info}
  digest: every day 8:00 Europe/Berlin
"""


def test_a_spec_states_routes_and_says_them_back() -> None:
    """Each way of writing has one form, which reads as the same spec."""
    spec = MonitorSpec.from_yaml(ROUTES)
    alerts = spec.to_json()["alerts"]

    assert [
        {
            "to": ["pagerduty:oncall"],
            "severity": ["critical"],
            "hours": "mon 22:00-07:00 Europe/Berlin",
            "continue": True,
        },
        {"to": ["ada@example.org"], "kind": ["not watched", "drift"], "feature": "amount*", "digest": True},
    ] == alerts["routes"]
    assert ({"drift": "info"}, "daily 08:00 Europe/Berlin") == (alerts["severity"], alerts["digest"])
    assert spec.fingerprint() == MonitorSpec.parse(spec.to_json()).fingerprint()


def test_a_spec_knows_every_kind_and_severity() -> None:
    """What a spec may name is what alerts are of."""
    assert tuple(AlertKind) == ALERT_KINDS
    assert tuple(HealthKind) == HEALTH_KINDS
    assert tuple(Severity) == SEVERITIES


@pytest.mark.parametrize(
    ("alerts", "told"),
    [
        ({"routes": [{"severity": "critical"}]}, "route 1: expected `to`, 1 to 50 addressees; given 0"),
        ({"routes": [{"to": "oncall"}]}, "route 1: expected an e-mail address, or slack:NAME, teams:NAME"),
        ({"routes": [{"to": "slack:On Call"}]}, "with the name of a connection pegel_NAME of Airflow"),
        ({"routes": [{"to": "a@b.org", "severty": "info"}]}, "did you mean `severity`?"),
        ({"routes": [{"to": "a@b.org", "severity": "high"}]}, "expected one of critical, warning, info"),
        ({"routes": [{"to": "a@b.org", "kind": "drfit"}]}, "did you mean `drift`?"),
        ({"routes": [{"to": "a@b.org", "hours": "9-17"}]}, "route 1: hours: expected `sun 02:00-04:00 Europe/Berlin`"),
        (
            {"routes": [{"to": "pagerduty:oncall", "digest": "true"}]},
            "a digest wakes nobody; leave out pagerduty:",
        ),
        ({"routes": [{"to": "a@b.org", "continue": "perhaps"}]}, "route 1: continue: expected true or false"),
        ({"routes": [{"to": "a@b.org", "model": ""}]}, "route 1: model: expected a name, in which *"),
        ({"routes": "a@b.org"}, "expected a list of routes"),
        ({"routes": [{"to": "a@b.org"}] * 51}, "expected at most 50 routes, given 51"),
        ({"severity": {"drift": "bad"}}, "drift: given 'bad', expected one of critical, warning, info"),
        ({"severity": "info"}, "expected a mapping"),
        ({"digest": "8:00"}, "expected `daily 08:00 Europe/Berlin`"),
        ({"digest": "daily 08:00 Europe/Berln"}, "did you mean `Europe/Berlin`?"),
    ],
)
def test_what_is_no_route_is_refused_with_what_to_write(alerts: dict[str, Any], told: str) -> None:
    """The place, what was expected and what was given."""
    with pytest.raises(InvalidSpec) as caught:
        sample_spec(alerts=alerts)

    assert told in str(caught.value)
