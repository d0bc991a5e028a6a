"""Which rows a finding is about: the slices that hold most of it, searched in the archive's rows when somebody asks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pyarrow as pa
from sqlalchemy.engine import Engine

from pegel.archive.archive_address import ArchiveAddress
from pegel.archive.opened_archive import OpenedArchive, open_archive
from pegel.archive.row_columns import archived_fields, field_column, prediction_column
from pegel.baseline.baseline import Baseline
from pegel.data.columns import Field, Role
from pegel.errors import NotFound, PermanentError
from pegel.featurestore import LocalFeatureStore
from pegel.judge.findings import Finding
from pegel.past.changed_field import ERROR, LONGEST, ChangedField, changed_field
from pegel.past.rows_before import RowsOfSide, archived_side, conditions_of, training_side
from pegel.past.sampled_rows import is_searched
from pegel.past.wrong_answers import WrongAnswers
from pegel.slices.condition import Condition
from pegel.slices.found_slices import FoundSlices, RowSlice
from pegel.slices.slice_search import find_slices
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.plain_numbers import how_many
from pegel.spec.settings import Settings
from pegel.store.baseline_store import BaselineStore
from pegel.store.registry import Registry
from pegel.store.results import Results

MOST_HOURS = 6
"""Hours without rows that are named."""


@dataclass(frozen=True, slots=True)
class FindingSlices:
    """What a search for the slices of a finding says. `found`: None where nothing could be searched, and `why`.

    `left_out`: what of the finding's time was not searched, in words; empty where all of it was.
    """

    finding: Finding
    found: FoundSlices | None
    start: datetime
    end: datetime
    compared_with: str
    why: str = ""
    left_out: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Return it in words, a line each."""
        if self.found is None:
            return [f"which rows  not known, because {self.why}"]
        first, *rest = self.found.lines()
        between = f"rows from {self.start:%Y-%m-%d %H:%M} to {self.end:%Y-%m-%d %H:%M} UTC"
        compared = f"{between} were compared with {self.compared_with}"
        last = [f"            {line}" for line in (compared, *self.left_out)]
        return [f"which rows  {first}", *(f"          {line}" for line in rest), *last]

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        return {
            "finding": self.finding.id,
            "from": self.start.isoformat(),
            "to": self.end.isoformat(),
            "compared_with": self.compared_with,
            "not_known_because": self.why or None,
            "left_out": list(self.left_out),
            "found": None if self.found is None else self.found.to_json(),
        }

    def __str__(self) -> str:
        """Return it in words."""
        return "\n".join(self.lines())


def slices_of(settings: Settings, engine: Engine, finding: Finding) -> FindingSlices:
    """Search the rows of a finding for the slices that hold most of it.

    Raises SetupError for an archive's address that Arrow does not know; everything else that is missing is said.
    """
    spec, baseline = Registry(engine).get(finding.model, finding.version), _baseline(engine, finding)
    span = finding.span
    none = FindingSlices(finding, None, span.start, span.end, "")
    if spec is None or baseline is None:
        return replace(none, why="the model is not watched any more, or its baseline is gone")
    if not spec.archive.is_used:
        return replace(none, why="the model's rows are not archived (`archive` in its spec)")
    changed = changed_field(finding, baseline.layout.schema)
    if isinstance(changed, str):
        return replace(none, why=changed)
    none = replace(none, start=changed.span.start, end=changed.span.end)
    try:
        return _searched(settings, spec, baseline, changed, none)
    except (OSError, pa.ArrowException) as error:
        reason = str(error).partition("\n")[0][:200]
        return replace(none, why=f"the archive, or the training data, cannot be read: {reason}")


def finding_slices(settings: Settings, engine: Engine, finding_id: str) -> FindingSlices:
    """Return the slices of the one finding whose id starts so. Raises NotFound when none or several do."""
    return slices_of(settings, engine, Results(engine).finding(finding_id))


def _baseline(engine: Engine, finding: Finding) -> Baseline | None:
    store = BaselineStore(engine)
    known = finding.baseline_id or store.current(finding.model, finding.version)
    try:
        return None if not known else store.get(known)
    except (NotFound, PermanentError):
        return None


