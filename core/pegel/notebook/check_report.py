"""What a check says: in a terminal, in a notebook, as a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from pegel.baseline.baseline import Baseline
from pegel.detect.cbpe import Estimate
from pegel.detect.direct_loss import ErrorEstimate
from pegel.judge.decision import FeatureVerdict
from pegel.judge.dependence_fields import DependenceFields
from pegel.judge.findings import Finding, Verdict
from pegel.judge.judge import Judgement
from pegel.judge.paired_fields import PairedFields
from pegel.judge.watched_fields import watched_fields
from pegel.notebook.naming import listed
from pegel.notebook.stray_texts import StrayTexts
from pegel.report.words import VERDICT_WORDS, explained_by_segments, p_value, several, size
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.output_file import refuse_unwritable, write_whole
from pegel.spec.outside_text import NAME_LIMIT, shown
from pegel.spec.plain_numbers import how_many, plain
from pegel.stats.summary import Summary

_SHOWN = (Verdict.DRIFT, Verdict.DRIFTING, Verdict.BELOW_MARGIN)
_EXIT = {Verdict.OK: 0, Verdict.BELOW_MARGIN: 0, Verdict.DRIFT: 1, Verdict.DRIFTING: 1}
_INSUFFICIENT = 2


@dataclass(frozen=True, eq=False)
class CheckReport:
    """The result of `pegel.check`. Print it, show it in a notebook, or `save` it.

    `extra`: columns of the table that the baseline does not know; they were left alone. `estimate`: performance as far
    as the scores of a classifier tell it without labels. `running_ids`: columns that have drifted and look like ids.
    `strays`: categories that are numbers but for a few values, with these. `segments`: what is known of each part of
    the rows, and `segment_rows` how many it has.
    """

    baseline: Baseline
    summary: Summary
    spec: MonitorSpec
    judgement: Judgement
    extra: tuple[str, ...] = ()
    estimate: Estimate | ErrorEstimate | None = None
    running_ids: tuple[str, ...] = ()
    strays: Mapping[str, StrayTexts] = field(default_factory=dict)
    segments: Mapping[str, Judgement] = field(default_factory=dict)
    segment_rows: Mapping[str, int] = field(default_factory=dict)
    about: tuple[str, ...] = ()
    """Where the rows of an interval were counted, a sentence each; empty for a table."""

    @property
    def verdict(self) -> Verdict:
        """Return the verdict on the whole table; DRIFT, too, where a segment drifts and the whole tells nothing."""
        return Verdict.DRIFT if self.of_segments else self.judgement.verdict

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Return what has drifted, as facts with their evidence: in the whole, then in segments."""
        return (*self.judgement.findings, *self.of_segments)

    @property
    def of_segments(self) -> tuple[Finding, ...]:
        """Return what has drifted in segments and is not told of the whole."""
        return tuple(finding for judged in self.segments.values() for finding in judged.findings)

    @property
    def rows(self) -> int:
        """Return how many rows were checked."""
        return self.summary.most_rows

    @cached_property
    def features(self) -> tuple[FeatureVerdict, ...]:
        """Return what is known of each field, worst first."""
        order = (*_SHOWN, Verdict.INSUFFICIENT, Verdict.OK)
        return tuple(sorted(self.judgement.features, key=lambda judged: (order.index(judged.verdict), judged.p_value)))

    @property
    def beyond(self) -> tuple[FeatureVerdict, ...]:
        """Return what has changed beyond single fields: a pair's correlation, the rate of wrong answers."""
        return tuple(judged for judged in self.judgement.beyond if judged.verdict in _SHOWN)

    @property
    def exit_code(self) -> int:
        """Return 0 for ok, 1 for findings, 2 when there is too little to say."""
        return _EXIT.get(self.verdict, _INSUFFICIENT)

    @property
    def headline(self) -> str:
        """Return the verdict, the sizes and the budget in one line."""
        drifted = sum(judged.verdict is Verdict.DRIFT for judged in self.features)
        verdict = f"drift in {drifted} of {len(self.features)} features" if drifted else VERDICT_WORDS[self.verdict]
        if loud := [
            f"{shown(judged.feature, NAME_LIMIT)}: {shown(judged.what)}"
            for judged in self.beyond
            if judged.verdict is Verdict.DRIFT
        ]:
            verdict += f" · {' · '.join(loud)}"
        if self.of_segments:
            verdict += f" · drift in {several(list(dict.fromkeys(one.segment for one in self.of_segments)))}"
        return f"{verdict} · {how_many(self.rows, 'row')} against {self.baseline.rows:,} · {self._promise}"

    @property
    def _promise(self) -> str:
        """Return how many false alarms are accepted, and of how many checks."""
        alarms = self.spec.false_alarms
        count = "one false alarm" if alarms.count == 1 else f"{plain(alarms.count, 6)} false alarms"
        checks = plain(timedelta(weeks=1) / self.spec.windowing.length, 6)
        of_checks = f"of {checks} such checks" if alarms.per == "week" else f"at {checks} such checks a week"
        return f"{count} per {alarms.per} {of_checks} (windows_per_week)"

    @property
    def arithmetic(self) -> str:
        """Return how the budget was divided."""
        division = self.judgement.division
        return "Nothing was judged." if division is None else division.describe()

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what a person should know about how the table was judged, a sentence each."""
        ids = (
            f"column {shown(name, NAME_LIMIT)} looks like a running id, a whole number that rises with every row: "
            "leave it out of the baseline, or name it as `categorical`; as a number it drifts in every table"
            for name in self.running_ids
        )
        strays = (
            f"column {shown(name, NAME_LIMIT)} is a category of the baseline, though nearly all values are numbers "
            f"({stray}): unless it holds codes, correct these values in the training data, too, and profile that again"
            for name, stray in self.strays.items()
        )
        return (*self.about, *ids, *strays, *self.judgement.notes)

    def changes(self, judged: FeatureVerdict) -> list[FeatureVerdict | Finding]:
        """Return what has changed in a field: its verdict, and what another kind of tests has found in it, too."""
        others = (
            other
            for other in self.judgement.findings
            if other.feature == judged.feature and other.detector != judged.detector
        )
        return [judged, *others]

    def much(self, judged: FeatureVerdict | Finding) -> str:
        """Return how large the change of a field is, in words; nothing where it has not changed."""
        if judged.effect is None:
            return ""
        place = self.baseline.layout.index.get(judged.feature)
        unit = None if place is None else self.baseline.layout.schema.fields[place].unit
        return size(judged.effect, judged.effect_unit, judged.evidence, unit)

    @property
    def told_of_segments(self) -> list[str]:
        """Return which segments explain changes of the whole, then what has changed in segments alone, a line each."""
        explained = ((one.feature, explained_by_segments(one)) for one in self.judgement.findings)
        lines = [f"{shown(name, NAME_LIMIT)}: {told}" for name, told in explained if told]
        for finding in self.of_segments:
            name, what = shown(finding.feature, NAME_LIMIT), shown(finding.what)
            much = f" ({shown(self.much(finding))})" if self.much(finding) else ""
            sizes = f"{how_many(finding.n, 'row')} against {finding.m:,}"
            p = f"p {p_value(finding.p_value)}, threshold {p_value(finding.threshold)}"
            lines.append(f"in {shown(finding.segment, NAME_LIMIT)}: {name} {what}{much}, {sizes}, {p}")
        return lines

    @property
    def not_judged(self) -> dict[str, list[str]]:
        """Return the fields of which nothing can be said, by the reason."""
        reasons: dict[str, list[str]] = {}
        for judged in self.features:
            if judged.verdict is Verdict.INSUFFICIENT:
                reasons.setdefault(judged.what, []).append(judged.feature)
        return reasons

    @property
    def estimated(self) -> str | None:
        """Return the estimated performance in words, with what it cannot see."""
        if self.estimate is None:
            return None
        if isinstance(self.estimate, ErrorEstimate):
            return (
                f"estimated from answers: mean absolute error {plain(self.estimate.mean_absolute_error, 4)}, give or "
                f"take {plain(self.estimate.sd, 2)} by the chance of labels. {self.estimate.caveat}"
            )
        share, chance = 100 * self.estimate.accuracy, 100 * self.estimate.accuracy_sd
        return (
            f"estimated from scores: {share:.1f} % right answers, give or take {chance:.1f} by the chance of labels "
            f"alone; how far scores have come to mean something else is not in it. {self.estimate.caveat}"
        )

    def __str__(self) -> str:
        """Return the report for a terminal."""
        changed = [*(judged for judged in self.features if judged.verdict in _SHOWN), *self.beyond]
        rows = [
            self._row(part, again=place > 0) for judged in changed for place, part in enumerate(self.changes(judged))
        ]
        lines = [self.headline, ""]
        if rows:
            lines += [*_aligned([("feature", "what changed", "how much", "p", "threshold"), *rows]), ""]
        quiet = [judged for judged in self.features if judged.verdict is Verdict.OK]
        if quiet:
            lines.append(f"  {len(quiet)} of {len(self.features)} as in training")
        lines += [f"  not judged: {listed(names)} ({shown(why)})" for why, names in self.not_judged.items()]
        lines += [f"  {line}" for line in self.told_of_segments]
        if self.estimated:
            lines.append(f"  {self.estimated}")
        if self.extra:
            lines.append(
                f"  not in the baseline, left alone: {', '.join(shown(name, NAME_LIMIT) for name in self.extra)}"
            )
        lines += [f"  note: {note}" for note in self.notes]
        return "\n".join(lines)

    def _row(self, judged: FeatureVerdict | Finding, *, again: bool) -> tuple[str, ...]:
        """Return one change for the terminal; of a field that was named in the line above, the name is left out."""
        name = "" if again else shown(judged.feature, NAME_LIMIT)
        return name, shown(judged.what), shown(self.much(judged)), p_value(judged.p_value), p_value(judged.threshold)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Return the report for a notebook."""
        return self._render("check.html.j2")

    def save(self, path: str | Path) -> Path:
        """Write one self-contained HTML file and return its path. Raises PermanentError where that is not possible."""
        target = Path(path)
        refuse_unwritable(target)
        write_whole(target, self._render("page.html.j2"))
        return target

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON for machines: verdict, sizes and every field, worst first."""
        return {
            "verdict": self.verdict.value,
            "exit_code": self.exit_code,
            "headline": self.headline,
            "rows": self.rows,
            "baseline": {"id": self.baseline.id, "name": self.baseline.model, "rows": self.baseline.rows},
            "features": [judged.to_json() for judged in self.features],
            "beyond": [judged.to_json() for judged in self.judgement.beyond],
            "estimate": None if self.estimate is None else asdict(self.estimate),
            "notes": list(self.notes),
            "correlations": None if self.judgement.division is None else asdict(self._paired),
            "dependence": None if self.judgement.division is None else asdict(self._dependent),
            "findings": len(self.findings),
            "segments": [self._segment_json(name) for name in self.segments],
            "extra": list(self.extra),
        }

    def _segment_json(self, name: str) -> dict[str, Any]:
        judged = self.segments[name]
        changed = [one.to_json() for one in judged.features if one.verdict in _SHOWN]
        rows = self.segment_rows.get(name, 0)
        return {"segment": name, "rows": rows, "verdict": judged.verdict.value, "features": changed}

    @property
    def _paired(self) -> PairedFields:
        return PairedFields.of(
            self.baseline, watched_fields(self.baseline.layout.schema, self.spec.watch), self.summary
        )

    @property
    def _dependent(self) -> DependenceFields:
        return DependenceFields.of(
            self.baseline, watched_fields(self.baseline.layout.schema, self.spec.watch), self.summary
        )

    def _render(self, template: str) -> str:
        from pegel.notebook.page import render  # noqa: PLC0415  a check that is only printed needs no plots

        return render(self, template)


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
