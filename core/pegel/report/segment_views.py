"""The segments of a model as a page lists them, and one of them in full."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import quote

from pegel.baseline.baseline import Baseline
from pegel.judge.findings import Finding, Verdict
from pegel.judge.judge import judge_segment
from pegel.report.views import SegmentView
from pegel.report.words import VERDICT_WORDS
from pegel.spec.monitor_spec import MonitorSpec
from pegel.stats.summary import Summary
from pegel.stream.result_rows import WindowRow

_CHANGED = (Verdict.DRIFT, Verdict.BELOW_MARGIN)
_ORDER = (Verdict.DRIFT, Verdict.BELOW_MARGIN, Verdict.OK, Verdict.INSUFFICIENT)


def segment_views(
    rows: Sequence[WindowRow], findings: Sequence[Finding], baseline: Baseline | None
) -> list[SegmentView]:
    """Return the segments, those that drift first, then in the order of the baseline.

    Args:
        rows: The newest final row of each segment.
        findings: The newest findings of the model: which of them are told of a segment by itself.
        baseline: Gives the order; None leaves it as it is.
    """
    names = () if baseline is None else baseline.segments.segments.names
    place = {name: at for at, name in enumerate(names)}
    told = {(one.segment, one.span) for one in findings if one.segment}
    ordered = sorted(rows, key=lambda row: (_rank(row.verdict), place.get(row.segment, len(place)), row.segment))
    return [_view(row, is_finding=(row.segment, row.span) in told) for row in ordered]


def judged_in_full(rows: Sequence[WindowRow], baseline: Baseline, spec: MonitorSpec | None) -> list[WindowRow]:
    """Return the rows of one segment, the newest with what it says of every field: stored is what changed alone."""
    if not rows or spec is None or rows[-1].baseline_id != baseline.id or not rows[-1].summary:
        return list(rows)
    newest = rows[-1]
    summary = Summary.from_bytes(newest.summary, baseline.layout)
    judged = judge_segment(baseline, newest.segment, summary, spec=spec, span=newest.span, revision=newest.revision)
    features = [verdict.to_json() for verdict in judged.features]
    return [*rows[:-1], replace(newest, judgement=newest.judgement | {"features": features})]


def _rank(verdict: Verdict) -> int:
    return _ORDER.index(verdict) if verdict in _ORDER else len(_ORDER)


def _view(row: WindowRow, *, is_finding: bool) -> SegmentView:
    changed = [one for one in row.judgement.get("features", ()) if Verdict(one["verdict"]) in _CHANGED]
    worst = min(changed, key=lambda one: (_rank(Verdict(one["verdict"])), one["p_value"]), default=None)
    more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
    what = "" if worst is None else f"{worst['feature']} {worst['what']}{more}".replace("->", "→")
    return SegmentView(
        name=row.segment,
        query=quote(row.segment, safe=""),
        span=row.span,
        rows=row.rows,
        verdict=row.verdict,
        verdict_words=VERDICT_WORDS[row.verdict],
        what=what or row.remarks.get("not_judged", ""),
        is_finding=is_finding,
    )
