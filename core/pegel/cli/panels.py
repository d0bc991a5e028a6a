"""In which order and under which heads `pegel --help` lists its commands: by what a person comes for."""

from __future__ import annotations

from collections.abc import Iterable

PANELS: dict[str, tuple[str, ...]] = {
    "Look": ("status", "alerts", "explain", "report", "history", "baselines", "silences", "runs", "open", "mail"),
    "React": ("ack", "resolve", "silence", "unsilence", "refresh"),
    "Models": ("validate", "plan", "diff", "apply", "adopt", "offboard", "suite", "model"),
    "Data": ("check", "profile", "register", "data", "labels", "features", "traffic", "erase"),
    "The system itself": ("up", "down", "doctor", "backup", "restore", "housekeeping", "exporter", "manifests"),
    "From other tools": ("import-model-monitor", "import-constraints"),
}
ADDED = "Added by packages"
"""The head of commands that other installed packages bring."""


def in_panels(known: Iterable[str]) -> list[tuple[str, str]]:
    """Return each command with its head, in the order of the list; those that stand nowhere come last, by name."""
    left = sorted(known)
    listed = [(name, panel) for panel, names in PANELS.items() for name in names if name in left]
    named = {name for name, _ in listed}
    return [*listed, *((name, ADDED) for name in left if name not in named)]
