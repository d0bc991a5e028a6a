"""What is said of answers that are not those of the registered version: how it was looked at, and what chance does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from pegel.baseline.replay_reference import ReplayReference
from pegel.judge.attribution.model_identity import CANARIES
from pegel.judge.attribution.surrogate_identity import SURROGATE, is_of_surrogate
from pegel.judge.findings import Finding, Verdict
from pegel.report.prediction_words import signed_part
from pegel.report.words import SIGMA, VERDICT_WORDS, effect, p_and_threshold, period
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.outside_text import LONGEST_SENTENCE, shown
from pegel.spec.plain_numbers import how_many
from pegel.store.identity_store import FirstAnswers
from pegel.stream.attribution_rows import AttributionRow

_NOT_LOOKED_AT: Final = (
    "Whether this endpoint ever answered just as its folder does was not looked at when it was onboarded: where it "
    "rounds otherwise, its answers always differ"
)
_FEW: Final = {
    1: "One row at least has",
    2: "Two different rows at least have",
    3: "Three different rows at least have",
}


def looked_at(finding: Finding) -> str:
    """Return how the answers of a finding were compared, and who knows why they differ."""
    if is_of_surrogate(finding):
        how = (
            f"{how_many(finding.n, 'answer')} were held against a model of the answers, because nobody can compute "
            "them again. Inputs of kinds that it was not fitted on may seem another model, too."
        )
        return f"{how} Whoever deployed last knows why they differ."
    if finding.test == CANARIES:
        how = f"{how_many(finding.n, 'answer')} of the newest window are to the same rows as at onboarding."
    else:
        how = f"{how_many(finding.n, 'answer')} of the newest window were computed again from the folder of the model."
    inexact = "" if finding.evidence.get("rule") else f" {not_reproduced(_before(finding))}; more do now."
    return f"{how}{inexact} Whoever deployed last knows why they differ."


def not_reproduced(before: ReplayReference) -> str:
    """Return that answers cannot be reproduced exactly; no full stop."""
    return (
        f"Answers of this endpoint cannot be reproduced exactly: {before.differing:,} of {before.replayed:,} differed "
        "at onboarding"
    )


def no_chance(findings: Sequence[Finding]) -> str:
    """Return that a rule is met, which chance has no part in; no full stop."""
    fewest = min(_before(finding).fewest for finding in findings)
    rows = _FEW.get(fewest, f"{fewest} rows at least have")
    sentence = f"{rows} another answer: no chance is involved, and no budget is spent"
    return sentence if all(finding.m for finding in findings) else f"{sentence}. {_NOT_LOOKED_AT}"


def counts(finding: Finding) -> str:
    """Return the counts behind a finding, and how to see them again."""
    if is_of_surrogate(finding):
        return beside_surrogate(finding)
    told = finding.evidence.get("replay", {})
    before = f"{_before(finding).differing:,} of {finding.m:,} at onboarding"
    if not finding.m:
        before = "none was computed again at onboarding"
    seen = (
        f"{int(finding.statistic):,} of {finding.n:,} answers differ, {how_many(told.get('different_rows', 0), 'row')}"
    )
    return f"{seen}; {before} · finding {finding.id[:8]} (pegel explain {finding.id[:8]})"


def beside_surrogate(finding: Finding) -> str:
    """Return the numbers behind a finding of a surrogate, and how to see them again."""
    p, threshold = p_and_threshold(finding.p_value, finding.threshold)
    return (
        f"{finding.test} test p = {p}, threshold {threshold}, effect {effect(finding)}, "
        f"margin {float(finding.evidence['margin']):g}, {how_many(finding.n, 'row')} against {finding.m:,} · "
        f"finding {finding.id[:8]} (pegel explain {finding.id[:8]})"
    )


def whose(identity: str, row: AttributionRow | None, known: FirstAnswers | None, now: datetime) -> str:
    """Return whose answers come, for a page.

    `row`: the newest window in which that was looked at; None without one. `known`: what was answered at onboarding.
    """
    if identity == "off":
        return "Whose answers: nobody looks, as the spec says (attribution.identity)."
    if row is not None and identity == SURROGATE and "residual" not in row.facts:
        row = None  # from before the spec asked for it
    seen = "not looked at yet" if row is None else _seen(identity, row, now)
    if identity == SURROGATE:
        return f"Whose answers: {seen}. {_of_surrogate(known)}"
    return f"Whose answers: {seen}.{_at_onboarding(known)}"


def nobody_can_tell(specs: Iterable[MonitorSpec], unknown: Mapping[tuple[str, int, str], str]) -> dict[str, str]:
    """Return that nobody can tell whose answers come, and why, by the keys of the models of which that is so.

    `unknown`: the reasons, by model, version and identity.
    """
    told = {}
    for spec in specs:
        why = unknown.get((spec.model.name, spec.model.version, spec.attribution.identity))
        if spec.attribution.is_used and why:
            told[spec.key] = f"nobody can tell whose answers come: {shown(why, LONGEST_SENTENCE)}"
    return told


def _seen(identity: str, row: AttributionRow, now: datetime) -> str:
    if row.identity is Verdict.MODEL_CHANGED:
        verdict = f"not those of version {row.version}"
    elif row.identity is Verdict.OK:
        verdict = "those of the registered version"
    else:
        verdict = VERDICT_WORDS[row.identity]
    between = f"{period(row.span.start, row.span.end, now)} UTC"
    if identity == SURROGATE:
        return f"{verdict}, as far as a model of the answers tells; {_residual(row)}, {between}"
    what = "hourly answer" if identity == CANARIES else "replayed answer"
    differ = "differs" if row.replayed == 1 else "differ"
    return f"{verdict}; {row.differing:,} of {how_many(row.replayed, what)} {differ}, {between}"


def _residual(row: AttributionRow) -> str:
    """Return how far answers are from what a surrogate expects, beside those of the baseline."""
    change = row.facts["residual"]
    mean, size = (signed_part(float(change[name]), float(change[f"{name}_error"])) for name in ("mean", "size"))
    answers = how_many(row.replayed, "answer")
    return f"{answers} differ from it by {mean} {SIGMA} of the prediction more than before, in size by {size}"


def _of_surrogate(known: FirstAnswers | None) -> str:
    """Return how well a surrogate knows the answers, or why there is none."""
    if known is not None and known.why:
        return f"Nobody can look: {shown(known.why, LONGEST_SENTENCE)}."
    if known is None or known.frozen is None:
        return "No model of the answers was made yet."
    explained, rows = float(known.frozen["explained"]), int(known.frozen["checked"])
    return (
        f"The model of the answers explains {explained:.1%} of how they vary in {rows:,} rows of "
        f"{shown(known.source)} that it was not fitted to."
    )


def _at_onboarding(known: FirstAnswers | None) -> str:
    """Return what has to be known of onboarding; empty where all answers were found again."""
    told = []
    if known is None or not known.reference.replayed:
        told.append("No answers were looked at when it was onboarded.")
    elif not known.reference.is_exact:
        told.append(f"{not_reproduced(known.reference)}.")
    if known is not None and known.why:
        told.append(f"Nobody can look now: {shown(known.why, LONGEST_SENTENCE)}.")
    return "".join(f" {sentence}" for sentence in told)


def _before(finding: Finding) -> ReplayReference:
    numbers = finding.evidence.get("replay", {})
    return ReplayReference(int(numbers.get("differing_before", 0)), finding.m, int(numbers.get("fewest", 1)))
