"""Views, pictures and the self-contained report, of a real database."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import sqlalchemy as sa

from pegel.baseline.baseline import Baseline
from pegel.data.columns import Columns, Field, Kind, Missing, Role, Schema
from pegel.errors import NotFound
from pegel.judge.decision import FeatureVerdict, insufficient
from pegel.judge.findings import Verdict
from pegel.report import html
from pegel.report.features import feature_views, odd
from pegel.report.model_list import model_rows
from pegel.report.model_page import model_view
from pegel.report.progress import progress
from pegel.report.reading import Sources
from pegel.report.shapes import OutlinedHistogram
from pegel.report.states import state_of
from pegel.report.svg import WIDTH, chart, sparkline
from pegel.report.timeline import told
from pegel.stats.layout import build_layout
from pegel.stats.summary import Summary
from pegel.store import tables
from pegel.store.alert_store import AlertStore
from pegel.store.database import writing
from pegel.store.dispatch_failures import DispatchFailures
from pegel.store.registry import Registry
from pegel.store.silence_store import SilenceStore
from pegel.store.stream_store import StreamStore
from pegel.stream.commit import ArrivalRow, Commit, Gap, MonitorFailure, SetAside
from pegel.testing.manual_clock import START
from pegel.testing.samples import (
    MINUTE,
    sample_heartbeat,
    sample_ledger,
    sample_silence,
    sample_spec,
    sample_window,
    tabled,
)

NOW = START + 24 * MINUTE + timedelta(seconds=20)


class Tags(HTMLParser):
    """Collects the names of all tags."""

    def __init__(self) -> None:
        """Begin with none."""
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002  the parser's hook
        """Remember one."""
        self.found.add(tag)


def test_a_model_is_told_in_words(sources: Sources) -> None:
    """The list says since when a model drifts, when its last window was and what false alarms to expect."""
    (row,) = model_rows(sources, NOW)

    assert ("delays", 1, 1) == (row.name, row.version, row.open_alerts)
    assert row.state.words.startswith("drifting since 00:18 UTC: departure_delay by 0.")
    assert row.state.words.endswith(" and 1 more")
    assert "00:24 UTC, 20 s ago" == row.last_window
    assert "1 per week expected by chance · 1 per week allowed" == row.false_alarms


def test_the_stream_says_what_it_got_done_and_since_when() -> None:
    """A driver's line has its start, how far it is, its newest event and its last progress, or that there is none."""
    beat = sample_heartbeat(NOW, lag=1_200, progressed_at=NOW - timedelta(seconds=40))
    new = sample_heartbeat(NOW, event_time_head=None, progressed_at=None, batch_id=0)

    assert (
        "running, started 00:19:20 UTC, generation 1: batch 17, 1,200 records behind, newest event 00:24:19 UTC, "
        "last progress 40 s ago"
    ) == progress(beat, NOW)
    assert (
        "running, started 00:19:20 UTC, generation 1: batch 0, all records read, no event yet, no progress yet"
    ) == progress(new, NOW)


@pytest.mark.parametrize("unit", [None, "mi", "EUR/month"])
def test_the_last_number_leaves_room_for_the_unit(unit: str | None) -> None:
    """However long numbers and unit are, no number of an axis runs into the unit or out of the picture."""
    shape = OutlinedHistogram(np.linspace(0, 2_600_000, 30), np.full(29, 1 / 29), None, (0, 0, 0, 0))
    texts = re.findall(r'x="([0-9.]+)" y="143.0"[^>]*>([^<]*)', chart(shape, title="distance", unit=unit))
    ends = [float(x) + 3 * len(text) for x, text in texts if text != unit]
    begin = WIDTH if unit is None else WIDTH - 8 - 6 * len(unit)

    assert len(ends) >= 3
    assert max(ends) <= begin


def test_features_come_worst_first(sources: Sources) -> None:
    """Drifting fields lead, each with its words, its size in its own unit and its picture."""
    features = model_view(sources, "delays", 1, NOW).features

    assert ["departure_delay", "arrival_delay"] == [one.name for one in features if one.verdict is Verdict.DRIFT]
    assert "shifted up" == features[0].what
    assert re.fullmatch(r"0\.\d+ \S \(median \+\d(\.\d)? min\)", features[0].effect)
    assert 4 == len(features)


