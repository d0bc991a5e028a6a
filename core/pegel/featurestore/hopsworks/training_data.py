"""Training data of one model in Hopsworks: which, by its registry; what, by its feature view; where, for Spark."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from pegel.baseline.baseline import Baseline
from pegel.data.columns import Schema
from pegel.errors import InvalidSpec, NotFound
from pegel.featurestore.hopsworks import cross_check, deployed_model, schema
from pegel.featurestore.hopsworks.client import HopsworksClient
from pegel.featurestore.hopsworks.connection import HopsworksConnection
from pegel.featurestore.hopsworks.facts import HopsworksView, RegisteredModel, Statistics, TrainingDataset
from pegel.featurestore.no_baseline import NO_BASELINE
from pegel.featurestore.stored_table import StoredTable, TableFormat
from pegel.spec.hopsworks_reference import HopsworksRef
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import Settings
from pegel.spec.source_reference import SourceRef


@dataclass(frozen=True, slots=True)
class HopsworksTrainingData:
    """What Hopsworks said of the training data of one spec, asked once. `ref` names the training dataset's version."""

    ref: HopsworksRef
    view: HopsworksView
    dataset: TrainingDataset
    statistics: Statistics | None
    of_deployment: tuple[str, ...] = ()
    """What is worth knowing of the deployment that serves the model, where the spec names one."""

    @classmethod
    def of(cls, spec: MonitorSpec, settings: Settings) -> Self:
        """Ask for the training data of a spec.

        The training dataset is the one with which the model registry says that this version of the model was trained.
        Raises InvalidSpec where the source names another one, or a deployment that the spec names is another one than
        it says, NotFound where something that is named is not there, and what `HopsworksClient` raises.
        """
        ref = HopsworksRef.parse(spec.baseline.source)
        with HopsworksClient.logged_in(HopsworksConnection.of(settings, ref.project)) as client:
            name = ref.model or spec.model.name
            pinned = _pinned(ref, name, spec.model.version, client.model(name, spec.model.version))
            version = pinned.training_dataset or 0
            view = client.feature_view(ref.feature_view, ref.version)
            dataset = client.training_dataset(ref.feature_view, ref.version, version)
            found = cls(_split(pinned, dataset), view, dataset, None, _of_deployment(spec, client))
            statistics = client.statistics(ref.feature_view, ref.version, version, found.ref.split)
        return replace(found, statistics=statistics)

    def describe(self, _: SourceRef | str) -> Schema:
        """Return the fields. Raises InvalidSpec."""
        return schema.schema_of(self.view, self.ref.predictions)

    def read_training_data(self, _: SourceRef | str) -> StoredTable:
        """Return where the rows are. Raises InvalidSpec where no file has them that says the types of its columns."""
        named = f"training dataset {self.dataset.version} of feature view {self.view.name}"
        if not self.dataset.location:
            raise InvalidSpec(
                f"baseline.source: {named} was made in memory and is in no file; make one that is, with "
                f'`create_train_test_split(..., data_format="parquet")`, and train with that. {NO_BASELINE}'
            )
        known = [each.value for each in TableFormat]
        if self.dataset.format not in known:
            raise InvalidSpec(
                f"baseline.source: {named} is kept as {self.dataset.format}; expected one of {', '.join(known)}, which "
                f"keep the types of columns. {NO_BASELINE}"
            )
        return StoredTable(self.dataset.address(self.ref.split), TableFormat(self.dataset.format))

    def remarks(self, baseline: Baseline) -> list[str]:
        """Return what is worth knowing of a baseline of these data. Raises PermanentError: see `cross_check`."""
        absent = schema.left_out(self.view, self.ref.predictions)
        told = [f"not watched, as neither numbers nor texts: {', '.join(absent)}"] if absent else []
        what = f"training dataset {self.dataset.version}{f' (split {self.ref.split})' if self.ref.split else ''}"
        return [*self.of_deployment, *told, *cross_check.cross_check(baseline, self.statistics, what)]


def _of_deployment(spec: MonitorSpec, client: HopsworksClient) -> tuple[str, ...]:
    if not spec.model.is_deployment or spec.model.served_name is None:
        return ()
    return tuple(deployed_model.check(spec.model, client.deployment(spec.model.served_name)))


def _pinned(ref: HopsworksRef, name: str, version: int, model: RegisteredModel | None) -> HopsworksRef:
    """Return the reference with the training dataset of the registered model.

    Raises NotFound where the registry knows no such model, InvalidSpec where the two do not go together.
    """
    where = f"the model registry of {ref.project}"
    if model is None:
        raise NotFound(
            f"baseline.source: {where} knows no model {name} of version {version}, so nobody can say with which data "
            f"it was trained; register it, or name it as it is called there, with &model=NAME. {NO_BASELINE}"
        )
    said = f"{where} says that {name} of version {version} was trained with"
    # Training datasets are numbered within their view: a number alone says nothing.
    if None in (model.feature_view, model.feature_view_version, model.training_dataset):
        raise InvalidSpec(
            f"baseline.source: {where} does not say with which training dataset of which feature view {name} of "
            f"version {version} was trained; register it with its feature view and training dataset version. "
            f"{NO_BASELINE}"
        )
    if (model.feature_view, model.feature_view_version) != (ref.feature_view, ref.version):
        raise InvalidSpec(
            f"baseline.source: {said} feature view {model.feature_view} of version {model.feature_view_version}; given "
            f"{ref.feature_view} of version {ref.version}. {NO_BASELINE}"
        )
    if ref.training_dataset not in (None, model.training_dataset):
        raise InvalidSpec(
            f"baseline.source: {said} training dataset {model.training_dataset}; given td={ref.training_dataset}. "
            f"{NO_BASELINE}"
        )
    return replace(ref, training_dataset=model.training_dataset)


def _split(ref: HopsworksRef, dataset: TrainingDataset) -> HopsworksRef:
    """Return the reference with a split that the dataset has. Raises InvalidSpec."""
    if ref.split is None:
        return replace(ref, split="train" if "train" in dataset.splits else None)
    if ref.split not in dataset.splits:
        there = ", ".join(dataset.splits) or "none: leave it out"
        raise InvalidSpec(
            f"baseline.source: training dataset {dataset.version} has no split {ref.split}; its splits are {there}. "
            f"{NO_BASELINE}"
        )
    return ref
