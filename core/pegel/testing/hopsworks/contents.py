"""What one project of a Hopsworks of a test holds, as its REST API says it: JSON, by the names of its fields there."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROJECT_ID, STORE_ID = 119, 67
Json = dict[str, Any]
VARIABLES = {
    "service_discovery_domain": "consul",
    "enable_flyingduck": "false",
    "loadbalancer_external_domain_feature_query": "",
    "enable_data_science_profile": "false",
    "loadbalancer_external_domain_online_store_rest_server": "127.0.0.1",
}
"""What a Hopsworks says of itself: no Arrow Flight, no model serving through its gateway, an online store here."""


@dataclass(slots=True)
class Contents:
    """A project. `folder` is its storage: each new feature group has a folder there, outside of HopsFS."""

    folder: Path
    project: str = "demo"
    feature_groups: list[Json] = field(default_factory=list)
    feature_views: list[Json] = field(default_factory=list)
    training_datasets: dict[tuple[str, int], list[Json]] = field(default_factory=dict)
    """By name and version of their feature view."""
    statistics: dict[str, list[Json]] = field(default_factory=dict)
    """By the path of what they are about, newest last."""
    models: list[Json] = field(default_factory=list)
    deployments: list[Json] = field(default_factory=list)
    topics: list[Json] = field(default_factory=list)
    subjects: dict[str, list[Json]] = field(default_factory=dict)
    """Schemas of topics by subject, each with its `version`."""
    variables: dict[str, str] = field(default_factory=lambda: dict(VARIABLES))
    suites: dict[int, Json] = field(default_factory=dict)
    """By the feature group's id."""
    expectations: int = 0
    """How many there were: none has the number of an earlier one."""
    reports: dict[int, list[Json]] = field(default_factory=dict)
    """Validation reports, by the feature group's id."""
    ca_chain: str = "a chain"
    """The certificates that it hands out to those who log in."""
    online: dict[tuple[str, int], list[Json]] = field(default_factory=dict)
    """Rows of the online store by name and version of their feature view, each with its keys."""
    posted: dict[str, list[Json]] = field(default_factory=dict)
    """What was sent and is only kept: commits, monitoring, alerts; by the last part of its path."""

    def add_feature_group(self, name: str, features: Sequence[Mapping[str, Any]], version: int = 1) -> Json:
        """Add a feature group of Delta files, in a folder of its own; return what the API says of it."""
        sent = {"name": name, "version": version, "features": [dict(each) for each in features]}
        return self.create_feature_group(sent)

    def create_feature_group(self, sent: Mapping[str, Any]) -> Json:
        """Add what a client has sent."""
        number = 15 + len(self.feature_groups)
        location = str(self.folder / f"{sent['name']}_{sent['version']}")
        given = {
            "type": "cachedFeaturegroupDTO",
            "id": number,
            "featurestoreId": STORE_ID,
            "featurestoreName": f"{self.project}_featurestore",
            "created": "2026-11-01T00:00:00.000Z",
            "location": location,
            "dataSource": {"storageConnector": _connector(), "path": location},
            "onlineEnabled": False,
            "timeTravelFormat": "DELTA",
            "statisticsConfig": {"enabled": False, "columns": []},
        }
        group = {**sent, **given}
        group["features"] = [_feature(each, number) for each in sent["features"]]
        self.feature_groups.append(group)
        return group

    def add_expectation(self, group: int, sent: Mapping[str, Any]) -> Json:
        """Add an expectation to the suite of a feature group; its number is told in what it says of itself, too."""
        self.expectations += 1
        number = 70 + self.expectations
        meta = {**json.loads(sent["meta"]), "expectationId": number}
        expectation = {**sent, "id": number, "meta": json.dumps(meta)}
        self.suites[group]["expectations"].append(expectation)
        return expectation

    def add_feature_view(
        self,
        name: str,
        group: Json,
        *,
        joins: Sequence[tuple[Json, str]] = (),
        labels: Sequence[str] = (),
        helpers: Sequence[str] = (),
        version: int = 1,
    ) -> Json:
        """Add a view of all features of a feature group, then of those joined to it, each with the prefix of its names.

        `helpers` are no inputs of a model.
        """
        parts = [(group, ""), *joins]
        columns = [(part, prefix, each) for part, prefix in parts for each in part["features"]]
        features = [
            {
                "name": f"{prefix}{each['name']}",
                "type": each["type"],
                "index": index,
                "label": each["name"] in labels,
                "inferenceHelperColumn": False,
                "trainingHelperColumn": each["name"] in helpers,
                "featureGroupFeatureName": each["name"],
                "featuregroup": _named(part),
            }
            for index, (part, prefix, each) in enumerate(columns)
        ]
        view = {
            "id": 31 + len(self.feature_views),
            "name": name,
            "version": version,
            "featurestoreId": STORE_ID,
            "featurestoreName": f"{self.project}_featurestore",
            "query": self._query(group) | {"joins": [self._join(part, prefix) for part, prefix in joins]},
            "features": features,
            "servingKeys": [
                {
                    "featureName": each["name"],
                    "featureGroup": part,
                    "required": True,
                    "joinIndex": index,
                    "prefix": prefix,
                }
                for index, (part, prefix) in enumerate(parts)
                for each in part["features"]
                if each["primary"]
            ],
        }
        self.feature_views.append(view)
        return view

    def _query(self, group: Json) -> Json:
        return {
            "leftFeatureGroup": group,
            "leftFeatures": group["features"],
            "featureStoreId": STORE_ID,
            "featureStoreName": f"{self.project}_featurestore",
            "joins": [],
        }

    def _join(self, group: Json, prefix: str) -> Json:
        return {"query": self._query(group), "on": [], "leftOn": [], "rightOn": [], "type": "LEFT", "prefix": prefix}

    def add_training_dataset(self, view: Json, location: str, *, version: int, splits: Sequence[str] = ()) -> Json:
        """Add a materialised training dataset outside of HopsFS; `splits` are the folders in it."""
        external = not location.startswith("hopsfs:")
        dataset = {
            "type": "trainingDatasetDTO",
            "id": 41 + version,
            "name": f"{view['name']}_{view['version']}",
            "version": version,
            "dataFormat": "parquet",
            "coalesce": False,
            "featurestoreId": STORE_ID,
            "featurestoreName": f"{self.project}_featurestore",
            "created": "2026-11-02T00:00:00.000Z",
            "location": location,
            "trainingDatasetType": "EXTERNAL_TRAINING_DATASET" if external else "HOPSFS_TRAINING_DATASET",
            "dataSource": {"storageConnector": _connector(), "path": location},
            "splits": [{"name": each, "splitType": "RANDOM_SPLIT", "percentage": 0.5} for each in splits],
            "trainSplit": "train" if splits else None,
            "statisticsConfig": {"enabled": True, "columns": []},
            "features": view["features"],
        }
        self.training_datasets.setdefault((view["name"], view["version"]), []).append(dataset)
        return dataset

    def add_statistics(self, path: str, statistics: Json) -> None:
        """Add statistics of what is at a path, such as `featureview/txn_view/version/1/trainingdatasets/version/1`."""
        self.statistics.setdefault(path, []).append(statistics)

    def add_model(self, name: str, version: int, view: Json, training_dataset_version: int | None) -> Json:
        """Add a version of a model to the registry, trained with a training dataset of a view."""
        model = {
            "id": f"{name}_{version}",
            "name": name,
            "version": version,
            "projectName": self.project,
            "framework": "SKLEARN",
            "modelRegistryId": PROJECT_ID,
            "featureView": {key: view[key] for key in ("id", "name", "version", "featurestoreId", "query", "features")},
            "trainingDatasetVersion": training_dataset_version,
        }
        self.models.append(model)
        return model

    def add_deployment(self, name: str, model: Json, topic: str | None, *, mode: str = "ALL") -> Json:
        """Add a deployment of a model that logs to a topic; None logs nowhere."""
        deployment = {
            "id": 51 + len(self.deployments),
            "name": name,
            "created": "2026-11-03T00:00:00.000Z",
            "creator": "meb10000",
            "modelName": model["name"],
            "modelPath": f"/Projects/{self.project}/Models/{model['name']}",
            "modelVersion": model["version"],
            "modelFramework": "SKLEARN",
            "modelServer": "PYTHON",
            "servingTool": "KSERVE",
            "version": 1,
            "apiProtocol": "REST",
            "projectNamespace": self.project,
            "predictorScalingConfig": {"minInstances": 1, "maxInstances": 1, "scaleMetric": "CONCURRENCY", "target": 1},
            "predictorResources": {
                "requests": {"cores": 1, "memory": 1024, "gpus": 0},
                "limits": {"cores": 1, "memory": 1024, "gpus": 0},
            },
            "batchingConfiguration": {"batchingEnabled": False},
            "inferenceLogging": mode if topic else "NONE",
            "kafkaTopicDTO": {"name": topic or "NONE", "numOfReplicas": 1, "numOfPartitions": 1},
        }
        self.deployments.append(deployment)
        if topic:
            self.topics.append({"name": topic, "numOfReplicas": 1, "numOfPartitions": 1, "shared": False})
        return deployment


def _named(group: Json) -> Json:
    """Return a feature group as a column of a view names it: neither its features nor its event time are told there."""
    return {key: group[key] for key in ("type", "id", "name", "version", "featurestoreId")}


def _connector() -> Json:
    """Return a connector that is none of HopsFS, so that its client writes where it is told."""
    return {
        "type": "featurestoreS3ConnectorDTO",
        "storageConnectorType": "S3",
        "id": 11,
        "name": "storage",
        "featurestoreId": STORE_ID,
        "bucket": "storage",
        "arguments": [],
    }


def _feature(given: Mapping[str, Any], group: int) -> Json:
    plain = {"primary": False, "partition": False, "hudiPrecombineKey": False, "onlineType": None}
    return {**plain, **given, "featureGroupId": group}