def _searched(
    settings: Settings, spec: MonitorSpec, baseline: Baseline, changed: ChangedField, none: FindingSlices
) -> FindingSlices:
    fields = [each for each in archived_fields(baseline.layout.schema) if each.name not in spec.archive.private]
    errors = _wrong_answers(settings, spec, baseline) if changed.column is None else None
    target = changed.column or ERROR
    if errors is None and target not in map(field_column, fields):
        return replace(none, why="the field is private, or no labels are known of it")
    columns = list(dict.fromkeys([*([target] if errors is None else []), *conditions_of(fields)]))
    archive = open_archive(settings.archive_root, spec.model.name, spec.model.version, start=none.start, end=none.end)
    # Windows count features by the time of the request, predictions by that of the answer.
    by_answers = changed.role is Role.PREDICTION and errors is None
    now = archived_side(archive.by_answers() if by_answers else archive, columns, errors, ERROR)
    if not now.table.num_rows:
        return replace(none, why="no row of that time is archived yet, or any more; rows are archived each hour")
    before = None if errors else _trained(settings, spec, fields, target)
    if before is None:
        start = none.start - LONGEST
        earlier = replace(archive, start=start, end=none.start)
        before = archived_side(earlier.by_answers() if by_answers else earlier, columns, errors, ERROR)
    found = find_slices(before.table, now.table, target, changed.aspect, searched=is_searched([before.keys, now.keys]))
    return replace(none, found=_as_called(found), compared_with=before.what, left_out=_left_out(archive, now))


def _left_out(archive: OpenedArchive, now: RowsOfSide) -> tuple[str, ...]:
    """Return what of the time was not searched: what is archived may be a part of what was judged."""
    said, empty = [], archive.empty_hours
    if empty:
        of_all = how_many(len(empty) + len(archive.hours), "hour")
        named = ", ".join(f"{hour:%Y-%m-%d %H:%M}" for hour in empty[:MOST_HOURS])
        more = f" and {len(empty) - MOST_HOURS} more" if len(empty) > MOST_HOURS else ""
        said.append(
            f"not searched: {len(empty)} of {of_all}, of which no row is archived (without requests, not yet, or not "
            f"any more): {named}{more}"
        )
    if now.is_cut:
        said.append(f"not searched: what is beyond {now.read:,} rows, of hours spread over this time")
    elif now.table.num_rows < now.read:
        said.append(f"searched were {now.table.num_rows:,} rows, chosen by the ids of their events, of {now.read:,}")
    return tuple(said)


def _trained(settings: Settings, spec: MonitorSpec, fields: list[Field], target: str) -> RowsOfSide | None:
    ordered = sorted(fields, key=lambda each: field_column(each) != target)
    return training_side(LocalFeatureStore(settings.features), spec.baseline.source, ordered)


def _wrong_answers(settings: Settings, spec: MonitorSpec, baseline: Baseline) -> WrongAnswers | None:
    """Return the labels of a model; None where it has none, or several predictions that they may be about."""
    if not spec.labels.is_used:
        return None
    performance = baseline.performance
    named = spec.labels.prediction or (None if performance is None else performance.prediction)
    there = [each.name for each in baseline.layout.schema.of_role(Role.PREDICTION)]
    name = named if named is not None else (there[0] if len(there) == 1 else None)
    if name is None or name in spec.archive.private:
        return None
    classes = None if performance is None else performance.counts.is_of_classes
    return WrongAnswers(ArchiveAddress.of(settings.archive_root), spec, prediction_column(name), classes)


def _as_called(found: FoundSlices) -> FoundSlices:
    """Return slices with columns called as their fields, not as the archive has them."""
    return replace(found, slices=tuple(replace(one, conditions=_renamed(one)) for one in found.slices))


def _renamed(one: RowSlice) -> tuple[Condition, ...]:
    return tuple(replace(each, column=each.column[2:]) for each in one.conditions)
