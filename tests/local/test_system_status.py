"""What `pegel status` says of a system, gathered from its files and its database."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from blueprints import give_tables
from rich.console import Console
from sqlalchemy import Engine
from waiting import wait_until

from pegel.cli.main import main
from pegel.labels.label_arrays import LabelPartition
from pegel.reconcile.actions import Action, ActionKind, Target
from pegel.reconcile.job_backend import JobDocument, JobState
from pegel.spec.settings import Settings
from pegel.stats.answer_latencies import Latencies
from pegel.store.action_log import ActionLog
from pegel.store.database import connect, writing
from pegel.store.identity_store import IdentityStore
from pegel.store.label_store import LabelStore
from pegel.store.registry import Registry
from pegel.store.results import Results
from pegel.store.silence_store import SilenceStore
from pegel.store.worker_beats import WorkerBeat, WorkerBeats
from pegel.testing.manual_clock import START
from pegel.testing.samples import sample_heartbeat, sample_silence, sample_spec, sample_window, tabled
from pegel.testing.stream_fakes import speak
from pegel_local.backends.driver_processes import LocalJobBackend
from pegel_local.backends.endpoint_document import EndpointDocument, write_document
from pegel_local.backends.endpoint_processes import SERVES, LocalServingBackend
from pegel_local.cli.status import screen
from pegel_local.machine.paths import Home
from pegel_local.processes.process_id import ProcessId
from pegel_local.system.ended_parts import NO_LOGGER
from pegel_local.system.stack_file import Part, StackFile
from pegel_local.system.status_line import StatusLine
from pegel_local.system.system_status import gather

NOW = START + timedelta(minutes=10)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Those of a home in which nothing is up."""
    return Settings(home=tmp_path)


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    """Its results database, empty."""
    engine = connect(settings.database)
    give_tables(engine)
    yield engine
    engine.dispose()


def test_a_driver_says_what_it_got_done_and_since_when(settings: Settings, engine: Engine) -> None:
    """The line of a driver has its start, its batch, what it has not read, its newest event and its last progress."""
    speak(engine, sample_heartbeat(NOW, progressed_at=NOW - timedelta(seconds=20), lag=3))
    (line,) = gather(settings, NOW)["heartbeats"]

    assert line == StatusLine(
        name="default",
        state="running, started 00:05 UTC, generation 1: batch 17, 3 records behind, newest event 00:09:59 UTC, "
        "last progress 20 s ago, heartbeat 0 s ago",
    )


def test_whose_answers_nobody_can_tell_is_told(settings: Settings, engine: Engine) -> None:
    """A model whose answers have no surrogate says so beside its worker, and why."""
    spec = sample_spec(attribution={"via": "endpoint", "identity": "surrogate"})
    Registry(engine).put(spec)
    why = "a model of the answers explains 71.0% of how they vary"
    IdentityStore(engine).tell(spec.model.name, spec.model.version, "surrogate", why, NOW)
    _, line = gather(settings, NOW)["explanations"]

    assert StatusLine(name=spec.key, state=f"nobody can tell whose answers come: {why}") == line


def test_a_worker_says_what_it_explained(settings: Settings, engine: Engine) -> None:
    """For each namespace in which some model asks; one that fell silent is bad, and its log is named."""
    Registry(engine).put(sample_spec(attribution={"via": "artefact"}))
    before = gather(settings, NOW)["explanations"]
    beat = WorkerBeat(namespace="default", at=NOW, started_at=START, pid=1)
    WorkerBeats(engine).put(replace(beat, namespace="nobody-asks"))
    WorkerBeats(engine).put(beat)
    (line,) = gather(settings, NOW)["explanations"]
    (silent,) = gather(settings, NOW + timedelta(minutes=5))["explanations"]

    assert [StatusLine(name="default", state="its worker has not spoken yet")] == before
    words = "running, started 00:00 UTC: 0 rows explained, none refused, nothing chosen yet"
    assert StatusLine(name="default", state=words) == line
    assert (False, f"less {settings.home}/workers/default/log") == (silent.good, silent.remedy)
    assert silent.state.startswith("silent since 00:10 UTC")


