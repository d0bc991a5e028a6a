"""Training data: the protocol, and the implementation that keeps plain files in one folder."""

from __future__ import annotations

from pegel.featurestore.feature_store import FeatureStore, TimeRange, TrainingData
from pegel.featurestore.local_feature_store import LocalFeatureStore
from pegel.spec.source_reference import SourceRef

__all__ = ["FeatureStore", "LocalFeatureStore", "SourceRef", "TimeRange", "TrainingData"]
