"""Single events that are extremely far out: a finding with the batch that counts them, where a spec asks for it."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from pegel.data.wire import REQUEST_TYPE
from pegel.judge.single_event import explain_single_event, rarity
from pegel.testing.stream_fakes import LoggedRecord

PAGES = {"outliers": "page", "outlier_pages_per_week": 1.0}
TRAFFIC = {"outliers_per_day": 500, "rows_per_day": 20_000}


def request(event_id: str, at: datetime, distance: Any, carrier: str) -> LoggedRecord:
    """Return a request of one row."""
    body = json.dumps({"instances": [[distance, carrier]]}).encode()
    return LoggedRecord(event_id, REQUEST_TYPE, "delays-v1", body, at)


def test_an_extreme_event_is_told_before_its_window_is_final(group: Any) -> None:
    """It is found with its batch, waits for the dispatcher, and is explained from the baseline to the last digit."""
    group.watch(alerts=PAGES, watch=TRAFFIC)
    group.send(group.start(), [*group.pairs(0, 50), request("far", group.begin, 1e300, "no such carrier \n")])
    ((_, finding),) = group.results.findings("delays", 1)
    explanation = explain_single_event(finding, group.baselines.baseline(finding.baseline_id))

    assert [] == group.results.windows("delays", 1, final_only=True)
    assert finding.p_value < finding.threshold
    assert explanation.agrees
    assert finding.what.startswith("event far, row 0: ")
    assert rarity(finding.p_value) in finding.what


def test_a_flood_is_one_finding_about_its_most_extreme_event(group: Any) -> None:
    """Whichever batch brings it, and however many events come: all are counted, and the finding is not told again."""
    group.watch(alerts={**PAGES, "outlier_pages_per_week": 1_000}, watch=TRAFFIC)
    state, places = group.start(), set()
    for batch, carrier in enumerate(["AA", "no such carrier", "AA"]):
        group.send(state, [request(f"far{batch}-{at}", group.begin, 1e300, carrier) for at in range(5)])
        places |= {place for place, _ in group.results.findings("delays", 1)}
    ((_, finding),) = group.results.findings("delays", 1)

    assert (15, 1) == (finding.evidence["events"], len(places))
    assert "far1-0" == finding.evidence["event_id"]
    assert finding.what.endswith("; 14 more like it")
    assert 15 == len(group.results.outliers("delays", 1))


def test_a_later_extreme_event_does_not_wait_for_the_next_window(group: Any) -> None:
    """However long windows are, another minute is another finding, of which the budget of mails decides."""
    group.watch(alerts=PAGES, watch=TRAFFIC, windowing={"length": 3600, "lateness": 10})
    state = group.start()
    for minute in range(2):
        group.send(state, [request(f"far{minute}", group.begin - timedelta(minutes=minute), 1e300, "none")])

    told = [finding.evidence["event_id"] for _, finding in group.results.findings("delays", 1)]
    assert ["far0", "far1"] == told


@pytest.mark.parametrize(
    ("alerts", "distance"), [({"outliers": "show"}, 1e300), (PAGES, 6_000.0)], ids=["not asked for", "not extreme"]
)
def test_other_outliers_are_no_findings(group: Any, alerts: dict[str, Any], distance: float) -> None:
    """What nobody asked for, and what training has once in its rows, is stored and not told."""
    group.watch(alerts=alerts, watch=TRAFFIC)
    group.send(group.start(), [request("far", group.begin, distance, "AA")])

    assert (1, []) == (len(group.results.outliers("delays", 1)), group.results.findings("delays", 1))