def test_refused_labels_stand_in_the_status(settings: Settings, engine: Engine) -> None:
    """With how many and why, and where each of them lies; nothing is wrong with the system for that."""
    Registry(engine).put(sample_spec(labels={"source": "topic"}))
    before = gather(settings, NOW)["labels"]
    LabelStore(engine).take("default", {}, {LabelPartition("a", 0): 2}, {("delays/1", "other_match"): 2}, now=NOW)
    (line,) = gather(settings, NOW)["labels"]

    assert [] == before
    assert line == StatusLine(
        name="delays/1",
        state="2 labels refused: 2 other_match (matched otherwise than its spec says)",
        remedy=f"read why: {settings.archive_root}/not_labels",
    )


def test_rows_of_a_table_that_are_no_labels_lie_nowhere_else(settings: Settings, engine: Engine) -> None:
    """They are counted with why; a model in a table has no messages either, of which its line could tell."""
    wish = {"source": "parquet:/outcomes", "field": "late", "match": "entity", "keys": ["flight"], "time": "at"}
    Registry(engine).put(sample_spec(model=tabled(keys=["flight"]), labels=wish))
    Registry(engine).put(sample_spec("other"))
    LabelStore(engine).note_table("default", "delays/1", {"no_key": 2})
    told = gather(settings, NOW)
    words = "2 labels refused: 2 no_key (rows of the table without the id or the keys of a prediction)"

    assert [StatusLine(name="delays/1", state=words)] == told["labels"]
    assert [("delays/1", False), ("other/1", True)] == [
        (line.name, "messages in a day" in line.state) for line in told["models"]
    ]


def test_a_stream_that_stands_still_is_bad_although_its_driver_speaks(settings: Settings, engine: Engine) -> None:
    """A driver without progress for longer than is allowed has a bad line that says since when, and what comes next."""
    speak(engine, sample_heartbeat(NOW, progressed_at=START, started_at=START))
    (line,) = gather(settings, NOW)["heartbeats"]

    assert (line.good, "no progress since 00:00:00 UTC" in line.state) == (False, True)
    assert line.remedy.startswith("wait a minute")


@pytest.mark.parametrize("what", ["the broker", "the topic pegel.default.inference"])
def test_what_a_driver_waits_for_somebody_has_to_bring_back(settings: Settings, engine: Engine, what: str) -> None:
    """Its line is bad and says since when; a topic that was deleted nobody makes again but who onboards a model."""
    speak(engine, sample_heartbeat(NOW, missing=f"waiting for {what} since 00:09:00 UTC"))
    (line,) = gather(settings, NOW)["heartbeats"]

    how = "the broker by `pegel up`, a topic by `pegel apply FILE` of one of its models"

    assert (False, f"bring that back: {how}; the driver then goes on") == (
        line.good,
        line.remedy.removesuffix(" by itself"),
    )
    assert line.state.endswith(f"; waiting for {what} since 00:09:00 UTC")


def test_the_last_words_of_an_earlier_driver_are_not_those_of_what_runs(settings: Settings, engine: Engine) -> None:
    """After a restart the line says which generation runs and of which was heard; in quarantine, what to look at."""
    speak(engine, sample_heartbeat(START, lag=41))
    log, target = ActionLog(engine), Target.driver("default")
    log.record([Action(kind=ActionKind.RESTART, target=target, reason="killed by SIGKILL", generation=4)], NOW)
    (restarted,) = gather(settings, NOW)["heartbeats"]
    reason = "3 restarts since 00:01 UTC did not help, next try at 00:20:00 UTC; exited with 3"
    log.record([Action(kind=ActionKind.QUARANTINE, target=target, reason=reason, generation=4)], NOW)
    (waits,) = gather(settings, NOW)["heartbeats"]

    assert restarted == StatusLine(
        name="default",
        state="generation 4 was started, nothing heard of it yet; last heard of generation 1 at 00:00 UTC, "
        "heartbeat 10 min ago",
        good=False,
        remedy="nothing: it says each step of its start",
    )
    assert waits == replace(restarted, remedy=f"less {settings.home}/jobs/default/log; reconciling waits: {reason}")


