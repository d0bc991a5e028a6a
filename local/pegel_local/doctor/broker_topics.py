"""The broker: does it answer, has it the topics of watched models, and does it keep their records long enough."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import timedelta
from typing import Any

from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.errors import KafkaError
from kafka.net.sasl.oauth import AbstractTokenProvider

from pegel.errors import PegelError
from pegel.spec import names
from pegel.spec.kafka_security import KafkaSecurity, TokenFile
from pegel.spec.limits import RECORDS_KEPT
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.plain_numbers import how_many
from pegel.spec.settings import Settings
from pegel.store.database import connect
from pegel.store.database_file import refuse_missing
from pegel.store.registry import Registry
from pegel_local.doctor.diagnosis import Diagnosis, bad, ok, warning

REACH_WITHIN = timedelta(seconds=5)
SHORTEST_KEPT = timedelta(days=1)
"""A driver that is away over a night loses nothing where records are kept for a day."""


def broker(settings: Settings) -> Iterator[Diagnosis]:
    """Look at the broker and the topics of all watched models."""
    # Asked first, because a client that finds nobody leaves a socket behind.
    if not any(map(_takes_connections, settings.kafka.split(","))):
        remedy = "pegel up, or name the broker in PEGEL_KAFKA"
        yield bad("broker", f"nobody takes connections at {settings.kafka}", remedy)
        return
    logging.getLogger("kafka").setLevel(logging.CRITICAL)  # what it says there is said here in a sentence
    AbstractTokenProvider.register(TokenFile)
    options = KafkaSecurity.of(settings).kafka_python()
    try:
        admin = KafkaAdminClient(
            bootstrap_servers=settings.kafka.split(","),
            client_id="pegel-doctor",
            bootstrap_timeout_ms=REACH_WITHIN // timedelta(milliseconds=1),
            **options,
        )
    except (KafkaError, OSError) as error:
        remedy = "pegel up, or name the broker in PEGEL_KAFKA"
        yield bad("broker", f"none answers at {settings.kafka}: {error or type(error).__name__}", remedy)
        return
    with closing(admin):
        there = set(admin.list_topics())
        yield ok("broker", f"it answers at {settings.kafka}, with {how_many(len(there), 'topic')}")
        specs = _specs(settings)
        wanted = {topic for spec in specs for topic in (spec.inference_topic, *names.topics(spec.namespace))}
        for topic in sorted(wanted - there):
            remedy = "pegel apply FILE of one of the models that need it: nothing else makes topics"
            yield bad("topics", f"the broker has no topic {topic}, which watched models need", remedy)
        if present := sorted(wanted & there):
            yield from _leaderless(admin, present)
            yield from _retention(admin, present)


def _takes_connections(server: str) -> bool:
    host, _, port = server.strip().rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=REACH_WITHIN.total_seconds()):
            return True
    except (OSError, ValueError):
        return False


def _leaderless(admin: Any, topics: list[str]) -> Iterator[Diagnosis]:
    for described in admin.describe_topics(topics):
        without = [each["partition_index"] for each in described["partitions"] if each["leader_id"] < 0]
        if without:
            sentence = f"{described['name']} has no leader for partitions {', '.join(map(str, without))}"
            yield bad("topics", sentence, "bring the broker back that holds them")


def _retention(admin: Any, topics: list[str]) -> Iterator[Diagnosis]:
    resources = [ConfigResource(ConfigResourceType.TOPIC, topic) for topic in topics]
    described = admin.describe_configs(resources, config_filter="all")
    short = dict[str, timedelta]()
    for by_name in described.values():
        for topic, configs in by_name.items():
            kept = _kept(configs)
            if kept is not None and kept < RECORDS_KEPT:
                short[topic] = kept
    for topic, kept in sorted(short.items()):
        sentence = f"{topic} keeps records for {_length(kept)}: who is away for longer loses what nobody has read"
        longer = f"retention.ms={RECORDS_KEPT // timedelta(milliseconds=1)}"
        remedy = f"kafka-configs --alter --topic {topic} --add-config {longer}"
        yield (bad if kept < SHORTEST_KEPT else warning)("topics", sentence, remedy)
    if not short:
        yield ok("topics", f"all {len(topics)} are there and keep records for {_length(RECORDS_KEPT)} or longer")


def _kept(configs: Mapping[str, Any]) -> timedelta | None:
    """Return for how long a topic keeps records; None where it keeps them for ever or does not say."""
    said = configs.get("retention.ms")
    value = said.get("value") if isinstance(said, Mapping) else said
    return None if value in {None, "-1", -1} else timedelta(milliseconds=int(str(value)))


def _length(kept: timedelta) -> str:
    return f"{kept / timedelta(days=1):g} d" if kept >= timedelta(days=1) else f"{kept / timedelta(hours=1):g} h"


def _specs(settings: Settings) -> list[MonitorSpec]:
    """Return the specs of models that send events; none without a database, which is told by its own check."""
    try:
        refuse_missing(settings.database)
        engine = connect(settings.database)
        try:
            return [spec for spec in Registry(engine).list() if not spec.model.is_table]
        finally:
            engine.dispose()
    except PegelError:
        return []
