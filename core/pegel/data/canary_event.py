"""Canaries as they travel: whether an endpoint still answers to the same rows what it answered at onboarding.

::

    {"canaries": [true, false, null]}

One for each row: as then, other than then, or null where it gave no answer that could be read. An event is of the type
of attributions, under an id of its own; it is about no request.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import orjson

from pegel.data.attribution_event import READ, WRITTEN, Match
from pegel.data.payloads import load
from pegel.errors import InvalidPayload

MOST_CANARIES: Final = 1_000
_BEGINS: Final = b'{"canaries":'


def encode_canaries(matches: Sequence[Match]) -> bytes:
    """Return the body of an event about so many rows, in their order."""
    return orjson.dumps({"canaries": [WRITTEN[match] for match in matches]})


def is_of_canaries(body: bytes) -> bool:
    """Say whether a body is about canaries, and not about the rows of a request."""
    return body.startswith(_BEGINS)


def decode_canaries(body: bytes) -> tuple[Match, ...]:
    """Read what `encode_canaries` wrote. Raises InvalidPayload, of `wrong_shape` for anything else."""
    document = load(body)
    known = document.get("canaries") if isinstance(document, dict) and len(document) == 1 else None
    if not isinstance(known, list) or not 1 <= len(known) <= MOST_CANARIES:
        raise InvalidPayload(
            "wrong_shape", f"canaries: expected a list of 1 to {MOST_CANARIES:,} and nothing else; it is kept aside"
        )
    if not set(map(type, known)) <= {bool, type(None)}:
        raise InvalidPayload("wrong_shape", "canaries: expected true, false or null per row; the event is kept aside")
    return tuple(READ[value] for value in known)
