"""What a person means by `delays`, `delays/1`, `delays/*` or `*` where several models may be meant."""

from __future__ import annotations

import re

from pegel.errors import InvalidSpec
from pegel.spec.outside_text import quoted

_VERSION = re.compile(r"[1-9][0-9]{0,9}", re.ASCII)
MOST = 2**31 - 1
"""The largest version that a database keeps."""


def model_pattern(model: str | None, version: int | None, *, otherwise: str) -> tuple[str | None, int | None]:
    """Return the pattern of a name, and a version; None for any of it.

    Raises InvalidSpec where what stands behind the slash is no version, or another than `version`; it ends with
    `otherwise`.
    """
    if version is not None and version > MOST:
        raise InvalidSpec(f"--version: expected at most {MOST}, given {version}. {otherwise}")
    if model is None or "/" not in model:
        return model, version
    name, _, behind = model.rpartition("/")
    if behind == "*":
        return name, version
    if _VERSION.fullmatch(behind) is None or int(behind) > MOST:
        expected = "a name, name/version or name/*"
        raise InvalidSpec(f"--model: expected {expected}, given {quoted(model)}. {otherwise}")
    if version not in {None, int(behind)}:
        raise InvalidSpec(f"--model: given {quoted(model)}, and --version {version}: expected one. {otherwise}")
    return name, int(behind)
