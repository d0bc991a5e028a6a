"""The bytes of one statistic: its name in front, so that none is ever read as another, then the body, compressed.

The compressed body carries a checksum: damaged bytes are refused, not read as other numbers.
"""

from __future__ import annotations

import zlib

from pegel.errors import LayoutMismatch

_MAGIC = b"PGST1"


def seal(name: str, body: bytes) -> bytes:
    """Return the body with its name and checksum.

    >>> unseal("extremes", seal("extremes", b"body"))
    b'body'
    """
    return _front(name) + zlib.compress(body, level=1)


def unseal(name: str, data: bytes) -> bytes:
    """Return the body that `seal` was given. Raises LayoutMismatch for another name, or for damaged bytes."""
    front = _front(name)
    if data.startswith(front):
        try:
            return zlib.decompress(data[len(front) :])
        except zlib.error:
            pass
    raise LayoutMismatch(f"expected a packed statistic {name!r}, given {data[:16]!r}...: nothing was read.")


def _front(name: str) -> bytes:
    return _MAGIC + name.encode() + b"\0"
