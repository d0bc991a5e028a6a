"""The files of a model's folder that our own model server reads."""

from typing import Final

MODEL_FILE: Final = "model.joblib"
METADATA_FILE: Final = "metadata.json"
