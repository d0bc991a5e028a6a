"""What Pegel asks of a feature store: training data to register, describe and read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qs, urlencode, urlsplit

from pegel.data.columns import Schema
from pegel.errors import InvalidSpec


@dataclass(frozen=True, slots=True)
class SourceRef:
    """A reference to registered training data, written `local://delays?version=1&split=train`."""

    name: str
    version: int = 1
    split: str = "train"
    store: str = "local"

    @classmethod
    def parse(cls, text: str) -> SourceRef:
        """Read the written form; version and split default to 1 and `train`. Raises InvalidSpec."""
        parts = urlsplit(text)
        asked = {key: values[-1] for key, values in parse_qs(parts.query, keep_blank_values=True).items()}
        version, split = asked.pop("version", "1"), asked.pop("split", "train")
        if not (parts.scheme and parts.netloc and version.isdecimal() and split) or asked or parts.path.strip("/"):
            raise InvalidSpec(
                f"baseline.source: given {text!r}: expected STORE://NAME?version=1&split=train, "
                f"for example local://delays?version=1&split=train"
            )
        return cls(parts.netloc, int(version), split, parts.scheme)

    def __str__(self) -> str:
        return f"{self.store}://{self.name}?{urlencode({'version': self.version, 'split': self.split})}"


@dataclass(frozen=True, slots=True)
class TimeRange:
    """The event times that training data covers: half-open, [start, end), UTC."""

    start: datetime
    end: datetime


class FeatureStore(Protocol):
    """Keeps training data. What is learnt from it lives in the results database."""

    def register_training_data(
        self,
        name: str,
        version: int,
        table_path: Path,
        schema: Schema,
        time_range: TimeRange | None = None,
        *,
        split: str = "train",
    ) -> SourceRef:
        """Keep a copy of a Parquet file or folder under a name. The same content again changes nothing."""
        ...

    def describe(self, ref: SourceRef | str) -> Schema:
        """Return the fields of training data. Raises NotFound."""
        ...

    def read_training_data(self, ref: SourceRef | str) -> Path:
        """Return the place of the Parquet data, so that an engine reads it by itself. Raises NotFound."""
        ...
