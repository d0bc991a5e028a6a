"""Which fields of a baseline a monitor judges."""

from __future__ import annotations

from pegel.data.columns import Field, Role, Schema
from pegel.spec.monitor_spec import Watch
from pegel.stats.layout import Layout


def watched_fields(schema: Schema, watch: Watch) -> tuple[Field, ...]:
    """Return the judged fields in schema order: the features and predictions that are asked for, and all others.

    A field of a further role is in the schema because somebody counts it in order to have it judged.
    """
    return tuple(field for field in schema.fields if _is_watched(field, watch))


def unknown_names(layout: Layout, watch: Watch) -> tuple[str, ...]:
    """Return the names that are asked for and that the baseline lacks, in the order of the spec."""
    return () if watch.features == "all" else tuple(name for name in watch.features if name not in layout.index)


def _is_watched(field: Field, watch: Watch) -> bool:
    if field.role is Role.FEATURE:
        return watch.features == "all" or field.name in watch.features
    return watch.predictions if field.role is Role.PREDICTION else True
