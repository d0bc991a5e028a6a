"""Whether what the folder of a model says of it is what a spec says and what training data has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pegel.data.metadata_file import ModelMetadata
from pegel.spec.model_files import METADATA_FILE
from pegel.spec.monitor_spec import Model
from pegel.spec.nearest import did_you_mean
from pegel.spec.outside_text import NAME_LIMIT, quoted, shown

MOST_NAMES = 20
"""Names that a sentence lists; a person does not read more."""


def of_another_model(metadata: ModelMetadata, model: Model) -> Iterator[str]:
    """Yield a line for each of name and version that a spec states differently."""
    for field, here, stated in (("name", metadata.name, model.name), ("version", metadata.version, model.version)):
        if here != stated:
            said = quoted(here, NAME_LIMIT)
            where = f"{METADATA_FILE} in {shown(model.place)}"
            yield f"model.{field}: given {quoted(stated)}: {where} says {said}; correct one of the two"


def absent_features(metadata: ModelMetadata, columns: Sequence[str], source: str) -> str:
    """Return that the model takes what the training data does not have, in one line; "" where it has all."""
    known, taken = frozenset(columns), [feature.name for feature in metadata.features]
    absent = [name for name in taken if name not in known]
    if not absent:
        return ""
    meant = did_you_mean(absent, [name for name in columns if name not in taken])
    return (
        f"baseline.source: the model takes {listed_names(absent)}, which {shown(source)} does not have"
        f"; {meant or f'there are {listed_names(columns)}'}"
    )


def listed_names(names: Sequence[str]) -> str:
    """Return names as a sentence lists them: the first 20, and how many more there are."""
    listed = ", ".join(shown(name, NAME_LIMIT) for name in names[:MOST_NAMES])
    return f"{listed} and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else listed
