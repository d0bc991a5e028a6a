"""Training data and baselines: the protocol, and the implementation that keeps plain files in one folder."""

from __future__ import annotations

from pegel.featurestore.local import LocalFeatureStore
from pegel.featurestore.protocol import FeatureStore, SourceRef, TimeRange

__all__ = ["FeatureStore", "LocalFeatureStore", "SourceRef", "TimeRange"]
