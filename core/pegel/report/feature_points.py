"""What windows say of one feature, as points in time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pegel.baseline.baseline import Baseline
from pegel.data.columns import Field
from pegel.data.instants import EPOCH
from pegel.data.spans import Span
from pegel.detect.effect import percent_of
from pegel.judge.findings import ALARMING, Finding, Verdict
from pegel.report.feature_numbers import without_value
from pegel.report.page_query import PageQuery
from pegel.report.page_time import SHORTEST, PageTime
from pegel.report.score_chart import FeaturePoint
from pegel.report.words import VERDICT_WORDS, p_and_threshold, size
from pegel.stats.summary import Summary
from pegel.store.window_buckets import place_of
from pegel.stream.result_rows import WindowRow

_OF_FINDING = ("verdict", "what", "p_value", "threshold", "effect", "effect_unit", "evidence", "n")


def points_of(  # noqa: PLR0917  what they are of, what is known, how it is thinned
    own: Field,
    baseline: Baseline,
    rows: Sequence[WindowRow],
    findings: Sequence[Finding],
    width: timedelta | None,
    query: PageQuery,
) -> list[FeaturePoint]:
    """Return a point for each of the `rows` that says anything of the field, in order of time.

    `width`: of the buckets of which `rows` and `findings` are the worst; a finding of a bucket stands before its row
    unless that alarms itself, with a lower p. None: each row is a window, and links lead to it alone.
    """
    said: dict[tuple[datetime, datetime], tuple[Mapping[str, Any], float | None, str]] = {}
    by_place = {} if width is None else {place_of(one.span.end, width): one for one in findings}
    for row in rows:
        told = next((one for one in row.judgement.get("features", ()) if one["feature"] == own.name), None)
        missing, words = _missing(row, own, baseline)
        worst = by_place.pop(place_of(row.span.end, width), None) if width is not None else None
        if worst is not None and not _is_worse(told, worst):
            said[worst.span.start, worst.span.end] = (_of_finding(worst), None, "")
        elif told is not None:
            said[row.span.start, row.span.end] = (told, missing, words)
    for worst in by_place.values():
        said[worst.span.start, worst.span.end] = (_of_finding(worst), None, "")
    points, before = [], datetime.min.replace(tzinfo=UTC)
    for (start, end), (told, missing, words) in sorted(said.items(), key=lambda each: each[0][::-1]):
        link = query.over(_shown(Span(start, end), before, width))
        before = end
        points.append(_point(Span(start, end), told, missing, words, own.unit, link))
    return points


def _shown(span: Span, before: datetime, width: timedelta | None) -> PageTime:
    """Return the time that a point leads to: its window alone, or all windows of its bucket."""
    if width is None:
        return PageTime(min(max(span.start, before), span.end - SHORTEST), span.end)
    start = EPOCH + place_of(span.end, width) * width
    return PageTime(start, start + width)


def _is_worse(told: Mapping[str, Any] | None, worst: Finding) -> bool:
    return told is not None and told["verdict"] in ALARMING and told["p_value"] < worst.p_value


def _of_finding(finding: Finding) -> dict[str, Any]:
    return {name: getattr(finding, name) for name in _OF_FINDING}


def _missing(row: WindowRow, own: Field, baseline: Baseline) -> tuple[float | None, str]:
    if not row.summary or row.layout_hash != baseline.layout.layout_hash:
        return None, ""
    without, rows = without_value(Summary.from_bytes(row.summary, baseline.layout).features[own.name])
    return (without / rows, f"{percent_of(without, rows)} ({without:,})") if rows else (None, "")


def _point(  # noqa: PLR0917  as above
    span: Span, told: Mapping[str, Any], missing: float | None, words: str, unit: str | None, link: str
) -> FeaturePoint:
    verdict = Verdict(told["verdict"])
    # A chart that has alarmed and not yet come back has no p-value of its own.
    known = verdict not in {Verdict.INSUFFICIENT, Verdict.NO_DATA} and not (
        verdict is Verdict.DRIFTING and not told.get("chart_alarm", True)
    )
    p, threshold = p_and_threshold(told["p_value"], told["threshold"]) if known else ("", "")
    effect = "" if told["effect"] is None else size(told["effect"], told["effect_unit"], told["evidence"], unit)
    return FeaturePoint(
        span=span,
        verdict=verdict,
        verdict_words=VERDICT_WORDS[verdict],
        what=str(told["what"]).replace("->", "→"),
        p_value=float(told["p_value"]) if known else None,
        threshold=float(told["threshold"]),
        p_words=p,
        threshold_words=threshold,
        effect=effect,
        values=int(told["n"]),
        missing=missing,
        missing_words=words,
        link=link,
    )
