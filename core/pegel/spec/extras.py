"""What comes only when asked for, as in `pip install 'pegel[tables]'`, and what to say when it is missing."""

from __future__ import annotations

from typing import Final

from pegel.errors import SetupError

EXTRAS: Final = {"pyarrow": "tables", "psycopg": "postgres"}
"""The extra of this distribution by the package that it installs. Everything else is always there."""


def missing_extra(error: ModuleNotFoundError) -> SetupError:
    """Return what to say when a package of an extra is not installed. Raises `error` again if it belongs to none."""
    package = (error.name or "").partition(".")[0]
    if package not in EXTRAS:
        raise error
    extra = EXTRAS[package]
    return SetupError(
        f"expected {package}, which is not installed here: it comes with the extra {extra!r}. "
        f"Install `pegel[{extra}]`; nothing was done."
    )
