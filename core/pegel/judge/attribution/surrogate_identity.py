"""Is it still the registered model? Answers beside those of a surrogate: a model of its answers, where nothing else is.

What an endpoint answers less what the surrogate makes of the same rows is judged as attributions are: it has to be
certain and relevant. Inputs that drift move the surrogate as they move the model, so what is left of them is certain at
most; another model is relevant, where its answers differ by more than the surrogate is off.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from pegel.baseline.baseline import Baseline
from pegel.judge.attribution.attribution_judgement import CountedAttributions, explain_attribution
from pegel.judge.attribution.model_identity import ANSWERS
from pegel.judge.decision import FeatureVerdict
from pegel.judge.explanation import Explanation
from pegel.judge.findings import Finding, Verdict
from pegel.judge.layers.attributions import IDENTITY
from pegel.spec.names import RESIDUAL

SURROGATE: Final = "surrogate"
_FIELD: Final = "field"
"""Says in the evidence of such a finding which judged field it is about."""


def judge_residual(residual: FeatureVerdict | None, *, version: int) -> FeatureVerdict | None:
    """Return the verdict on the answers of one window; None where residuals were not judged.

    Args:
        residual: What attribution tests say of the residuals.
        version: Of the model, for people.
    """
    if residual is None:
        return None
    changed = residual.verdict is Verdict.DRIFT
    return replace(
        residual,
        feature=ANSWERS,
        detector=IDENTITY,
        verdict=Verdict.MODEL_CHANGED if changed else residual.verdict,
        what=_what(residual, version) if changed else residual.what,
    ).with_evidence({_FIELD: RESIDUAL})


def is_of_surrogate(finding: Finding) -> bool:
    """Say whether a finding on answers is about the residuals of a surrogate."""
    return finding.detector == IDENTITY and finding.evidence.get(_FIELD) == RESIDUAL


def explain_residual(finding: Finding, rows: CountedAttributions, reference: Baseline) -> Explanation:
    """Recompute such a finding from the stored counts. Raises NotFound where they have no residuals."""
    return explain_attribution(finding, rows, reference, field_name=RESIDUAL)


def _what(residual: FeatureVerdict, version: int) -> str:
    change = residual.evidence["change"]
    if residual.effect == change["mean"]:
        size, error, how = change["mean"], change["mean_error"], "higher" if change["mean"] > 0 else "lower"
    else:
        size, error, how = change["size"], change["size_error"], "farther off" if change["size"] > 0 else "nearer"
    by = f"{abs(size):.2g} ± {error:.1g} sigma of the prediction"
    return f"answers are {by} {how} than expected by a model of the answers of version {version}"
