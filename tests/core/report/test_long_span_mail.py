"""What is found of a day is told as of a day: when it was, how many rows, what it looks like, and when it is over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from blueprints import give_tables
from sqlalchemy.engine import Engine

from pegel.alerts.alert import Alert, Change, MailKind
from pegel.alerts.update import update
from pegel.baseline.baseline import Baseline
from pegel.batch.long_span_maker import LongSpanMaker
from pegel.data.columns import Columns, Field, Kind, Role, Schema
from pegel.data.spans import Span
from pegel.report.alert_mail import render
from pegel.report.mail_message import Rendered
from pegel.report.model_page import model_view
from pegel.report.reading import Sources
from pegel.spec.monitor_spec import MonitorSpec
from pegel.stats.summary import Summary
from pegel.store.alert_store import AlertStore
from pegel.store.baseline_store import BaselineStore
from pegel.store.database import connect
from pegel.store.long_span_store import LongSpanStore
from pegel.store.registry import Registry
from pegel.store.results import Results
from pegel.stream.result_rows import WindowRow
from pegel.testing.manual_clock import START
from pegel.testing.samples import baseline_of, counted, sample_finding, sample_spec, sample_window, trained_on

pytestmark = pytest.mark.environments("pyarrow", "sqlalchemy")
LENGTH = timedelta(hours=1)
DAY = timedelta(days=1)
SCHEMA = Schema((Field("delay", Kind.NUMERIC, unit="min"), Field("distance", Kind.NUMERIC)))


def drawn(seed: int, n: int, shift: float = 0.0) -> Columns:
    """Draw rows of two numbers, the first of them shifted."""
    return Columns(n, np.random.default_rng(seed).normal((shift, 0.0), size=(n, 2)), None, (), ())


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    """A baseline of 5,000 rows."""
    rows = drawn(0, 5_000)
    return baseline_of(SCHEMA, {"delay": rows.numeric[:, 0], "distance": rows.numeric[:, 1]}, rows, scores=None)


@pytest.fixture
def spec() -> MonitorSpec:
    """A model with windows of an hour, judged as days, too."""
    return sample_spec(windowing={"length": "1h"}, watch={"long_spans": ["day"]})


@pytest.fixture
def engine(tmp_path: Path, baseline: Baseline, spec: MonitorSpec) -> Iterator[Engine]:
    """Two days of which the first is shifted, so little that no window shows it."""
    opened = connect(f"sqlite:///{tmp_path / 'pegel.db'}")
    give_tables(opened)
    BaselineStore(opened).put(baseline)
    BaselineStore(opened).promote("delays", 1, baseline.id, None, by="test", now=START)
    Registry(opened).put(spec)
    rows = [window(at, baseline, 0.3 if at < 24 else 0.0) for at in range(48)]
    Results(opened).write(rows)
    yield opened
    opened.dispose()


def window(at: int, baseline: Baseline, shift: float) -> WindowRow:
    """Return a final window as the stream writes it."""
    summary = Summary.empty(baseline.layout)
    summary.update(drawn(at + 1, 60, shift), Role.FEATURE)
    return stored(at, baseline, summary)


def answered(seed: int, n: int, shift: float = 0.0) -> pa.Table:
    """Draw rows of a number that a model answers with another one, both shifted."""
    delay, error = np.random.default_rng(seed).normal((shift, 0.0), size=(n, 2)).T
    return pa.table({"delay": delay, "answer": delay + 0.1 * error})


def stored(at: int, baseline: Baseline, summary: Summary) -> WindowRow:
    """Return the final window of a summary."""
    span = Span(START + at * LENGTH, START + (at + 1) * LENGTH)
    named: dict[str, Any] = {"baseline_id": baseline.id, "layout_hash": baseline.layout.layout_hash, "rows": 60}
    return sample_window(span=span, summary=summary.to_bytes(), **named)


def passed(engine: Engine, spec: MonitorSpec, now: datetime) -> list[Change]:
    """Let the dispatcher pass once, and save what it makes."""
    store = AlertStore(engine)
    inbox = store.inbox("delays", 1, now)
    given: dict[str, Any] = {"silences": inbox.silences, "long_spans": inbox.long_spans}
    changes = update(inbox.alerts, inbox.findings, inbox.windows, now, [spec], **given)
    store.save(*changes)
    return changes


def rendered(engine: Engine, baseline: Baseline, change: Change, now: datetime) -> Rendered:
    """Return the mail of a change, as the sender writes it."""
    assert change.mail is not None
    alert = change.mail.alert
    tally = Results(engine).tally("delays", 1, alert.since, alert.last_end, alert.names)
    findings = [one.finding for one in alert.features]
    rows = {finding.id: LongSpanStore(engine).row_of(finding) for finding in findings}
    known = {name: row for name, row in rows.items() if row is not None}
    return render(change.mail, baseline=baseline, tally=tally, page_url="http://x", now=now, long_spans=known)


def test_a_day_is_mailed_as_a_day_and_over_after_a_clean_one(
    engine: Engine, baseline: Baseline, spec: MonitorSpec
) -> None:
    """The mail names the day, its rows and its shift, with a picture; only the next day, clean, ends the alert."""
    maker, now = LongSpanMaker(engine), START + DAY + timedelta(hours=7)
    maker.make(spec, START, START + DAY, now=now)
    (opened,) = passed(engine, spec, now)
    quiet = passed(engine, spec, now + timedelta(hours=10))
    mail = rendered(engine, baseline, opened, now)
    maker.make(spec, START + DAY, START + 2 * DAY, now=now + DAY)
    (closed,) = passed(engine, spec, now + DAY)
    end = rendered(engine, baseline, closed, now + DAY)

    assert "[pegel] delays v1: delay is drifting (on 1 January)" == mail.subject
    assert mail.text.startswith("delays v1: delay shifted up by 0.27")
    assert " on 1 January.\n" in mail.text
    assert "1,440 rows of the day as a whole; 0 of 24 windows show it by themselves." in mail.text
    assert "1 other field looks as in training." in mail.text
    assert "1,440 rows of the day against 5,000" in mail.text
    assert "median" in mail.text
    assert mail.picture is not None
    assert [] == [change for change in quiet if change.mail is not None]
    assert MailKind.OVER is (closed.mail and closed.mail.kind)
    assert "delay looks as in training again. It drifted on 1 January." in end.text


def test_answers_that_another_alert_tells_of_did_move(tmp_path: Path, spec: MonitorSpec) -> None:
    """A mail about a day's feature does not say that the answers stand still when its rows say otherwise."""
    schema = Schema((Field("delay", Kind.NUMERIC), Field("answer", Kind.NUMERIC, Role.PREDICTION)))
    now = START + DAY + timedelta(hours=7)
    baseline = trained_on(answered(0, 5_000), schema, spec)
    engine = connect(f"sqlite:///{tmp_path / 'pegel.db'}")
    give_tables(engine)
    BaselineStore(engine).put(baseline)
    BaselineStore(engine).promote("delays", 1, baseline.id, None, by="test", now=START)
    Registry(engine).put(spec)
    shifted = [counted(baseline.layout, answered(at + 1, 60, 0.3)) for at in range(24)]
    Results(engine).write([stored(at, baseline, summary) for at, summary in enumerate(shifted)])
    LongSpanMaker(engine).make(spec, START, START + DAY, now=now)
    (opened,) = passed(engine, spec, now)
    assert opened.mail is not None
    whole = opened.mail.alert
    alone = replace(whole, features=tuple(one for one in whole.features if one.feature == "delay"))
    of_delay = replace(opened, mail=replace(opened.mail, alert=alone))
    text = rendered(engine, baseline, of_delay, now).text
    engine.dispose()

    assert {"delay", "answer"} == {*whole.names}
    assert "the model's predictions moved too" in text


