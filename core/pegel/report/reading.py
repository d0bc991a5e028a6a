"""Reading what is stored, part by part: what cannot be read is named, and the rest is shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from sqlalchemy.engine import Engine

from pegel.errors import NotFound, PegelError, TemporaryError
from pegel.spec.names import monitor_key
from pegel.spec.outside_text import shown
from pegel.store.registry import Entry, Registry

Part = TypeVar("Part")

LOOK_BACK = timedelta(days=1)
"""How old what went wrong may be to be news."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where everything is read from. `around`: what is wrong around all models that no database tells, in words."""

    engine: Engine
    around: tuple[str, ...] = ()


def registered(sources: Sources, model: str, version: int) -> Entry:
    """Return a model version of the registry, whether its spec can be read or not. Raises NotFound."""
    entry = Registry(sources.engine).entry(model, version)
    if entry is None:
        named = shown(monitor_key(model, version))
        raise NotFound(f"no monitor for {named} is registered; `pegel status` lists those that are.")
    return entry


class PartReader:
    """Reads one model part by part: what cannot be read is named in `problems` and left empty."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def part(self, what: str, read: Callable[[], Part], empty: Part) -> Part:
        """Return what `read` gives, or `empty`. Raises TemporaryError: a database that is away is nobody's damage."""
        try:
            return read()
        except TemporaryError:
            raise
        except PegelError as problem:
            self.problems.append(str(problem))
        except Exception as problem:  # noqa: BLE001  whatever was stored, the other models and parts are shown
            self.problems.append(f"{what} cannot be shown: {problem!r}")
        return empty
