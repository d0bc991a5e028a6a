"""The panels of each dashboard: what a panel shows, and the question that it asks of each kind of source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from monitoring.grafana.sql_words import MODEL, SqlWords

Sql = Callable[[SqlWords], str]
THIS = '{model="$model", version="$version"}'
FEATURE = '{model="$model", version="$version", feature="$feature"}'
OF_NEWEST = "f.span_start = m.last_span_start and f.span_end = m.last_span_end and f.segment = ''"
WORST_FIRST = "case severity when 'critical' then 0 when 'warning' then 1 else 2 end"


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel. `kind`: Grafana's; `legend`: how Prometheus' series are called. None: not shown of that source."""

    title: str
    kind: str
    sql: Sql | None
    prometheus: str | None
    legend: str = ""
    unit: str = "short"
    width: int = 12


FLEET = (
    Panel("Models", "stat", lambda w: "select count(*) as models from v_model", "pegel_models", width=6),
    Panel(
        "Open alerts",
        "stat",
        lambda w: "select count(*) as alerts from v_alert where is_open",
        "sum(pegel_alerts_open) or vector(0)",
        width=6,
    ),
    Panel(
        "Models whose newest window alarms",
        "stat",
        lambda w: (
            "select count(*) as alarming from v_model "
            "where last_verdict in ('drift', 'drifting', 'model_changed', 'probing')"
        ),
        "sum(pegel:model_alarming:max) or vector(0)",
        width=6,
    ),
    Panel(
        "Oldest pass of a workflow",
        "stat",
        lambda w: f"select max({w.age('at')}) as seconds from v_pass",
        "max(pegel:pass_age:seconds)",
        unit="s",
        width=6,
    ),
    Panel(
        "Models",
        "table",
        lambda w: (
            "select model, version, monitor_group, last_verdict, last_span_end, last_rows, open_alerts, driver_state, "
            "failing_since from v_model order by open_alerts desc, model, version"
        ),
        "pegel_model_verdict == 1",
        width=24,
    ),
    Panel(
        "Windows that alarmed, by hour",
        "timeseries",
        lambda w: (
            f"select {w.time(w.hour('span_end'))}, model || '/' || version as metric, "
            f"sum(case when alarming then 1 else 0 end) as value from v_window "
            f"where final and segment = '' and {w.within('span_end')} group by 1, 2 order by 1"
        ),
        "pegel:model_alarming:max",
        "{{model}}/{{version}}",
    ),
    Panel(
        "Worst features now",
        "table",
        lambda w: (
            "select f.model, f.version, f.feature, f.what, f.effect, f.effect_unit, f.p_value, f.threshold, f.alarming "
            "from v_model m join v_feature_window f on f.model = m.model and f.version = m.version "
            f"and {OF_NEWEST} order by f.alarming desc, f.p_value limit 20"
        ),
        "topk(20, pegel:feature_drift_score:ratio)",
    ),
    Panel(
        "Open alerts",
        "table",
        lambda w: (
            "select severity, model, version, kind, since, last_end, features, acknowledged_until, acknowledged_by, id "
            f"from v_alert where is_open order by {WORST_FIRST}, since"
        ),
        "pegel_alerts_open",
        width=24,
    ),
    Panel(
        "What is wrong with the watching",
        "table",
        lambda w: (
            "select severity, kind, about, models, since, reason from v_health_alert "
            f"where is_open order by {WORST_FIRST}, since"
        ),
        "pegel_health_alerts_open",
        width=24,
    ),
)

ONE_MODEL = (
    Panel(
        "Rows of each window",
        "timeseries",
        lambda w: (
            f"select {w.time('span_end')}, rows, late, invalid from v_window "
            f"where {MODEL} and segment = '' and final and {w.within('span_end')} order by 1"
        ),
        f"pegel_window_rows{THIS}",
        "rows",
    ),
    Panel(
        "Outliers, part of the rows",
        "timeseries",
        lambda w: (
            f"select {w.time('span_end')}, outliers * 1.0 / nullif(rows, 0) as outliers from v_window "
            f"where {MODEL} and segment = '' and final and {w.within('span_end')} order by 1"
        ),
        f"pegel_window_outliers_ratio{THIS}",
        "outliers",
        "percentunit",
    ),
    Panel(
        "Verdicts",
        "table",
        lambda w: (
            f"select verdict, count(*) as windows from v_window "
            f"where {MODEL} and segment = '' and final and {w.within('span_end')} group by verdict order by 2 desc"
        ),
        f"pegel_model_verdict{THIS} == 1",
    ),
    Panel(
        "Features of the newest window",
        "table",
        lambda w: (
            "select f.feature, f.detector, f.verdict, f.what, f.effect, f.effect_unit, f.p_value, f.threshold, f.n "
            "from v_model m join v_feature_window f on f.model = m.model and f.version = m.version "
            f"and {OF_NEWEST} where m.model = ${{model:sqlstring}} and m.version = ${{version}} "
            f"order by f.alarming desc, f.p_value"
        ),
        f"topk(20, pegel:feature_drift_score:ratio{THIS})",
    ),
    Panel(
        "Figures of labelled answers",
        "timeseries",
        lambda w: (
            f"select {w.time('span_end')}, figure as metric, value from v_performance "
            f"where {MODEL} and segment = '' and figure is not null and {w.within('span_end')} order by 1"
        ),
        f"pegel_performance_figure{THIS}",
        "{{figure}}",
    ),
    Panel(
        "Where records went",
        "timeseries",
        lambda w: (
            f"select {w.time('minute')}, judged, late, invalid, duplicate, dropped, set_aside, unanswered "
            f"from v_ledger where {MODEL} and {w.within('minute')} order by 1"
        ),
        f"pegel_ledger_records{THIS}",
        "{{place}}",
    ),
    Panel(
        "Expectations that are not met",
        "table",
        lambda w: (
            f"select span_end, feature, expected, severity, n, p_value from v_quality "
            f"where {MODEL} and not coalesce(met, false) and {w.within('span_end')} order by span_end desc limit 100"
        ),
        None,
    ),
    Panel(
        "Findings",
        "table",
        lambda w: (
            f"select span_start, span_end, segment, feature, kind, what, effect, effect_unit, p_value, threshold, id "
            f"from v_finding where {MODEL} and {w.within('span_end')} order by span_end desc limit 200"
        ),
        None,
        width=24,
    ),
    Panel("Open alerts", "table", None, f"pegel_alerts_open{THIS}", width=24),
)

