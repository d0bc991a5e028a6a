"""One view per field: the verdict of the newest judged window, and the picture of the windows shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pegel.alerts.alert import Alert
from pegel.baseline.baseline import Baseline
from pegel.data.columns import Field
from pegel.judge.findings import ALARMING, Verdict
from pegel.report.merging import merged
from pegel.report.picture_numbers import numbers
from pegel.report.shapes import shape
from pegel.report.svg import chart
from pegel.report.views import FeatureView
from pegel.report.words import VERDICT_WORDS, p_and_threshold, size
from pegel.stats.summary import FeatureSummary, Summary
from pegel.stream.result_rows import WindowRow

_OF_FINDING = ("verdict", "what", "p_value", "threshold", "effect", "effect_unit", "evidence", "n", "m")
_ORDER = (Verdict.DRIFT, Verdict.PROBING, Verdict.DRIFTING, Verdict.BELOW_MARGIN, Verdict.INSUFFICIENT, Verdict.OK)


def feature_views(baseline: Baseline, windows: Sequence[WindowRow], alert: Alert | None = None) -> list[FeatureView]:
    """Return every field of the baseline, worst first; `windows` in order of time, the newest of them judged.

    A field of the open `alert` still drifts where the newest window, by itself, does not say so; what that one says
    stands behind it.
    """
    now, newest = merged(windows, baseline), _judgements(windows)
    judged = newest | _outstanding(alert, newest)
    views = [
        (_rank(judged.get(field.name, {}), place), _whole_view(field, baseline, now, (judged, newest), windows))
        for place, field in enumerate(baseline.layout.schema.fields)
    ]
    return [view for _, view in sorted(views, key=lambda pair: pair[0])]


def feature_view(
    field: Field, baseline: Baseline, windows: Sequence[WindowRow], alert: Alert | None = None
) -> FeatureView:
    """Return one field of the baseline, as `feature_views` does."""
    newest = _judgements(windows)
    return _whole_view(
        field, baseline, merged(windows, baseline), (newest | _outstanding(alert, newest), newest), windows
    )


def _whole_view(
    field: Field,
    baseline: Baseline,
    now: Summary | None,
    said: tuple[Mapping[str, Any], Mapping[str, Any]],
    windows: Sequence[WindowRow],
) -> FeatureView:
    """Return a field's view; `said`: what holds of the fields, and what the newest window says of them."""
    judged, newest = said
    further = [*_behind(judged, newest, field), *_further(windows, field)]
    return replace(_view(field, baseline, now, judged.get(field.name, {})), further=further)


def _outstanding(alert: Alert | None, newest: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the newest finding of each field of an open alert of which the newest window does not alarm."""
    if alert is None or alert.over_at is not None:
        return {}
    findings = (feature.finding for feature in alert.features if not feature.finding.segment)
    quiet = (one for one in findings if newest.get(one.feature, {}).get("verdict") not in ALARMING)
    return {
        one.feature: {name: getattr(one, name) for name in _OF_FINDING}
        | {"chart_alarm": True, "what": f"{one.what}, told with the window to {one.span.end:%Y-%m-%d %H:%M:%S} UTC"}
        for one in quiet
    }


def _behind(judged: Mapping[str, Any], newest: Mapping[str, Any], field: Field) -> list[str]:
    """Return what the newest window says of a field that drifts since an earlier one, in words."""
    now = newest.get(field.name)
    if now is None or now is judged[field.name]:
        return []
    return [f"newest window: {VERDICT_WORDS[Verdict(now['verdict'])]}, {now['what']}".replace("->", "→")]


def _judgements(windows: Sequence[WindowRow]) -> dict[str, dict[str, Any]]:
    """Return what the newest judged window says of each field, as `FeatureVerdict.to_json` wrote it."""
    for row in reversed(windows):
        if row.judgement.get("features"):
            return {verdict["feature"]: verdict for verdict in row.judgement["features"]}
    return {}


def _further(windows: Sequence[WindowRow], field: Field) -> list[str]:
    """Return what else the newest judged window says of a field, in words."""
    newest = next((row.judgement for row in reversed(windows) if row.judgement.get("features")), {})
    own = (verdict for verdict in newest.get("further", ()) if verdict["feature"] == field.name)
    return [f"{verdict['what']} · {_size(verdict, field)}".replace("->", "→") for verdict in own]


def _rank(judged: dict[str, Any], place: int) -> tuple[int, float, int]:
    if not judged:
        return len(_ORDER), 0.0, place
    return _ORDER.index(Verdict(judged["verdict"])), judged["p_value"], place


def _view(field: Field, baseline: Baseline, now: Summary | None, judged: dict[str, Any]) -> FeatureView:
    before = baseline.summary.features[field.name]
    after = None if now is None else now.features[field.name]
    verdict = Verdict(judged["verdict"]) if judged else Verdict.NO_DATA
    what = judged["what"].replace("->", "→") if judged else "not judged yet"
    drawn = shape(before, after)
    p, threshold = p_and_threshold(judged["p_value"], judged["threshold"]) if judged else ("", "")
    return FeatureView(
        name=field.name,
        role=str(field.role),
        unit=field.unit,
        verdict=verdict,
        verdict_words=VERDICT_WORDS[verdict],
        what=what,
        effect=_size(judged, field),
        # A chart that has alarmed and not yet come back has no p-value of its own.
        p_value=p if judged and not _not_yet_back(judged) else "",
        threshold=threshold,
        rows=_values(0 if after is None else after.counted, before.counted, judged),
        further=[],
        odd="" if after is None else odd(after),
        numbers=numbers(drawn),
        chart=chart(drawn, title=f"{field.name}: {what}", unit=field.unit),
    )


def _values(pictured: int, training: int, judged: dict[str, Any]) -> str:
    """Return how many values the picture shows; of a field that was not judged, how few of them that was said of."""
    if judged.get("verdict") != Verdict.INSUFFICIENT or judged["n"] == pictured:
        return f"{pictured:,} against {training:,} values"
    return f"{pictured:,} against {training:,} values; {judged['n']:,} when the newest window was judged"


def _not_yet_back(judged: dict[str, Any]) -> bool:
    return judged["verdict"] == Verdict.DRIFTING and not judged["chart_alarm"]


def _size(judged: dict[str, Any], field: Field) -> str:
    if not judged or judged["effect"] is None:
        return ""
    return size(judged["effect"], judged["effect_unit"], judged["evidence"], field.unit)


def odd(feature: FeatureSummary) -> str:
    """Say what came instead of a value, by kind; none of it is in the picture or in the tests of drift."""
    kinds = {
        "null": feature.n_null,
        "NaN": feature.n_nan,
        "+inf": feature.n_posinf,
        "-inf": feature.n_neginf,
        "unparseable": feature.n_unparseable,
    }
    return ", ".join(f"{count:,} {kind}" for kind, count in kinds.items() if count)
