"""Segments as people meet them: in alerts and mails, on the page, in an explanation; the whole stays the whole."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from blueprints import give_tables
from sqlalchemy.engine import Engine

from pegel.alerts.alert import Mail
from pegel.alerts.update import update
from pegel.baseline.baseline import Baseline
from pegel.cli.main import main
from pegel.data.columns import Columns, Field, Kind, Role, Schema
from pegel.data.spans import Span
from pegel.judge.findings import Verdict
from pegel.judge.judge import judge
from pegel.judge.recomputation import explain
from pegel.judge.whole_and_segments import judge_segments
from pegel.report.alert_mail import render
from pegel.report.html import render as render_page
from pegel.report.model_page import model_view
from pegel.report.reading import Sources
from pegel.spec.monitor_spec import MonitorSpec
from pegel.stats.layout import build_layout
from pegel.stats.segment_counts import SegmentCounts
from pegel.stats.segments import Segments
from pegel.stats.summary import Summary
from pegel.store.baseline_store import BaselineStore
from pegel.store.database import connect
from pegel.store.registry import Registry
from pegel.store.results import Results
from pegel.testing.manual_clock import START
from pegel.testing.samples import MINUTE, sample_span, sample_spec, sample_window

SCHEMA = Schema((Field("airline", Kind.CATEGORICAL), Field("delay", Kind.NUMERIC, unit="min")))
WINDOWS = 4
NOW = START + WINDOWS * MINUTE + timedelta(seconds=20)
PAGE = "http://127.0.0.1:8080/pegel"
DRIFTING = "airline=<b>&B6"


def watched() -> MonitorSpec:
    """Return the spec of the model."""
    return sample_spec(watch={"segments": ["airline"], "dependence": "off"})


def rows(count: int, seed: int, shift: float = 0.0) -> tuple[Any, Any]:
    """Return airlines and delays; those of one airline, one row in twelve, are shifted."""
    rng = np.random.default_rng(seed)
    airline = rng.choice(np.array(["AA", "UA", "<b>&B6"], dtype=np.object_), count, p=[0.7, 0.22, 0.08])
    return airline, rng.normal(size=count) + shift * (airline == "<b>&B6")


def counted(layout: Any, wanted: Segments, values: tuple[Any, Any], *, exact: bool) -> tuple[Summary, SegmentCounts]:
    """Count rows as a whole and by segment."""
    airline, delay = values
    columns = Columns(len(delay), delay[:, None], None, (airline,), (None,))
    summary, parts = Summary.empty(layout, exact=exact), SegmentCounts(layout, wanted)
    summary.update(columns, Role.FEATURE)
    parts.update(columns, Role.FEATURE, wanted.rows(layout, columns))
    return summary, parts


@pytest.fixture(scope="module")
def learnt() -> Baseline:
    """Return the baseline, of 20,000 rows."""
    airline, delay = rows(20_000, 0)
    layout = build_layout(SCHEMA, {"airline": airline, "delay": delay})
    wanted = Segments.of(layout, watched().watch.segments)
    summary, parts = counted(layout, wanted, (airline, delay), exact=True)
    return Baseline.build(
        layout=layout,
        summary=summary,
        model="delays",
        version=1,
        source="local://delays",
        scores=None,
        watch=watched().watch,
        segments=parts,
        created_at=START,
    )


@pytest.fixture
def engine(learnt: Baseline, tmp_path: Path) -> Iterator[Engine]:
    """Return a database with four windows of 1,500 rows, in the last two of which one segment drifts."""
    engine = connect(f"sqlite:///{tmp_path / 'pegel.db'}")
    give_tables(engine)
    baselines = BaselineStore(engine)
    baselines.promote("delays", 1, baselines.put(learnt), None, by="test", now=NOW)
    Registry(engine).put(watched())
    for minute in range(WINDOWS):
        write(Results(engine), learnt, minute)
    yield engine
    engine.dispose()


def write(results: Results, learnt: Baseline, minute: int) -> None:
    """Judge one window and write the rows of the whole and of its segments."""
    values = rows(1_500, 10 + minute, shift=1.2 if minute >= WINDOWS - 2 else 0.0)
    summary, parts = counted(learnt.layout, learnt.segments.segments, values, exact=False)
    span = sample_span(minute)
    whole = judge(learnt, summary, spec=watched(), span=span, revision=1)
    judged = judge_segments(whole, learnt, summary, parts.summaries, spec=watched(), span=span, revision=1)
    several = {"": (whole, summary)} | {
        name: (judged.segments[name], parts.summaries[name]) for name in judged.segments
    }
    windows = [
        sample_window(
            minute,
            segment=name,
            rows=counts.most_rows,
            summary=counts.to_bytes(),
            layout_hash=learnt.layout.layout_hash,
            baseline_id=learnt.id,
            verdict=each.verdict,
            judgement={"features": [one.to_json() for one in each.features if not name or one.effect is not None]},
        )
        for name, (each, counts) in several.items()
    ]
    results.write(windows=windows, findings=judged.findings)


@pytest.fixture
def mail(engine: Engine) -> Mail:
    """Return the one mail about the drift."""
    results = Results(engine)
    changes = update([], results.findings("delays", 1), results.windows("delays", 1), NOW, [watched()])
    (mail,) = [change.mail for change in changes if change.mail]
    return mail


def test_one_alert_names_the_segment(mail: Mail, learnt: Baseline, engine: Engine) -> None:
    """Subject and first line say where; the picture and the numbers of all rows are left out, which do not show it."""
    tally = Results(engine).tally("delays", 1, mail.alert.since, mail.alert.last_end, mail.alert.names)
    rendered = render(mail, baseline=learnt, tally=tally, page_url=PAGE, now=NOW)

    assert (f"delay in {DRIFTING}",) == mail.alert.names
    assert f"[pegel] critical: delays v1: delay in {DRIFTING} is drifting (since 00:02 UTC)" == rendered.subject
    assert rendered.text.startswith(f"delays v1: delay in {DRIFTING} shifted up by 1.")
    assert (2, 2) == (tally.drifting, tally.windows)
    assert "of 2 other fields look" in rendered.text
    assert f"rows with {DRIFTING} of the newest window against 1," in rendered.text
    assert None is rendered.picture
    assert "&lt;b&gt;" in str(rendered.html)


def test_whoever_names_no_segment_reads_the_whole(engine: Engine) -> None:
    """Windows, the newest ones, the counts of alarms: all are of all rows, although there are rows of segments."""
    results = Results(engine)

    assert [1_500] * WINDOWS == [row.rows for row in results.windows("delays", 1)]
    assert {Verdict.OK} == {row.verdict for row in results.windows("delays", 1)}
    assert (WINDOWS, 0) == results.alarms("delays", 1, START, NOW)
    newest = results.newest([("delays", 1)], limit=5)["delays", 1].window
    assert ["", 1_500] == [getattr(newest, "segment", None), getattr(newest, "rows", None)]


def test_the_newest_row_of_each_segment_is_found(engine: Engine) -> None:
    """One row for each, without the whole's, however many windows there are."""
    newest = Results(engine).newest_of_segments("delays", 1, timedelta(days=1))

    assert [DRIFTING, "airline=AA", "airline=UA"] == [row.segment for row in newest]
    assert {sample_span(WINDOWS - 1)} == {row.span for row in newest}


