"""Whether what the folder of a model says of it, its `metadata.json`, is what a spec says and what training data has.

The model server has the whole reader; here is read what a spec is compared with.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pegel.data.columns import Role, Schema
from pegel.spec.model_files import METADATA_FILE
from pegel.spec.monitor_spec import Model
from pegel.spec.nearest import names_meant
from pegel.spec.outside_text import LONGEST_NAME, quoted, shown

MOST_NAMES = 20
"""Names that a sentence lists; a person does not read more."""


@dataclass(frozen=True, slots=True)
class ModelMetadata:
    """What a model's folder says of the model: name, version, and the names of what it takes, in order."""

    name: str
    version: int
    features: tuple[str, ...]

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the file of a model's folder. Raises ValueError where it says none of these, OSError."""
        path = folder / METADATA_FILE
        if not path.is_file():  # reading a named pipe never ends
            raise ValueError("is no file")
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            features = Schema.from_json(content["schema"]).of_role(Role.FEATURE)
            name, version = content["name"], content["version"]
            return cls(str(name), int(version), tuple(str(feature.name) for feature in features))
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError("holds no name, version and schema") from error

    def of_another_model(self, model: Model) -> Iterator[str]:
        """Yield a line for each of name and version that a spec states differently."""
        for field, here, stated in (("name", self.name, model.name), ("version", self.version, model.version)):
            if here != stated:
                said = quoted(here, LONGEST_NAME)
                where = f"{METADATA_FILE} in {shown(model.place)}"
                yield f"model.{field}: given {quoted(stated)}: {where} says {said}; correct one of the two"

    def absent_features(self, columns: Sequence[str], source: str) -> str:
        """Return that the model takes what the training data does not have, in one line; "" where it has all."""
        known = frozenset(columns)
        absent = [name for name in self.features if name not in known]
        if not absent:
            return ""
        meant = names_meant(absent, [name for name in columns if name not in self.features])
        return (
            f"baseline.source: the model takes {listed_names(absent)}, which {shown(source)} does not have"
            f"{meant or f'; there are {listed_names(columns)}'}"
        )


def listed_names(names: Sequence[str]) -> str:
    """Return names as a sentence lists them: the first 20, and how many more there are."""
    listed = ", ".join(shown(name, LONGEST_NAME) for name in names[:MOST_NAMES])
    return f"{listed} and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else listed
