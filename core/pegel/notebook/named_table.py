"""A table as a person names it: by its file, or by the name under which it is registered."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pegel.data.columns import Schema
from pegel.errors import InvalidSpec, NotFound
from pegel.featurestore import LocalFeatureStore, SourceRef
from pegel.notebook.naming import listed
from pegel.spec.nearest import did_you_mean
from pegel.spec.outside_text import shown
from pegel.spec.source_reference import is_stored_name


@dataclass(frozen=True)
class NamedTable:
    """A table that a person named. `name` is for people; `registered` is its schema in the feature store, if there."""

    name: str
    path: Path
    registered: Schema | None = None


def file_named(path: Path) -> NamedTable:
    """Return the table in a file or a folder. Raises NotFound."""
    if not path.exists():
        raise NotFound(f"expected a table in Parquet or CSV at {shown(str(path))}; nothing is there. Nothing was done.")
    return NamedTable(path.name, path)


def registered_as(name: str, features: Path) -> NamedTable:
    """Return registered training data, by its name or as `local://NAME?version=1&split=train`.

    A name alone means the one version that stands under it; of several splits `train`.

    Raises NotFound with what is registered and the nearest name, InvalidSpec for what cannot be a name and for a name
    alone with several versions, or with several splits and no `train`.
    """
    store = LocalFeatureStore(features)
    known = store.references()
    ref = SourceRef.parse(name) if "://" in name else _only_one(name, known)
    if ref not in known:
        raise unknown(name, known)
    return NamedTable(str(ref), store.read_training_data(ref), store.describe(ref))


def _only_one(name: str, known: list[SourceRef]) -> SourceRef:
    """Return what a name alone means, registered or not. Raises InvalidSpec if it can mean several."""
    meant = SourceRef.parse(f"local://{name}")
    alike = [ref for ref in known if ref.name == meant.name]
    train = [ref for ref in alike if ref.split == meant.split]
    chosen = alike if len({ref.version for ref in alike}) > 1 else train or alike
    if len(chosen) > 1:
        raise InvalidSpec(
            f"expected one of several tables under the name {listed([name])}: {listed([str(ref) for ref in chosen])}, "
            f"given the name alone. Nothing was done. Give one of them as it stands here, in quotes."
        )
    return chosen[0] if chosen else meant


def table_or_registered(name: str, features: Path) -> NamedTable:
    """Return what a person means: a file where there is one, registered training data where it can be a name.

    Raises NotFound for what is neither, and what `registered_as` raises.
    """
    is_name = "://" in name or is_stored_name(name)
    if Path(name).exists() or not is_name:
        return file_named(Path(name))
    try:
        return registered_as(name, features)
    except NotFound as error:
        if "://" in name:
            raise
        raise NotFound(f"{shown(name)}: no such file; {error}") from None


def unknown(name: str, known: list[SourceRef], options: str = "") -> NotFound:
    """Return the error about a name or reference that is not registered, with what is and the nearest of it.

    `options` were asked for with the name, as written on a command line: where the name is registered, they are not.
    """
    references = list(map(str, known))
    names = references if "://" in name else list({ref.name: None for ref in known})
    guess = "" if name in names else did_you_mean(name, names, lead=" ")
    asked, has = f"{listed([name])}{options}", listed(references) or "none"
    return NotFound(f"expected the name of training data, given {asked}; registered: {has}. Nothing was done.{guess}")
