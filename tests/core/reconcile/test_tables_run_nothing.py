"""Models that only stand in tables need neither driver nor endpoint."""

from __future__ import annotations

from pegel.reconcile.actions import ActionKind
from pegel.reconcile.desired import desired_groups, endpoint_fingerprint
from pegel.reconcile.endpoint_planner import plan_endpoints
from pegel.reconcile.serving_backend import EndpointState, EndpointStatus
from pegel.testing.manual_clock import START
from pegel.testing.samples import sample_spec, tabled

SERVED, TABLE = sample_spec("delays"), sample_spec("scores", model=tabled("scores"))


def test_no_driver_is_desired_for_a_table() -> None:
    """A group of tables alone is none, and a group with others names these alone."""
    (group,) = desired_groups([SERVED, TABLE], {}, "broker:9092")

    assert [] == desired_groups([TABLE], {}, "broker:9092")
    assert ["delays/1"] == list(group.monitors)


def test_no_endpoint_is_desired_for_a_table() -> None:
    """One that served the model before it stood in a table is needed by nobody any more."""
    before = sample_spec("scores")
    seen = EndpointStatus(name=TABLE.endpoint, fingerprint=endpoint_fingerprint(before), state=EndpointState.READY)

    assert [] == plan_endpoints([TABLE], [], START)
    assert [(TABLE.endpoint, ActionKind.STOP)] == [
        (action.target.name, action.kind) for action in plan_endpoints([TABLE], [seen], START)
    ]
