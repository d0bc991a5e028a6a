"""Headers of HTTP that a client sends with each request, as they are written: `X-Client-Id=shop`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pegel.data import wire
from pegel.errors import InvalidSpec
from pegel.spec.outside_text import quoted

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VALUE = re.compile(r"[!-~](?:[ -~]*[!-~])?")
"""Letters of ASCII that are seen, and blanks between them: what no server reads in two ways."""
_OURS = frozenset(
    {
        *(wire.http_name(name).lower() for name in (wire.HEADER_ID, wire.HEADER_CONTENT_TYPE)),
        *("accept-encoding", "connection", "content-encoding", "content-length", "expect", "host", "te", "trailer"),
        *("transfer-encoding", "upgrade"),
    }
)
"""Without which no request would be what it is: its id, its body, and how it travels."""


def headers_of(given: Sequence[str]) -> dict[str, str]:
    """Read `NAME=VALUE` pairs; the value is whatever follows the first `=`, without blanks at its ends.

    Raises InvalidSpec for what is none, for a name that stands twice, and for headers that each request has anyway.
    """
    headers: dict[str, str] = {}
    for pair in given:
        name, _, value = (part.strip() for part in pair.partition("="))
        if not (_NAME.fullmatch(name) and _VALUE.fullmatch(value)):
            raise InvalidSpec(
                f"--header: expected NAME=VALUE in ASCII such as X-Client-Id=shop, given {quoted(pair)}. Nothing was "
                "sent."
            )
        if name.lower() in _OURS:
            raise InvalidSpec(
                f"--header: expected a header that a client chooses, given {quoted(name)}, which each request has of "
                "its own. Nothing was sent."
            )
        if name.lower() in {known.lower() for known in headers}:
            raise InvalidSpec(f"--header: expected each name once, given {quoted(name)} twice. Nothing was sent.")
        headers[name] = value
    return headers