def test_what_is_no_value_is_counted_by_kind_beside_the_picture() -> None:
    """Nulls, NaN, infinities and text where a number belongs are named apart, each with its count."""
    schema = Schema((Field("delay", Kind.NUMERIC),))
    layout = build_layout(schema, {"delay": np.arange(2_000.0)})
    summary = Summary.empty(layout)
    values = np.array([[1.0], [np.nan], [np.nan], [np.nan], [np.inf]])
    codes = np.array([[0], [Missing.NULL], [Missing.UNPARSEABLE], [0], [0]], dtype=np.uint8)
    summary.update(Columns(5, values, codes, (), ()), Role.FEATURE)

    assert "1 null, 1 NaN, 1 +inf, 1 unparseable" == odd(summary.features["delay"])


def test_the_ledger_closes(sources: Sources) -> None:
    """The ledger of the windows shown adds up, to the last message."""
    ledger = model_view(sources, "delays", 1, NOW).ledger

    assert (24 * 1_200, []) == (ledger.received, ledger.unbalanced)


def test_every_picture_is_well_formed(sources: Sources) -> None:
    """Each SVG is valid XML with a title for those who cannot see it."""
    view = model_view(sources, "delays", 1, NOW)
    pictures = [view.timeline, view.row.requests, *(one.chart for one in view.features)]
    titles = [ET.fromstring(picture).findtext("title") for picture in pictures]  # noqa: S314  our own

    assert all(titles)
    assert "24 windows of delays version 1" == titles[0]


def test_drift_is_marked_by_form(sources: Sources) -> None:
    """Each drifting window has a triangle, so that it is seen without colours."""
    view = model_view(sources, "delays", 1, NOW)

    assert 6 == view.timeline.count('class="mark"')


def test_the_report_stands_alone_and_escapes(sources: Sources, tmp_path: Path) -> None:
    """The file loads nothing from anywhere, runs nothing, and shows foreign text as text."""
    path = html.write(model_view(sources, "delays", 1, NOW), tmp_path / "report.html")
    text = path.read_text(encoding="utf-8")
    tags = Tags()
    tags.feed(text)

    assert {"script", "link", "img", "iframe", "b"}.isdisjoint(tags.found)
    assert not re.search(r"(src|href)=|url\(|https?://", text)
    assert "&lt;script&gt;" in text
    assert "prefers-color-scheme: dark" in text


def test_who_has_what_quiet_stands_in_the_report(sources: Sources) -> None:
    """A silence in force and an acknowledgement are shown with the person, the time and the reason."""
    store = AlertStore(sources.engine)
    until = NOW + timedelta(hours=2)
    SilenceStore(sources.engine).say(sample_silence(until, why="moving", by="otto", said_at=NOW))
    store.acknowledge(store.open_alerts()[0].id, until, "storm", by="ada", now=NOW)
    text = html.render(model_view(sources, "delays", 1, NOW))

    assert "Silenced: no mail about delays/1 before 02:24:20 UTC, said by otto at 00:24:20 UTC: moving" in text
    assert "acknowledged by ada until 02:24:20 UTC: storm; silenced by 1 (otto until 02:24:20 UTC: moving)" in text


def test_a_young_model_has_a_report_too(sources: Sources) -> None:
    """A model without windows, baseline or heartbeat gives a page that says so."""
    Registry(sources.engine).put(sample_spec("fraud", group="own"))
    text = html.render(model_view(sources, "fraud", 1, NOW))

    for sentence in ("not watched: its driver is not running yet", "No window yet.", "nothing is judged", "none yet"):
        assert sentence in text


def test_of_a_model_in_a_table_is_shown_what_it_has(sources: Sources) -> None:
    """It has neither requests, a ledger nor a driver; of one that is asked all of that is shown."""
    parts = ("<dt>Requests</dt>", "<h2>Ledger</h2>", "<h2>What the reconciler did</h2>", "Stream: ")
    asked = html.render(model_view(sources, "delays", 1, NOW))
    Registry(sources.engine).put(sample_spec(model=tabled()))
    in_table = html.render(model_view(sources, "delays", 1, NOW))

    assert [True] * 4 == [part in asked for part in parts]
    assert [False] * 4 == [part in in_table for part in parts]
    assert "Table, read by batch_monitor, not read yet." in in_table


def test_an_unknown_model_is_named(sources: Sources) -> None:
    """A model that the registry does not know is an error that names it."""
    with pytest.raises(NotFound, match="pets/3"):
        model_view(sources, "pets", 3, NOW)


