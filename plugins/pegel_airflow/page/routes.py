"""What the page's routes read."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from pegel.errors import PegelError
from pegel.spec.settings import Settings
from pegel_airflow import services

if TYPE_CHECKING:
    from pegel.report.reading import Sources
    from pegel.report.views import ModelRow, ModelView

ORDER = ("bad", "warn", "idle", "ok")
"""How urgent each level of a state is."""


def watched(settings: Settings, now: datetime) -> list[ModelRow]:
    """Return every watched model version, the most urgent first, then by name."""
    from pegel.report.model_list import model_rows

    rows = model_rows(_sources(settings), now)
    return sorted(rows, key=lambda row: (ORDER.index(row.state.level), row.name, row.version))


def model(settings: Settings, model: str, version: int, now: datetime, segment: str = "") -> ModelView:
    """Return one watched model version in full, of all rows or of one segment. Raises NotFound."""
    from pegel.report.model_page import model_view

    return model_view(_sources(settings), model, version, now, segment=segment)


def _sources(settings: Settings) -> Sources:
    from pegel.report.reading import Sources

    return Sources(services.engine(settings.database), around=_around(settings))


def _around(settings: Settings) -> tuple[str, ...]:
    """Return what is wrong around all models; why that cannot be said, where it cannot."""
    parts = services.parts(settings)
    try:
        return () if parts is None else parts.words
    except PegelError as error:
        return (str(error),)
