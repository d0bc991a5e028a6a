"""Which watched model version a person means by `delays`, `delays/1`, or `delays` and a version."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Engine

from pegel.errors import InvalidSpec
from pegel.spec import names
from pegel.spec.nearest import did_you_mean
from pegel.spec.outside_text import LONGEST_SENTENCE, quoted, shown
from pegel.store.registry import Entry, Registry


def watched_model(engine: Engine, model: str | None, version: int | None = None, *, otherwise: str) -> Entry:
    """Return the one registered model version that is meant; without a name the only one there is.

    Raises InvalidSpec when none or several are meant, with what is watched and the nearest name; it ends with
    `otherwise`, which says what becomes of it, as in `Nothing was changed.`
    """
    entries = Registry(engine).entries()
    meant = [entry for entry in entries if _is_meant(entry, model, version)]
    if len(meant) != 1:
        raise InvalidSpec(_refusal(entries, model, version, otherwise))
    return meant[0]


def watched_models(entries: Sequence[Entry], models: Sequence[str], *, otherwise: str) -> list[Entry]:
    """Return the entries, of all there are, that names mean: `delays` all versions, `delays/1` one.

    Raises InvalidSpec for names that mean none, all of them, each with the nearest one; and for entries whose stored
    spec is unreadable, because whoever names one expects something of it. It ends with `otherwise`.
    """
    keys = [names.monitor_key(entry.model, entry.version) for entry in entries]
    unknown = [model for model in models if not any(_is_meant(entry, model, None) for entry in entries)]
    if unknown:
        given, watched = ", ".join(map(quoted, unknown)), ", ".join(map(shown, keys)) or "none"
        guess = did_you_mean(unknown, [*(entry.model for entry in entries), *keys], lead=" ")
        raise InvalidSpec(f"expected names of watched models; given {given}; watched: {watched}. {otherwise}{guess}")
    meant = [entry for entry in entries if any(_is_meant(entry, model, None) for model in models)]
    unreadable = [f"{names.monitor_key(one.model, one.version)}: {one.problem}" for one in meant if one.spec is None]
    if unreadable:
        raise InvalidSpec(f"{shown('; '.join(unreadable), LONGEST_SENTENCE)}; apply it again. {otherwise}")
    return meant


def _is_meant(entry: Entry, model: str | None, version: int | None) -> bool:
    named = model is None or model in {entry.model, names.monitor_key(entry.model, entry.version)}
    return named and version in {None, entry.version}


def _refusal(entries: Sequence[Entry], model: str | None, version: int | None, otherwise: str) -> str:
    keys = [names.monitor_key(entry.model, entry.version) for entry in entries]
    given = "no model was named" if model is None else f"given {quoted(model)}"
    given += "" if version is None else f", version {version}"
    known = ", ".join(shown(key) for key in keys) or "none"
    is_known = model is None or any(_is_meant(entry, model, None) for entry in entries)
    guess = "" if is_known else did_you_mean(str(model), [*(entry.model for entry in entries), *keys], lead=" ")
    return f"expected one watched model version; {given}; watched: {known}. {otherwise}{guess}"
