"""`metadata.json` beside a fitted model: what it is, and the schema of what goes in and comes out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from pegel.data.columns import Field, Kind, Role, Schema
from pegel.errors import SetupError

MODEL_FILE = "model.joblib"
METADATA_FILE = "metadata.json"

Tensor = dict[str, object]


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a served model says about itself. The schema lists features in the order of a v1 instance."""

    name: str
    version: int
    schema: Schema

    @property
    def features(self) -> tuple[Field, ...]:
        """Return the fields of a request, in order."""
        return self.schema.of_role(Role.FEATURE)

    @property
    def predictions(self) -> tuple[Field, ...]:
        """Return the fields of a response, in order."""
        return self.schema.of_role(Role.PREDICTION)

    def inputs(self) -> list[Tensor]:
        """Return the v2 input tensors: one per feature, one value per row."""
        return [_tensor(field) for field in self.features]

    def outputs(self) -> list[Tensor]:
        """Return the v2 output tensors: one per prediction."""
        return [_tensor(field) for field in self.predictions]

    def write(self, folder: Path) -> None:
        """Write the file into the model's folder."""
        content = {"name": self.name, "version": self.version, "schema": self.schema.to_json()}
        (folder / METADATA_FILE).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Metadata:
        """Read the file of a model's folder. Raises SetupError when it is missing or says something else."""
        path = folder / METADATA_FILE
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            metadata = cls(content["name"], int(content["version"]), Schema.from_json(content["schema"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SetupError(
                f"{path} must hold name, version and schema of the model; given: {type(error).__name__}: {error}. "
                "Nothing is served."
            ) from error
        if not metadata.features or not metadata.predictions:
            raise SetupError(f"the schema in {path} must have features and a prediction. Nothing is served.")
        return metadata


def _tensor(field: Field) -> Tensor:
    return {"name": field.name, "datatype": "FP64" if field.kind is Kind.NUMERIC else "BYTES", "shape": [-1]}
