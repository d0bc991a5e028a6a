"""The notebook door: any table against a baseline, without a stream, a scheduler or a database; and what was found."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pegel.notebook.check_report import CheckReport
    from pegel.notebook.checking import check
    from pegel.notebook.profiling import profile
    from pegel.notebook.registering import Registration, register
    from pegel.past.model_history import History, history

__all__ = ["CheckReport", "History", "Registration", "check", "history", "profile", "register"]
_WHERE = {
    "CheckReport": "pegel.notebook.check_report",
    "History": "pegel.past.model_history",
    "Registration": "pegel.notebook.registering",
    "check": "pegel.notebook.checking",
    "history": "pegel.past.model_history",
    "profile": "pegel.notebook.profiling",
    "register": "pegel.notebook.registering",
}


def __getattr__(name: str) -> Any:
    """Import each half when it is first used: a check of a small table takes no longer than what it imports."""
    if name in _WHERE:
        return getattr(import_module(_WHERE[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
