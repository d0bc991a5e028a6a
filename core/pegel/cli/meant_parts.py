"""Parts of a watched model that a person names, a segment or a feature: whether there is such a one."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import sqlalchemy as sa
from sqlalchemy import Engine

from pegel.alerts.matcher import Matcher, matches
from pegel.errors import InvalidSpec, PegelError
from pegel.notebook.naming import listed
from pegel.spec.names import monitor_key
from pegel.spec.nearest import did_you_mean
from pegel.spec.outside_text import quoted
from pegel.store import tables
from pegel.store.baseline_store import BaselineStore
from pegel.store.database import reading
from pegel.store.registry import Entry
from pegel.store.statements import of_monitor

MOST_MODELS = 10
"""Models whose parts are looked up for one word: each has a baseline to be read."""


def refuse_unknown_segment(engine: Engine, model: str, version: int, segment: str, *, otherwise: str) -> None:
    """Raise InvalidSpec for a segment that no window and no training row of a model is in; it ends with `otherwise`."""
    if not segment or _has_windows(engine, model, version, segment):
        return
    key, (segments, _) = monitor_key(model, version), _parts(engine, model, version)
    if segment in segments:
        return
    if not segments:
        raise InvalidSpec(
            f"--segment: given {quoted(segment)}, but {key} has no segments: expected none, or `watch.segments` in its "
            f"spec. {otherwise}"
        )
    guess = did_you_mean(segment, segments, lead=" ")
    raise InvalidSpec(
        f"--segment: expected one of {key}'s, {listed(segments)}; given {quoted(segment)}. {otherwise}{guess}"
    )


def unknown_parts(engine: Engine, meant: Sequence[Entry], about: Matcher) -> list[str]:
    """Return a sentence for each part that is named and that none of the models which are meant has by now.

    Nothing where no model is meant, or more than `MOST_MODELS`. A feature is also what was found of one, such as a kind
    of odd events.
    """
    if not meant or len(meant) > MOST_MODELS:
        return []
    parts = [_parts(engine, entry.model, entry.version) for entry in meant]
    known = {
        "segment": {"", *(name for segments, _ in parts for name in segments)},
        "feature": {name for _, features in parts for name in features},
    }
    asked = {"segment": about.segment, "feature": about.feature}
    return [
        _unknown(what, pattern, known[what])
        for what, pattern in asked.items()
        if pattern is not None and not any(matches(pattern, name) for name in known[what])
    ]


def _unknown(what: str, given: str, known: Collection[str]) -> str:
    guess = did_you_mean(given, sorted(known), lead=" ")
    return f"none of them has a {what} {quoted(given)} by now, so nothing is held back by it until one has.{guess}"


def _parts(engine: Engine, model: str, version: int) -> tuple[list[str], list[str]]:
    """Return the names of a model's segments and features, by its baseline and by what was found."""
    segments, features = list[str](), list[str]()
    try:
        baseline = BaselineStore(engine).in_force(model, version)
    except PegelError:
        baseline = None  # what is known without it is known
    if baseline is not None:
        segments = [*baseline.segments.segments.names]
        features = [field.name for field in baseline.layout.schema.fields]
    c = tables.findings.c
    found = sa.select(c.feature).distinct().where(*of_monitor(tables.findings, model, version))
    with reading(engine) as connection:
        features += connection.execute(found).scalars().all()
    return segments, features


def _has_windows(engine: Engine, model: str, version: int, segment: str) -> bool:
    c = tables.windows.c
    own = (*of_monitor(tables.windows, model, version), c.segment == segment)
    with reading(engine) as connection:
        return connection.execute(sa.select(c.span_start).where(*own).limit(1)).first() is not None
