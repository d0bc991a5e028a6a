"""Requests made of rows, as they are or changed on purpose."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, TypeAlias

import orjson

from pegel.data.example_request import tensor
from pegel.errors import InvalidSpec
from pegel_local.traffic.changes import Begins, Row, SentRow

Body: TypeAlias = Callable[[list[Row]], dict[str, Any]]
"""Rows as the document that a model takes."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent: a body of JSON under a `Ce-Id`.

    Of its `rows`, `changed` were changed on purpose. `outliers`: of each that lies far outside, in order, the column
    in which. `is_copy`: the request before it is sent again, under the same id.
    """

    body: bytes
    identity: str
    rows: int = 1
    changed: int = 0
    outliers: tuple[str, ...] = ()
    is_copy: bool = False


def requests_of(rows: Iterable[SentRow], body: Body, *, batch: int = 1) -> Iterator[Request]:
    """Yield requests of `batch` rows each, the last of fewer if the rows end; each has an id that no other has."""
    left = iter(rows)
    while some := list(islice(left, batch)):
        yield Request(
            orjson.dumps(body([sent.row for sent in some])),
            str(uuid.uuid4()),
            len(some),
            sum(sent.is_changed for sent in some),
            tuple(sent.far for sent in some if sent.far is not None),
        )


def with_copies(requests: Iterator[Request], share: float, begins: Begins) -> Iterator[Request]:
    """Yield requests so that about a `share` of all, from the first that `begins`, is a copy of the one before it.

    `begins` says of the number of a request, from 0, whether it may be a copy. Which are is chosen by chance, the same
    each time; what was sent twice is not sent a third time.
    """
    chance = random.Random(2)  # noqa: S311  not for secrets: the same each time
    # One in 1 + 1/s requests is a copy if an original is followed by one with this chance.
    of_originals, number = share / (1 - share), 0
    for request in requests:
        yield request
        number += 1
        if share and begins(number) and chance.random() < of_originals:
            yield replace(request, changed=0, outliers=(), is_copy=True)
            number += 1


def body_in(protocol: str, numeric: frozenset[str], *, as_list: bool) -> Body:
    """Return how rows are written in a protocol: by name, or `as_list` for servers that know no names of columns.

    Raises InvalidSpec for lists in protocol v2.
    """
    if as_list and protocol != "v1":
        raise InvalidSpec("--as-list: expected an address of protocol v1, given one of v2. Nothing was sent.")
    if protocol == "v1":
        return lambda rows: {"instances": [list(row.values()) for row in rows] if as_list else rows}
    return lambda rows: {
        "inputs": [tensor(name, name in numeric, [row[name] for row in rows]) for name in rows[0]],
    }
