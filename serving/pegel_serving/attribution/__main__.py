"""`python -m pegel_serving.attribution --namespace NAME`: explain a sample of the predictions of a namespace.

Where things are, the environment says (`PEGEL_DATABASE_URL`, `PEGEL_KAFKA` and others); which models are explained and
how, the registry.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson
import structlog
from prometheus_client import start_http_server

from pegel.errors import PegelError, SetupError
from pegel.spec.clock import SystemClock
from pegel.spec.kafka_security import KafkaSecurity
from pegel.spec.limits import SERVICE_GRACE
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import Settings
from pegel.store.database import connect
from pegel.store.registry import Registry
from pegel.store.worker_beats import WorkerBeats
from pegel_serving import json_logs
from pegel_serving.attribution.attribution_metrics import AttributionMetrics
from pegel_serving.attribution.attribution_outbox import AttributionOutbox
from pegel_serving.attribution.attribution_worker import AttributionWorker
from pegel_serving.attribution.canary_rounds import canary_rounds
from pegel_serving.attribution.endpoint_door import endpoint_door
from pegel_serving.attribution.first_replay import first_replays
from pegel_serving.attribution.held_out_baseline import held_out_baselines
from pegel_serving.attribution.model_preparation import ModelPreparation
from pegel_serving.attribution.model_works import ModelWorks
from pegel_serving.attribution.ordered_features import OrderedFeatures
from pegel_serving.attribution.outlier_explanations import OutlierExplanations
from pegel_serving.attribution.record_at import RecordAt
from pegel_serving.attribution.surrogate_watch import surrogate_watches
from pegel_serving.attribution.topic_reader import TopicReader
from pegel_serving.attribution.worker_progress import WorkerHeart
from pegel_serving.logger.producer import KafkaSender, KafkaSettings
from pegel_serving.repeated_lines import RepeatedLines

log = structlog.stdlib.get_logger(__name__)

LOOK_EVERY_S: Final = 2.0
"""How often the registry is asked whether anything has changed: one row."""
COMMIT_EVERY_S: Final = 2.0
TOLD_EVERY_S: Final = 60.0
"""How often the log says what was done since the last time."""


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m pegel_serving.attribution", description=__doc__)
    parser.add_argument("--namespace", required=True, help="whose models are explained")
    parser.add_argument("--port", type=int, default=0, help="of the metrics; 0: a free one, which the ready line names")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--memory-mib", type=int, default=64, help="most memory of events that are being worked on")
    return parser.parse_args(arguments)


class WatchedSpecs:
    """The specs of a namespace that ask for explanations, as the registry has them now."""

    def __init__(self, registry: Registry, namespace: str) -> None:
        """Ask `registry`."""
        self._registry, self._namespace = registry, namespace
        self._version: int | None = None
        self._at = 0.0
        self._failures = RepeatedLines()

    def changed(self) -> list[MonitorSpec] | None:
        """Return the specs where they may have changed; None where not, or where the database does not answer now."""
        now = time.monotonic()
        if now < self._at:
            return None
        self._at = now + LOOK_EVERY_S
        try:
            if (version := self._registry.version()) == self._version:
                return None
            specs = [spec for spec in self._registry.list() if self._is_explained(spec)]
        except PegelError as error:
            if (times := self._failures.times(str(error))) is not None:
                log.warning("the registry does not answer; what was explained still is", why=str(error), times=times)
            return None
        self._version = version
        return specs

    def _is_explained(self, spec: MonitorSpec) -> bool:
        return spec.attribution.is_used and spec.namespace == self._namespace and not spec.model.is_table


def run(options: argparse.Namespace, settings: Settings, ending: threading.Event) -> int:
    """Work until `ending` is set. Raises SetupError where it cannot begin."""
    metrics = AttributionMetrics()
    sender = KafkaSender(
        KafkaSettings(
            servers=settings.kafka, security=KafkaSecurity.of(settings).librdkafka(), client_id="pegel-attribution"
        )
    )
    most_bytes = options.memory_mib << 20
    engine = connect(settings.database)
    features = OrderedFeatures(settings, engine)
    preparation = ModelPreparation(settings, endpoint_door(settings), features)
    works: list[ModelWorks] = []

    def prepared(endpoint: str, said: Mapping[str, Any]) -> None:
        for one in works:
            one.prepared(endpoint, said)

    records = RecordAt(settings)
    outliers = OutlierExplanations(preparation, features, engine, records)
    outbox = AttributionOutbox(sender)
    worker = AttributionWorker(preparation, outbox, metrics, most_bytes=most_bytes, prepared=prepared)
    works += [
        held_out_baselines(preparation, settings, engine),
        first_replays(preparation, settings, engine),
        canary_rounds(preparation, settings, engine, worker.put),
        surrogate_watches(engine),
    ]
    beside: list[ModelWorks | OutlierExplanations] = [*works, outliers]
    reader = TopicReader(settings, f"pegel-attribution-{options.namespace}", worker.forget)
    specs = WatchedSpecs(Registry(engine), options.namespace)
    heart = WorkerHeart(WorkerBeats(engine), options.namespace, worker.progress, SystemClock())
    server = _metrics_server(options, metrics)
    try:
        _work(worker, beside, reader, specs, heart, ending=ending, server=server)
    finally:
        for one in beside:
            one.end()
        records.close()
        worker.end(SERVICE_GRACE.total_seconds() / 2)
        reader.commit(worker.offsets.safe(), wait=True)
        reader.close()
        heart.beat(state="stopped")
        server.shutdown()
    return 0


def _work(
    worker: AttributionWorker,
    beside: Sequence[ModelWorks | OutlierExplanations],
    reader: TopicReader,
    specs: WatchedSpecs,
    heart: WorkerHeart,
    *,
    ending: threading.Event,
    server: Any,
) -> None:
    is_announced, is_told, commit_at = False, False, 0.0
    while not ending.is_set():
        if (wanted := specs.changed()) is not None:
            is_told = True
            worker.watch(wanted)
            for one in beside:
                one.watch(wanted)
            reader.follow({spec.inference_topic for spec in wanted})
            log.info("watches", models=[spec.key for spec in wanted])
        if not is_announced and is_told and reader.is_settled:
            _announce(server)
            is_announced = True
        worker.take(reader.rest() if worker.is_full else reader.read())
        heart.beat()
        if time.monotonic() >= commit_at:
            commit_at = time.monotonic() + COMMIT_EVERY_S
            reader.commit(worker.offsets.safe())


def _metrics_server(options: argparse.Namespace, metrics: AttributionMetrics) -> Any:
    try:
        return start_http_server(options.port, options.host, metrics.registry)[0]
    except OSError as error:
        raise SetupError(
            f"port {options.port} on {options.host} must be free; given: {error.strerror}. Nothing was started."
        ) from error


def _announce(server: Any) -> None:
    host, port = server.server_address[:2]
    line = {"event": "ready", "service": "attribution", "url": f"http://{host}:{port}", "port": port}
    sys.stdout.write(orjson.dumps(line).decode() + "\n")
    sys.stdout.flush()


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGTERM. Returns the exit code."""
    options = parse(arguments)
    json_logs.configure("attribution")
    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ending.set())
    try:
        code = run(options, Settings.of_environment(), ending)
    except SetupError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    log.info("stopped")
    return code


if __name__ == "__main__":
    sys.exit(main())
