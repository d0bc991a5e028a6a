"""What a mail about an alert knows: the sentences' material, before any wording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from pegel.alerts.alert import Alert, AlertFeature, Mail
from pegel.alerts.alert_kind import AlertKind
from pegel.baseline.baseline import Baseline
from pegel.data.columns import Field, Role
from pegel.judge.findings import ALARMING, Finding, Verdict
from pegel.judge.judge import Judgement, judge
from pegel.judge.performance.headline import HEADLINES
from pegel.longspans.long_span_row import LongSpanRow
from pegel.report import words
from pegel.report.change_words import is_slow
from pegel.report.compared_numbers import ComparisonLine, compared_numbers
from pegel.report.event_words import worst_first
from pegel.report.merging import merged
from pegel.report.picture import MOST, Panel, png
from pegel.report.shapes import shape
from pegel.stats.summary import Summary
from pegel.stream.result_rows import Tally, WindowRow


@dataclass(frozen=True, slots=True)
class Together:
    """The rows of one or several windows as one summary, and what judging them says.

    A field is told as the newest window has it in which it was found, beside the time of that window: told of the whole
    time, it would be too large or too small. A slow change no window shows by itself: there it is all since it began.
    """

    summary: Summary
    judgement: Judgement

    def finding(self, feature: str) -> Finding | None:
        """Return what is found of a field; None where it is nothing, or nothing by itself."""
        found = (one for one in self.judgement.findings if one.feature == feature and one.detector == "drift")
        return next(found, None)


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything a mail says, taken from the alert, its windows and the baseline. No baseline: less is said."""

    mail: Mail
    now: datetime
    baseline: Baseline | None
    tally: Tally
    together: Mapping[str, Together]
    """By field, of the newest window in which it was found, of a slow change of all; of those that the mail carries."""
    overall: Together | None
    """Of the windows in which anything was found."""

    @classmethod
    def of(
        cls,
        mail: Mail,
        baseline: Baseline | None,
        tally: Tally,
        now: datetime,
        long_spans: Mapping[str, LongSpanRow] = MappingProxyType({}),
    ) -> Facts:
        """Gather the facts; what drifted is compared with the baseline. `long_spans`: by the id of their finding."""
        if baseline is not None and mail.alert.kind is AlertKind.LONG_SPANS:
            # Of a segment its finding says it all: the words of a mail compare with the training rows of all.
            whole = {
                one.feature: _as_judged(mail, baseline, long_spans[one.finding.id], one.finding)
                for one in sorted(mail.alert.features, key=lambda one: one.finding.p_value)
                if one.finding.id in long_spans and one.finding.baseline_id == baseline.id and not one.finding.segment
            }
            return cls(mail, now, baseline, tally, whole, next(iter(whole.values()), None))
        if baseline is None or mail.alert.kind is not AlertKind.DRIFT:
            return cls(mail, now, baseline, tally, {}, None)
        found = {one.feature: _windows_of(one, mail.windows) for one in mail.alert.features}
        own = {one.feature: _newest(one, mail.windows) or found[one.feature] for one in mail.alert.features}
        chosen = {place for places in found.values() for place in places}
        known = {
            places: _together(mail, baseline, [mail.windows[place] for place in places])
            for places in {*own.values(), tuple(sorted(chosen))}
        }
        together = {name: known[places] for name, places in own.items()}
        # Windows hold the rows of all segments: of one of them its finding says more.
        in_segments = {one.feature for one in mail.alert.features if one.finding.segment}
        return cls(
            mail,
            now,
            baseline,
            tally,
            {name: one for name, one in together.items() if one is not None and name not in in_segments},
            known[tuple(sorted(chosen))],
        )

    @property
    def alert(self) -> Alert:
        """Return the alert."""
        return self.mail.alert

    @property
    def findings(self) -> list[Finding]:
        """Return the newest finding of each field, the clearest first; of odd events the worst first."""
        findings = [feature.finding for feature in self.alert.features]
        if self.alert.kind is AlertKind.EVENTS:
            return worst_first(findings)
        if self.alert.kind is AlertKind.PERFORMANCE:
            # All figures tell of the same answers: first stands the one that people ask for.
            return sorted(findings, key=lambda one: (one.feature not in HEADLINES, one.p_value, one.feature))
        return sorted(findings, key=lambda one: (self.is_prediction(one.feature), one.p_value, one.feature))

    def change(self, finding: Finding) -> str:
        """Return what changed in a field, as its finding has it: the same as is told as evidence."""
        return words.change(finding, self.unit(finding.feature))

    @property
    def compared(self) -> frozenset[str]:
        """Return the fields of which those rows have enough values to say how they look."""
        fields = () if self.overall is None else self.overall.judgement.features
        return frozenset(one.feature for one in fields if one.verdict is not Verdict.INSUFFICIENT)

    @property
    def predictions_moved(self) -> bool:
        """Say whether answers are found in this alert, or drift in its rows beside it, as another alert's matter."""
        own = {one.feature for one in self.findings if not one.segment}
        fields = () if self.overall is None else self.overall.judgement.features
        drifting = {one.feature for one in fields if one.verdict in ALARMING}
        return any(self.is_prediction(name) for name in own | drifting)

    @property
    def alike(self) -> tuple[int, int]:
        """Return how many fields look as in training, and how many there are beside those of the alert."""
        fields = () if self.overall is None else self.overall.judgement.features
        others = [one.verdict for one in fields if one.feature not in self.alert.names]
        return sum(one in {Verdict.OK, Verdict.BELOW_MARGIN} for one in others), len(others)

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
        worst = self.findings[0]
        name, together = worst.feature, self.together.get(worst.about)
        if self.baseline is None or together is None or self.field(name) is None:
            return []
        before, now = self.baseline.summary.features[name], together.summary.features[name]
        chance = (together.finding(name) or worst).evidence.get("effect", {}).get("auc")
        return compared_numbers(before, now, self.unit(name), chance)

    def picture(self) -> bytes | None:
        """Return the worst fields as PNG; None when there is nothing to draw."""
        panels = []
        for finding in self.findings:
            name, together = finding.feature, self.together.get(finding.about)
            if self.baseline is None or together is None or self.field(name) is None:
                continue
            drawn = shape(self.baseline.summary.features[name], together.summary.features[name])
            if drawn is not None:
                panels.append(Panel(name, self.change(finding), self.unit(name), drawn))
        return png(panels[:MOST]) if panels else None