def test_a_driver_that_starts_says_which_step_it_is_at(settings: Settings, engine: Engine) -> None:
    """Its model is not watched until it reads; nobody has to do anything about it."""
    speak(engine, sample_heartbeat(NOW, state="starting", batch_id=0, doing="starting Spark"))
    (line,) = gather(settings, NOW)["heartbeats"]

    assert line.state.endswith("; its driver is starting: starting Spark since 00:10:00 UTC")
    assert (False, "nothing") == (line.good, line.remedy.partition(":")[0])


def test_what_nobody_can_tell_the_database_stands_in_the_line_of_the_driver(settings: Settings) -> None:
    """While the database is locked a driver says in its folder what it waits for, and its line is bad."""
    backend = LocalJobBackend(
        settings, command=("sh", "-c", 'printf "waiting for the database" > $0/waiting; sleep 60')
    )
    backend.ensure(JobDocument(group="default", fingerprint="f", kafka="127.0.0.1:9"), 1)
    try:
        assert wait_until(lambda: any(seen.detail for seen in backend.observe()))
        (line,) = gather(settings, NOW)["drivers"]
    finally:
        backend.stop("default", grace=timedelta(0))

    assert ("running, generation 1; waiting for the database", False) == (line.state, line.good)


def test_a_bad_model_names_a_command_that_means_it(settings: Settings, engine: Engine) -> None:
    """Of several models in trouble each has the command of its own report: without a name, it would be refused."""
    for version in (1, 2):
        Registry(engine).put(sample_spec("delays", version))
    speak(engine, sample_heartbeat(NOW, progressed_at=START, started_at=START))

    assert [(False, "pegel report delays/1"), (False, "pegel report delays/2")] == [
        (line.good, line.remedy) for line in gather(settings, NOW)["models"]
    ]


def test_a_model_has_the_words_of_its_page(settings: Settings, engine: Engine) -> None:
    """How long answers took, and which have no request, stands in its line, and so in what machines are given."""
    Registry(engine).put(sample_spec())
    latencies = Latencies()
    latencies.update(np.array([20] * 99 + [900]))
    Results(engine).write(windows=[sample_window(latencies=latencies, orphans=2)])
    (line,) = gather(settings, NOW)["models"]

    assert " · latency p50 20 ms, p95 20 ms, p99 20 ms of 100 answers; 2 answers without a request · " in line.state


def test_without_a_system_each_line_names_the_next_command(settings: Settings) -> None:
    """In a home where nothing was ever started, components and database are bad and say `pegel up`."""
    sections = gather(settings, NOW)

    assert [("pegel up", False)] * 2 == [
        (line.remedy, line.good) for part in ("components", "database") for line in sections[part]
    ]


def silenced(engine: Engine, now: datetime, why: str = "storm in ORD") -> None:
    """Let Ada silence `delays/1` for an hour."""
    Registry(engine).put(sample_spec())
    until = now + timedelta(hours=1)
    SilenceStore(engine).say(sample_silence(until, why=why, said_at=now))


