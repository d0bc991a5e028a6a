"""The words of the wire: header names and event types of a logged record, as KServe's payload logger writes them.

Whoever writes or reads records (logger, proxy, stream, probe) takes them from here. Our logger puts them together, see
`pegel.data.compact_headers`.
"""

from __future__ import annotations

from typing import Final

HEADER_ID: Final = "ce_id"
"""Identity of the event; a request and its response share it."""
HEADER_CLIENT_ID: Final = "ce_clientid"
"""What the client called its request, for joining labels later. Clients may repeat it, so it identifies nothing."""
HEADER_PROBE: Final = "ce_probe"
"""Present on what Pegel itself asked, to see that logging works: counted as a probe, judged nowhere."""
HEADER_LOOK_UP: Final = "ce_lookup"
"""Why features of a request are replaced, one of `pegel.data.look_up_faults.LookUpFault`; absent where none is."""
HEADER_TYPE: Final = "ce_type"
HEADER_ENDPOINT: Final = "ce_inferenceservicename"
"""The endpoint, which names the model and its version, see `pegel.spec.names.endpoint`."""
HEADER_NAMESPACE: Final = "ce_namespace"
HEADER_COMPONENT: Final = "ce_component"
"""`predictor`, or `transformer` where one stands in front of it."""
HEADER_SOURCE: Final = "ce_source"
"""The pod or process that logged."""
HEADER_SPEC_VERSION: Final = "ce_specversion"
HEADER_TIME: Final = "ce_time"
"""When the request came or the response ended, RFC 3339; also the record's timestamp."""
HEADER_RECORDED_TIME: Final = "ce_recordedtime"
"""When the sender got round to sending; what lies between is its backlog."""
HEADER_POD_LABEL: Final = "ce_endpoint"
"""KServe's pod label `endpoint`, mostly empty; it names no model."""
HEADER_METADATA: Final = "ce_metadata"
HEADER_ANNOTATIONS: Final = "ce_annotations"
HEADER_CONTENT_TYPE: Final = "content-type"
"""Of the request, on responses too."""
HEADER_REASON: Final = "dlq_reason"
"""Why a record was kept aside; only on topics of dead letters."""
HEADER_TRUNCATED: Final = "dlq_truncated"
"""`true` where only the beginning of a body was kept; only on topics of dead letters."""
TRACEPARENT: Final = "traceparent"
"""By which the spans of a reader become children of the logger's; only on events that are traced, in a header of its
own, see `pegel.data.event_tracing`. So it is called on HTTP requests, too."""
HEADER_SHARED: Final = "pegel_shared"
"""What many events say alike, in one header, see `pegel.data.compact_headers`; as our logger writes it."""
HEADER_OWN: Final = "pegel_own"
"""Every other attribute of an event but its id, which is the record's key."""

SPEC_VERSION: Final = "1.0"
PREDICTOR: Final = "predictor"
"""The component that is meant where none is named."""
JSON: Final = "application/json"
GRPC: Final = "application/grpc"

REQUEST_TYPE: Final = "org.kubeflow.serving.inference.request"
RESPONSE_TYPE: Final = "org.kubeflow.serving.inference.response"
DROPPED_TYPE: Final = "org.pegel.logger.dropped"
"""A notice of the logger, or of an agent to it: `{"count": n, "reason": why}` events were given up."""
ATTRIBUTION_TYPE: Final = "org.pegel.attribution"
"""What a model made of the rows of a request, see `pegel.data.attribution_event`: under id and time of that request."""
LABEL_TYPE: Final = "org.pegel.label"
"""A true outcome of a prediction, see `pegel.labels.label_json`; on topics of labels."""
KILLED_IN_MEMORY: Final = "killed_in_memory"
"""The reason of a notice of a killed logger: it had at most so many events in memory alone."""
AGENT_UNANSWERED: Final = "agent_unanswered"
"""The reason of a notice of an agent that sent so many events and had no answer: the logger may have taken them."""
AT_MOST: Final = frozenset({KILLED_IN_MEMORY, AGENT_UNANSWERED})
"""The reasons of notices whose counts are upper bounds."""
KILLED_UNKNOWN: Final = "killed_unknown"
"""The note of what a kill cost is damaged or gone: at least one, for nobody knows how many."""
SPOOL_DAMAGED: Final = "spool_damaged"
"""A damaged place on disk: at least one for each, since what lay there cannot be counted."""
SPOOL_UNDECODABLE: Final = "spool_undecodable"
"""A whole record on disk that is no event: one, or all those of which it told."""
NOTICE_UNREADABLE: Final = "notice_unreadable"
"""A notice came back spoiled: at least one event, of all those of which it told."""
AT_LEAST: Final = frozenset({KILLED_UNKNOWN, SPOOL_DAMAGED, SPOOL_UNDECODABLE, NOTICE_UNREADABLE})
"""The reasons of notices whose counts are lower bounds."""

TELLS_NO_VALUE: Final = frozenset(
    {
        *(HEADER_ID, HEADER_PROBE, HEADER_LOOK_UP, HEADER_TYPE, HEADER_ENDPOINT, HEADER_NAMESPACE, HEADER_COMPONENT),
        *(HEADER_SOURCE, HEADER_SPEC_VERSION, HEADER_TIME, HEADER_RECORDED_TIME, HEADER_CONTENT_TYPE),
    }
)
"""Headers in which no value of a request's fields or of its entities can stand."""


PROBE_HEADER: Final = "Pegel-Probe"
"""HTTP header of a request of our own: the endpoint's secret, by which its proxy tells a probe from a client."""
EVENT_ID: Final = "Pegel-Event-Id"
"""HTTP header of an endpoint's answer: the identity under which the call is logged."""
LOOK_UP_HEADER: Final = "Pegel-Look-Up"
"""HTTP header of a transformer's request to its predictor, and of its answer: why features are replaced or a request
refused. It travels in the metadata of an event, from which the logger takes it."""
ENTITIES_HEADER: Final = "Pegel-Entities"
"""HTTP header of the same: a JSON list with the parts of each row's key, for joining labels."""
PROXY_PREFIX: Final = "pegel-"
"""How our proxies call themselves in `Via`, followed by namespace and endpoint, `pegel-default.delays-v1`: by that a
proxy knows its own requests when they come back to it, and a check that it asks a proxy of ours."""


def http_name(header: str) -> str:
    """Return a record's header as it is named on HTTP, in the spelling of KServe's agent.

    >>> http_name(HEADER_ENDPOINT), http_name(HEADER_CONTENT_TYPE)
    ('Ce-Inferenceservicename', 'Content-Type')
    """
    return header.replace("_", "-").title()
