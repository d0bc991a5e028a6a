"""Looks at the archived rows of each model: at their quality, and at what was served beside its table.

One model's trouble is told, and keeps no other from being looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from pyspark.sql import DataFrame, SparkSession
from sqlalchemy import Engine

from pegel.baseline.baseline import Baseline
from pegel.batch.archived_counts import ArchiveRecount
from pegel.data.spans import Span
from pegel.errors import PegelError
from pegel.featurestore.no_baseline import NO_BASELINE
from pegel.featurestore.stored_table import StoredTable
from pegel.judge.skew import skew_findings
from pegel.quality.merged_suite import own_suites
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import Settings
from pegel.spec.table_reference import TableRef
from pegel.store.baseline_store import BaselineStore
from pegel.store.row_quality_store import RowQualityRow, RowQualityStore
from pegel.store.skew_store import SkewRow, SkewStore
from pegel.store.window_keys import WindowKeys
from pegel.stream.result_rows import Origin
from pegel_spark import training_table
from pegel_spark.archived_quality import quality_of
from pegel_spark.archived_rows import archived_rows
from pegel_spark.served_values import skew_of

log = structlog.get_logger()


@dataclass(slots=True)
class RowsLookedAt:
    """What was looked at, in words; and by model what could not be, and why."""

    lines: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ArchiveChecks:
    """Looks at the rows of one span."""

    spark: SparkSession
    settings: Settings
    engine: Engine
    span: Span
    now: datetime

    def look_at(self, spec: MonitorSpec, checked: RowsLookedAt) -> None:
        """Look at one model's rows; what is known of them is stored."""
        for asked, what, look in (
            (bool(own_suites(spec.watch)), "quality", self._quality),
            (spec.skew.is_used, "skew", self._skew),
        ):
            if asked:
                self._carefully(spec, what, look, checked)

    def _carefully(
        self, spec: MonitorSpec, what: str, look: Callable[[MonitorSpec, Baseline], str], checked: RowsLookedAt
    ) -> None:
        try:
            baselines = BaselineStore(self.engine)
            current = baselines.current(spec.model.name, spec.model.version)
            if current is None:
                checked.lines.append(f"{spec.key}: no {what}: it has no baseline yet")
                return
            if not self._has_all(spec):
                checked.failed.append(
                    f"{spec.key}: {what}: the archive has not all rows of that time; a run of that time, once it has, "
                    "looks at them"
                )
                return
            checked.lines.append(f"{spec.key}: {look(spec, baselines.get(current))}")
        except PegelError as error:
            checked.failed.append(f"{spec.key}: {_of_skew(str(error))}")
        except Exception as error:  # it is logged, and fails the job in the end
            log.exception("archived rows could not be looked at", monitor=spec.key, what=what)
            checked.failed.append(f"{spec.key}: {what}: {type(error).__name__}")

    def _has_all(self, spec: MonitorSpec) -> bool:
        """Say whether every event that the stream has read is archived. A table is archived as it is read."""
        recount = ArchiveRecount(self.settings.archive_root, WindowKeys(self.engine))
        return spec.model.is_table or recount.has_all(spec, self.span)

    def _quality(self, spec: MonitorSpec, baseline: Baseline) -> str:
        found = quality_of(self._rows(spec), spec, baseline, self.span)
        row = RowQualityRow(
            model=spec.model.name,
            version=spec.model.version,
            span=self.span,
            revision=1,
            looked_at=found.rows,
            rows=found.rows,
            outcomes=[outcome.to_json() for outcome in found.outcomes],
            at=self.now,
            origin=Origin.BATCH.value,
        )
        RowQualityStore(self.engine).write_span(row, found.findings)
        unmet = sum(outcome.met is False for outcome in found.outcomes)
        return f"{found.rows:,} rows, {unmet} of {len(found.outcomes)} expectations not met"

    def _skew(self, spec: MonitorSpec, baseline: Baseline) -> str:
        stored = StoredTable.of(TableRef.parse(spec.skew.table or ""), self.settings)
        table = training_table.read(self.spark, training_table.pinned(stored))
        secret = self.settings.entity_secret
        skew = skew_of(
            *(self._rows(spec), table, spec, baseline.layout.schema, self.span),
            secret="" if secret is None else secret.get_secret_value(),
        )
        row = SkewRow(model=spec.model.name, version=spec.model.version, span=self.span, skew=skew, at=self.now)
        findings = skew_findings(skew, spec, self.span)
        SkewStore(self.engine).write(row, findings)
        return f"{skew.compared:,} served rows compared, {len(findings)} features served otherwise than the table says"

    def _rows(self, spec: MonitorSpec) -> DataFrame:
        root, model = self.settings.archive_root, spec.model
        return archived_rows(self.spark, root, model.name, model.version, start=self.span.start, end=self.span.end)


def _of_skew(sentence: str) -> str:
    """Return what a reader of tables says, of this table."""
    return sentence.replace("baseline.source", "skew.table").replace(NO_BASELINE, "Nothing was compared.")
