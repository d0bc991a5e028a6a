"""Probing: do rows that are nearly the same come in crowds, as when somebody looks for where a model's answer turns?

The log shows behaviour, not intent: a load test, or a customer who is scored again and again, looks the same.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

from pegel.baseline.baseline import Baseline
from pegel.data.spans import Span
from pegel.detect.combine import corrected
from pegel.detect.crowded_cells import Crowd, CrowdedCell, CrowdTest, crowd_test, crowded_cells
from pegel.errors import NotFound
from pegel.judge.budget import CAP, Budget
from pegel.judge.decision import FeatureVerdict, insufficient
from pegel.judge.explanation import Explanation
from pegel.judge.findings import Finding, Verdict
from pegel.judge.judged_window import JudgedWindow
from pegel.judge.layer import LayerResult, Setting
from pegel.judge.layers.single_windows import Levels, SingleWindows
from pegel.judge.recent_crowds import WINDOWS, Horizon, RecentCrowds, Remembered
from pegel.judge.session_outlook import why_no_sessions, without_sessions
from pegel.spec.outside_text import NAME_LIMIT, shown
from pegel.stats.fingerprints.answer_classes import UNKNOWN, AnswerClasses
from pegel.stats.fingerprints.crowd_sizes import CrowdSizes
from pegel.stats.fingerprints.kept_rows import KeptRows
from pegel.stats.summary import Summary

DETECTOR = "probing"
PROBING = "probing"
"""Stands where a feature's name stands."""
ONE_WINDOW, HORIZON = "crowd", "crowd of 16 windows"
LABELS = 3
"""Classes that are told of a crowd, the most frequent first."""
TOLD = 20
"""Events of a crowd that are told by their ids."""
MUCH = 0.25
"""Where more than this part of the fields drift, and nothing is known of the windows before, a crowd may be theirs."""
_FORMULA = (
    "tables x cells x P(K >= rows), K hypergeometric: distinct rows of the window in one cell of one table of "
    "fingerprints against those of training in it, given their sum; every cell with two rows of both counts"
)


@dataclass(frozen=True, slots=True)
class _Looked:
    """What is found of one span, and the rows that it is found in."""

    found: CrowdTest
    rows: KeptRows
    recent: bool
    """Whether the spans before are known well enough to be compared with."""


class Probing:
    """The layer of crowds: one exact test over all cells of a window, and one over those of sixteen."""

    name = PROBING
    detectors = (DETECTOR,)

    def missing(self, setting: Setting) -> str | None:
        """Return why crowds are not looked for; empty where nobody asks, or nothing is asked of a model."""
        if not setting.spec.adversarial.probing or setting.is_long or not setting.of_events:
            return ""
        if setting.baseline is None:
            return None
        sent = setting.baseline.rows_sent
        if sent is None or sent.crowds is None or sent.crowds.sizes is None:
            return (
                "probing is not watched: the baseline has no fingerprints; it needs 1,000 distinct rows and "
                "`adversarial.probing` when it is made, so refresh it"
            )
        return None

    def judge(self, window: JudgedWindow, setting: Setting, budget: Budget) -> LayerResult:
        """Return a verdict on the crowds of a window, and of sixteen once these are whole."""
        behaviour, sent = window.summary.behaviour, window.baseline.rows_sent
        if sent is None or sent.crowds is None or sent.crowds.sizes is None:
            return LayerResult()
        before = None if window.chart_state is None else window.chart_state.crowds or RecentCrowds()
        if behaviour is None or not behaviour.rows.n:
            nothing = insufficient(PROBING, "no row was kept to be compared", 0, sent.crowds.sizes.m)
            return LayerResult([nothing], crowds=before)
        rows, level = behaviour.answered_rows, window_level(setting, budget)
        one = _look(rows, window.baseline, level, Remembered() if before is None else before.windows)
        verdict = _verdict(one, window.baseline, ONE_WINDOW, window.span, levels=(level, budget.share(level)))
        verdict = _beside_drift(verdict, one, window, setting, budget)
        if before is None:
            return LayerResult([verdict])
        horizon, several = before.with_window(rows, window.span), None
        if horizon.is_whole:
            several = _of_horizon(horizon, window, before.horizons, setting, budget)
        crowds = before.after(
            rows,
            horizon,
            window_told=verdict.verdict is Verdict.PROBING,
            horizon_told=several is not None and several.verdict is Verdict.PROBING,
        )
        told = [verdict] if several is None or several.verdict is Verdict.OK else [verdict, several]
        return LayerResult(told, crowds=crowds)

    def notes(self, setting: Setting, _budget: Budget) -> list[str]:
        """Return what is not known of sessions, and which fields do not count."""
        if setting.baseline is None:
            return without_sessions(why_no_sessions(setting))
        sent = setting.baseline.rows_sent
        if sent is None or sent.crowds is None:
            return []
        notes = without_sessions(sent.crowds.why) if sent.crowds.floor is None else []
        if sent.crowds.left_out:
            notes.append(f"what follows time does not count for probing: {', '.join(sent.crowds.left_out)}")
        if not setting.follows:
            notes.append("probing is looked for in each window alone: these overlap")
        return notes

    def arithmetic(self, setting: Setting, alpha: float) -> str:
        """Return the level of a window, and of sixteen."""
        if not setting.follows:
            return f"probing has {alpha:.2g} per window"
        return f"probing has {alpha:.2g} per window, half of it for {WINDOWS} windows together"

    def explain(self, finding: Finding, summary: Summary, baseline: Baseline) -> Explanation:
        """Recompute the p-values against training and the windows before, from the cell's counts and kept rows."""
        known = finding.evidence.get("crowd")
        if known is None:
            raise NotFound(f"expected the counts of a crowd in finding {finding.id}: nothing was recomputed.")
        cell = _cell(known, "baseline")
        if finding.test == ONE_WINDOW and summary.behaviour is not None and summary.behaviour.rows.n:
            cell = _recounted(cell, summary.behaviour.rows, baseline)
        counts = {"rows": cell.rows, "before": cell.before, "cells": cell.cells, "tables": cell.tables}
        numbers: dict[str, float] = {**counts}
        if known["recent"] is not None:
            numbers["p_recent"] = _cell(known, "recent").p_value
        return Explanation(finding, _FORMULA, numbers, (), float(cell.rows), cell.p_value)


