"""What Hopsworks says, as plain values: nothing of its client goes further than `client`."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class FeatureRole(StrEnum):
    """What a column of a training dataset is to the model."""

    FEATURE = "feature"
    LABEL = "label"
    KEY = "key"
    EVENT_TIME = "event time"
    HELPER = "helper"
    """There for training or inference, and no input of the model."""


@dataclass(frozen=True, slots=True)
class Feature:
    """A column: its type as Hopsworks' offline store calls it (`bigint`, `array<double>`), in lower case."""

    name: str
    type: str
    role: FeatureRole

    @property
    def nullable(self) -> bool:
        """Say whether rows may lack it: the offline store refuses those without a key or an event time."""
        return self.role not in (FeatureRole.KEY, FeatureRole.EVENT_TIME)


@dataclass(frozen=True, slots=True)
class HopsworksView:
    """A feature view, its columns in the order in which a model gets them."""

    name: str
    version: int
    features: tuple[Feature, ...]

    def of_role(self, role: FeatureRole) -> tuple[Feature, ...]:
        """Return the columns of one role, in order."""
        return tuple(each for each in self.features if each.role is role)


@dataclass(frozen=True, slots=True)
class TrainingDataset:
    """A training dataset of a feature view: where its files are, in which format, and the names of its splits.

    `location` is empty where it was made in memory and never written.
    """

    name: str
    version: int
    location: str
    format: str
    splits: tuple[str, ...]

    def address(self, split: str | None) -> str:
        """Return where the files of a split are, or of the whole where there is none."""
        return f"{self.location.rstrip('/')}/{split or self.name}"


@dataclass(frozen=True, slots=True)
class FeatureStatistics:
    """What Hopsworks counted of one column. `values`: those that are not null. None: it did not say."""

    values: int | None
    mean: float | None = None
    std: float | None = None
    least: float | None = None
    most: float | None = None


@dataclass(frozen=True, slots=True)
class Statistics:
    """Statistics of a training dataset or a split, by column. `share`: of the rows, 0 to 1, that they were made of."""

    share: float
    features: dict[str, FeatureStatistics] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """A model version of the registry, and what it was trained with; None where the registry does not say."""

    name: str
    version: int
    feature_view: str | None
    feature_view_version: int | None
    training_dataset: int | None


@dataclass(frozen=True, slots=True)
class Deployment:
    """What Hopsworks serves. `topic`: where it logs, or None; `logs`: what of it (`ALL`, `PREDICTIONS`, ...)."""

    name: str
    model: str
    model_version: int
    topic: str | None
    logs: str
