"""What a model's state says of its newest window beside the verdict: little, so that a list of models reads it quickly.

``not_judged``: why nothing is said to be healthy: most answers are missing, there was no request, or no field could be
judged. Why single fields were not is no reason where others were.
``missing_answers``: see `MissingAnswers`. ``never_logged``: `answers` or `requests`. What is not so is left out.
"""

from __future__ import annotations

from typing import Any

from pegel.judge.findings import Verdict
from pegel.judge.judge import Judgement

MOST_REASONS = 2


def remarks(judgement: Judgement) -> dict[str, Any]:
    """Return the remarks on a window as plain JSON."""
    missing = judgement.missing_answers
    said = {
        "not_judged": _why(judgement) if judgement.verdict is Verdict.INSUFFICIENT else "",
        "missing_answers": None if missing is None else missing.to_json(),
        "never_logged": judgement.never_logged,
    }
    return {name: value for name, value in said.items() if value}


def _why(judgement: Judgement) -> str:
    """Return why a window was not judged: missing answers, then, if no field was, the usual reasons of fields."""
    missing = judgement.missing_answers
    reasons = [field.what.partition(":")[0] for field in judgement.features if field.verdict is Verdict.INSUFFICIENT]
    if len(reasons) < len(judgement.features):
        reasons = []
    ordered = sorted(set(reasons), key=lambda reason: (-reasons.count(reason), reason))[:MOST_REASONS]
    about_answers = [str(missing)] if missing is not None and missing.is_most else []
    if judgement.answers_so_far is not None and not about_answers:
        about_answers = [str(judgement.answers_so_far)]
    return ", ".join(about_answers + ordered)