def test_the_page_lists_segments_and_shows_one_of_them(engine: Engine) -> None:
    """The drifting one comes first; chosen, windows and features are its own, with every field judged."""
    whole = model_view(Sources(engine), "delays", 1, NOW)
    chosen = model_view(Sources(engine), "delays", 1, NOW, segment=DRIFTING)
    delay = next(one for one in chosen.features if one.name == "delay")

    assert [DRIFTING, "airline=AA", "airline=UA"] == [one.name for one in whole.segments]
    assert ("drift", True) == (whole.segments[0].verdict_words, whole.segments[0].is_finding)
    assert whole.segments[0].what.startswith("delay shifted up")
    assert "%3Cb%3E%26B6" in whole.segments[0].query
    assert Verdict.OK is whole.features[0].verdict
    assert (Verdict.DRIFT, 2) == (delay.verdict, len(chosen.features))
    assert {DRIFTING} == {row.segment for row in chosen.windows}
    assert [] == [*whole.problems, *chosen.problems]
    assert "Windows and features above are those of" in render_page(chosen)
    assert "airline=&lt;b&gt;&amp;B6" in render_page(whole)
    assert "<b>&B6" not in render_page(chosen)


def test_a_segment_that_is_none_has_an_empty_page(engine: Engine) -> None:
    """Whatever stands in an address, nothing breaks: no window, nothing to compare with, the rest as it is."""
    view = model_view(Sources(engine), "delays", 1, NOW, segment="airline=?")

    assert ([], [], []) == (view.windows, view.features, view.problems)
    assert 3 == len(view.segments)


