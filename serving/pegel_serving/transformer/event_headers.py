"""What travels with an event of rows that were looked up: their entities, and why some features are replaced."""

from __future__ import annotations

import json
from collections.abc import Sequence

from pegel.data import wire
from pegel.data.look_up_faults import LookUpFault
from pegel.online.private_keys import PrivateKeys

ENTITIES_BYTES = 3_000
"""Of the entities of one request: with everything else that a proxy copies into `Ce-Metadata` it has 4,096 bytes."""
ENTITIES, LOOK_UP = wire.ENTITIES_HEADER.lower(), wire.LOOK_UP_HEADER.lower()
"""As a request's headers are named inside of the transformer."""


def event_headers(entities: Sequence[str | None], told: PrivateKeys, why: LookUpFault | None) -> dict[str, str]:
    """Return the headers of a request to the predictor. Entities for which there is no room are left out, all of them.

    Entities are a JSON list with the parts of each row's key, null for a row that names none; private parts are hashed.
    """
    named = [None if entity is None else told.told(entity) for entity in entities]
    text = json.dumps(named, separators=(",", ":"))
    headers = {LOOK_UP: why.value} if why is not None else {}
    return headers | ({ENTITIES: text} if len(text) <= ENTITIES_BYTES else {})