def damaged(sources: Sources, statement: sa.Executable) -> None:
    """Add a second, healthy model, then change rows of the database as nobody should."""
    Registry(sources.engine).put(sample_spec("fraud"))
    with writing(sources.engine) as connection:
        connection.execute(statement)


DAMAGE: dict[str, sa.Executable] = {
    "spec: the stored spec cannot be read: no JSON": sa.text("UPDATE monitors SET spec = '{' WHERE model = 'delays'"),
    "spec: model: given 7": sa.text("UPDATE monitors SET spec = '{\"model\"\\: 7}' WHERE model = 'delays'"),
    "the window of delays/1 that starts at 2026-01-01 00:23:00 cannot be read": sa.update(tables.windows)
    .where(tables.windows.c.span_start == START + 23 * MINUTE)
    .values(verdict="fine"),
    "expected a readable baseline": sa.update(tables.baselines).values(document=b"?"),
    "alert ": sa.text("UPDATE alerts SET alert = '[]'"),
}


@pytest.mark.parametrize("words", DAMAGE)
def test_a_damaged_model_hides_no_other(sources: Sources, words: str) -> None:
    """A model of which something cannot be read has the state `error` with its reason; its page shows the rest."""
    damaged(sources, DAMAGE[words])
    states = {row.name: row.state.words for row in model_rows(sources, NOW)}
    view = model_view(sources, "delays", 1, NOW)
    text = html.render(view)

    assert "waiting for the first window" == states["fraud"]
    assert f"error: {words}" == states["delays"][: len("error: ") + len(words)]
    assert [words] == [problem[: len(words)] for problem in view.problems]
    assert "What is wrong" in text
    assert view.windows


@pytest.mark.parametrize("reasons", ["{", "7", "[7]"])
def test_an_outlier_that_cannot_be_read_is_left_out_and_named(sources: Sources, reasons: str) -> None:
    """Whatever stands in place of an outlier's reasons, the page of its model shows the rest and says what it lacks."""
    damaged(sources, sa.text("UPDATE outliers SET reasons = :reasons").bindparams(reasons=reasons))
    view = model_view(sources, "delays", 1, NOW)

    assert [] == view.outliers
    assert ["the outlier <script> row 0 of delays/1 cannot be read"] == [text.split(":")[0] for text in view.problems]
    assert "What is wrong" in html.render(view)


def test_what_went_wrong_in_the_stream_is_told(sources: Sources) -> None:
    """A failure of the stream is the model's state; records never read, set aside or unexplained are notices."""
    stream = StreamStore(sources.engine)
    claim = stream.claim("default", 5, NOW)
    gap = Gap(topic="pegel.default.inference", partition=0, start=5, end=125, reason="retention", at=NOW)
    poison = SetAside(topic=gap.topic, partition=1, offset=7, size_bytes=900, reason="killed two drivers", at=NOW)
    failure = MonitorFailure(model="delays", version=1, since=NOW, reason="KeyError: 'edges'", windows_lost=3)
    arrived = ArrivalRow(topic=gap.topic, partition=0, minute=START, records=7)
    commit = Commit(gaps=[gap], set_aside=[poison], failures=[failure], arrivals=[arrived])
    stream.commit(claim, commit, NOW)
    DispatchFailures(sources.engine).record("delays", 1, "ada@example.org was refused: 550", NOW)
    (row,) = model_rows(sources, NOW)
    text = html.render(model_view(sources, "delays", 1, NOW))

    assert "error: KeyError: 'edges' (since 00:24:20 UTC, 3 windows lost)" == row.state.words
    assert [
        "not told: ada@example.org was refused: 550",
        "120 records never read",
        "1 record set aside",
    ] == row.notices[:3]
    assert row.notices[3].startswith("ledger does not close in ")
    for sentence in ("3 windows lost", "offsets 5 to 124", "offset 7: killed two drivers", "Not told, 00:24:20 UTC"):
        assert sentence in text