def status(settings: Settings, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[object, str]:
    """Run the command where its output is no terminal; return exit code and output."""
    with pytest.raises(SystemExit) as ended:
        main(["status", "--home", str(settings.home), *options])
    return ended.value.code, capsys.readouterr().out


def test_a_silence_says_who_why_and_until(settings: Settings, engine: Engine) -> None:
    """A model about which no mail comes has a line that says so, and how to end it; a silence is nothing bad."""
    silenced(engine, NOW)
    (line,) = gather(settings, NOW)["silences"]

    assert line == StatusLine(
        name="silence 1",
        state="no mail about delays/1 before 01:10 UTC, said by ada at 00:10 UTC: storm in ORD",
        remedy="pegel unsilence 1",
    )


def test_a_silence_that_is_over_has_no_line(settings: Settings, engine: Engine) -> None:
    """Its end itself is not within."""
    silenced(engine, NOW)

    assert [] == gather(settings, NOW + timedelta(hours=1))["silences"]


def test_a_silence_that_cannot_be_read_has_a_line(settings: Settings, engine: Engine) -> None:
    """Whatever stands in place of its end, every other section is there."""
    silenced(engine, NOW)
    with writing(engine) as connection:
        connection.execute(sa.text("UPDATE silences SET until = 'some day'"))
    sections = gather(settings, NOW)
    (line,) = sections["silences"]

    assert (False, "silence 1 about delays/1: it cannot be read") == (line.good, line.state.partition(": Value")[0])
    assert "models" in sections


def test_a_pipe_has_whole_lines(settings: Settings, engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the output is no terminal nothing is wrapped or cut: a line has section, name, state and command."""
    why = "long " * 39 + "end"
    silenced(engine, datetime.now(UTC), why)
    code, said = status(settings, capsys)
    (line,) = (line for line in said.splitlines() if line.startswith("silences"))

    assert 1 == code
    assert line.endswith(f"{why}  -> pegel unsilence 1 --home {settings.home}")
    assert [] == [line for line in said.splitlines() if line.startswith(" ")]


def test_a_terminal_shows_each_command_whole(settings: Settings, engine: Engine) -> None:
    """On a terminal of 80 columns what is long goes on in the next line; what is to be done has a line of its own."""
    silenced(engine, NOW, "long " * 39 + "end")
    console = Console(width=80)
    with console.capture() as capture:
        console.print(screen(gather(settings, NOW)))
    said = capture.get()

    assert {"-> pegel up", "-> pegel unsilence 1"} <= {line.strip() for line in said.splitlines()}
    assert (39, 1, 0) == (said.count("long"), said.count("end\n") + said.count("end "), said.count("…"))


def test_machines_read_the_same(settings: Settings, engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    """With `--json` there is what `gather` returns, a row each, and `good` is the exit code in a word."""
    silenced(engine, datetime.now(UTC))
    code, said = status(settings, capsys, "--json")
    document = json.loads(said)
    (silence,) = (row for row in document["status"] if row["section"] == "silences")
    (system,) = (row for row in document["status"] if row["section"] == "components")

    assert (1, False) == (code, document["good"])
    same = f" --home {settings.home}"
    assert ("silence 1", f"pegel unsilence 1{same}") == (silence["name"], silence["remedy"])
    state = f"not up in {settings.home}"
    assert {"section": "components", "name": "system", "state": state, "good": False, "remedy": f"pegel up{same}"} == (
        system
    )
    assert [] == document["unread"]


def test_machines_read_what_has_no_database(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    """A home in which nothing ever ran is a document, too."""
    code, said = status(settings, capsys, "--json")

    (database,) = (row for row in json.loads(said)["status"] if row["section"] == "database")

    assert (1, f"pegel up --home {settings.home}") == (code, database["remedy"])


def recorded(settings: Settings, *, process: ProcessId) -> None:
    """Let the home know of a logger in this process, of addresses, and of an endpoint that does not run."""
    file = StackFile(Home(settings.home))
    file.record(addresses={"page": "http://127.0.0.1:1/pegel", "user": "admin", "password": "secret"})
    file.record(parts={"logger": Part(process=process, log="logger.log")})
    endpoint = settings.home / "endpoints" / "delays-v1"
    endpoint.mkdir(parents=True)
    (endpoint / SERVES).write_text("{}", encoding="utf-8")


def test_addresses_are_shown_while_a_system_is_up(settings: Settings) -> None:
    """Where to go is in the status, the password is not; an endpoint that ended by itself has failed."""
    recorded(settings, process=ProcessId.of(os.getpid()))
    sections = gather(settings, NOW)

    assert [StatusLine(name="page", state="http://127.0.0.1:1/pegel")] == sections["addresses"]
    assert [(False, True)] == [(line.good, line.state.startswith("failed")) for line in sections["endpoints"]]


def test_a_demonstration_that_is_up_beside_it_is_pointed_at(settings: Settings) -> None:
    """Whoever kept the demonstration's system is led to it, not to starting another; a damaged record leads nowhere."""
    home, demo = settings.home / ".pegel", settings.home / ".pegel-demo"
    asked = settings.model_copy(update={"home": home})
    recorded(settings.model_copy(update={"home": demo}), process=ProcessId.of(os.getpid()))
    pointed = gather(asked, NOW)["components"]
    (demo / "stack.json").write_text("{", encoding="utf-8")

    state = f"not up in {home}; that of the demonstration is"
    assert [StatusLine(name="system", state=state, good=False, remedy=f"export PEGEL_HOME={demo}")] == pointed
    assert ["pegel up"] == [line.remedy for line in gather(asked, NOW)["components"]]


def test_a_model_whose_requests_nobody_logs_says_so(settings: Settings, engine: Engine) -> None:
    """Where the logger alone has ended, each model is in trouble, whatever its last window says, and has a remedy."""
    Registry(engine).put(sample_spec())
    with subprocess.Popen(["sleep", "60"]) as ended:
        identity = ProcessId.of(ended.pid)
        ended.kill()
    file = StackFile(Home(settings.home))
    file.record(parts={"broker": Part(process=ProcessId.of(os.getpid()), log="broker.log")})
    before = gather(settings, NOW)["models"]
    file.record(parts={"logger": Part(process=identity, log="logger.log")})
    (line,) = gather(settings, NOW)["models"]

    assert ["the logger has ended" in one.state for one in before] == [False]
    assert NO_LOGGER in line.state
    assert (False, "pegel up") == (line.good, line.remedy)


def test_what_was_stopped_with_the_system_did_not_fail(settings: Settings) -> None:
    """After everything was stopped an endpoint is no failure of its own, and no address leads anywhere."""
    ended = subprocess.Popen(["sleep", "60"])
    identity = ProcessId.of(ended.pid)
    ended.kill()
    ended.wait()
    recorded(settings, process=identity)
    sections = gather(settings, NOW)

    assert ([], [StatusLine(name="delays-v1", state="stopped with the system")]) == (
        sections["addresses"],
        sections["endpoints"],
    )


@pytest.mark.parametrize("code", [0, 9])
def test_a_crash_before_everything_was_stopped_stays_in_sight(settings: Settings, code: int) -> None:
    """Of a driver that had failed before the system was stopped the exit code is told; of one that was stopped none."""
    backend = LocalJobBackend(settings, command=(sys.executable, "-c", f"raise SystemExit({code})"))
    backend.ensure(
        JobDocument(group="default", fingerprint="abc", kafka="127.0.0.1:1", trigger=timedelta(seconds=2)), 1
    )
    assert wait_until(lambda: backend.observe()[0].state is JobState.EXITED)
    (line,) = gather(settings, NOW)["drivers"]

    assert line.state == "stopped with the system, generation 1" + (", exit code 9" if code else "")


def test_a_failed_endpoint_names_the_log_of_what_serves(settings: Settings) -> None:
    """Whichever colour serves, the next command shows its model server's log, and never that of a candidate."""
    recorded(settings, process=ProcessId.of(os.getpid()))
    folder = settings.home / "endpoints" / "delays-v1"
    write_document(folder / SERVES, EndpointDocument.of(sample_spec(), "green"))
    for part in ("server", "server-green", "proxy-green"):
        (folder / part).mkdir()
        (folder / part / "log").write_text("killed", encoding="utf-8")
    (line,) = gather(settings, NOW)["endpoints"]

    assert line.remedy == f"less {folder.resolve() / 'server-green' / 'log'}"


def test_the_logs_of_an_endpoint_are_those_of_server_and_proxy(settings: Settings) -> None:
    """Only of what serves, the server's first; a server that is not ours has but the proxy's."""
    folder = settings.home / "endpoints" / "delays-v1"
    for part in ("server", "server-green", "proxy", "proxy-green"):
        (folder / part).mkdir(parents=True)
        (folder / part / "log").touch()
    write_document(folder / SERVES, EndpointDocument.of(sample_spec(), "green"))
    ours = LocalServingBackend(settings).logs_of("delays-v1")
    foreign = sample_spec(model={"name": "delays", "version": 1, "url": "http://models:8080"})
    write_document(folder / SERVES, EndpointDocument.of(foreign, "green"))

    assert ours == tuple(str(folder.resolve() / part / "log") for part in ("server-green", "proxy-green"))
    assert LocalServingBackend(settings).logs_of("delays-v1") == ours[1:]
