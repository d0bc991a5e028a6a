"""Results: written by key, so that a replay in any order changes nothing."""

from __future__ import annotations

import math
import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Engine

from pegel.errors import NotFound
from pegel.judge.findings import ALARMING, Finding, Verdict
from pegel.store.results import Details, Results
from pegel.stream.result_rows import Origin, WindowRow
from pegel.testing.manual_clock import START
from pegel.testing.samples import (
    sample_finding,
    sample_invalid,
    sample_ledger,
    sample_outlier,
    sample_span,
    sample_window,
)

pytestmark = pytest.mark.environments("sqlalchemy")

Write = tuple[list[WindowRow], list[Finding]]


def drifting(minute: int, revision: int = 1, *, final: bool = True, feature: str = "departure_delay") -> Write:
    """Return a window that drifts, with its finding."""
    window = sample_window(minute, revision, final=final, verdict=Verdict.DRIFT)
    return [window], [sample_finding(minute, feature, revision)]


def test_rows_come_back_as_they_went_in(engine: Engine) -> None:
    """Every kind of row is read back equal, foreign text and all."""
    results = Results(engine)
    windows, findings = drifting(0)
    odd = replace(findings[0], effect=math.inf, what="Zürich \U0001f680 -> \x00", evidence={"cells": [1, 2]})
    windows = [replace(windows[0], summary=b"\x00\xff", judgement={"features": [{"p": 1e-300}]}, baseline_id=None)]
    results.write(windows, [odd], [sample_outlier()], [sample_ledger()], [sample_invalid()])

    assert windows == results.windows("delays", 1)
    assert [(1, odd)] == results.findings("delays", 1)
    assert [sample_outlier()] == results.outliers("delays", 1)
    assert [sample_ledger()] == results.ledger("delays", 1)
    assert [sample_invalid()] == results.invalid("delays", 1)


def test_alarms_are_counted_without_being_read(engine: Engine) -> None:
    """Of a time, final windows as they are seen, by whether their verdict alarms; its begin excluded, its end included.

    A revision above decides, one that is not final does not.
    """
    results, verdicts = Results(engine), [*Verdict, Verdict.DRIFT]
    for minute, verdict in enumerate(verdicts):
        results.write([sample_window(minute, verdict=verdict)])
    results.write([sample_window(len(verdicts) - 1, 2, verdict=Verdict.OK)])
    results.write([sample_window(50, final=False, verdict=Verdict.DRIFT)])
    first, last = (sample_span(minute).end for minute in (0, len(verdicts) - 1))
    since = first - timedelta(minutes=1)
    seen = results.windows("delays", 1, since, last, final_only=True)
    alarming = sum(window.verdict in ALARMING for window in seen)

    assert (len(verdicts), alarming) == results.alarms("delays", 1, since, last)
    assert (0, 0) == results.alarms("delays", 2, since, last)
    assert len(verdicts) - 2 == results.alarms("delays", 1, first, last - timedelta(microseconds=1))[0]


def test_text_that_databases_refuse_is_kept_readable(engine: Engine) -> None:
    """NUL and lone surrogates in samples and ids become replacement characters; a long sample is cut."""
    results = Results(engine)
    results.write(outliers=[sample_outlier("a\x00b\ud800")], invalid=[sample_invalid(sample="\x00" + "x" * 900)])

    assert ["a\ufffdb\ufffd"] == [row.event_id for row in results.outliers("delays", 1)]
    assert ["\ufffd" + "x" * 499] == [row.sample for row in results.invalid("delays", 1)]


def test_ledger_counts_are_absolute(engine: Engine) -> None:
    """Writing a minute again replaces its counts; it does not add to them."""
    results = Results(engine)
    for judged in (4, 1_195):
        results.write(ledger=[sample_ledger(judged=judged)])

    assert [1_195] == [row.judged for row in results.ledger("delays", 1)]


@pytest.mark.parametrize(
    "window", [sample_window(1), sample_window(0, final=False)], ids=["of another span", "provisional"]
)
def test_a_finding_without_its_final_window_is_refused(engine: Engine, window: WindowRow) -> None:
    """One transaction: when a finding comes without its final window, nothing of the write is kept."""
    results = Results(engine)

    with pytest.raises(ValueError, match="beside its final window"):
        results.write([window], [sample_finding(0)], [sample_outlier()])
    assert ([], []) == (results.windows("delays", 1), results.outliers("delays", 1))


