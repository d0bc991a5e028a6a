"""The log of actions."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from pegel.reconcile.actions import Action, ActionKind, Target
from pegel.store import tables
from pegel.store.action_log import ActionLog
from pegel.store.database import writing
from pegel.testing.manual_clock import START

pytestmark = pytest.mark.environments("sqlalchemy")

MINUTE = timedelta(minutes=1)


def action(kind: ActionKind, reason: str = "", group: str = "default") -> Action:
    """Return an action about generation 1."""
    return Action(kind=kind, target=Target.driver(group), reason=reason, generation=1)


def test_moves_are_written_each_time(engine: Engine) -> None:
    """Two restarts with the same reason are two lines: the planner counts them."""
    log = ActionLog(engine)
    for minute in range(2):
        log.record([action(ActionKind.RESTART, "exited with 1: boom")], START + minute * MINUTE)

    assert [START, START + MINUTE] == [past.at for past in log.history(START + 5 * MINUTE)]


def test_reasons_for_not_moving_are_written_once(engine: Engine) -> None:
    """Keep is never written; Hold is written when it begins or changes its reason, not each minute."""
    log = ActionLog(engine)
    said = ["a is not ready", "a is not ready", "b is not ready"]
    added = [log.record([action(ActionKind.KEEP, group="other"), action(ActionKind.HOLD, one)], START) for one in said]

    assert [1, 0, 1] == added
    assert ["a is not ready", "b is not ready"] == [past.reason for past in log.recent(Target.driver("default"))]


def test_recent_actions_are_the_newest(engine: Engine) -> None:
    """A limit keeps the newest lines, oldest first; the planner looks back one day."""
    log = ActionLog(engine)
    for hour in range(0, 48, 12):
        log.record([action(ActionKind.START, f"at {hour}")], START + timedelta(hours=hour))

    assert ["at 24", "at 36"] == [past.reason for past in log.recent(limit=2)]
    assert ["at 24", "at 36"] == [past.reason for past in log.history(START + timedelta(hours=37))]


@pytest.mark.parametrize("damage", [{"kind": "dance"}, {"target": "nowhere"}])
def test_a_line_that_cannot_be_read_hides_no_other(engine: Engine, damage: dict[str, str]) -> None:
    """A kind or a target that this release does not know leaves the other lines to planner and page, and is named."""
    log, damaged = ActionLog(engine), list[str]()
    log.record([action(ActionKind.RESTART, "first"), action(ActionKind.RESTART, "second", group="own")], START)
    with writing(engine) as connection:
        connection.execute(sa.update(tables.actions).where(tables.actions.c.reason == "first").values(damage))

    assert ["second"] == [past.reason for past in log.history(START + MINUTE, damaged)]
    assert ["second"] == [past.reason for past in log.recent(damaged=damaged)]
    assert ["a line of the log of actions cannot be read"] * 2 == [problem.split(":")[0] for problem in damaged]
