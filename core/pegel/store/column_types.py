"""Column types that mean the same on SQLite and PostgreSQL: instants, JSON documents, text from strangers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator


class Instant(TypeDecorator[datetime]):
    """A timezone-aware datetime, kept in UTC to the microsecond. A naive one is refused: it names no instant."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  SQLAlchemy's signature
        """Convert to UTC. Raises ValueError on a naive datetime."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"expected a timezone-aware datetime; given {value.isoformat()}; nothing was written")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  SQLAlchemy's signature
        """Return the instant in UTC; SQLite gives back what was written without its zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


@dataclass(frozen=True, slots=True)
class DamagedDocument:
    """What is read where a document should stand and is no JSON. So one damaged row does not hide those beside it."""

    reason: str


class Document(TypeDecorator[Any]):
    """Plain JSON as text. Not the database's own JSON type: that refuses infinities and NUL, which real traffic has."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002  SQLAlchemy's signature
        """Write canonical JSON."""
        return None if value is None else json.dumps(value, sort_keys=True, separators=(",", ":"))

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ARG002  SQLAlchemy's signature
        """Read JSON back; a DamagedDocument if it is none."""
        try:
            return None if value is None else json.loads(value)
        except ValueError as error:
            return DamagedDocument(f"no JSON: {error}")


class Foreign(TypeDecorator[str]):
    """Text from outside. PostgreSQL takes neither NUL nor lone surrogates, so both become U+FFFD everywhere."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002  SQLAlchemy's signature
        """Replace what a database refuses."""
        return None if value is None else storable(value)


def storable(text: str) -> str:
    """Return text that every database takes, see `Foreign`."""
    return text.replace("\x00", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
