"""Other training data stand under the same name. A person is asked, says yes, and the driver follows."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pegel.featurestore import LocalFeatureStore
from pegel.judge.refresh.baseline_changes import KindOfChange
from pegel.report.refresh_words import headline
from pegel.spec.source_reference import SourceRef
from pegel.store.refresh_store import Refresh, RefreshEnd, RefreshStore
from pegel_local.demo import flight_traffic, strangers
from pegel_local.demo.failure import eventually, require
from pegel_local.demo.stage import Demo
from pegel_local.demo.stages.baseline_refreshed import WITHIN_S

if TYPE_CHECKING:
    from pegel_local.airflow.airflow_api import OpenQuestion

WORKFLOW = "baseline_approval"
ASKED_WITHIN_S = 90.0
READ_S = 5.0
"""What a person takes to read a question. One that is answered sooner may be put again: Airflow 3.3 takes the end of
the process that put it for that of the answered task, where it hears of this end later than of the answer."""
ANSWERED_WITHIN_S = 240.0
FOLLOWED_WITHIN_S = 60.0
COUNT = 120
"""6 s of flight_traffic: whole windows by the new baseline."""
WHY = "the carriers are merged, and it is winter"


def show(demo: Demo) -> str:
    """Replace the training data, refresh, answer as a person does, and send flights like the new ones."""
    before = demo.driver.state()
    _replace_training_data(demo)
    demo.follow("baseline_refresh", {"models": [demo.spec.key]}, within_s=WITHIN_S)
    question, asked = _asked(demo)
    answered_at = _say_yes(demo, question)
    ended, followed_s = _followed(demo, asked, answered_at)
    sent = flight_traffic.finish(demo, flight_traffic.send(demo, "later", count=COUNT))
    rows = flight_traffic.all_counted(demo, sent)
    after = demo.driver.state()
    same = before is not None and after is not None and before.process == after.process
    judged_by = {row.baseline_id for row in rows}
    require(
        same and judged_by == {ended.baseline_id},
        expected=f"windows judged by {ended.baseline_id}, in the same driver",
        happened=f"judged by {judged_by}; driver before {before}, after {after}",
        log=demo.driver.log,
    )
    moved = [change.name for change in asked.review.changes.of(KindOfChange.MOVED)]
    demo.facts["approved"] = {
        **flight_traffic.counts(sent, rows),
        "question": question.subject,
        "asked": question.body,
        "moved": moved,
        "replaced": ended.compared_with,
        "baseline_id": ended.baseline_id,
        "by": ended.by,
        "why": ended.why,
        "followed_s": followed_s,
        "same_driver": same,
        "verdicts": dict(Counter(row.verdict.value for row in rows)),
    }
    demo.facts["ledger"] = flight_traffic.ledger(demo)
    what = headline(asked.review).partition(";")[0]
    others = strangers.in_words(demo.facts["ledger"]["others"])
    return f"{what} · {ended.by} said yes · followed after {followed_s:.0f} s, nothing restarts{others}"


def _replace_training_data(demo: Demo) -> None:
    """Register the later flights under the name that the spec has, with the fields as they were."""
    store = LocalFeatureStore(demo.settings.features)
    source = SourceRef.parse(demo.spec.baseline.source)
    table = demo.home / "traffic" / "later_training.parquet"
    schema = store.describe(source)
    store.register_training_data(source.name, source.version, table, schema, split=source.split, replace=True)


def _asked(demo: Demo) -> tuple[OpenQuestion, Refresh]:
    """Wait until a person is asked; return the question, and what is known of the new baseline."""
    model = demo.spec.model

    def look() -> tuple[OpenQuestion, Refresh] | None:
        questions = demo.api.questions(WORKFLOW)
        refreshes = RefreshStore(demo.engine).list(model.name, model.version, limit=1)
        return (questions[0], refreshes[0]) if questions and refreshes else None

    return eventually(
        look,
        within_s=ASKED_WITHIN_S,
        expected="a question about the new baseline",
        happened=lambda: f"none; refreshes: {RefreshStore(demo.engine).list(model.name, model.version, limit=1)}",
        log=demo.log("airflow-triggerer"),
    )


def _say_yes(demo: Demo, question: OpenQuestion) -> datetime:
    """Read the question and answer it; return when that was."""
    time.sleep(READ_S)
    promote = next(option for option in question.options if option.startswith("Promote"))
    answered_at = datetime.now(UTC)
    demo.api.answer(question, promote, why=WHY)
    return answered_at


def _followed(demo: Demo, asked: Refresh, since: datetime) -> tuple[Refresh, float]:
    """Wait until the answer took effect, and the driver says that it judges by the new baseline."""
    store = RefreshStore(demo.engine)

    def ended() -> Refresh | None:
        found = store.get(asked.seq)
        if found.end is not None:
            return found
        for again in demo.api.questions(WORKFLOW):
            _say_yes(demo, again)
        return None

    refresh = eventually(
        ended,
        within_s=ANSWERED_WITHIN_S,
        expected="an answer that takes effect",
        happened=lambda: f"{store.get(asked.seq)}",
        log=demo.log("airflow-scheduler"),
    )
    require(
        refresh.end is RefreshEnd.PROMOTED,
        expected="a promoted baseline",
        happened=f"{refresh.end}: {refresh.why}",
        log=demo.log("airflow-scheduler"),
    )

    def followed() -> datetime | None:
        beats = demo.results.heartbeats()
        return next((beat.at for beat in beats if beat.baselines.get(demo.spec.key) == refresh.baseline_id), None)

    at = eventually(
        followed,
        within_s=FOLLOWED_WITHIN_S,
        expected=f"a driver that judges by {refresh.baseline_id}",
        happened=lambda: f"heartbeats: {demo.results.heartbeats()}",
        log=demo.driver.log,
    )
    return refresh, (at - since).total_seconds()
