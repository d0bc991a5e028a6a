"""The words of the wire: header names and event types of a logged record, as KServe's payload logger writes them.

Whoever writes or reads records (logger, proxy, stream, probe) takes them from here.
"""

from __future__ import annotations

from typing import Final

HEADER_ID: Final = "ce_id"
"""Identity of the event; a request and its response share it."""
HEADER_TYPE: Final = "ce_type"
HEADER_ENDPOINT: Final = "ce_inferenceservicename"
"""The endpoint, which names the model and its version, see `pegel.spec.names.endpoint`."""
HEADER_NAMESPACE: Final = "ce_namespace"
HEADER_COMPONENT: Final = "ce_component"
"""`predictor`, or `transformer` where one stands in front of it."""
HEADER_REASON: Final = "dlq_reason"
"""Why a record was kept aside; only on topics of dead letters."""

REQUEST_TYPE: Final = "org.kubeflow.serving.inference.request"
RESPONSE_TYPE: Final = "org.kubeflow.serving.inference.response"
DROPPED_TYPE: Final = "org.pegel.logger.dropped"
"""A notice of the logger: `{"count": n}` events were given up."""
