"""What a mail about an alert knows: the sentences' material, before any wording."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from pegel.alerts.alert import Alert, Mail
from pegel.baseline.baseline import Baseline
from pegel.data.columns import Field, Role
from pegel.data.spans import Span
from pegel.detect.effect import percents
from pegel.judge.findings import ALARMING, Finding, Verdict
from pegel.judge.judge import judge
from pegel.report import words
from pegel.report.merging import merged
from pegel.report.picture import MOST, Panel, png
from pegel.report.shapes import quantile, round_step, shape, share_above
from pegel.stats.layout import CategoricalLayout
from pegel.stats.summary import FeatureSummary, Summary
from pegel.stream.result_rows import Tally

TAIL = 0.95
"""The tail told in words begins near this quantile of the baseline, at a round value."""
CHANGED = 3
"""Categories whose shares are told."""


@dataclass(frozen=True, slots=True)
class ComparisonLine:
    """One line of the comparison: `median`, `-2 min`, `+6 min`."""

    label: str
    before: str
    now: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything a mail says, taken from the alert, its windows and the baseline. No baseline: less is said."""

    mail: Mail
    now: datetime
    baseline: Baseline | None
    tally: Tally
    summary: Summary | None
    """The rows of the drifting windows together, of those that the mail carries."""
    together: Mapping[str, Finding]
    """What judging those rows together finds, by field, for the headline alone; evidence and id are the stored ones.

    Findings are stored per window, and a window was chosen because it stood out: told of the whole time, its effect
    would be too large and, in small windows, mostly noise. So the rows of all drifting windows are judged as one.
    """
    compared: frozenset[str] = frozenset()
    """Fields of which those rows have enough values to say how they look."""

    @classmethod
    def of(cls, mail: Mail, baseline: Baseline | None, tally: Tally, now: datetime) -> Facts:
        """Gather the facts; the windows that drifted are what is compared with the baseline."""
        drifting = [row for row in mail.windows if row.verdict in ALARMING] or list(mail.windows)
        summary = None if baseline is None else merged(drifting, baseline)
        together: dict[str, Finding] = {}
        compared: frozenset[str] = frozenset()
        if baseline is not None and summary is not None:
            span = Span(mail.alert.since, mail.alert.last_end)
            judged = judge(baseline, summary, spec=mail.spec, span=span, revision=0)
            together = {finding.feature: finding for finding in judged.findings if finding.detector == "drift"}
            compared = frozenset(
                field.feature for field in judged.features if field.verdict is not Verdict.INSUFFICIENT
            )
        return cls(mail, now, baseline, tally, summary, together, compared)

    @property
    def alert(self) -> Alert:
        """Return the alert."""
        return self.mail.alert

    @property
    def findings(self) -> list[Finding]:
        """Return the newest finding of each drifting field: features first, the clearest first; predictions last."""
        findings = [feature.finding for feature in self.alert.features]
        return sorted(
            findings, key=lambda finding: (self.is_prediction(finding.feature), finding.p_value, finding.feature)
        )

    def change(self, finding: Finding) -> str:
        """Return what changed in a field over all drifting windows; of its newest window where that is not known."""
        whole = self.together.get(finding.feature, finding) if finding.detector == "drift" else finding
        return words.change(whole, self.unit(finding.feature))

    @property
    def others(self) -> int:
        """Return how many fields look as in training; none of which too few values came to say so."""
        return len(self.compared - set(self.alert.names))

    def field(self, name: str) -> Field | None:
        """Return a field of the schema; None for what is no field, such as the rate of outliers."""
        fields = () if self.baseline is None else self.baseline.layout.schema.fields
        return next((field for field in fields if field.name == name), None)

    def unit(self, name: str) -> str | None:
        """Return a field's unit."""
        field = self.field(name)
        return None if field is None else field.unit

    @property
    def has_predictions(self) -> bool:
        """Say whether the model's answers are known to be compared with anything."""
        return self.baseline is not None and bool(self.baseline.layout.schema.of_role(Role.PREDICTION))

    def is_prediction(self, name: str) -> bool:
        """Say whether a field comes from the response."""
        field = self.field(name)
        return field is not None and field.role is Role.PREDICTION

    def comparison(self) -> list[ComparisonLine]:
        """Return the numbers of the worst field, then and now; empty when they are not known."""
        name = self.findings[0].feature
        if self.baseline is None or self.summary is None or self.field(name) is None:
            return []
        before, now = self.baseline.summary.features[name], self.summary.features[name]
        if not (before.counted and now.counted):
            return []
        if isinstance(before.layout, CategoricalLayout):
            return _categories(before.layout, before, now)
        chance = self.together.get(name, self.findings[0]).evidence.get("effect", {}).get("auc")
        return [*_numbers(before, now, self.unit(name)), *_ranks(chance)]

    def picture(self) -> bytes | None:
        """Return the worst fields as PNG; None when there is nothing to draw."""
        if self.baseline is None or self.summary is None:
            return None
        panels = []
        for finding in self.findings:
            if self.field(finding.feature) is None:
                continue
            sides = (summary.features[finding.feature] for summary in (self.baseline.summary, self.summary))
            drawn = shape(*sides)
            if drawn is not None:
                panels.append(Panel(finding.feature, self.change(finding), self.unit(finding.feature), drawn))
        return png(panels[:MOST]) if panels else None


def _numbers(before: FeatureSummary, now: FeatureSummary, unit: str | None) -> list[ComparisonLine]:
    medians = (words.number(quantile(side, 0.5), unit) for side in (before, now))
    step = round_step(max(abs(quantile(before, TAIL) - quantile(before, 0.5)), 1e-9) / 5)
    limit = round(quantile(before, TAIL) / step) * step
    tails = percents(*(max(share_above(side, limit), 0.0) for side in (before, now)))
    return [ComparisonLine("median", *medians), ComparisonLine(f"above {words.number(limit, unit)}", *tails)]


def _ranks(chance: float | None) -> list[ComparisonLine]:
    """Return what a shift in sigma says: how often a row of now is the larger one of two. None: it is not known."""
    if chance is None:
        return []
    return [ComparisonLine("above a training row", *percents(0.5, chance))]


def _categories(layout: CategoricalLayout, before: FeatureSummary, now: FeatureSummary) -> list[ComparisonLine]:
    labels, named = [*layout.categories, "others", "never seen in training"], len(layout.categories)
    sides = [
        np.append(side.cells[:named], [side.cells[named:].sum() - side.n_unseen, side.n_unseen])
        for side in (before, now)
    ]
    shares = [counts / counts.sum() for counts in sides]
    order = sorted(range(len(labels)), key=lambda cell: -abs(shares[1][cell] - shares[0][cell]))
    return [
        ComparisonLine(labels[cell], *percents(*(float(side[cell]) for side in shares))) for cell in order[:CHANGED]
    ]
