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
from pegel.errors import SetupError
from pegel.spec import model_files
from pegel.spec.output_file import write_whole
from pegel.spec.outside_text import LONGEST_NAME, quoted, shown
from pegel.spec.spec_fields import safe_name
from pegel_serving.model_columns import ColumnType, refuse_unfit, usual_type
from pegel_serving.model_errors import SENTENCE, message_of, sentence

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
            content = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_each_once)
            metadata = cls._of(content)
        except FileNotFoundError as error:
            init = f"`pegel model init {folder} --from TABLE --prediction NAME`"
            raise SetupError(f"there is no {path}: {init} writes one. Nothing is served.") from error
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise SetupError(
                f"{path} must hold name, version and schema of the model; given: {_given(error)}. Nothing is served."
            ) from error
        if not metadata.features or not metadata.predictions:
            raise SetupError(f"the schema in {path} must have features and a prediction. Nothing is served.")
        return metadata

    @classmethod
    def _of(cls, content: Any) -> Metadata:
        """Build it from JSON. Raises ValueError, KeyError, TypeError or AttributeError."""
        if not isinstance(content, dict):
            raise TypeError("something else than an object")
        if unknown := sorted(content.keys() - {"name", "version", "schema", *_MAY_BE_LEFT_OUT}):
            raise ValueError(f"unknown {', '.join(unknown)}")
        schema, types = Schema.from_json(content["schema"]), dict(content.get("types", {}))
        probabilities, given = content.get("probabilities", False), content.get("given", "")
        features = schema.of_role(Role.FEATURE)
        name, version = content["name"], content["version"]
        if not isinstance(name, str):
            raise TypeError("name must be a text")
        refuse_name(name)
        if not isinstance(version, int) or isinstance(version, bool) or version < 1:
            raise TypeError("version must be a whole number of 1 or more")
        if not isinstance(probabilities, bool):
            raise TypeError("probabilities must be true or false")
        if given not in GIVEN or (given == "column" and len(features) != 1):
            raise ValueError("given must be frame, or column where there is one feature")
        refuse_unfit(types, features)
        return cls(name, version, schema, types, probabilities, given)


def refuse_name(name: str) -> None:
    """Refuse what no spec takes as the name of a model: it is part of paths and topics. Raises ValueError."""
    try:
        safe_name(name)
    except ValueError as error:
        raise ValueError(f"name {quoted(name, LONGEST_NAME)} {error}") from None


def refuse_no_file(path: Path) -> None:
    """Refuse what is there and can be no file of a model: reading a named pipe never ends. Raises SetupError."""
    if path.is_symlink() and not path.exists():
        raise SetupError(f"{path} must be a file; given: a link that leads nowhere. Nothing is served.")
    if path.exists() and not path.is_file():
        raise SetupError(f"{path} must be a file; given: something else (a folder, a pipe). Nothing is served.")


def _given(error: Exception) -> str:
    """Return what is wrong with the content of a file, in words."""
    if isinstance(error, json.JSONDecodeError):
        where = f"line {error.lineno}, column {error.colno}"
        return f"what is no JSON ({where})" if error.doc.strip() else "an empty file"
    if isinstance(error, UnicodeDecodeError):
        return f"what is no UTF-8 (byte {error.start})"
    if isinstance(error, RecursionError):
        return "lists or objects within too many others"
    if type(error) is KeyError:  # not of its kinds, which say what they are about
        return f"nothing under {shown(message_of(error))}"
    return shown(message_of(error), SENTENCE) or sentence(error)


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON. Raises ValueError for a key that stands twice: which one is meant is not known."""
    if len(content := dict(pairs)) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"{', '.join(sorted({key for key in keys if keys.count(key) > 1}))} stands there twice")
    return content


def tensor(field: Field) -> dict[str, object]:
    """Return the v2 tensor of a field: one value per row."""
    return {"name": field.name, "datatype": "FP64" if field.kind is Kind.NUMERIC else "BYTES", "shape": [-1]}
