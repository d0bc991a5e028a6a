"""Housekeeping as a task: what failed of one model is told after everything else was done."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from pegel.errors import PermanentError
from pegel.spec.settings import Settings
from pegel_airflow import services

_log = logging.getLogger(__name__)


def remove(settings: Settings, *, dry_run: bool) -> list[str]:
    """Remove what is older than it is kept, or say what would go, a line each. Raises PermanentError if some failed."""
    from pegel.batch.keeping_house import House, keep_house
    from pegel.retention.keeping import Keeping

    keeping = Keeping.parse(settings.keep)
    house = House(services.engine(settings.database), settings.archive_root)
    removals = keep_house(house, keeping, now=datetime.now(UTC), dry_run=dry_run)
    lines = [one.line(dry_run=dry_run) for one in removals]
    for line in lines:
        _log.info(line)
    if failed := [one.line(dry_run=dry_run) for one in removals if one.failed]:
        raise PermanentError(f"expected everything old to go; {'; '.join(failed)}. Everything else was done.")
    return lines
