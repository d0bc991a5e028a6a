"""From the database to the page of one feature of a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from markupsafe import Markup

from pegel.alerts.alert import Alert
from pegel.alerts.alert_kind import AlertKind
from pegel.baseline.baseline import Baseline
from pegel.data.columns import Field
from pegel.errors import NotFound
from pegel.judge.findings import ALARMING, Finding, Verdict
from pegel.report.attribution_view import ImportanceLine, attribution_view
from pegel.report.feature_numbers import FeatureLine, feature_table
from pegel.report.feature_points import points_of
from pegel.report.feature_windows import ReadWindows, read_windows
from pegel.report.features import feature_view
from pegel.report.merging import merged
from pegel.report.page_query import PageQuery, feature_query
from pegel.report.page_time import PageTime
from pegel.report.range_view import TimeLinks, time_links
from pegel.report.reading import LOOK_BACK, PartReader, Sources, registered
from pegel.report.score_chart import FeaturePoint, missing_chart, score_chart
from pegel.report.segment_views import judged_in_full
from pegel.report.views import FeatureView
from pegel.report.words import VERDICT_WORDS
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.outside_text import NAME_LIMIT, quoted, shown
from pegel.spec.plain_numbers import how_many
from pegel.store.alert_store import AlertStore
from pegel.store.baseline_store import BaselineStore
from pegel.store.results import Results
from pegel.stream.result_rows import OutlierRow, WindowRow

LISTED: Final = 25
LOOKED_AT: Final = 100
"""Newest alerts and outliers among which those about the feature are looked for."""


@dataclass(frozen=True, slots=True)
class SegmentLine:
    """What the newest rows of one segment say of the feature."""

    name: str
    link: Markup
    verdict: Verdict
    verdict_words: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FeaturePage:
    """One feature of one model version, of some time."""

    model: str
    version: int
    name: str
    segment: str
    made_at: datetime
    feature: FeatureView
    links: TimeLinks
    score: str
    """SVG; empty where no window of the time says anything of the feature."""
    missing: str
    """SVG; empty where no row was without a value."""
    thinned: str
    """That a point stands for several windows, and for which of them; empty where none does."""
    points: list[FeaturePoint]
    """Newest first."""
    pictured: str
    """Of which windows the distribution now is, in words."""
    table: list[FeatureLine]
    findings: list[Finding]
    alerts: list[Alert]
    outliers: list[OutlierRow]
    segments: list[SegmentLine]
    calm_segments: int
    """Segments whose newest rows say nothing of the feature, because it is as in training there."""
    known_segments: list[str]
    """Names of all segments that the model has rows of."""
    importance: ImportanceLine | None
    importance_window: str
    problems: list[str] = field(default_factory=list)


def feature_page(
    sources: Sources,
    model: str,
    version: int,
    feature: str,
    now: datetime,
    *,
    segment: str = "",
    time: PageTime | None = None,
    query: PageQuery | None = None,
) -> FeaturePage:
    """Return the page of one feature. Raises NotFound where model or feature is not known, or nothing of it can be.

    Args:
        sources: Where all is read from.
        model: Its name.
        version: Its version.
        feature: A field of the baseline, prediction or input.
        now: What the page calls the present.
        segment: Of which part of the rows; empty for all.
        time: Of which time; None for the newest windows.
        query: What the address asks for besides, for links to other times.
    """
    entry = registered(sources, model, version)
    spec, reader, query = entry.spec, PartReader(), query or PageQuery()
    part, damaged = reader.part, reader.problems
    read = part(
        "windows",
        lambda: read_windows(sources.engine, (model, version, segment), feature, time, damaged),
        ReadWindows([], [], None),
    )
    whole, own = _baseline_with(sources, model, version, feature, read.newest)
    baseline = whole.of_segment(segment) if segment and segment in whole.segments.summaries else whole
    newest = (
        part("the segment", lambda: judged_in_full(read.newest, whole, spec), read.newest) if segment else read.newest
    )
    findings = part(
        "findings",
        lambda: Results(sources.engine).recent_findings(
            model, version, within=None if time is None else time.span, feature=feature, limit=LISTED, damaged=damaged
        ),
        list[Finding](),
    )
    alerts = part(
        "alerts",
        lambda: AlertStore(sources.engine).alerts(model, version, limit=LOOKED_AT, damaged=damaged),
        list[Alert](),
    )
    open_drift = next((one for one in alerts if one.over_at is None and one.kind is AlertKind.DRIFT), None)
    rows = read.rows if time else [*read.rows[: len(read.rows) - len(newest)], *newest]
    points = part(
        "its windows",
        lambda: points_of(own, whole, rows, read.findings, read.width, query),
        list[FeaturePoint](),
    )
    reached = PageTime(points[0].span.start, points[-1].span.end) if points else None
    segments = part(
        "segments", lambda: _segments(sources, spec, (model, version), feature, query, damaged), list[SegmentLine]()
    )
    attributions = part(
        "what the model makes of it",
        lambda: None if spec is None else attribution_view(sources, spec, alerts, now, damaged),
        None,
    )
    lines = [] if attributions is None else attributions.lines
    title = shown(feature, NAME_LIMIT)
    return FeaturePage(
        model=model,
        version=version,
        name=feature,
        segment=segment,
        made_at=now,
        feature=feature_view(own, baseline, newest, None if time or segment else open_drift),
        links=time_links(query, time, reached, now),
        score=score_chart(
            points, title=f"{title}: how far p lay below its threshold, of {how_many(len(points), 'window')}"
        ),
        missing=missing_chart(points, title=f"{title}: share of rows without a value"),
        thinned=read.thinned,
        points=points[::-1],
        pictured=_pictured(newest),
        table=part("numbers", lambda: _table(own, baseline, newest), list[FeatureLine]()),
        findings=findings,
        alerts=[one for one in alerts if any(about.finding.feature == feature for about in one.features)][:LISTED],
        outliers=part(
            "outliers", lambda: _outliers(sources, model, version, feature, time, damaged), list[OutlierRow]()
        ),
        segments=[one for one in segments if one.what],
        calm_segments=sum(not one.what for one in segments),
        known_segments=[one.name for one in segments],
        importance=next((line for line in lines if line.name == feature), None),
        importance_window="" if attributions is None else attributions.window,
        problems=list(dict.fromkeys([*([entry.problem] if spec is None else []), *damaged])),
    )


def _baseline_with(
    sources: Sources, model: str, version: int, feature: str, newest: Sequence[WindowRow]
) -> tuple[Baseline, Field]:
    """Return the baseline that judged the newest of these windows, else the current one, that has the field."""
    baselines = BaselineStore(sources.engine)
    used = [next((row.baseline_id for row in reversed(newest) if row.baseline_id), None)]
    for wanted in dict.fromkeys([*used, baselines.current(model, version)]):
        baseline = None if wanted is None else baselines.get(wanted)
        fields = () if baseline is None else baseline.layout.schema.fields
        own = next((field for field in fields if field.name == feature), None)
        if baseline is not None and own is not None:
            return baseline, own
    raise NotFound(
        f"{model} version {version} has no feature {quoted(feature)} in its baseline; its page lists those that it has."
    )


def _pictured(newest: Sequence[WindowRow]) -> str:
    if not newest:
        return "no final window"
    start, end = newest[0].span.start, newest[-1].span.end
    return f"{how_many(len(newest), 'final window')}, {start:%Y-%m-%d %H:%M:%S} to {end:%Y-%m-%d %H:%M:%S} UTC"


def _table(own: Field, baseline: Baseline, newest: Sequence[WindowRow]) -> list[FeatureLine]:
    now = merged(newest, baseline)
    return feature_table(baseline.summary.features[own.name], None if now is None else now.features[own.name], own.unit)


def _outliers(  # noqa: PLR0917  a monitor, a feature, a time
    sources: Sources, model: str, version: int, feature: str, time: PageTime | None, damaged: list[str]
) -> list[OutlierRow]:
    since, until = (None, None) if time is None else (time.start, time.end)
    rows = Results(sources.engine).outliers(model, version, since, until, limit=LOOKED_AT, damaged=damaged)
    return [row for row in rows if any(reason.get("feature") == feature for reason in row.reasons)][:LISTED]


def _segments(  # noqa: PLR0917  a monitor, a feature, what the links keep
    sources: Sources,
    spec: MonitorSpec | None,
    monitor: tuple[str, int],
    feature: str,
    query: PageQuery,
    damaged: list[str],
) -> list[SegmentLine]:
    reach = LOOK_BACK if spec is None else LOOK_BACK + spec.windowing.length
    rows = Results(sources.engine).newest_of_segments(*monitor, reach, damaged=damaged)
    lines = [_segment(row, feature, query) for row in rows]
    return sorted(lines, key=lambda line: line.verdict not in ALARMING)


def _segment(row: WindowRow, feature: str, query: PageQuery) -> SegmentLine:
    told: list[dict[str, Any]] = [one for one in row.judgement.get("features", ()) if one["feature"] == feature]
    verdict = Verdict(told[0]["verdict"]) if told else row.verdict
    what = str(told[0]["what"]).replace("->", "→") if told else ""
    link = feature_query(feature, {**query.asked, "segment": row.segment})
    return SegmentLine(row.segment, link, verdict, VERDICT_WORDS[verdict], what)