def window_level(setting: Setting, budget: Budget) -> float:
    """Return the false alarms that one window may raise: half of the layer's, all where windows overlap."""
    alpha = budget.of(PROBING)
    return alpha / 2 if setting.follows else alpha


def horizon_level(_setting: Setting, budget: Budget) -> float:
    """Return those of sixteen windows together, of which there are a sixteenth as many."""
    return min(CAP, WINDOWS * budget.of(PROBING) / 2)


def _look(rows: KeptRows, baseline: Baseline, level: float, known: Remembered, *, windows: int = 1) -> _Looked:
    sent = baseline.rows_sent
    if sent is None or sent.crowds is None or sent.crowds.sizes is None:
        return _Looked(CrowdTest(None, against_training=False), rows, recent=False)
    beside = known.beside(rows)
    found = crowd_test(
        CrowdSizes.of(rows),
        sent.crowds.sizes,
        level,
        recent=None if beside is None else (CrowdSizes.of(beside[0]), CrowdSizes.of(beside[1])),
        floor=sent.crowds.floor,
        blocks=windows,
    )
    return _Looked(found, rows, recent=beside is not None)


def _of_horizon(
    horizon: Horizon, window: JudgedWindow, known: Remembered, setting: Setting, budget: Budget
) -> FeatureVerdict:
    level = horizon_level(setting, budget)
    looked = _look(horizon.rows, window.baseline, level, known, windows=WINDOWS)
    levels, span = (level, budget.share(level / WINDOWS)), Span(horizon.since, horizon.until)
    verdict = _verdict(looked, window.baseline, HORIZON, span, levels=levels)
    return _beside_drift(verdict, looked, window, setting, budget)


def _verdict(
    looked: _Looked, baseline: Baseline, test: str, span: Span, *, levels: tuple[float, float]
) -> FeatureVerdict:
    """`levels`: what the smallest p-value is compared with, and which part of the budget that is."""
    level, share = levels
    sent = baseline.rows_sent
    m = 0 if sent is None or sent.crowds is None or sent.crowds.sizes is None else sent.crowds.sizes.m
    crowd, n = looked.found.crowd, looked.rows.n
    if crowd is None:
        return FeatureVerdict(
            feature=PROBING,
            verdict=Verdict.OK,
            what="as in training",
            n=n,
            m=m,
            detector=DETECTOR,
            test=test,
            threshold=level,
            budget_share=share,
        )
    cell, evidence = crowd.baseline, _evidence(crowd, looked.rows, baseline)
    return FeatureVerdict(
        feature=PROBING,
        verdict=Verdict.PROBING,
        what=f"{cell.rows:,} of {n:,} distinct rows are nearly the same, as {cell.before:,} of {m:,} in training are"
        + _answered(evidence),
        n=n,
        m=m,
        detector=DETECTOR,
        test=test,
        statistic=float(cell.rows),
        p_value=cell.p_value,
        threshold=level,
        budget_share=share,
        effect=cell.rows / n,
        effect_unit="rows",
        evidence={"since": span.start.isoformat(), "crowd": evidence},
    )


