"""Pegel: ML model monitoring that people can trust at three in the morning.

In a notebook two names are enough: `pegel.profile(table)` makes a baseline, `pegel.check(table, baseline)` a report.
`pegel.register(table, name=...)` keeps a table as training data for a monitor, and `pegel.history("delays/1")` reads
what was found of a watched model.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pegel.notebook import CheckReport, History, Registration, check, history, profile, register

__all__ = ["CheckReport", "History", "Registration", "check", "history", "profile", "register"]


def __getattr__(name: str) -> Any:
    """Import the notebook door when it is first used: nothing else pays for Arrow and plots."""
    if name in __all__:
        return getattr(import_module("pegel.notebook"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the public names, also those not imported yet."""
    return sorted({*globals(), *__all__})