@pytest.mark.parametrize(
    ("verdict", "age", "beat", "words"),
    [
        (Verdict.OK, 30, 1, "ok"),
        (Verdict.BELOW_MARGIN, 30, 1, "ok: changes below the margin"),
        (Verdict.INSUFFICIENT, 30, 1, "not judged: 600 rows in the window: too few"),
        (Verdict.BASELINE_MISSING, 30, 1, "baseline missing: rows are counted, nothing is judged"),
        (Verdict.OK, 190, 1, "ok"),
        (Verdict.OK, 200, 1, "no traffic for 3 min"),
        (Verdict.OK, 30, 90, "not watched: no heartbeat since 00:00:00 UTC; allowed are 60 s"),
    ],
)
def test_states_are_words(verdict: Verdict, age: int, beat: int, words: str) -> None:
    """Each state has its words; what is unknown never reads ok."""
    last = sample_window(verdict=verdict)
    now = last.span.end + timedelta(seconds=age)
    heartbeat = sample_heartbeat(now - timedelta(seconds=beat))

    assert words == state_of(sample_spec(), last=last, alerts=[], heartbeat=heartbeat, now=now).words


@pytest.mark.parametrize(
    ("heartbeat", "words"),
    [
        ({"missing": "waiting for the broker since 00:00:30 UTC"}, "waiting for the broker since 00:00:30 UTC"),
        (
            {"missing": "reading all but t 1: no leader since 00:00:30 UTC", "doing": "processing a batch"},
            "reading all but t 1: no leader since 00:00:30 UTC",
        ),
        ({"missing": "waiting for the topic t since 00:00:30 UTC"}, "waiting for the topic t since 00:00:30 UTC"),
        ({"progressed_at": START, "doing": "processing a batch"}, "no progress since 00:00:00 UTC, processing a batch"),
        (
            {"state": "starting", "doing": "starting Spark", "progressed_at": START},
            "its driver is starting: starting Spark since 00:00:00 UTC",
        ),
    ],
)
def test_what_says_nothing_of_the_present_does_not_read_ok(heartbeat: dict[str, Any], words: str) -> None:
    """A driver that waits, or stands still for half a minute, watches nothing, although it is left alone."""
    last = sample_window()
    now = last.span.end + timedelta(seconds=30)
    state = state_of(sample_spec(), last=last, alerts=[], heartbeat=sample_heartbeat(now, **heartbeat), now=now)

    assert (f"not watched: {words}", "bad") == (state.words, state.level)


def test_an_unknown_number_of_records_is_not_0(sources: Sources) -> None:
    """Where nobody knows how much of a topic was never read, list and page say that, and no number."""
    stream = StreamStore(sources.engine)
    gap = Gap(topic="pegel.default.inference", partition=0, start=5, end=5, reason="made again", at=NOW)
    stream.commit(stream.claim("default", 5, NOW), Commit(gaps=[gap]), NOW)
    (row,) = model_rows(sources, NOW)

    assert ["of pegel.default.inference an unknown number of records never read"] == row.notices
    assert "an unknown number of records were never read" in html.render(model_view(sources, "delays", 1, NOW))


@pytest.mark.parametrize(
    ("bound", "listed", "shown"),
    [
        ("dropped_at_most", "unknown: up to 5 events lost with a killed logger", "Unknown: up to 5</strong> more"),
        (
            "dropped_at_least",
            "unknown: at least 5 events lost with damaged files of a logger",
            "Unknown: at least 5</strong> more",
        ),
    ],
)
def test_a_loss_that_nobody_could_count_is_no_number(sources: Sources, bound: str, listed: str, shown: str) -> None:
    """List, status and page say up to how many events were lost, or at least; another group's are not theirs."""
    stream = StreamStore(sources.engine)
    for group, lost in (("default", 5), ("other", 9)):
        nobody = sample_ledger(model="", version=0, judged=0, late=0, invalid=0, duplicate=0)
        uncounted: dict[str, Any] = {bound: lost}
        row = replace(nobody, dropped=lost, **uncounted)
        stream.commit(stream.claim(group, 5, NOW), Commit(ledger=[row]), NOW)
    (model,) = model_rows(sources, NOW)

    assert listed in model.notices
    assert shown in html.render(model_view(sources, "delays", 1, NOW))


def test_a_model_whose_losses_could_not_be_counted_says_so(sources: Sources) -> None:
    """The ledger of a model has the number as a lower bound, in words."""
    row = sample_ledger(23, judged=0, late=0, invalid=0, duplicate=0)
    stream = StreamStore(sources.engine)
    stream.commit(stream.claim("default", 5, NOW), Commit(ledger=[replace(row, dropped=3, dropped_at_least=3)]), NOW)

    assert "Of the dropped, 3 stand for <strong>at least</strong> so many" in html.render(
        model_view(sources, "delays", 1, NOW)
    )


