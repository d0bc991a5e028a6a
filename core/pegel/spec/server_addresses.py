"""Which addresses name a server: decided before anything is sent, by what every client of HTTP can resolve."""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import urlsplit

LONGEST_HOST = 253
_LABEL = "[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"{_LABEL}(\.{_LABEL})*\.?")
"""Of ASCII letters: names in other scripts have a form of these, `xn--...`. Names of containers may hold `_`."""


def names_a_server(text: str) -> bool:
    """Say whether a text is an http or https address of a host that can exist, with a port that can exist, if any.

    >>> [names_a_server(text) for text in ("http://a.org:80/x", "http://[::1]", "http://1.2.3.999", "http://a..b", "a")]
    [True, True, False, False, False]
    """
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        return False
    if parts.scheme not in {"http", "https"} or not host or port == 0:
        return False
    return not re.search(r"[\s\\]", text) and _is_host(host, literal="[" in parts.netloc)


def _is_host(host: str, *, literal: bool) -> bool:
    try:
        if literal:
            return "%" not in host and bool(IPv6Address(host))
        if host.rstrip(".").rpartition(".")[2].isdecimal():
            # A name whose last part is a number is read as an address everywhere.
            return bool(IPv4Address(host))
    except AddressValueError:
        return False
    return len(host) <= LONGEST_HOST and _HOST.fullmatch(host) is not None
