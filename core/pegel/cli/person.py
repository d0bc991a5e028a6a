"""Who runs a command: what is stored beside what that person said."""

from __future__ import annotations

import getpass

from pegel.spec.outside_text import LONGEST_NAME, shown


def person() -> str:
    """Return the account that runs this; `unknown` where it has no name."""
    try:
        return shown(getpass.getuser(), LONGEST_NAME)
    except (KeyError, OSError):
        return "unknown"
