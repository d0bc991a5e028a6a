"""The one figure of a span that stands for all: how often a classifier is wrong, how far off a regressor is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pegel.stats.figures import ERROR_RATE, MAE

HEADLINES = (ERROR_RATE, MAE)
"""Of a classifier, and of a regressor."""


def headline_figure(judgement: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the error rate, or else the mean absolute error, of `SpanJudgement.to_json`; None where it has neither."""
    by_name = {one["name"]: one for one in judgement.get("figures", [])}
    return next((by_name[name] for name in HEADLINES if name in by_name), None)