def _windows_of(one: AlertFeature, windows: Sequence[WindowRow]) -> tuple[int, ...]:
    """Return the places of the windows in which a field was found; of all that alarm meanwhile where none says so."""
    end = one.finding.span.end
    since = [at for at, row in enumerate(windows) if row.span.end > one.since and row.span.start < end]
    alarming = [at for at in since if windows[at].verdict in ALARMING]
    own = [at for at in alarming if _names(windows[at], one.feature)]
    return tuple(own or alarming or since)


def _newest(one: AlertFeature, windows: Sequence[WindowRow]) -> tuple[int, ...]:
    """Return the place of the window that the newest finding is of; none of a slow change, which is of more."""
    if is_slow(one.finding):
        return ()
    return tuple(at for at, row in enumerate(windows) if row.span == one.finding.span)


def _names(row: WindowRow, feature: str) -> bool:
    judged = row.judgement.get("features", ())
    return any(one["feature"] == feature and one["verdict"] in ALARMING for one in judged)


def _together(mail: Mail, baseline: Baseline, windows: Sequence[WindowRow]) -> Together | None:
    """Return windows as one; None where nothing was counted in the baseline's cells."""
    summary = merged(windows, baseline)
    if summary is None:
        return None
    span = mail.alert.features[0].finding.span
    return Together(summary, judge(baseline, summary, spec=mail.spec, span=span, revision=0))


def _as_judged(mail: Mail, baseline: Baseline, row: LongSpanRow, finding: Finding) -> Together:
    """Return a long span as it was judged: its rows are those of all windows already."""
    summary = Summary.from_bytes(row.row.summary, baseline.layout)
    judgement = judge(baseline, summary, spec=mail.spec, span=finding.span, revision=row.revision, rhythm=row.rhythm)
    return Together(summary, judgement)