def test_what_windows_told_is_no_news_of_the_day(spec: MonitorSpec) -> None:
    """A feature that an alert of the same day names is not told again; another one is."""
    day = Span(START, START + DAY)
    of_window = sample_finding(feature="delay", span=Span(START, START + LENGTH))
    of_day = [sample_finding(feature=name, span=day, evidence={"rhythm": "day"}) for name in ("delay", "distance")]
    (change,) = update([], [(1, of_window)], [], START + DAY, [spec])
    assert change.alert is not None
    later = update([change.alert], [*enumerate(of_day, 2)], [], START + DAY, [spec])
    alerts = [one.alert for one in later if one.mail is not None]

    assert [("distance",)] == [alert.names for alert in alerts if isinstance(alert, Alert)]


def test_days_are_listed_on_the_page(engine: Engine, spec: MonitorSpec) -> None:
    """One row a day, the newest first, with its verdict, its rows and the worst feature."""
    now = START + 2 * DAY + timedelta(hours=7)
    LongSpanMaker(engine).make(spec, START, START + 2 * DAY, now=now)
    view = model_view(Sources(engine), "delays", 1, now)

    assert [] == view.problems
    assert [("2 January", "ok", ""), ("1 January", "drift", "delay: shifted up")] == [
        (day.when, day.verdict_words, day.worst.partition(" by")[0]) for day in view.calendar.days
    ]
    assert ["1,440"] * 2 == [day.rows for day in view.calendar.days]
    assert "1 January: drift" in view.calendar.strip
    assert "ok on 2 January" == view.row.days
    assert any("1,440 rows of a day show shifts from some 0.12" in note for note in view.calendar.notes)
