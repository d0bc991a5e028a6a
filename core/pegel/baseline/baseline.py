"""What the training data looked like, per feature: immutable, with a content address.

The same rows in any order and in any partitioning give the same `id`: counts are integers, and moments come from exact
sums (`pegel.stats.exact`).
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from importlib import metadata
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pegel.baseline.attribution_reference import AttributionReference
from pegel.baseline.baseline_html import html_of
from pegel.baseline.outliers import OutlierTables, ScoreTail, outlier_cutoff
from pegel.baseline.pair_reference import PairReference
from pegel.baseline.row_reference import RowCounter, RowReference
from pegel.data.columns import Kind, Role
from pegel.errors import LayoutMismatch
from pegel.spec.minimums import MIN_BASELINE
from pegel.spec.monitor_spec import OutlierMethod, Watch
from pegel.spec.outside_text import NAME_LIMIT, shown
from pegel.stats import summary_json
from pegel.stats.layout import Layout
from pegel.stats.noise import Noise
from pegel.stats.performance import Performance
from pegel.stats.segment_counts import SegmentCounts
from pegel.stats.segments import Segments
from pegel.stats.summary import FeatureSummary, Summary

BASELINE_VERSION = 6
MANY_WINDOWS = 10
"""A baseline of this many windows keeps closely to the false alarms that are asked for; a smaller one may have luck or
not, and only many baselines do together."""
Scoring = Callable[[OutlierTables], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class OutlierCutoff:
    """An event is an outlier when it scores more than `score` by `method`, as `exceeding` of `scored` rows do.

    `tail` says how rare scores beyond that are; None where the rows are too few to say.
    """

    method: OutlierMethod
    rate: float
    score: float
    exceeding: int
    scored: int
    tail: ScoreTail | None

    def p_value(self, score: float) -> float:
        """Return how large a part of unchanged rows scores at least so; without a tail no less than one in all rows."""
        return 1 / (self.scored + 1) if self.tail is None else self.tail.p_value(score)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        return {
            "method": self.method,
            "rate": self.rate,
            "score": self.score.hex(),
            "exceeding": self.exceeding,
            "scored": self.scored,
            "tail": None if self.tail is None else self.tail.to_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> OutlierCutoff:
        """Read what `to_json` wrote."""
        score = float.fromhex(data["score"])
        tail = None if data["tail"] is None else ScoreTail.from_json(data["tail"])
        return cls(data["method"], data["rate"], score, data["exceeding"], data["scored"], tail)


@dataclass(frozen=True, eq=False, repr=False)
class Baseline:
    """The zero mark of one model version.

    `id` is `sha256:` and the digest of everything that judging uses, model and version included; when, by what and from
    where the baseline was made (`created_at`, `made_by`, `source`) is not part of it, nor is what further statistics
    found, because sketches differ with the order of the rows. `summary` holds the counts of all
    `rows`, by season if `noise` has such. `kappa`: variance factor of each correlation of the
    layout's correlated fields, shape (correlated, correlated). `segments`: which parts of the rows are counted by
    themselves, and the counts of these in training. `rows_sent`: what is compared to see how rows are sent.
    """

    id: str
    layout: Layout
    summary: Summary
    rows: int
    model: str
    version: int
    source: str
    created_at: datetime
    outlier_cutoff: OutlierCutoff | None
    noise: Noise
    kappa: NDArray[np.float64]
    performance: Performance | None
    made_by: str
    segments: SegmentCounts
    attribution: AttributionReference | None = None
    """Of a baseline of attributions, its explained rows; None of any other."""
    rows_sent: RowReference | None = None

    def __repr__(self) -> str:
        """Return for people, in a few lines, what it is of and what can be judged by it."""
        schema = self.layout.schema
        features, predictions = (len(schema.of_role(role)) for role in (Role.FEATURE, Role.PREDICTION))
        numeric = sum(field.kind is Kind.NUMERIC for field in schema.fields)
        created_at = self.created_at.astimezone(UTC)
        return (
            f"Baseline of {shown(self.model, NAME_LIMIT)} v{self.version}, {shown(self.id[:19])}\n"
            f"  {self.rows:,} rows · features: {features}, predictions: {predictions} · columns of numbers: {numeric}, "
            f"of categories: {features + predictions - numeric}\n"
            f"  made {created_at:%Y-%m-%d %H:%M} UTC by {shown(self.made_by)} from {shown(self.source)}\n"
            f"  false alarms as often as is asked for: closely in windows of up to {self.rows // MANY_WINDOWS:,} rows, "
            "on average over baselines in larger ones"
        )

    def _repr_html_(self) -> str:
        """Return the same with its fields, for a notebook."""
        return html_of(repr(self), self.features)

    @cached_property
    def features(self) -> Mapping[str, FeatureSummary]:
        """Return the summary of each field, by name, in schema order."""
        return self.summary.features

    def season(self, start: datetime, end: datetime) -> int | None:
        """Return the season in which a span lies as a whole; None if it crosses or there are none."""
        return None if self.noise.seasons is None else self.noise.seasons.season_of_span(start, end)

    @cached_property
    def outlier_tables(self) -> OutlierTables:
        """Return the tables by which events are scored, and by which the cut-off was found."""
        cutoff = self.outlier_cutoff
        return (
            OutlierTables.from_summary(self.summary)
            if cutoff is None
            else OutlierTables.from_summary(self.summary, cutoff.method)
        )

    @cached_property
    def pairs(self) -> PairReference:
        """Return what there is to know of the pairs of the layout's correlated fields."""
        return PairReference.of(self.summary, self.kappa, self.noise)

    @cached_property
    def judged_segments(self) -> tuple[str, ...]:
        """Return the segments with enough rows in training to be judged, in their order."""
        rows = {name: summary.rows(Role.FEATURE) for name, summary in self.segments.summaries.items()}
        return tuple(name for name in self.segments.segments.names if rows.get(name, 0) >= MIN_BASELINE)

    def of_segment(self, name: str) -> Baseline:
        """Return this baseline with the training rows of one segment alone: what rows of that are compared with.

        It has counts per cell and nothing beyond single fields: no outliers, no pairs, no errors on labelled rows. How
        much windows vary is taken to be as in the whole.
        """
        if name not in self._parts:
            summary = self.segments.summaries.get(name) or Summary.empty(self.layout, counts_only=True)
            rows = summary.rows(Role.FEATURE)
            self._parts[name] = replace(self, summary=summary, rows=rows, outlier_cutoff=None, performance=None)
        return self._parts[name]

    def for_counting(self) -> Baseline:
        """Return it without what training had in each segment: to count rows it is enough to know which there are."""
        sent = None if self.rows_sent is None else self.rows_sent.for_counting()
        return replace(self, segments=SegmentCounts(self.layout, self.segments.segments), rows_sent=sent)

    @cached_property
    def row_counter(self) -> RowCounter | None:
        """Return what counts how rows are sent; None where nobody looks at that."""
        return None if self.rows_sent is None else RowCounter(self.layout, self.rows_sent, self.summary)

    @cached_property
    def _parts(self) -> dict[str, Baseline]:
        return {}

    @classmethod
    def build(
        cls,
        *,
        layout: Layout,
        summary: Summary,
        model: str,
        version: int,
        source: str,
        scores: Scoring | None,
        watch: Watch,
        noise: Noise | None = None,
        performance: Performance | None = None,
        segments: SegmentCounts | None = None,
        rows_sent: RowReference | None = None,
        created_at: datetime | None = None,
        attribution: AttributionReference | None = None,
    ) -> Baseline:
        """Make a baseline of a summary of all training rows.

        Args:
            layout: The cells.
            summary: Counts of every row, kept with exact sums: `Summary.empty(layout, exact=True)`.
            model: Name of the model.
            version: Version of the model.
            source: Where the rows came from, for people.
            scores: Returns the outlier score of every row, in any order, by the tables that it is given: those of this
                baseline, each row left out of its own; None for no outlier cut-off.
            watch: Gives the rate of outliers that a person wants to see.
            noise: What `pegel.detect.noise_assessment.assess` found in rows ordered by time; None for not assessed.
            performance: How the model did on labelled rows; None without labels.
            segments: Counts of the same rows by segment, kept from here; None for no segments.
            rows_sent: What is compared to see how rows are sent; None where nobody looks at that.
            created_at: Now, unless stated.
            attribution: Of a baseline of attributions, its explained rows.

        Raises:
            ValueError: If the summary was kept without exact sums, so that the id would depend on the order of rows.
            LayoutMismatch: If the summary has other cells.
        """
        if summary.exact is None or summary.fourth is None:
            raise ValueError(
                "expected a summary with exact sums, `Summary.empty(layout, exact=True)`, merged only with such; "
                "given one without: its baseline would depend on the order of the rows, so none was built."
            )
        settled = Summary.empty(layout, exact=True)
        settled.merge(summary)
        settled.settle()
        settled.freeze()
        parts = segments or SegmentCounts(layout, Segments())
        for part in parts.summaries.values():
            part.freeze()
        unnamed = cls(
            id="",
            layout=layout,
            summary=settled,
            rows=settled.most_rows,
            model=model,
            version=version,
            source=source,
            created_at=created_at or datetime.now(UTC),
            outlier_cutoff=None if scores is None else _cutoff(settled, scores, watch),
            noise=noise or Noise(),
            kappa=summary.fourth.kappas(),
            performance=performance,
            made_by=f"pegel {metadata.version('pegel')}",
            segments=parts,
            attribution=attribution,
            rows_sent=rows_sent,
        )
        return replace(unnamed, id=_identify(unnamed._content()))

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, the inverse of `from_json`."""
        return {
            "id": self.id,
            "source": self.source,
            "created_at": self.created_at.astimezone(UTC).isoformat(),
            "made_by": self.made_by,
            "noise": self.noise.why,
            "kept": summary_json.further(self.summary),
            "content": self._content(),
        }

    def _content(self) -> dict[str, Any]:
        """Return everything that the id covers."""
        explained = {} if self.attribution is None else {"attribution": self.attribution.to_json()}
        return explained | {
            "baseline_version": BASELINE_VERSION,
            "model": self.model,
            "version": self.version,
            "layout": self.layout.to_json(),
            "summary": summary_json.to_json(self.summary),
            "outliers": None if self.outlier_cutoff is None else self.outlier_cutoff.to_json(),
            "noise": self.noise.to_json(),
            "kappa": summary_json.to_hex(self.kappa),
            "performance": None if self.performance is None else self.performance.to_json(),
            "segments": self.segments.to_json(),
            **({} if self.rows_sent is None else {"rows_sent": self.rows_sent.to_json()}),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Baseline:
        """Read what `to_json` wrote.

        Raises LayoutMismatch if it is none, is of another version, or does not have the id it claims.
        """
        content = data.get("content", {})
        if content.get("baseline_version") != BASELINE_VERSION:
            raise LayoutMismatch(
                f"expected a baseline of version {BASELINE_VERSION}, given {content.get('baseline_version')!r}: "
                "profile the training data again with this version of Pegel; nothing was read."
            )
        if (actual := _identify(content)) != data["id"]:
            raise LayoutMismatch(
                f"expected a baseline with id {data['id']}, given content of {actual}: "
                "the document was changed after it was written; it was not used."
            )
        layout = Layout.from_json(content["layout"])
        summary = summary_json.from_json(content["summary"], data["kept"], layout)
        given = content["performance"]
        return cls(
            id=data["id"],
            layout=layout,
            summary=summary,
            rows=summary.most_rows,
            model=content["model"],
            version=content["version"],
            source=data["source"],
            created_at=datetime.fromisoformat(data["created_at"]),
            outlier_cutoff=None if content["outliers"] is None else OutlierCutoff.from_json(content["outliers"]),
            noise=Noise.from_json(content["noise"], data["noise"]),
            kappa=summary_json.from_hex(content["kappa"]),
            performance=None if given is None else Performance.from_json(given),
            made_by=data["made_by"],
            segments=SegmentCounts.from_json(content["segments"], layout),
            attribution=AttributionReference.from_json(content["attribution"]) if "attribution" in content else None,
            rows_sent=RowReference.from_json(content["rows_sent"]) if "rows_sent" in content else None,
        )


def _cutoff(summary: Summary, scoring: Scoring, watch: Watch) -> OutlierCutoff | None:
    scores = scoring(OutlierTables.of_training(summary, watch.outlier_method))
    rate = min(1.0, watch.outliers_per_day / watch.rows_per_day)
    score = outlier_cutoff(scores, rate)
    if score is None or not math.isfinite(score):
        return None
    exceeding, tail = int(np.count_nonzero(scores > score)), ScoreTail.of(scores)
    return OutlierCutoff(watch.outlier_method, rate, score, exceeding, int(scores.size), tail)


def _identify(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()
