"""Bodies decoded together, and one by one where a single one makes the decoder fail."""

from __future__ import annotations

from collections.abc import Sequence

from pegel.data.columns import Role, Schema
from pegel.data.decoding import Decoded, decode_batch
from pegel.errors import InvalidPayload


def decode(bodies: Sequence[bytes], schema: Schema, role: Role) -> Decoded:
    """Decode bodies as `decode_batch` does. A body that breaks the decoder is unreadable, the others are not."""
    try:
        return decode_batch(bodies, schema, role)
    except Exception:  # noqa: BLE001 - anybody's bytes come in here: the one that breaks it is found and counted below
        broken = {at: error for at, body in enumerate(bodies) if (error := _breaks(body, schema, role)) is not None}
    decoded = decode_batch([b"" if at in broken else body for at, body in enumerate(bodies)], schema, role)
    decoded.errors.update(broken)
    return decoded


def _breaks(body: bytes, schema: Schema, role: Role) -> InvalidPayload | None:
    try:
        decode_batch([body], schema, role)
    except Exception as error:  # noqa: BLE001 - see above
        return InvalidPayload("decoder_failed", f"the decoder failed on this body: {error!r:.200}; it is kept aside")
    return None