def test_a_provisional_row_replaces_the_one_before(engine: Engine) -> None:
    """Of a span only the newest provisional revision is kept, however many came at once; the final one ends it."""
    results = Results(engine)
    kept = []
    for revisions, final in (((1,), False), ((2, 3), False), ((4,), True)):
        results.write([sample_window(0, revision, final=final) for revision in revisions])
        kept.append([row.revision for row in results.windows("delays", 1, latest_revision=False)])

    assert [[1], [3], [4]] == kept


def test_a_provisional_row_carries_no_summary(engine: Engine) -> None:
    """What may change every second is stored without its packed summary and judgement; a final row has both."""
    results = Results(engine)
    told: dict[str, Any] = {"judgement": {"features": []}, "summary": b"abc"}
    results.write([sample_window(0, final=False, **told), sample_window(1, **told)])

    assert [(b"", {}), (b"abc", {"features": []})] == [
        (row.summary, row.judgement) for row in results.windows("delays", 1)
    ]


def test_a_window_is_read_without_its_details(engine: Engine) -> None:
    """Without details summary and judgement are empty; a mail reads the summaries of alarming windows only."""
    results = Results(engine)
    told: dict[str, Any] = {"judgement": {"features": []}, "summary": b"abc"}
    results.write([sample_window(0, **told), sample_window(1, verdict=Verdict.DRIFT, **told)])
    read = {how: results.windows("delays", 1, details=how) for how in Details}

    assert [(b"", {}), (b"", {})] == [(row.summary, row.judgement) for row in read[Details.NONE]]
    assert [(b"", {}), (b"abc", {})] == [(row.summary, row.judgement) for row in read[Details.ALARMING]]
    assert [b"abc", b"abc"] == [row.summary for row in read[Details.FULL]]


def test_a_final_revision_is_never_taken_back(engine: Engine) -> None:
    """A provisional row of the number of a final one changes nothing."""
    results = Results(engine)
    results.write(*drifting(0, 2))
    before = (results.windows("delays", 1, latest_revision=False), results.findings("delays", 1))
    results.write([sample_window(0, 2, final=False)])

    assert before == (results.windows("delays", 1, latest_revision=False), results.findings("delays", 1))


def test_a_window_is_fetched_by_its_key(engine: Engine) -> None:
    """A span's row is found by its span and segment; a named revision is that one, else the one a reader sees."""
    results = Results(engine)
    segment = sample_window(0, 5, segment="carrier=WN")
    results.write([sample_window(0, 3), sample_window(0, 7), sample_window(1, 9), segment])
    span = sample_span(0)

    assert sample_window(0, 7) == results.window("delays", 1, span)
    assert sample_window(0, 3) == results.window("delays", 1, span, 3)
    assert segment == results.window("delays", 1, span, segment="carrier=WN")
    assert (None, None) == (results.window("delays", 1, span, 4), results.window("delays", 2, span))


def test_segments_do_not_mix(engine: Engine) -> None:
    """The windows of the whole and those of a segment are read apart, whatever their revisions."""
    results = Results(engine)
    segment = sample_window(0, 5, segment="carrier=WN")
    results.write([sample_window(0, 3), segment])

    assert [sample_window(0, 3)] == results.windows("delays", 1)
    assert [segment] == results.windows("delays", 1, segment="carrier=WN")


def test_of_one_revision_the_batch_row_is_seen(engine: Engine) -> None:
    """At equal revision the batch job's row is seen, not the stream's; a higher revision of either beats both."""
    results = Results(engine)
    batch = sample_window(0, 3, origin=Origin.BATCH, rows=612)
    results.write([batch])
    results.write([sample_window(0, 3)])
    equal = (results.window("delays", 1, sample_span(0)), results.windows("delays", 1, final_only=True))
    results.write([sample_window(0, 4)])

    assert (batch, [batch]) == equal
    assert [sample_window(0, 4)] == results.windows("delays", 1)
    assert 3 == len(results.windows("delays", 1, latest_revision=False))


def test_batch_supersedes_the_stream_and_keeps_its_row(engine: Engine) -> None:
    """A later final revision is the one that is shown; the earlier final one stays as history."""
    results = Results(engine)
    results.write(*drifting(0, 3))
    results.write([sample_window(0, 1_000, rows=612)])

    assert [(1_000, 612)] == [(row.revision, row.rows) for row in results.windows("delays", 1)]
    assert [3, 1_000] == [row.revision for row in results.windows("delays", 1, latest_revision=False)]


