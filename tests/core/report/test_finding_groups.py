"""Findings by feature: what is found again and again about one does not bury another."""

from __future__ import annotations

from dataclasses import replace

from pegel.judge.findings import Finding, Verdict
from pegel.report.finding_groups import MOST_FURTHER, MOST_GROUPS, FindingGroups
from pegel.testing.samples import sample_finding


def found(minute: int, feature: str, p: float, verdict: Verdict = Verdict.DRIFT, segment: str = "") -> Finding:
    """Return a finding of a minute about a feature."""
    return replace(sample_finding(minute, feature), p_value=p, verdict=verdict, segment=segment)


def test_one_feature_does_not_bury_another() -> None:
    """Twenty windows of one feature are a line, the clearest of them, and the newest others below it."""
    often = [found(minute, "amount", 1e-9 * (minute + 1)) for minute in range(20, 0, -1)]
    seen = FindingGroups.of([*often, found(0, "hour", 1e-7)])
    amount, hour = seen.groups

    assert ("amount", often[-1], 20) == (amount.feature, amount.worst, amount.count)
    assert (often[:MOST_FURTHER], True) == (amount.further, amount.is_cut)
    assert ("hour", [], 1, False) == (hour.feature, hour.further, hour.count, hour.is_cut)


def test_the_worst_feature_comes_first() -> None:
    """By its verdict, then by how sure it is; what is found in a segment belongs to its feature."""
    slow, sure, part = (
        found(3, "slow", 1e-30, Verdict.DRIFTING),
        found(2, "sure", 1e-9),
        found(1, "part", 1e-8, segment="airline=AA"),
    )
    seen = FindingGroups.of([slow, sure, part, found(0, "part", 1e-12)])

    assert [("part", "part"), ("sure", "sure"), ("slow", "slow")] == [
        (one.feature, one.worst.about) for one in seen.groups
    ]
    assert [part] == seen.groups[0].further


def test_what_is_not_listed_is_counted() -> None:
    """Features beyond those listed, and that older findings may not have been read."""
    many = [found(0, f"f{number}", 1e-9) for number in range(MOST_GROUPS + 3)]

    assert (3, None) == (FindingGroups.of(many).more, FindingGroups.of(many).looked_at)
    assert len(many) == FindingGroups.of(many, most=len(many)).looked_at
