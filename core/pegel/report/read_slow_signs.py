"""The signs of `slow_signs`, read from the database and from disks: a statement for all models, and one for each label.

What cannot be read is named and shows no sign.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Protocol

from pegel.alerts.health import Sign
from pegel.alerts.health_kind import HealthKind
from pegel.report.health_signs import Signs, sign_of_model
from pegel.report.reading import PartReader
from pegel.report.slow_signs import NEWEST_DAYS, compared_hours, fallen_traffic, filling_disk, late_labels
from pegel.spec.monitor_spec import MonitorSpec
from pegel.store.label_store import LabelDay, LabelStore
from pegel.store.long_span_store import LongSpanStore


class DiskUsage(Protocol):
    """How full a disk is, in bytes."""

    @property
    def total(self) -> int:
        """Return its size."""
        ...

    @property
    def free(self) -> int:
        """Return what is free of it."""
        ...


class SlowSources(Protocol):
    """What is kept of labels and of hours."""

    @property
    def labels(self) -> LabelStore:
        """Return on which days labels came."""
        ...

    @property
    def long_spans(self) -> LongSpanStore:
        """Return the requests of hours."""
        ...


def with_slow_signs(
    found: Signs,
    kept: SlowSources,
    specs: Sequence[MonitorSpec],
    disks: Mapping[Path, DiskUsage],
    now: datetime,
) -> Signs:
    """Return what was found, and with it what takes days or hours to show; `disks`: what `usages` returned.

    Raises TemporaryError.
    """
    reader = PartReader()
    signs = [*_late_labels(kept, specs, reader, now), *_fallen_traffic(kept, specs, reader, now)]
    signs += _filling_disks(specs, disks)
    return replace(found, signs=[*found.signs, *signs], problems=[*found.problems, *reader.problems])


def _late_labels(kept: SlowSources, specs: Sequence[MonitorSpec], reader: PartReader, now: datetime) -> list[Sign]:
    signs = []
    for spec in (each for each in specs if each.labels.is_used):
        read = partial(kept.labels.newest_days, spec.model.name, spec.model.version, limit=NEWEST_DAYS)
        days = reader.part(f"labels of {spec.key}", read, list[LabelDay]())
        if (why := late_labels(days, now)) is not None:
            signs.append(sign_of_model(HealthKind.LABELS_LATE, spec, why))
    return signs


def _fallen_traffic(kept: SlowSources, specs: Sequence[MonitorSpec], reader: PartReader, now: datetime) -> list[Sign]:
    newest, before = compared_hours(now)
    hours = reader.part(
        "requests of hours",
        lambda: kept.long_spans.requests_of_hours([*newest, *before]),
        dict[tuple[str, int], dict[datetime, int]](),
    )
    asked = [spec for spec in specs if not spec.model.is_table]
    told = [(spec, fallen_traffic(hours.get((spec.model.name, spec.model.version), {}), now)) for spec in asked]
    return [sign_of_model(HealthKind.TRAFFIC_FELL, spec, why) for spec, why in told if why is not None]


def usages(folders: Sequence[Path]) -> Mapping[Path, DiskUsage]:
    """Return how full the disks of these folders are, each disk once: by the first folder on it that is there."""
    found, seen = {}, set[int]()
    for folder in folders:
        with suppress(OSError):
            device = folder.stat().st_dev
            if device not in seen:
                found[folder] = shutil.disk_usage(folder)
                seen.add(device)
    return found


def _filling_disks(specs: Sequence[MonitorSpec], disks: Mapping[Path, DiskUsage]) -> list[Sign]:
    """Return which disks fill; all models are concerned."""
    models = tuple(sorted(spec.key for spec in specs))
    told = {folder: filling_disk(str(folder), usage.total, usage.free) for folder, usage in disks.items()}
    return [
        Sign(kind=HealthKind.DISK_FILLS, about=str(folder), group="", models=models, reason=why)
        for folder, why in told.items()
        if why is not None and models
    ]
