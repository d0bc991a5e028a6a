"""`metadata.json` beside a fitted model: what it is, the schema of what goes in and comes out, and how it is asked.

::

    {"name": "tickets", "version": 1, "schema": [...],
     "types": {"opened": "time", "channel": ["chat", "mail"]},
     "probabilities": true, "given": "frame"}

`types` says as what the model takes a feature where the feature's kind does not say it; `probabilities` asks for
`predict_proba` beside `predict`; `given` is for models that do not name their columns and take no matrix, but a
`frame`, or the `column` of their only feature (a text, say). All three may be left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pegel.data.columns import Field, Kind, Role, Schema
from pegel.data.metadata_file import UNREADABLE, ModelMetadata, content_of, problem_of
from pegel.errors import SetupError
from pegel.spec import model_files
from pegel.spec.output_file import write_whole
from pegel_serving.model_columns import ColumnType, refuse_unfit, usual_type

MODEL_FILE = model_files.MODEL_FILE
METADATA_FILE = model_files.METADATA_FILE
_MAY_BE_LEFT_OUT = ("types", "probabilities", "given")
GIVEN = ("", "frame", "column")
"""As what a model that names no columns is given its rows; the first is a matrix."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a served model says about itself. The schema lists features in the order of a v1 instance."""

    name: str
    version: int
    schema: Schema
    types: Mapping[str, ColumnType] = field(default_factory=dict)
    """As what the model takes a feature, by name; for all others their kind says it."""
    probabilities: bool = False
    """Whether the probabilities of the classes are answered beside the class."""
    given: str = ""
    """`frame` or `column` for a model that does not name the columns it was fitted on, and takes no matrix."""

    @property
    def features(self) -> tuple[Field, ...]:
        """Return the fields of a request, in order."""
        return self.schema.of_role(Role.FEATURE)

    @property
    def predictions(self) -> tuple[Field, ...]:
        """Return the fields of a response that are watched, in order."""
        return self.schema.of_role(Role.PREDICTION)

    def type_of(self, feature: Field) -> ColumnType:
        """Return as what the model takes a feature."""
        return self.types.get(feature.name, usual_type(feature.kind))

    def write(self, folder: Path) -> None:
        """Write the file into the model's folder. Raises PermanentError where that is not possible."""
        content: dict[str, Any] = {"name": self.name, "version": self.version, "schema": self.schema.to_json()}
        content |= {name: value for name in _MAY_BE_LEFT_OUT if (value := getattr(self, name))}
        write_whole(folder / METADATA_FILE, json.dumps(content, indent=2) + "\n")

    @classmethod
    def read(cls, folder: Path) -> Metadata:
        """Read the file of a model's folder. Raises SetupError when it is missing or says something else."""
        path = folder / METADATA_FILE
        try:
            refuse_no_file(path)
            metadata = cls._of(content_of(path))
        except FileNotFoundError as error:
            init = f"`pegel model init {folder} --from TABLE --prediction NAME`"
            raise SetupError(f"there is no {path}: {init} writes one. Nothing is served.") from error
        except UNREADABLE as error:
            given = problem_of(error)
            raise SetupError(
                f"{path} must hold name, version and schema of the model; given: {given}. Nothing is served."
            ) from error
        if not metadata.features or not metadata.predictions:
            raise SetupError(f"the schema in {path} must have features and a prediction. Nothing is served.")
        return metadata

    @classmethod
    def _of(cls, content: Any) -> Metadata:
        """Build it from JSON. Raises errors in `UNREADABLE`."""
        stated = ModelMetadata.of(content)
        if unknown := sorted(content.keys() - {"name", "version", "schema", *_MAY_BE_LEFT_OUT}):
            raise ValueError(f"unknown {', '.join(unknown)}")
        types = dict(content.get("types", {}))
        probabilities, given = content.get("probabilities", False), content.get("given", "")
        if not isinstance(probabilities, bool):
            raise TypeError("probabilities must be true or false")
        if given not in GIVEN or (given == "column" and len(stated.features) != 1):
            raise ValueError("given must be frame, or column where there is one feature")
        refuse_unfit(types, stated.features)
        return cls(stated.name, stated.version, stated.schema, types, probabilities, given)


def refuse_no_file(path: Path) -> None:
    """Refuse what is there and can be no file of a model: reading a named pipe never ends. Raises SetupError."""
    if path.is_symlink() and not path.exists():
        raise SetupError(f"{path} must be a file; given: a link that leads nowhere. Nothing is served.")
    if path.exists() and not path.is_file():
        raise SetupError(f"{path} must be a file; given: something else (a folder, a pipe). Nothing is served.")


def tensor(field: Field) -> dict[str, object]:
    """Return the v2 tensor of a field: one value per row."""
    return {"name": field.name, "datatype": "FP64" if field.kind is Kind.NUMERIC else "BYTES", "shape": [-1]}