def _evidence(crowd: Crowd, rows: KeptRows, baseline: Baseline) -> dict[str, Any]:
    """Return everything that the p-values are made of, and who sent the rows as far as that is known."""
    cell, sent = crowd.baseline, baseline.rows_sent
    crowds = None if sent is None else sent.crowds
    table = None if crowds is None else crowds.tables[cell.table]
    chosen = rows.in_cell(cell.table, cell.cell)
    clients = Counter(rows.clients[chosen].tolist())
    unknown = clients.pop(0, 0)
    classes, labels = AnswerClasses.of(baseline.layout), Counter(rows.labels[chosen].tolist())
    unanswered = labels.pop(UNKNOWN, 0)
    named = [] if classes is None else [[classes.name(label), count] for label, count in labels.most_common(LABELS)]
    return {
        "table": cell.table,
        "cell": f"{cell.cell:016x}",
        "order": [] if table is None else list(table.order),
        "offsets": [] if table is None else [offset.hex() for offset in table.offsets],
        "buckets": None if table is None else table.buckets,
        "level": rows.level,
        "least": crowd.least,
        "floor": None if crowds is None or crowds.floor is None else crowds.floor.to_json(),
        "why_no_floor": "" if crowds is None else crowds.why,
        "baseline": _counts(cell),
        "recent": None if crowd.recent is None else _counts(crowd.recent),
        "events": list(dict.fromkeys(text for text in rows.ids[chosen].tolist() if text))[:TOLD],
        "clients": [[f"{client:016x}", count] for client, count in clients.most_common(3)],
        "of_unknown_clients": unknown,
        "labels": None if classes is None else named,
        "of_unknown_labels": unanswered,
        "salt_id": baseline.layout.salt_id,
    }


def _answered(evidence: dict[str, Any]) -> str:
    """Return in words how the rows of a crowd were answered; nothing of answers that are no classes."""
    labels, unknown = evidence["labels"], evidence["of_unknown_labels"]
    if labels is None:
        return ""
    if not labels:
        return "; how they were answered is not known"
    told = " and ".join(f"{shown(str(name), NAME_LIMIT)} ({count:,} rows)" for name, count in labels)
    rest = f", of {unknown:,} it is not known" if unknown else ""
    return f"; answered by more than one class: {told}{rest}" if len(labels) > 1 else f"; all answered {told}{rest}"


def _counts(cell: CrowdedCell) -> dict[str, int]:
    counts = {"rows": cell.rows, "n": cell.n, "before": cell.before, "m": cell.m}
    return counts | {"cells": cell.cells, "tables": cell.tables}


def _cell(known: dict[str, Any], against: str) -> CrowdedCell:
    return CrowdedCell(table=known["table"], cell=int(known["cell"], 16), **known[against])


def _recounted(cell: CrowdedCell, rows: KeptRows, baseline: Baseline) -> CrowdedCell:
    """Return the same cell, counted again from the rows that were kept of the window."""
    sent = baseline.rows_sent
    if sent is None or sent.crowds is None or sent.crowds.sizes is None:
        return cell
    again = crowded_cells(CrowdSizes.of(rows), sent.crowds.sizes)
    return next((one for one in again if (one.table, one.cell) == (cell.table, cell.cell)), cell)


def _much_drifts(window: JudgedWindow, setting: Setting, budget: Budget) -> bool:
    """Say whether more than a quarter of the fields have changed in the window by themselves."""
    level = Levels.of(budget.of(SingleWindows.name), max(1, len(setting.fields))).drift
    changed = sum(bool(tests) and min(corrected(tests)) < level for tests in window.drift_evidence.values())
    return changed > MUCH * max(1, len(setting.fields))


def _beside_drift(
    verdict: FeatureVerdict, looked: _Looked, window: JudgedWindow, setting: Setting, budget: Budget
) -> FeatureVerdict:
    """Return a crowd as no alarm of its own where columns change, too, and nothing is known of the spans before."""
    if verdict.verdict is not Verdict.PROBING or looked.recent or not _much_drifts(window, setting, budget):
        return verdict
    what = f"crowded cells too, not told apart from the drift: {verdict.what}"
    return replace(verdict, verdict=Verdict.BELOW_MARGIN, what=what)
