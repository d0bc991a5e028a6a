"""The file behind a SQLite URL, for those who only read: asking for it creates nothing."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.engine import make_url

from pegel.errors import SetupError


def database_file(url: str) -> Path | None:
    """Return the file of a SQLite URL; None for a database that is no file."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or parsed.database in {None, "", ":memory:"}:
        return None
    return Path(parsed.database or "")


def refuse_missing(url: str) -> None:
    """Raise SetupError if `url` names a SQLite file that is not there; connecting would make an empty one."""
    file = database_file(url)
    if file is not None and not file.is_file():
        raise SetupError(
            f"expected a results database, given {file}, which is not there: nothing was watched from this home. Name "
            f"another with --home, or start one with `pegel up`. Nothing was read or made."
        )
