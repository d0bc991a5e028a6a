"""Requests of others at the demonstration's endpoint are told as such, by what the logger counted by itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import sqlalchemy as sa
from blueprints import give_tables

from pegel.errors import PermanentError
from pegel.spec.settings import Settings
from pegel.store import tables
from pegel.stream.outcomes import COUNTERS
from pegel.testing.samples import sample_ledger
from pegel_local.demo import flight_traffic, strangers
from pegel_local.demo.demonstration import ON_THIS_MACHINE
from pegel_local.demo.stage import Demo
from pegel_local.machine.paths import Checkout, Home
from pegel_local.system.parts import PURPOSES, Parts

METRICS = """# TYPE pegel_logger_events_accepted_total counter
pegel_logger_events_accepted_total{endpoint="delays-v1",type="request"} 12.0
pegel_logger_events_accepted_total{endpoint="delays-v1",type="response"} 12.0
pegel_logger_events_accepted_total{endpoint="delays-v1",type="dropped"} 3.0
pegel_logger_events_accepted_total{endpoint="other",type="request"} 7.0
"""
ALONE = METRICS.replace("12.0", "11.0")
"""As many as the demonstration sent, and a probe."""


@dataclass(frozen=True)
class PartsOfALogger(Parts):
    """Parts of a system whose logger is the test's."""

    logger_at: str = ""

    def settings(self) -> Settings:
        """Return the settings with that logger."""
        return Settings(home=self.home.path, logger_url=self.logger_at)


@pytest.fixture
def metrics() -> Iterator[tuple[str, list[str]]]:
    """A server that tells metrics, its address, and what it tells."""
    told = [METRICS]

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(told[0].encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  of the library
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", told
    server.shutdown()
    thread.join()
    server.server_close()


def demo_of(folder: Path, logger: str, judged: int) -> Demo:
    """Return a demonstration that has sent ten requests, and a ledger with so many messages and a probe."""
    checkout = Checkout(folder)
    demo = ON_THIS_MACHINE.demo(stack=ON_THIS_MACHINE.stack(folder / "home", checkout), checkout=checkout, data=folder)
    demo.parts = PartsOfALogger(Home(folder / "home"), checkout, dict.fromkeys(PURPOSES, 1), logger)
    demo.facts["unchanged"] = {"sent": 10}
    (folder / "home").mkdir()
    give_tables(demo.engine)
    row = sample_ledger(judged=judged, late=0, invalid=0, duplicate=0, probe=2)
    counts = {name: getattr(row, name) for name in COUNTERS}
    with demo.engine.begin() as connection:
        own = {"model": "delays", "version": 1, "minute": row.minute, "group": "default"}
        connection.execute(sa.insert(tables.ledger).values(own | counts))
    return demo


def test_what_others_sent_does_not_open_the_ledger(tmp_path: Path, metrics: tuple[str, list[str]]) -> None:
    """A ledger with as much more as the logger took closes, and the stage says whose it was."""
    ledger = flight_traffic.ledger(demo_of(tmp_path, metrics[0], 22))

    assert (22, 10, 2) == (ledger["received"], ledger["sent"], ledger["others"])
    assert "somebody else asked the endpoint meanwhile" in strangers.in_words(ledger["others"])


@pytest.mark.parametrize(("judged", "told"), [(22, ALONE), (24, METRICS), (19, METRICS)])
def test_what_the_driver_counted_twice_or_lost_is_nobody_elses(
    judged: int, told: str, tmp_path: Path, metrics: tuple[str, list[str]]
) -> None:
    """More than the logger took was counted twice, and less than was sent is lost: then the ledger does not close."""
    metrics[1][0] = told

    with pytest.raises(PermanentError, match="a ledger that closes at 20 messages"):
        flight_traffic.ledger(demo_of(tmp_path, metrics[0], judged))


def test_a_logger_that_says_nothing_excuses_nothing(tmp_path: Path) -> None:
    """Without its numbers the ledger has to close at what was sent."""
    assert 0 == flight_traffic.ledger(demo_of(tmp_path, "http://127.0.0.1:9/", 20))["others"]
