"""E-mail addresses that every mail server takes: those of RFC 5321, without quoted names and literal hosts."""

from __future__ import annotations

import re
from typing import Final

LONGEST_EMAIL = 254
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = "[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"
EMAIL: Final = rf"^(?!.*=\?){_ATOM}(\.{_ATOM})*@{_LABEL}(\.{_LABEL})*$"
"""Without `=?`: that begins an encoded word (RFC 2047), and `=?utf-8?q?eve?=@x.org` would be mailed to `eve@x.org`."""


def is_email(text: str) -> bool:
    """Say whether a text is one address."""
    return len(text) <= LONGEST_EMAIL and re.fullmatch(EMAIL, text) is not None and not text.endswith("\n")
