"""Who runs a command: what is stored beside what that person said."""

from __future__ import annotations

import getpass

from pegel.spec.outside_text import NAME_LIMIT, shown


def person() -> str:
    """Return the account that runs this; `unknown` where it has no name."""
    try:
        return shown(getpass.getuser(), NAME_LIMIT)
    except (KeyError, OSError):
        return "unknown"
