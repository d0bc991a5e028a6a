"""What the model made of a row that is far out, told beside why it is unusual, or why that is not known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Engine

from pegel.errors import PegelError
from pegel.judge.findings import Finding
from pegel.report.prediction_words import NOT_YET, made_words
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.outside_text import LONGEST_SENTENCE, shown
from pegel.store.made_of_outliers import REACH, MadeOfOutliers
from pegel.stream.result_rows import OutlierRow

BY_ENDPOINT = "not known, because questions to the endpoint are kept for windows of rows (attribution.via: endpoint)"
NO_REQUEST = "not known, because nobody kept where its request lies"
GONE = "not known, because the row is no longer stored"
TOO_OLD = "not known, because the model was not asked within a day"


@dataclass(frozen=True, slots=True)
class MadeOfEvent:
    """What a model made of one row, in words, and as it is kept; `kept` is empty where it is not known."""

    words: str
    kept: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, every number exact."""
        return {"words": self.words, **self.kept}


def made_of_event(engine: Engine, spec: MonitorSpec, finding: Finding, *, now: datetime) -> MadeOfEvent | None:
    """Return it; None where nobody asks for explanations. What cannot be read is said, and fails nothing."""
    if not spec.attribution.is_used:
        return None
    if spec.attribution.via == "endpoint":
        return MadeOfEvent(BY_ENDPOINT, {})
    try:
        row = MadeOfOutliers(engine).row_of(finding)
    except (PegelError, KeyError, TypeError, ValueError) as error:
        why = shown(str(error), LONGEST_SENTENCE // 2)
        return MadeOfEvent(f"not known, because what is stored of it cannot be read: {why}", {})
    if row is None:
        return MadeOfEvent(GONE, {})
    return MadeOfEvent(made_of_row(row, spec.attribution.via, now), dict(row.made or {}))


def made_of_row(row: OutlierRow, via: str, now: datetime) -> str:
    """Return the words about one outlying row of a model that is explained `via` its artefact or its endpoint."""
    if row.made is not None:
        return made_words(row.made)
    if via == "endpoint":
        return BY_ENDPOINT
    if row.record is None:
        return NO_REQUEST
    return TOO_OLD if row.event_time < now - REACH else NOT_YET