def test_a_finding_of_a_segment_is_explained_from_its_own_row(engine: Engine, learnt: Baseline) -> None:
    """The row that is looked up is the segment's, and its numbers are found again."""
    results = Results(engine)
    (_, finding), *_ = results.findings("delays", 1)
    row = results.window("delays", 1, finding.span, finding.revision, segment=finding.segment)
    again = explain(finding, Summary.from_bytes(b"" if row is None else row.summary, learnt.layout), learnt)

    assert again.agrees
    assert str(again).startswith(f"delay in {DRIFTING} of delays v1: shifted up")
    assert DRIFTING == again.to_json()["segment"]


def test_a_row_of_several_windows_counts_for_each_of_them(engine: Engine, learnt: Baseline) -> None:
    """Few rows of a segment are told once for all windows that they are of, which then count as drifting."""
    results = Results(engine)
    (_, finding), *_ = results.findings("delays", 1)
    stored = results.window("delays", 1, finding.span, finding.revision, segment=finding.segment)
    assert stored is not None
    values = {name: getattr(stored, name) for name in stored.__dataclass_fields__}
    told = {name: getattr(finding, name) for name in finding.__dataclass_fields__}
    span = Span(START, START + 2 * MINUTE)
    results.write(windows=[type(stored)(**values | {"span": span})], findings=[type(finding)(**told | {"span": span})])

    assert 4 == results.tally("delays", 1, START, NOW, [finding.about]).drifting
    assert 0 == results.tally("delays", 1, START, NOW, [finding.feature]).drifting


def command(engine: Engine, *arguments: str) -> int:
    """Run a command in the home of that database; return its exit code."""
    home = Path(str(engine.url.database)).parent
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--home", str(home)])
    return int(str(ended.value.code))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("airline=U", "expected one of delays/1's, airline=AA, airline=UA, airline=<b>&B6, airline=other; given"),
        ("airlines=AA", "given 'airlines=AA'. Nothing was written. Did you mean `airline=AA`?"),
    ],
)
def test_a_report_about_a_segment_that_there_is_not_is_refused(
    engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str], given: str, said: str
) -> None:
    """The sentence names those that there are; one without a window yet is one of them."""
    file = tmp_path / "report.html"
    refused = command(engine, "report", "--segment", given, "-o", str(file))

    assert (2, False) == (refused, file.exists())
    assert said in capsys.readouterr().err
    assert 0 == command(engine, "report", "--segment", "airline=other", "-o", str(file))


def test_a_report_about_a_segment_of_a_model_without_any_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says that there are none, and what would make some."""
    engine = connect(f"sqlite:///{tmp_path / 'pegel.db'}")
    give_tables(engine)
    Registry(engine).put(sample_spec("delays"))
    engine.dispose()

    assert 2 == command(engine, "report", "--segment", "airline=AA", "-o", str(tmp_path / "report.html"))
    assert "delays/1 has no segments: expected none, or `watch.segments` in its spec" in capsys.readouterr().err


def test_a_silence_about_what_no_model_has_says_so(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    """It is kept, since models learn new names; what is mistyped is seen at once. Of known names nothing is said."""
    about = ("silence", "--model", "delays", "--until", "4h", "--why", "storm")
    codes = [
        command(engine, *about, *more)
        for more in (
            ("--feature", "delya"),
            ("--segment", "airlin=AA"),
            ("--feature", "del*", "--segment", "airline=AA"),
        )
    ]
    lines = capsys.readouterr().err.splitlines()

    assert ([0, 0, 0], 2) == (codes, len(lines))
    assert (
        "has a feature 'delya' by now, so nothing is held back by it until one has. Did you mean `delay`?" in lines[0]
    )
    assert "has a segment 'airlin=AA' by now" in lines[1]
