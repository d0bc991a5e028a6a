"""Small tables read at once, and one by one where a row cannot be read: so that it is known by its key."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Engine, RowMapping

from pegel.store.database import reading
from pegel.store.row_codec import decoded, fetched, readable

Value = TypeVar("Value")


def keyed_rows(
    engine: Engine, table: sa.Table, read: Callable[[RowMapping], Value], what: str, damaged: dict[Any, str] | None
) -> list[Value]:
    """Return what `read` makes of each row of a table, in the order of its primary key.

    `what`: the row in words, with the columns of its key in braces. Raises DamagedRow; with a mapping `damaged`, what
    cannot be read is left out and its reason put there by key: its value, or those of several columns as a tuple.
    """
    key, values = list(table.primary_key), list[Value]()
    with reading(engine) as connection:
        whole, problems = sa.select(table).order_by(*key), list[str]()
        known = readable(partial(_read, read, ""), fetched(connection, whole, ""), problems)
        if not problems:
            return known
        for place in connection.execute(sa.select(*key).order_by(*key)).mappings().all():
            words, problems = what.format(**place), []
            rows = fetched(connection, sa.select(table).where(*(column == place[column] for column in key)), words)
            one = partial(_read, read, words)
            values += readable(one, rows, None if damaged is None else problems)
            if damaged is not None and problems:
                by = tuple(place[column] for column in key)
                damaged[by[0] if len(by) == 1 else by] = "; ".join(problems)
    return values


def _read(read: Callable[[RowMapping], Value], what: str, row: RowMapping) -> Value:
    return decoded(read, row, what)
