"""Slow drift and changed correlations, as a person reads them: in the mail, on the page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from blueprints import give_tables
from numpy.typing import NDArray

from pegel.alerts.alert import MailKind
from pegel.alerts.update import update
from pegel.baseline.baseline import Baseline
from pegel.data.columns import Columns, Field, Kind, Role, Schema
from pegel.judge.chart_state import ChartState
from pegel.judge.findings import Finding, Verdict
from pegel.judge.judge import judge
from pegel.report.alert_mail import render
from pegel.report.mail_message import Rendered
from pegel.report.model_page import model_view
from pegel.report.reading import Sources
from pegel.spec.monitor_spec import Watch
from pegel.stats.layout import build_layout
from pegel.stats.summary import Summary
from pegel.store.baseline_store import BaselineStore
from pegel.store.database import connect
from pegel.store.registry import Registry
from pegel.store.results import Results
from pegel.stream.result_rows import Tally, WindowRow
from pegel.testing.manual_clock import START
from pegel.testing.samples import MINUTE, sample_span, sample_spec, sample_window

SCHEMA = Schema((Field("distance", Kind.NUMERIC, unit="km"), Field("duration", Kind.NUMERIC, unit="min")))
Rows = NDArray[np.float64]


def draw(rng: np.random.Generator, n: int, *, shift: float = 0.0, r: float = 0.0) -> Rows:
    """Draw two normal columns with correlation `r`."""
    distance, own = rng.normal(size=(2, n))
    return np.column_stack([900 + 200 * (distance + shift), 120 + 30 * (r * distance + np.sqrt(1 - r * r) * own)])


def fill(summary: Summary, rows: Rows) -> Summary:
    """Count rows."""
    summary.update(Columns(len(rows), rows, None, (), ()), Role.FEATURE)
    return summary


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    """The baseline of 40,000 rows."""
    rows = draw(np.random.default_rng(1), 40_000)
    layout = build_layout(SCHEMA, {"distance": rows[:, 0], "duration": rows[:, 1]})
    summary = fill(Summary.empty(layout, exact=True), rows)
    return Baseline.build(
        layout=layout, summary=summary, model="delays", version=1, source="x", scores=None, watch=Watch()
    )


@dataclass(frozen=True)
class Story:
    """Judged windows and their findings, in order."""

    windows: tuple[WindowRow, ...]
    findings: tuple[Finding, ...]

    def mail(self, baseline: Baseline) -> Rendered:
        """Return the mail that goes out."""
        now = self.windows[-1].span.end + timedelta(seconds=20)
        numbered = list(enumerate(self.findings, start=1))
        (change,) = update([], numbered, self.windows, now, [sample_spec()])
        assert change.mail is not None
        assert MailKind.OPENED == change.mail.kind
        tally = Tally(drifting=1, windows=len(self.windows), rows=600 * len(self.windows))
        return render(change.mail, baseline=baseline, tally=tally, page_url="http://127.0.0.1/pegel", now=now)


def story(baseline: Baseline, rows: Sequence[Rows]) -> Story:
    """Judge one window per entry of `rows`, each with what the one before left."""
    chart_state: ChartState | None = ChartState(baseline.id)
    windows: list[WindowRow] = []
    findings: list[Finding] = []
    for minute, one in enumerate(rows):
        summary = fill(Summary.empty(baseline.layout), one)
        found = judge(
            baseline, summary, spec=sample_spec(), span=sample_span(minute), revision=1, chart_state=chart_state
        )
        chart_state = found.chart_state
        judgement = {"features": [each.to_json() for each in found.features], "notes": list(found.notes)}
        windows.append(
            sample_window(
                minute,
                rows=len(one),
                summary=summary.to_bytes(),
                layout_hash=baseline.layout.layout_hash,
                baseline_id=baseline.id,
                verdict=found.verdict,
                judgement=judgement,
            )
        )
        findings += found.findings
    return Story(tuple(windows), tuple(findings))


@pytest.fixture(scope="module")
def slow(baseline: Baseline) -> Story:
    """Twenty windows of 400 rows as in training, and forty that lie a tenth of a standard deviation higher."""
    rng = np.random.default_rng(3)
    return story(baseline, [draw(rng, 400, shift=0.1 * (minute >= 20)) for minute in range(60)])


@pytest.fixture(scope="module")
def together(baseline: Baseline) -> Story:
    """A window whose two columns have come to move together."""
    return story(baseline, [draw(np.random.default_rng(4), 2_000, r=0.3)])


def test_a_mail_about_slow_drift(slow: Story, baseline: Baseline) -> None:
    """The mail says in its first line what has crept where, and between when it began; it has a picture."""
    mail = slow.mail(baseline)

    assert {("distance", "cusum")} == {(finding.feature, finding.detector) for finding in slow.findings}
    begun = r"\(began between 00:\d\d and 00:\d\d UTC\)"
    assert re.match(rf"\[pegel\] info: delays v1: distance is drifting {begun}", mail.subject)
    assert mail.text.startswith("delays v1: distance shifted up slowly by 0.")
    assert " in the windows from about 00:" in mail.text.splitlines()[0]
    assert "location up test p = " in mail.text
    assert mail.picture is not None


def test_when_slow_drift_began(slow: Story, baseline: Baseline) -> None:
    """The first mail says between which times the change began, how sure that is, and what if it came gradually."""
    first = min(finding.span.end for finding in slow.findings)
    upto = Story(
        tuple(row for row in slow.windows if row.span.end <= first),
        tuple(finding for finding in slow.findings if finding.span.end <= first),
    )
    told = (
        r"distance began to change between 00:(\d\d) and 00:(\d\d) UTC \(90 % sure\); if it came gradually, maybe "
        r"from 00:\d\d on\."
    )
    found = re.search(told, upto.mail(baseline).text)

    assert found is not None
    assert int(found[1]) <= 20 < int(found[2])


def test_later_mails_keep_what_is_known(slow: Story, baseline: Baseline) -> None:
    """However long it goes on, the page and later mails tell the interval of the first finding."""
    first, whole = (Story(slow.windows, slow.findings[:count]).mail(baseline) for count in (1, len(slow.findings)))
    sentences = [next(line for line in mail.text.splitlines() if "began to change" in line) for mail in (first, whole)]

    assert len(slow.findings) > 1
    assert sentences[0] == sentences[1]


def test_a_mail_about_a_correlation(together: Story, baseline: Baseline) -> None:
    """A pair is named with both correlations; there is no field to draw, and nothing breaks for want of it."""
    mail = together.mail(baseline)

    assert "distance \N{MULTIPLICATION SIGN} duration is drifting" in mail.subject
    assert "correlation 0.0" in mail.text.splitlines()[0]
    assert "\N{RIGHTWARDS ARROW} 0.2" in mail.text.splitlines()[0]
    assert mail.picture is None


def test_the_page_tells_slow_drift(slow: Story, baseline: Baseline, tmp_path: Path) -> None:
    """The page shows the field first, with the tag of slow drift, and marks the windows on the time line."""
    engine = connect(f"sqlite:///{tmp_path / 'pegel.db'}")
    give_tables(engine)
    BaselineStore(engine).put(baseline)
    Registry(engine).put(sample_spec())
    Results(engine).write(slow.windows, slow.findings)
    view = model_view(Sources(engine), "delays", 1, START + 61 * MINUTE)
    engine.dispose()

    assert (Verdict.DRIFTING, "drifting slowly") == (view.features[0].verdict, view.features[0].verdict_words)
    assert 'class="verdict drifting"' in view.timeline
    assert any("slow changes below" in note for note in view.notes)
