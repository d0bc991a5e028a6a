"""Topics that change under a driver: what is missing afterwards is known to the record, or said to be unknown."""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from event_load import EventLoad
from fault_outcomes import FaultOutcome
from fault_scene import FaultScene, scene_of
from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import NewPartitions, NewTopic
from kafka.errors import InvalidReplicationAssignmentError
from waiting import wait_until
from wires import broker_in, create_again, wire_to

from pegel.report.model_list import model_rows
from pegel.report.reading import Sources
from pegel.store.database import connect
from pegel.testing.samples import brief_spec
from pegel_local.kafka.broker import Broker
from pegel_local.machine.paths import checkout

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(1800)]


def asked(address: str, question: Callable[[Any], None]) -> None:
    """Let an admin client do something."""
    with closing(KafkaAdminClient(bootstrap_servers=address)) as admin:
        question(admin)


def notices(scene: FaultScene) -> list[str]:
    """Return what the list of models says beside the state of the model."""
    engine = connect(scene.drivers.world.settings.database)
    (row,) = model_rows(Sources(engine), scene.drivers.world.now())
    engine.dispose()
    return row.notices


def test_a_partition_and_a_namespace_more_cost_nothing(
    scene: FaultScene, outcomes: list[FaultOutcome], broker: Any
) -> None:
    """Both are read by the running driver, and the history of the group is not read again."""
    other = wire_to(broker)
    asked(other.address, lambda admin: admin.create_partitions({scene.drivers.wire.topic: NewPartitions(3)}))
    scene.drivers.wait(lambda: scene.drivers.says("partitions=3"))
    scene.drivers.world.watch(brief_spec("fraud", namespace=other.namespace))
    scene.drivers.send(0, 50, scene.drivers.world.now(), "fraud-v1", other)
    scene.drivers.wait(lambda: scene.drivers.requests("fraud") == 50)
    other.producer.close()
    outcome = scene.outcome("two partitions and a namespace more")
    outcomes.append(outcome)

    assert (0, 0, outcome.windows) == (outcome.lost, outcome.doubled, outcome.exact)
    assert (len(scene.load.sent) + 100,) * 2 == scene.drivers.accounts()
    assert 1 == len(scene.drivers.started)


def test_a_partition_without_a_leader_holds_up_no_other(
    drivers: Any, outcomes: list[FaultOutcome], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What a broker that is gone has is waited for, the others are read; back within the lateness, it costs nothing."""
    with (
        broker_in(tmp_path_factory.mktemp("first")) as first,
        Broker(tmp_path_factory.mktemp("second"), checkout().jars("broker"), joins=first) as second,
    ):
        drivers.wire = wire_to(first, create=False)
        assert wait_until(lambda: is_made(drivers.wire, [first.node, second.node]), within_s=60)
        # It would look for the second broker again and again, and leave sockets behind.
        drivers.wire.producer.close()
        with scene_of(drivers, lateness_s=80) as scene:
            second.kill()
            assert wait_until(lambda: "no leader since" in scene.doubts(), within_s=90)
            scene.goes_on()
            second.start()
            assert wait_until(lambda: not scene.doubts(), within_s=90)
            outcome = scene.outcome("a partition without a leader")
    outcomes.append(outcome)

    assert (0, 0, outcome.windows) == (outcome.lost, outcome.doubled, outcome.exact)
    assert (1, None) == (len(drivers.started), drivers.started[0].poll())


def is_made(wire: Any, nodes: list[int]) -> bool:
    """Make the topic of events with a partition on each broker; a second one is taken a moment after it is there."""
    topic = NewTopic(wire.topic, replica_assignments={at: [node] for at, node in enumerate(nodes)})
    try:
        asked(wire.address, lambda admin: admin.create_topics([topic]))
    except InvalidReplicationAssignmentError:
        return False
    return True


def test_what_retention_took_unread_is_a_gap_with_its_number(drivers: Any, outcomes: list[FaultOutcome]) -> None:
    """Deleted before a stopped driver came back, records are missing in windows as many as the gap says."""
    with scene_of(drivers, copies=0.0) as scene:
        drivers.started[0].send_signal(signal.SIGTERM)
        drivers.started[0].wait(120)
        read = scene.read_up_to()
        sent = len(scene.load.sent)
        assert_sent_more(scene, 3_000)
        place = TopicPartition(drivers.wire.topic, 0)
        asked(drivers.wire.address, lambda admin: admin.delete_records({place: sent + 1_000}))
        drivers.start(2)
        scene.goes_on()
        outcome = scene.outcome("records deleted before they were read")
    outcomes.append(outcome)

    assert (sent + 1_000 - read, 0) == (outcome.lost, outcome.doubled)
    assert [outcome.lost] == scene.never_read()
    assert f"{outcome.lost:,} records never read" in notices(scene)


def assert_sent_more(scene: FaultScene, records: int) -> None:
    """Wait until the load has sent so many more records."""
    until = len(scene.load.sent) + records
    assert wait_until(lambda: len(scene.load.sent) >= until, within_s=60)


def make_again(scene: FaultScene) -> None:
    """Stop the load, delete the topic, make it again, and go on with the load."""
    scene.load.stop()
    address, topic = scene.drivers.wire.address, scene.drivers.wire.topic
    asked(address, lambda admin: admin.delete_topics([topic]))
    asked(address, lambda admin: create_again(admin, topic))
    before = scene.load
    scene.load = EventLoad(address, before.namespace, copies=0.0, sent=before.sent)
    scene.load.__enter__()


def test_a_topic_made_again_after_it_was_read_costs_nothing(drivers: Any, outcomes: list[FaultOutcome]) -> None:
    """Its records are others under old numbers: each is read once, also where there are soon more than there were."""
    with scene_of(drivers, copies=0.0) as scene:
        scene.load.stop()
        drivers.wait(lambda: drivers.accounts()[0] == len(scene.load.sent))
        make_again(scene)
        drivers.wait(lambda: drivers.accounts()[0] > len(scene.load.sent) // 2 + 2_000)
        outcome = scene.outcome("topic made again, all of it read")
    outcomes.append(outcome)

    assert (0, 0, outcome.windows) == (outcome.lost, outcome.doubled, outcome.exact)
    assert [] == scene.never_read()


def test_a_topic_made_again_while_nobody_watched_is_a_gap_of_unknown_size(
    drivers: Any, outcomes: list[FaultOutcome]
) -> None:
    """How much of the former one was unread no broker can say any more: the list says so, and not that it was none."""
    with scene_of(drivers, copies=0.0) as scene:
        drivers.kill()
        read = scene.read_up_to()
        assert_sent_more(scene, 2_000)
        scene.load.stop()
        unread = len(scene.load.sent) - read
        make_again(scene)
        drivers.start(2)
        drivers.wait(lambda: scene.never_read() == [None])
        scene.goes_on()
        outcome = scene.outcome("topic made again unread, no driver there")
    outcomes.append(outcome)

    assert (unread, 0, [None]) == (outcome.lost, outcome.doubled, scene.never_read())
    assert [f"of {drivers.wire.topic} an unknown number of records never read"] == notices(scene)