def test_windows_are_chosen_by_time(engine: Engine) -> None:
    """`since` keeps what ends after it, `limit` the newest of these, in order of time."""
    results = Results(engine)
    results.write([sample_window(minute, final=minute < 5) for minute in range(6)])

    def minutes(**how: object) -> list[int]:
        return [int((row.span.start - START) / timedelta(minutes=1)) for row in results.windows("delays", 1, **how)]  # type: ignore[arg-type]  # passed on as given

    assert [2, 3, 4, 5] == minutes(since=sample_span(2).start)
    assert [4, 5] == minutes(limit=2)
    assert [3, 4] == minutes(limit=2, final_only=True)


def test_findings_are_read_from_a_place(engine: Engine) -> None:
    """A reader that keeps its place sees each finding once, in order."""
    results = Results(engine)
    for minute in range(3):
        results.write(*drifting(minute))
    (first, _), *_ = results.findings("delays", 1, limit=1)
    rest = results.findings("delays", 1, after_seq=first)

    assert [sample_finding(1), sample_finding(2)] == [finding for _, finding in rest]


def test_a_finding_is_found_by_the_start_of_its_id(engine: Engine) -> None:
    """A prefix that names one finding finds it; one that names none or several says so."""
    results = Results(engine)
    windows, findings = drifting(0)
    results.write(windows, [*findings, sample_finding(0, "distance")])

    assert findings[0] == results.finding(findings[0].id[:6])
    for prefix, said in (("", "give more of"), ("%", "no finding starts with"), ("zz", "no finding starts with")):
        with pytest.raises(NotFound, match=said):
            results.finding(prefix)


def test_recent_findings_come_newest_first(engine: Engine) -> None:
    """What a page shows begins with the newest span."""
    results = Results(engine)
    for minute in (1, 0, 2):
        results.write(*drifting(minute))

    assert [2, 1] == [int(f.span.start.minute) for f in results.recent_findings("delays", 1, limit=2)]


def test_forgetting_takes_one_model_version_only(engine: Engine) -> None:
    """After `forget` nothing of that model version is left, and everything of the others."""
    results = Results(engine)
    for version in (1, 2):
        window, finding = sample_window(version=version), sample_finding(version=version)
        rows = ([sample_outlier(version=version)], [sample_ledger(version=version)], [sample_invalid(version=version)])
        results.write([window], [finding], *rows)
    results.forget("delays", 1)

    assert [0, 1] == [len(results.windows("delays", version)) for version in (1, 2)]
    assert [0, 1] == [len(results.findings("delays", version)) for version in (1, 2)]
    assert [0, 1] == [
        len(results.outliers("delays", v)) + len(results.invalid("delays", v, None)) - v + 1 for v in (1, 2)
    ]


def test_concurrent_writers_leave_no_gap_behind_a_reader(engine: Engine) -> None:
    """While two writers add findings of one monitor, a reader that keeps its place sees every one of them."""
    results, seen = Results(engine), []

    def write(first: int) -> None:
        for minute in range(first, first + 15):
            results.write(*drifting(minute))

    writers = [threading.Thread(daemon=True, target=write, args=(first,)) for first in (0, 15)]
    for writer in writers:
        writer.start()
    place = 0
    while any(writer.is_alive() for writer in writers) or results.findings("delays", 1, place):
        news = results.findings("delays", 1, place)
        seen += [finding.id for _, finding in news]
        place = news[-1][0] if news else place

    assert 2 * 15 == len(seen) == len(set(seen))


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_final_windows_written_again_in_any_order_change_nothing(engine: Engine, data: st.DataObject) -> None:
    """Final writes repeated in any order leave the same rows, and the same findings at the same places."""
    results = Results(engine)
    results.forget("delays", 1)
    writes = [drifting(minute, revision) for minute in (0, 1) for revision in (2, 7)]
    for windows, findings in writes:
        results.write(windows, findings)
    before = (results.windows("delays", 1, latest_revision=False), results.findings("delays", 1))
    for windows, findings in data.draw(st.lists(st.sampled_from(writes), max_size=8)):
        results.write(windows, findings)

    assert before == (results.windows("delays", 1, latest_revision=False), results.findings("delays", 1))


def test_a_final_window_written_again_brings_exactly_its_findings(engine: Engine) -> None:
    """A batch job that judges a span anew under its own revision replaces what it found before."""
    results = Results(engine)
    results.write([sample_window(0)], [sample_finding(0, "a"), sample_finding(0, "b")])
    results.write([sample_window(0)], [sample_finding(0, "b"), sample_finding(0, "c")])
    changed = [finding.feature for _, finding in results.findings("delays", 1)]
    results.write([sample_window(0)])

    assert (["b", "c"], []) == (changed, results.findings("delays", 1))
