"""What the model made of a single event that is far out, told beside why it is unusual, or why that is not known."""

from __future__ import annotations

from sqlalchemy.engine import Engine

from pegel.errors import PegelError
from pegel.judge.findings import Finding
from pegel.report.prediction_words import made_words
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.outside_text import LONGEST_SENTENCE, shown
from pegel.store.made_of_outliers import MadeOfOutliers

BY_ENDPOINT = "not known, because questions to the endpoint are kept for windows of rows (attribution.via: endpoint)"


def made_of_event(engine: Engine, spec: MonitorSpec, finding: Finding) -> str:
    """Return it in words; empty where nobody asks for explanations. What cannot be read is said, and fails nothing."""
    via = spec.attribution.via
    if via != "artefact":
        return BY_ENDPOINT if via == "endpoint" else ""
    try:
        return made_words(MadeOfOutliers(engine).of_finding(finding))
    except (PegelError, KeyError, TypeError, ValueError) as error:
        return f"not known, because what is stored of it cannot be read: {shown(str(error), LONGEST_SENTENCE // 2)}"
