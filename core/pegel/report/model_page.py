"""From the database to the page of one model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from pegel.alerts.alert import Alert, DispatchFailure
from pegel.alerts.alert_event import AlertEvent
from pegel.alerts.alert_kind import AlertKind
from pegel.alerts.silencing import Silence, SilenceState
from pegel.baseline.baseline import Baseline
from pegel.data.spans import Span
from pegel.judge.answer_times import answer_times
from pegel.judge.findings import Finding
from pegel.judge.performance.performance_rows import PerformanceRow
from pegel.reconcile.actions import PastAction, Target, launched
from pegel.report.across_models import AcrossModels, read_across
from pegel.report.archived_words import archived_lines
from pegel.report.attribution_view import attribution_view
from pegel.report.data_quality import QualityView, Told, quality_view
from pegel.report.feature_choice import choose_features
from pegel.report.features import feature_views
from pegel.report.finding_groups import FindingGroups
from pegel.report.model_list import row_of
from pegel.report.page_query import PageQuery
from pegel.report.page_time import PageTime
from pegel.report.performance_view import performance_view
from pegel.report.progress import progress
from pegel.report.range_view import range_view
from pegel.report.reading import LOOK_BACK, PartReader, Sources, registered
from pegel.report.refresh_words import headline, promotion_line, refresh_line
from pegel.report.refused_labels import refused_of
from pegel.report.segment_views import judged_in_full, segment_views
from pegel.report.skew_words import skew_lines
from pegel.report.span_calendar import Calendar, read_calendar
from pegel.report.table_words import table_progress
from pegel.report.timeline import timeline
from pegel.report.views import FeatureView, LedgerView, ModelView, SegmentView
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.outside_text import LONGEST_SENTENCE, shown
from pegel.spec.plain_numbers import how_many
from pegel.stats.answer_latencies import Latencies
from pegel.store.action_log import ActionLog
from pegel.store.alert_history import AlertHistory
from pegel.store.alert_store import AlertStore
from pegel.store.baseline_store import BaselineStore
from pegel.store.concept_chart_store import ConceptCharts
from pegel.store.dispatch_failures import DispatchFailures
from pegel.store.label_store import LabelStore
from pegel.store.long_span_store import LongSpanStore
from pegel.store.performance_store import PerformanceStore
from pegel.store.refresh_store import RefreshStore
from pegel.store.registry import Entry
from pegel.store.results import Details, Results
from pegel.store.row_quality_store import RowQualityRow, RowQualityStore
from pegel.store.silence_store import SilenceStore
from pegel.store.skew_store import SkewStore
from pegel.store.window_buckets import WindowBuckets
from pegel.stream.commit import Gap, MonitorFailure, SetAside
from pegel.stream.result_rows import InvalidRow, OutlierRow, WindowRow

TIMELINE = 180
"""Windows on a time line."""
PICTURED = 12
"""Newest final windows that are filled into the pictures of features."""
MARKED = 400
"""Newest findings that are looked at, for the time line and by feature."""
LABELLED = timedelta(days=30)
"""How far back spans of labelled rows are shown."""
LISTED = 25
"""Alerts, outliers and actions that are listed."""


def model_view(
    sources: Sources,
    model: str,
    version: int,
    now: datetime,
    *,
    segment: str = "",
    time: PageTime | None = None,
    query: PageQuery | None = None,
) -> ModelView:
    """Return one model in full. Raises NotFound when the registry does not know it.

    Args:
        sources: Where all is read from.
        model: Its name.
        version: Its version.
        now: What the page calls the present.
        segment: Of which part of the rows windows and features are shown; empty for all rows.
        time: Of which time windows, features and findings are shown; None for the newest.
        query: What the address asks for besides, for links to other times; None for a page without links.
    """
    entry = registered(sources, model, version)
    spec, reader, results = entry.spec, PartReader(), Results(sources.engine)
    across, part = read_across(sources, [entry], now), reader.part
    windows = part(
        "windows",
        lambda: results.windows(
            model, version, segment=segment, limit=TIMELINE, details=Details.NONE, damaged=reader.problems
        ),
        list[WindowRow](),
    )
    final = part(
        "the newest windows",
        lambda: results.windows(
            model,
            version,
            None if time is None else time.start,
            None if time is None else time.end,
            segment=segment,
            final_only=True,
            limit=PICTURED,
            damaged=reader.problems,
        ),
        list[WindowRow](),
    )
    whole = part("the baseline", lambda: _baseline(sources, model, version, final if time else windows), None)
    baseline = whole if whole is None or not segment else _of_segment(whole, segment)
    reach = LOOK_BACK if spec is None else LOOK_BACK + spec.windowing.length
    if segment and whole is not None:
        stored = final
        final = part("the segment", lambda: judged_in_full(stored, whole, spec), stored)
    since = windows[0].span.start.replace(second=0, microsecond=0) if windows else now - LOOK_BACK
    findings = part(
        "findings",
        lambda: results.recent_findings(
            model, version, within=None if time is None else time.span, limit=MARKED, damaged=reader.problems
        ),
        list[Finding](),
    )
    known = AlertStore(sources.engine)
    alerts = part("alerts", lambda: known.alerts(model, version, limit=LISTED, damaged=reader.problems), list[Alert]())
    open_ones = (one for one in alerts if one.over_at is None and one.kind is AlertKind.DRIFT and not segment)
    drift = next(open_ones, None)
    silences = part(
        "silences",
        lambda: SilenceStore(sources.engine).all(now, model, version, damaged=reader.problems),
        list[Silence](),
    )
    told = part(
        "what rows said",
        lambda: _told_of_rows(sources, spec, final, reader.problems),
        dict[tuple[Span, int], RowQualityRow](),
    )
    of_segment = f", {segment}" if segment else ""
    title = f"{how_many(len(windows), 'window')} of {model} version {version}{of_segment}"
    shown = (
        None
        if query is None
        else part(
            "the time line",
            lambda: range_view(
                results,
                None if time is None else WindowBuckets(sources.engine, model, version, time.span, segment=segment),
                whose=(model, version, segment),
                time=time,
                newest=windows,
                findings=findings,
                query=query,
                now=now,
                damaged=reader.problems,
            ),
            None,
        )
    )
    features = part(
        "features",
        lambda: feature_views(baseline, final, drift if time is None else None) if baseline is not None else [],
        list[FeatureView](),
    )
    actions = part("actions", lambda: _actions(sources, spec, reader.problems), list[PastAction]())
    view = ModelView(
        row=row_of(sources, entry, across, now),
        made_at=now,
        baseline=_baseline_words(baseline),
        notes=part("notes", lambda: _notes(final), list[str]()),
        answers=_answers(windows),
        timeline=part("the time line", lambda: timeline(windows, findings, title=title), "")
        if shown is None
        else shown.timeline,
        time=shown,
        features=features,
        chosen=None if query is None or not features else choose_features(features, query),
        performance=part(
            "how the model does",
            lambda: performance_view(
                _labelled(sources, model, version, now, reader.problems),
                segment,
                ConceptCharts(sources.engine).begun_anew(now - LABELLED).get((model, version), []),
            ),
            None,
        ),
        attributions=None
        if spec is None or segment
        else part(
            "what the model makes of its inputs",
            lambda: attribution_view(sources, spec, alerts, now, reader.problems),
            None,
        ),
        refused_labels=[]
        if spec is None or segment
        else part("refused labels", lambda: _refused(sources, spec), list[str]()),
        quality=None
        if segment
        else part("data quality", lambda: _quality(spec, baseline, final, findings, told), None),
        segments=part(
            "segments",
            lambda: segment_views(
                results.newest_of_segments(model, version, reach, damaged=reader.problems), findings, whole
            ),
            list[SegmentView](),
        ),
        segment=segment,
        calendar=part(
            "hours, days and weeks",
            lambda: read_calendar(LongSpanStore(sources.engine), model, version, now, reader.problems),
            Calendar(),
        ),
        archived=part(
            "what archived rows said",
            lambda: archived_lines(
                RowQualityStore(sources.engine).of_spans(model, version, limit=1, damaged=reader.problems), now
            ),
            list[str](),
        ),
        skew=part(
            "what was served beside its table",
            lambda: skew_lines(
                SkewStore(sources.engine).list(model, version, limit=SPANS, damaged=reader.problems), now
            ),
            list[str](),
        ),
        ledger=part("the ledger", lambda: _ledger(results, entry, since, reader.problems), LedgerView.of([], [])),
        windows=windows[::-1],
        findings=FindingGroups.of(findings, most=MARKED),
        alerts=alerts,
        specs={} if spec is None else {spec.key: spec},
        alert_events=part(
            "the history of alerts",
            lambda: AlertHistory(sources.engine).of_each(alerts, damaged=reader.problems),
            dict[str, list[AlertEvent]](),
        ),
        silences=[one for one in silences if one.state(now) is SilenceState.IN_FORCE],
        coming=[one for one in silences if one.state(now) is SilenceState.COMING],
        outliers=part(
            "outliers",
            lambda: results.outliers(model, version, limit=LISTED, damaged=reader.problems),
            list[OutlierRow](),
        ),
        explained_via=spec.attribution.via if spec is not None and spec.attribution.is_used else "",
        invalid=part(
            "invalid input",
            lambda: results.invalid(model, version, since, damaged=reader.problems)[::-1],
            list[InvalidRow](),
        ),
        actions=actions,
        failures=part(
            "failures", lambda: results.failures(model, version, damaged=reader.problems), list[MonitorFailure]()
        ),
        gaps=part("gaps", lambda: _gaps(results, spec, reader.problems), list[Gap]()),
        set_aside=part("records set aside", lambda: _set_aside(results, spec, reader.problems), list[SetAside]()),
        untold=part(
            "what was not told",
            lambda: DispatchFailures(sources.engine).recent(model, version, limit=LISTED, damaged=reader.problems),
            list[DispatchFailure](),
        ),
        baselines=part(
            "the history of baselines", lambda: _baselines(sources, model, version, reader.problems), list[str]()
        ),
        stream="" if spec is None else _progress(across, spec, actions, now),
    )
    unread = [entry.problem] if spec is None else _unheard(across, spec)
    return replace(view, problems=list(dict.fromkeys([*unread, *across.problems, *reader.problems])))


SPANS = 6
"""Spans of which it is told what was served beside its table."""


def _refused(sources: Sources, spec: MonitorSpec) -> list[str]:
    return [f"{one.name}: {one.words}" for one in refused_of(LabelStore(sources.engine), spec)]


def _labelled(sources: Sources, model: str, version: int, now: datetime, damaged: list[str]) -> list[PerformanceRow]:
    """Return the newest spans of labelled rows, of all segments."""
    store = PerformanceStore(sources.engine)
    return store.rows(model, version, now - LABELLED, segment=None, damaged=damaged)


def _baseline(sources: Sources, model: str, version: int, windows: Sequence[WindowRow]) -> Baseline | None:
    """Return the baseline that the newest window was judged by, else the current one. Raises PegelError."""
    baselines = BaselineStore(sources.engine)
    used = next((row.baseline_id for row in reversed(windows) if row.baseline_id), None)
    wanted = used or baselines.current(model, version)
    return None if wanted is None else baselines.get(wanted)


def _of_segment(baseline: Baseline, segment: str) -> Baseline | None:
    """Return the training rows of a segment; None where there are none, as for whatever stands in an address."""
    return baseline.of_segment(segment) if segment in baseline.segments.summaries else None


def _told_of_rows(
    sources: Sources, spec: MonitorSpec | None, windows: Sequence[WindowRow], damaged: list[str]
) -> dict[tuple[Span, int], RowQualityRow]:
    """Return what rows of windows said; nothing is asked for where nothing is expected."""
    if spec is None or not spec.watch.expectations:
        return {}
    return RowQualityStore(sources.engine).of_windows(windows, damaged=damaged)


def _baselines(sources: Sources, model: str, version: int, damaged: list[str]) -> list[str]:
    """Return the newest promotions, newest first, and before them the new baselines that a person is asked about."""
    store = BaselineStore(sources.engine)
    current, history = store.current(model, version), store.history(model, version)[-LISTED:]
    refreshes = RefreshStore(sources.engine).list(model, version, damaged=damaged)
    open_ones = [f"{refresh_line(one)}: {headline(one.review)}" for one in refreshes if one.end is None]
    lines = [
        promotion_line(event, current=place == 0 and event.baseline_id == current)
        for place, event in enumerate(reversed(history))
    ]
    return [*open_ones, *lines]


def _quality(
    spec: MonitorSpec | None,
    baseline: Baseline | None,
    windows: Sequence[WindowRow],
    findings: Sequence[Finding],
    told: Told,
) -> QualityView | None:
    return None if spec is None or baseline is None else quality_view(spec, baseline, windows, findings, told)


def _notes(windows: Sequence[WindowRow]) -> list[str]:
    return next((row.judgement["notes"] for row in reversed(windows) if row.judgement.get("notes")), [])


def _answers(windows: Sequence[WindowRow]) -> str:
    """Return how long the answers took of which the windows tell, and which have no request, in words."""
    latencies = Latencies()
    for row in windows:
        latencies.merge(row.latencies)
    return "; ".join(answer_times(latencies, sum(row.orphans for row in windows)))


def _ledger(results: Results, entry: Entry, since: datetime, damaged: list[str]) -> LedgerView:
    own = results.ledger(entry.model, entry.version, since, damaged=damaged)
    if entry.spec is None:
        return LedgerView.of(own, [])
    group = entry.spec.group
    balance = results.ledger_balance(group, since, damaged=damaged)
    nobody, looks_up = results.of_no_model(group, since), entry.spec.online.is_used
    return LedgerView.of(own, balance, of_no_model=nobody, looks_up=looks_up)


def _gaps(results: Results, spec: MonitorSpec | None, damaged: list[str]) -> list[Gap]:
    return [] if spec is None or spec.model.is_table else results.gaps(spec.group, limit=LISTED, damaged=damaged)


def _set_aside(results: Results, spec: MonitorSpec | None, damaged: list[str]) -> list[SetAside]:
    return [] if spec is None or spec.model.is_table else results.set_aside(spec.group, limit=LISTED, damaged=damaged)


def _actions(sources: Sources, spec: MonitorSpec | None, damaged: list[str]) -> list[PastAction]:
    if spec is None or spec.model.is_table:
        return []
    targets = (Target.driver(spec.group), Target.endpoint(spec.endpoint))
    return ActionLog(sources.engine).recent(*targets, limit=LISTED, damaged=damaged)[::-1]


def _unheard(across: AcrossModels, spec: MonitorSpec) -> list[str]:
    return [across.unheard[spec.group]] if spec.group in across.unheard and not spec.model.is_table else []


def _progress(across: AcrossModels, spec: MonitorSpec, actions: Sequence[PastAction], now: datetime) -> str:
    if spec.model.is_table:
        return table_progress(across.tables.get((spec.model.name, spec.model.version)), now)
    group = spec.group
    beat = across.heartbeats.get(group)
    if group in across.unheard:
        return "its driver's heartbeat cannot be read"
    if beat is None:
        return "its driver has not spoken yet"
    words = f"driver {progress(beat, now, launched=launched(actions, Target.driver(group)))}"
    return f"{words}; {shown(beat.error, LONGEST_SENTENCE)}" if beat.error else words


def _baseline_words(baseline: Baseline | None) -> str:
    if baseline is None:
        return "none: rows are counted, nothing is judged"
    created = f"{baseline.created_at:%Y-%m-%d %H:%M} UTC"
    sizes = f"{how_many(baseline.rows, 'row')}, {how_many(len(baseline.layout.features), 'field')}"
    return f"{sizes}, made {created} from {baseline.source} ({baseline.id[7:19]})"
