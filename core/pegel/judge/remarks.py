"""What a model's state says of its newest window beside the verdict: little, so that a list of models reads it quickly.

``not_judged``: why no field could be judged. ``missing_answers``: see `MissingAnswers`. ``never_logged``: `answers` or
`requests`. What is not so is left out.
"""

from __future__ import annotations

from typing import Any

from pegel.judge.decision import FeatureVerdict
from pegel.judge.findings import Verdict
from pegel.judge.judge import Judgement

MOST_REASONS = 2


def remarks(judgement: Judgement) -> dict[str, Any]:
    """Return the remarks on a window as plain JSON."""
    missing = judgement.missing_answers
    said = {
        "not_judged": _why(judgement.features) if judgement.verdict is Verdict.INSUFFICIENT else "",
        "missing_answers": None if missing is None else missing.to_json(),
        "never_logged": judgement.never_logged,
    }
    return {name: value for name, value in said.items() if value}


def _why(features: tuple[FeatureVerdict, ...]) -> str:
    """Return why fields were not judged, the usual reasons first: of the window, or of the baseline."""
    reasons = [one.what.partition(":")[0] for one in features if one.verdict is Verdict.INSUFFICIENT]
    ordered = sorted(set(reasons), key=lambda reason: (-reasons.count(reason), reason))
    return ", ".join(ordered[:MOST_REASONS])
