"""A Hopsworks of a test: real TLS, the REST replies that its own client reads, data in a folder.

What is behind it beside REST (Arrow Flight, the online store, its Kafka) is not there.
"""

from __future__ import annotations

from pegel.testing.hopsworks.contents import Contents
from pegel.testing.hopsworks.hopsworks_server import Fault, HopsworksServer

__all__ = ["Contents", "Fault", "HopsworksServer"]
