"""What a person means by `delays`, `delays/1`, `delays/*` or `*` where several models may be meant."""

from __future__ import annotations

import re
from collections.abc import Collection

from pegel.alerts.matcher import Matcher, is_pattern
from pegel.errors import InvalidSpec
from pegel.spec.names import LARGEST_VERSION, monitor_key
from pegel.spec.nearest import did_you_mean
from pegel.spec.outside_text import quoted, shown

_VERSION = re.compile(r"[1-9][0-9]{0,9}", re.ASCII)


def model_pattern(
    model: str | None, version: int | None, *, otherwise: str, lead: str = "--"
) -> tuple[str | None, int | None]:
    """Return the pattern of a name, and a version; None for any of it. `lead`: what stands before a name in a refusal.

    Raises InvalidSpec where what stands behind the slash is no version, or another than `version`; it ends with
    `otherwise`.
    """
    if version is not None and version > LARGEST_VERSION:
        raise InvalidSpec(f"{lead}version: expected at most {LARGEST_VERSION}, given {version}. {otherwise}")
    if model is None or "/" not in model:
        return model, version
    name, _, behind = model.rpartition("/")
    if behind == "*":
        return name, version
    if _VERSION.fullmatch(behind) is None or int(behind) > LARGEST_VERSION:
        expected = "a name, name/version or name/*"
        raise InvalidSpec(f"{lead}model: expected {expected}, given {quoted(model)}. {otherwise}")
    if version not in {None, int(behind)}:
        raise InvalidSpec(f"{lead}model: given {quoted(model)}, and {lead}version {version}: expected one. {otherwise}")
    return name, int(behind)


def refuse_unknown_model(about: Matcher, watched: Collection[tuple[str, int]], *, otherwise: str) -> None:
    """Raise InvalidSpec where a name that is no pattern means none of the models and versions; it ends so."""
    if about.model is None or is_pattern(about.model) or any(about.concerns(*one) for one in watched):
        return
    keys = [monitor_key(*one) for one in watched]
    given = about.model if about.version is None else monitor_key(about.model, about.version)
    guess = did_you_mean(about.model, [*(name for name, _ in watched), *keys], lead=" ")
    known = ", ".join(map(shown, keys)) or "none"
    raise InvalidSpec(f"expected a watched model; given {quoted(given)}; watched: {known}. {otherwise}{guess}")
