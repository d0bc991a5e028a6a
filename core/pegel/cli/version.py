"""Which Pegel this is: what stands in a report of a defect."""

from __future__ import annotations

import platform
from importlib.metadata import distributions


def installed() -> dict[str, str]:
    """Return the version of each package of Pegel that is installed here."""
    return {dist.name: dist.version for dist in distributions() if dist.name and dist.name.startswith("pegel")}


def version_line() -> str:
    """Return them and that of Python, in one line."""
    told = ", ".join(f"{name} {version}" for name, version in sorted(installed().items()))
    return f"{told}, Python {platform.python_version()}"