ONE_FEATURE = (
    Panel(
        "p-value and threshold",
        "timeseries",
        lambda w: (
            f"select {w.time('span_end')}, detector as metric, p_value as value from v_feature_window "
            f"where {MODEL} and segment = '' and feature = ${{feature:sqlstring}} and {w.within('span_end')} order by 1"
        ),
        f"pegel_feature_drift_score{FEATURE} or pegel_feature_drift_score_threshold{FEATURE}",
        "{{__name__}}",
        width=24,
    ),
    Panel(
        "Size of the change",
        "timeseries",
        lambda w: (
            f"select {w.time('span_end')}, effect_unit as metric, effect as value from v_feature_window "
            f"where {MODEL} and segment = '' and feature = ${{feature:sqlstring}} and effect is not null "
            f"and {w.within('span_end')} order by 1"
        ),
        f"pegel_feature_effect{FEATURE}",
        "effect",
    ),
    Panel(
        "Alarming",
        "timeseries",
        lambda w: (
            f"select {w.time('span_end')}, max(case when alarming then 1 else 0 end) as alarming from v_feature_window "
            f"where {MODEL} and segment = '' and feature = ${{feature:sqlstring}} and {w.within('span_end')} "
            f"group by span_end order by 1"
        ),
        f"pegel_feature_alarming{FEATURE}",
        "alarming",
    ),
    Panel(
        "By segment",
        "table",
        lambda w: (
            f"select segment, count(*) as windows, sum(case when alarming then 1 else 0 end) as alarming, "
            f"max(effect) as largest from v_feature_window where {MODEL} and feature = ${{feature:sqlstring}} "
            f"and {w.within('span_end')} group by segment order by 3 desc"
        ),
        None,
    ),
    Panel(
        "Findings",
        "table",
        lambda w: (
            f"select span_start, span_end, segment, rhythm, what, effect, effect_unit, p_value, threshold, id "
            f"from v_finding where {MODEL} and feature = ${{feature:sqlstring}} and {w.within('span_end')} "
            f"order by span_end desc limit 200"
        ),
        None,
        width=24,
    ),
)

PIPELINE = (
    Panel(
        "Drivers",
        "table",
        lambda w: (
            f"select monitor_group, state, {w.age('at')} as silent_seconds, {w.age('progressed_at')} as still_seconds, "
            f"lag, batches, missing, error from v_group order by monitor_group"
        ),
        "pegel:group_heartbeat_age:seconds",
        width=24,
    ),
    Panel("Records not read yet", "timeseries", None, "pegel_group_lag_records", "{{group}}"),
    Panel("Batches per second", "timeseries", None, "rate(pegel_group_batches_total[5m])", "{{group}}"),
    Panel(
        "Workflows",
        "table",
        lambda w: f"select name, at, {w.age('at')} as seconds from v_pass order by name",
        "pegel:pass_age:seconds",
    ),
    Panel(
        "Minutes that do not close",
        "timeseries",
        lambda w: (
            f"select {w.time('minute')}, monitor_group as metric, difference as value from v_balance "
            f"where {w.within('minute')} order by 1"
        ),
        "pegel_ledger_difference_records",
        "{{group}}",
    ),
    Panel(
        "Where records went",
        "timeseries",
        lambda w: (
            f"select {w.time('minute')}, sum(judged) as judged, sum(late) as late, sum(invalid) as invalid, "
            f"sum(duplicate) as duplicate, sum(dropped) as dropped, sum(set_aside) as set_aside from v_ledger "
            f"where {w.within('minute')} group by minute order by 1"
        ),
        "sum by (place) (pegel_ledger_records)",
        "{{place}}",
        width=24,
    ),
)
