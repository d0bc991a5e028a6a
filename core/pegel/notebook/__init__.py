"""The notebook door: any table against a baseline, without a stream, a scheduler or a database."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pegel.notebook.check_report import CheckReport
    from pegel.notebook.checking import check
    from pegel.notebook.profiling import profile
    from pegel.notebook.registering import Registration, register

__all__ = ["CheckReport", "Registration", "check", "profile", "register"]
_WHERE = {
    "CheckReport": "check_report",
    "Registration": "registering",
    "check": "checking",
    "profile": "profiling",
    "register": "registering",
}


def __getattr__(name: str) -> Any:
    """Import each half when it is first used: a check of a small table takes no longer than what it imports."""
    if name in _WHERE:
        return getattr(import_module(f"pegel.notebook.{_WHERE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
