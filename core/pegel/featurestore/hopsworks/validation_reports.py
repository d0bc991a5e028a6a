"""What rows said of expectations, as validation reports of Hopsworks: a feature group for each model version.

Hopsworks keeps a report beside a feature group, and each of its results beside an expectation of that group's suite. A
served model has no feature group, so it is given one: its rows say the same by key, its suite is what the model is held
to, and its reports are the looks at rows, one each. Lengths are those that Hopsworks takes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any

from pegel.errors import SetupError
from pegel.featurestore.hopsworks.result_groups import Record, ResultGroup
from pegel.spec.outside_text import shown
from pegel.store.row_quality_store import RowQualityRow

PREFIX = "pegel_expectations_"
LONGEST_GROUP_NAME = 63
LONGEST_SUITE_NAME = 63
_LONGEST_WORDS = 400
"""Of what is expected and what is there; with the rest they stay below the 1,000 letters that Hopsworks keeps."""
_SECOND = timedelta(seconds=1)
_TIME = "%Y%m%dT%H%M%S.%fZ"
"""How Great Expectations writes an instant."""
_WORDS = ("suite", "feature", "test", "expected", "severity", "there")
_OF_ROW = ("model", "version", "segment", "revision", "origin", "looked_at", "rows")
_COLUMNS = {
    "model": "string",
    "version": "int",
    "segment": "string",
    "window_start": "timestamp",
    "window_end": "timestamp",
    "revision": "int",
    "origin": "string",
    **dict.fromkeys((*_WORDS, "told"), "string"),
    "n": "bigint",
    "p_value": "double",
    "looked_at": "bigint",
    "rows": "bigint",
    "unexpected_rows": "string",
    "told_at": "timestamp",
}
_TOLD = {True: "met", False: "not met", None: "cannot be told"}


@dataclass(frozen=True, slots=True)
class ReportedExpectation:
    """An expectation of a suite in Hopsworks.

    `mark`: by which it is found there again. It is the same whatever its arguments are: those of a suite that follows
    from the baseline change with it, and a person looks at the history of one expectation, not at one of each.
    """

    type: str
    kwargs: Mapping[str, Any]
    meta: Mapping[str, Any]
    mark: str

    @classmethod
    def of(cls, outcome: Mapping[str, Any]) -> ReportedExpectation:
        """Return that of a stored outcome, see `ExpectationOutcome.to_json`. Raises KeyError."""
        words = {name: shown(str(outcome[name]), _LONGEST_WORDS) for name in ("suite", "expected", "severity")}
        known_by = json.dumps([outcome[name] for name in ("type", "suite", "feature", "test")])
        mark = blake2b(known_by.encode(), digest_size=16).hexdigest()
        return cls(str(outcome["type"]), dict(outcome["kwargs"]), words, mark)

    def config(self, number: int | None = None) -> dict[str, Any]:
        """Return it as Hopsworks takes it; `number`: that which it has there."""
        known = {} if number is None else {"expectationId": number}
        meta = {**self.meta, "pegel": self.mark, **known}
        return {"expectation_type": self.type, "kwargs": dict(self.kwargs), "meta": meta}


@dataclass(frozen=True, slots=True)
class ReportedResult:
    """What one look said of one expectation."""

    expectation: ReportedExpectation
    met: bool
    there: str
    n: int
    p_value: float | None

    def to_json(self, number: int) -> dict[str, Any]:
        """Return it as Great Expectations writes a result; `number`: that of its expectation in Hopsworks."""
        return {
            "success": self.met,
            "result": {"observed_value": self.there, "element_count": self.n, "p_value": self.p_value},
            "meta": {},
            "exception_info": {"raised_exception": False, "exception_message": None, "exception_traceback": None},
            "expectation_config": self.expectation.config(number),
        }


@dataclass(frozen=True, slots=True)
class ValidationReport:
    """One look at rows. `untold`: expectations of which they said nothing, which are no results."""

    row: RowQualityRow
    results: tuple[ReportedResult, ...]
    untold: int

    @property
    def key(self) -> str:
        """Return what no other look has: its model, span, and when it was."""
        row = self.row
        span = f"{row.span.start.isoformat()}/{row.span.end.isoformat()}"
        return f"{row.model}/{row.version} {row.origin} {row.segment!r} {span} {row.revision} {row.at.isoformat()}"

    def to_json(self, at: datetime, numbers: Mapping[str, int]) -> dict[str, Any]:
        """Return it as Great Expectations writes a report. `numbers`: those of expectations, by their mark."""
        row, met = self.row, sum(result.met for result in self.results)
        about = {
            "pegel": self.key,
            "model": row.model,
            "version": row.version,
            "segment": row.segment,
            "window_start": row.span.start.isoformat(),
            "window_end": row.span.end.isoformat(),
            "origin": row.origin,
            "looked_at": row.looked_at,
            "rows": row.rows,
            "cannot_be_told": self.untold,
        }
        return {
            "success": met == len(self.results),
            "results": [result.to_json(numbers[result.expectation.mark]) for result in self.results],
            "meta": {**about, "validation_time": at.astimezone(UTC).strftime(_TIME)},
            "statistics": {
                "evaluated_expectations": len(self.results),
                "successful_expectations": met,
                "unsuccessful_expectations": len(self.results) - met,
                "success_percent": 100 * met / len(self.results),
            },
            "evaluation_parameters": {},
        }


def group_of(model: str, version: int) -> ResultGroup:
    """Return the feature group of a model version. Raises SetupError where its name is longer than Hopsworks takes."""
    name = PREFIX + model.replace("-", "_")
    if len(name) > LONGEST_GROUP_NAME:
        raise SetupError(
            f"expected a model whose name has at most {LONGEST_GROUP_NAME - len(PREFIX)} letters, because Hopsworks "
            f"takes names of feature groups up to {LONGEST_GROUP_NAME}; given {model!r}. Of its expectations nothing "
            "is written."
        )
    return ResultGroup(
        name=name,
        description=f"What rows of {model}/{version} said of each expectation; a validation report for each look",
        columns=dict(_COLUMNS),
        keys=("model", "version", "segment", "window_start", "origin", "suite", "feature", "test"),
        event_time="window_end",
        version=version,
    )


def of_look(row: RowQualityRow) -> Iterator[Record]:
    """Yield a row of `group_of` for each expectation of a look. Raises KeyError for outcomes that are none."""
    of_row = {name: getattr(row, name) for name in _OF_ROW}
    of_row |= {"window_start": row.span.start, "window_end": row.span.end, "told_at": row.at}
    for one in row.outcomes:
        said = {name: one[name] for name in (*_WORDS, "n", "p_value")}
        yield {**of_row, **said, "told": _TOLD[one["met"]], "unexpected_rows": json.dumps(one.get("rows", []))}


def report_of(row: RowQualityRow) -> ValidationReport | None:
    """Return the report of a look; None where it told nothing. Raises KeyError for outcomes that are none."""
    told = [one for one in row.outcomes if one["met"] is not None]
    results = tuple(
        ReportedResult(
            ReportedExpectation.of(one), one["met"], shown(one["there"], _LONGEST_WORDS), one["n"], one["p_value"]
        )
        for one in told
    )
    return ValidationReport(row, results, len(row.outcomes) - len(told)) if results else None


def unsent(
    reports: Sequence[ValidationReport], there: Mapping[datetime, str]
) -> list[tuple[ValidationReport, datetime]]:
    """Return reports that are not there yet, each with its time: the second of its look, or the next that is free.

    `there`: keys of those that are, by their times. Hopsworks keeps one report of a feature group and second, and
    refuses another, so of two runs at once that send the same report one is refused.
    """
    taken, known = set(there), set(there.values())
    found = []
    for report in sorted(reports, key=lambda each: (each.row.at, each.key)):
        if report.key in known:
            continue
        at = report.row.at.astimezone(UTC).replace(microsecond=0)
        while at in taken:
            at += _SECOND
        taken.add(at)
        known.add(report.key)
        found.append((report, at))
    return found


def already_there(metas: Iterable[Any]) -> dict[datetime, str]:
    """Return keys of reports by their times, as the `meta` of each says; of somebody else's report the key is empty."""
    found = {}
    for meta in metas:
        try:
            data = meta if isinstance(meta, dict) else json.loads(meta)
            at = datetime.strptime(data["validation_time"], _TIME).replace(tzinfo=UTC)
        except (TypeError, ValueError, KeyError):
            continue
        found[at] = str(data.get("pegel", ""))
    return found
