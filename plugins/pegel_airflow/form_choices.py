"""Names that forms suggest: models, training data and views that are known.

Workflow files are parsed every few seconds, so nothing is asked then: reconcile writes a small file into the home each
minute, and the dag-processor reads it. A suggestion is no more than that: any other name may be typed. Where there is
no file, or none that can be used, forms suggest nothing and are otherwise as ever.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from pegel.errors import PegelError
from pegel.spec.output_file import write_whole
from pegel.spec.settings import Settings

FILE: Final = "form-choices.json"
"""Below the home."""
MOST: Final = 200
"""Suggestions of one kind: those of the models whose specs changed last. Nobody looks through a longer list."""
LONGEST: Final = 500
"""Characters of one; no name or address of a spec is longer in practice."""
LARGEST_BYTES: Final = 1 << 20
"""Of the file; one that is full has half of it."""
GOOD_FOR: Final = timedelta(days=1)
"""How old a file may be. Reconcile writes it each minute: an older one tells of a system that is no more."""


@dataclass(frozen=True, slots=True)
class FormChoices:
    """What is known, each kind sorted.

    `models`: names. `keys`: `name/version`. `sources`: of baselines. `views`: of online features.
    """

    models: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    views: tuple[str, ...] = ()


def suggested(names: Iterable[str]) -> dict[str, Any]:
    """Return what a parameter says more where names are suggested; nothing where none are, as an empty list confuses.

    >>> suggested(["delays"])
    {'examples': ['delays']}
    >>> suggested([])
    {}
    """
    given = [*names]
    return {"examples": given} if given else {}


def read(home: Path | None = None, *, now: datetime | None = None) -> FormChoices:
    """Return what was written into a home; None: that of the settings. Never raises: what cannot be used is nothing.

    `now` is an instant of UTC; None: this one.
    """
    try:
        data = json.loads(_content((home or Settings().home) / FILE))
        age = (now or datetime.now(UTC)) - datetime.fromisoformat(data["written_at"])
        if age > GOOD_FOR:
            return FormChoices()
        return FormChoices(**{field.name: _names(data.get(field.name)) for field in fields(FormChoices)})
    # Whatever stands in a file that somebody else may have written: a workflow that does not parse is gone for all.
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError, PegelError):
        return FormChoices()


def _content(path: Path) -> bytes:
    # A pipe that nobody writes to would hold the parsing up for ever.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return b""
        content = file.read(LARGEST_BYTES + 1)
    return b"" if len(content) > LARGEST_BYTES else content


def _names(given: Any) -> tuple[str, ...]:
    kept = given if isinstance(given, list) else []
    return tuple(each for each in kept if isinstance(each, str) and 0 < len(each) <= LONGEST)[:MOST]


def written(settings: Settings) -> list[str]:
    """Write what is known now into the home; return in words why that was not possible, as nothing else fails by it."""
    try:
        text = json.dumps({"written_at": datetime.now(UTC).isoformat()} | asdict(_known(settings)))
        write_whole(settings.home / FILE, text)
    except (OSError, PegelError) as error:
        return [f"forms suggest what they did before: {error}"]
    return []


def _known(settings: Settings) -> FormChoices:
    from pegel.featurestore import LocalFeatureStore
    from pegel.spec.names import monitor_key
    from pegel_airflow import services

    entries = services.stores(settings).registry.newest(MOST)
    specs = [entry.spec for entry in entries if entry.spec is not None]
    stored = [str(ref) for ref in LocalFeatureStore(settings.features).references()]
    return FormChoices(
        models=_kept(entry.model for entry in entries),
        keys=_kept(monitor_key(entry.model, entry.version) for entry in entries),
        sources=_kept([*(spec.baseline.source for spec in specs), *stored]),
        views=_kept(spec.online.source for spec in specs if spec.online.source),
    )


def _kept(names: Iterable[str]) -> tuple[str, ...]:
    """Return the first that are short enough, each once, sorted: in an order of time each change would move them."""
    kept = dict.fromkeys(name for name in names if len(name) <= LONGEST)
    return tuple(sorted([*kept][:MOST]))