def test_what_is_too_short_is_named() -> None:
    """Why nothing was judged is said as it is: a short baseline is not blamed on the window's rows."""
    last = sample_window(verdict=Verdict.INSUFFICIENT, remarks={"not_judged": "fewer than 1,000 values in training"})
    now = last.span.end + timedelta(seconds=30)
    state = state_of(sample_spec(), last=last, alerts=[], heartbeat=sample_heartbeat(now), now=now)

    assert "not judged: fewer than 1,000 values in training" == state.words


def test_few_values_of_the_newest_window_are_not_those_of_the_picture(baseline: Baseline) -> None:
    """A field is not judged for the few values of one window; its picture may show many, and both numbers are said."""
    verdict = insufficient("airline", "fewer than 50 values in the window", 31, 5_000)
    counted: dict[str, Any] = {"summary": baseline.summary.to_bytes(), "layout_hash": baseline.layout.layout_hash}
    window = sample_window(baseline_id=baseline.id, judgement={"features": [verdict.to_json()]}, **counted)
    views = {view.name: view for view in feature_views(baseline, [window])}

    assert "5,000 against 5,000 values; 31 when the newest window was judged" == views["airline"].rows
    assert "5,000 against 5,000 values" == views["day_of_week"].rows


@pytest.mark.parametrize("over", [False, True])
def test_a_field_drifts_on_its_card_as_long_as_its_alert_is_open(
    sources: Sources, baseline: Baseline, over: bool
) -> None:
    """A newest window too small to judge takes no drift off a card that the model's state still tells."""
    (alert,) = AlertStore(sources.engine).alerts("delays", 1)
    small = insufficient("departure_delay", "fewer than 50 values in the window", 0, 5_000)
    window = sample_window(judgement={"features": [small.to_json()]})
    alert = replace(alert, over_at=NOW if over else None)
    views = {view.name: view for view in feature_views(baseline, [window], alert)}
    card = views["departure_delay"]
    drift = "shifted up, told with the window to 2026-01-01 00:24:00 UTC"

    assert (Verdict.INSUFFICIENT if over else Verdict.DRIFT, small.what if over else drift) == (card.verdict, card.what)
    assert ([] if over else [f"newest window: not judged, {small.what}"]) == card.further


def test_what_else_changed_in_a_field_is_not_lost(baseline: Baseline) -> None:
    """A field's card leads with its worst fact; the others stand behind it, each with its size."""
    facts: dict[str, Any] = {
        "feature": "airline",
        "n": 600,
        "m": 5_000,
        "p_value": 1e-9,
        "threshold": 1e-4,
        "effect_unit": "share",
    }
    worst = FeatureVerdict(verdict=Verdict.DRIFT, what="WN 50 % -> 70 %", effect=0.2, **facts)
    other = FeatureVerdict(verdict=Verdict.BELOW_MARGIN, what="nulls 0 % -> 1 %", effect=0.01, **facts)
    judgement = {"features": [worst.to_json()], "further": [other.to_json()]}
    views = {view.name: view for view in feature_views(baseline, [sample_window(judgement=judgement)])}

    assert ("WN 50 % → 70 %", ["nulls 0 % → 1 % · +1 points"]) == (views["airline"].what, views["airline"].further)
    assert [] == views["day_of_week"].further


def test_a_window_is_told_in_one_line() -> None:
    """What a mouse shows over a window: time, verdict, rows, and what is unusual."""
    row = sample_window(verdict=Verdict.DRIFT, late=3, final=False)

    assert "2026-01-01 00:00:00 to 00:01:00 UTC: drift, 600 rows, 3 late, provisional" == told(row)


def test_nothing_to_draw_is_said() -> None:
    """A field without values has a picture that says so; a line without points is none."""
    assert "no values to draw" in chart(None, title="x")
    assert "" == sparkline([], title="x")


def test_what_is_not_watched_is_said(sources: Sources) -> None:
    """Page and report say what is not looked for, and why, one sentence a line."""
    notes = ["correlations are not watched: no two features have 50 rows with both numbers", "hours are judged apart"]
    page = html.render(replace(model_view(sources, "delays", 1, NOW), notes=notes))

    assert "<li>Correlations are not watched: no two features have 50 rows with both numbers.</li>" in page
    assert "<li>Hours are judged apart.</li>" in page
