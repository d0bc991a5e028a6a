"""How a model did is kept span by span, and no event enters a chart twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from pegel.data.spans import Span
from pegel.errors import Conflict, DamagedRow
from pegel.judge.findings import Finding, Verdict
from pegel.judge.performance.performance_rows import ConceptChartRow, PerformanceRow
from pegel.stats.labelled_rows import LabelledRows
from pegel.stats.performance_counts import PerformanceCounts
from pegel.store import tables
from pegel.store.concept_chart_store import ConceptCharts
from pegel.store.database import writing
from pegel.store.performance_store import PerformanceStore
from pegel.testing.samples import sample_finding

pytestmark = pytest.mark.environments("sqlalchemy")
HOUR = Span(datetime(2015, 1, 5, 12, tzinfo=UTC), datetime(2015, 1, 5, 13, tzinfo=UTC))
COUNTS = PerformanceCounts.of(
    LabelledRows.of_classes(
        ["1", "0", "0"],
        ["1", "1", None],
        event_time=np.full(3, "2015-01-05T12:10", dtype="datetime64[us]"),
        arrived_at=np.array(["2015-01-06", "2015-01-06", "NaT"], dtype="datetime64[us]"),
        score=np.array([0.9, 0.2, 0.4]),
    )
)
ROW = PerformanceRow(
    model="delays",
    version=1,
    span=HOUR,
    counts=COUNTS,
    settled=False,
    verdict=Verdict.INSUFFICIENT,
    judgement={"figures": []},
    at=HOUR.end,
    coverage={"late": 1},
    baseline_id="sha256:a",
)
CHART = ConceptChartRow(
    model="delays", version=1, chart="errors", state={"level": 3}, baseline_id="sha256:a", up_to=HOUR.end
)


def test_a_span_is_read_back_as_written(engine: Engine) -> None:
    """What was counted and judged comes back; the newest revision speaks, an older one can be named."""
    store = PerformanceStore(engine)
    store.write([ROW, replace(ROW, segment="airline=AA")], [finding_of(ROW)])
    later = replace(ROW, revision=1, settled=True, verdict=Verdict.OK)
    store.write([later])

    assert [later] == store.rows("delays", 1)
    assert ROW == store.row("delays", 1, HOUR, 0)
    assert later == store.row("delays", 1, HOUR)
    assert 2 == len(store.rows("delays", 1, segment=None))
    assert store.row("delays", 2, HOUR) is None


def test_spans_are_chosen_by_their_ends(engine: Engine) -> None:
    """`since` is exclusive and `until` inclusive, as for windows."""
    store = PerformanceStore(engine)
    store.write([ROW])

    assert [ROW] == store.rows("delays", 1, HOUR.start, HOUR.end)
    assert [] == store.rows("delays", 1, HOUR.end)
    assert [] == store.rows("delays", 1, None, HOUR.end - timedelta(seconds=1))


def test_of_two_runs_over_the_same_spans_the_later_one_is_refused(engine: Engine) -> None:
    """A chart moves on only from the state that was read, so that it takes in no event twice."""
    store = PerformanceStore(engine)
    store.write([ROW], charts=[CHART])
    moved = replace(CHART, up_to=HOUR.end + timedelta(hours=1))
    store.write([], charts=[moved], gone_on_from=ConceptCharts(engine).of("delays", 1))

    with pytest.raises(Conflict, match="another run has moved"):
        store.write([replace(ROW, revision=1)], charts=[moved], gone_on_from=[CHART])
    assert [moved] == ConceptCharts(engine).of("delays", 1)
    assert [ROW] == store.rows("delays", 1)


def test_of_two_runs_from_one_revision_the_later_one_is_refused(engine: Engine) -> None:
    """Older figures never take the place of newer ones; what is kept already may be written again, by whomever."""
    store = PerformanceStore(engine)
    store.write([ROW])
    more = replace(ROW, revision=1, settled=True)
    store.write([more])
    store.write([replace(more, at=HOUR.end + timedelta(hours=1))])

    with pytest.raises(Conflict, match="another run has kept"):
        store.write([replace(ROW, segment="airline=AA"), replace(ROW, revision=1, coverage={"late": 0})])
    with pytest.raises(Conflict, match="revision 0"):
        store.write([ROW])
    assert [more] == store.rows("delays", 1, segment=None)


def test_earlier_revisions_stay_while_a_finding_is_about_them(engine: Engine) -> None:
    """Of a hundred revisions of an hour the newest one is kept, and the one that a finding was made of."""
    store = PerformanceStore(engine)
    for revision in range(100):
        row = replace(ROW, revision=revision, settled=revision >= 70)
        store.write([row, replace(row, segment="airline=AA")], [finding_of(row)] if revision == 70 else [])
    kept = [revision for revision in range(100) if store.row("delays", 1, HOUR, revision)]

    assert [70, 99] == kept
    with engine.connect() as connection:
        assert 3 == connection.execute(sa.select(sa.func.count()).select_from(tables.performance)).scalar()


def test_the_oldest_span_that_waits(engine: Engine) -> None:
    """What has settled in its newest revision does not wait, whatever earlier ones said."""
    store, later = PerformanceStore(engine), Span(HOUR.end, HOUR.end + timedelta(hours=1))
    store.write([ROW, replace(ROW, segment="airline=AA", span=later)], [finding_of(ROW)])
    first = store.oldest_unsettled("delays", 1)
    store.write([replace(ROW, revision=1, settled=True)])

    assert (HOUR.start, HOUR.end, None) == (
        first,
        store.oldest_unsettled("delays", 1),
        store.oldest_unsettled("delays", 2),
    )


def finding_of(row: PerformanceRow) -> Finding:
    """Return a finding about a span."""
    return sample_finding(model=row.model, version=row.version, span=row.span, revision=row.revision)


def test_a_damaged_span_hides_no_other(engine: Engine) -> None:
    """Counts that are none are named; everything beside them is read, and what is counted anew takes their place."""
    store = PerformanceStore(engine)
    store.write([ROW, replace(ROW, segment="airline=AA")])
    with writing(engine) as connection:
        where = tables.performance.c.segment == "airline=AA"
        connection.execute(sa.update(tables.performance).where(where).values(counts={"kind": "?"}))
    damaged: list[str] = []

    assert [ROW] == store.rows("delays", 1, segment=None, damaged=damaged)
    assert 1 == len(damaged)
    with pytest.raises(DamagedRow):
        store.rows("delays", 1, segment=None)
    again = replace(ROW, segment="airline=AA")
    store.write([again])
    assert [again] == store.rows("delays", 1, segment="airline=AA")
