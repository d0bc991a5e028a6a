"""`pegel traffic`: rows of a table to a real model server at a rate, as they are or changed on purpose."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import paint_model
import pandas as pd
import processes
import pytest
import sinks
from blueprints import give_tables
from waiting import wait_until

from pegel.cli.main import main
from pegel.featurestore import LocalFeatureStore
from pegel.spec.monitor_spec import MonitorSpec
from pegel.store.database import connect
from pegel.store.registry import Registry
from pegel_local.backends.endpoint_document import EndpointDocument, write_document
from pegel_local.traffic.closing_summary import summary
from pegel_local.traffic.loops import ClosedLoop, OpenLoop, send
from pegel_local.traffic.requests import Request
from pegel_local.traffic.timed_answers import AnswerCounts

ROWS = 12
REQUEST = Request(b"{}", "an-id")
PEGEL = (sys.executable, "-m", "pegel.cli.main", "traffic")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Paints: what the model takes, and a number of each that it does not take."""
    path = tmp_path / "paints.parquet"
    at = np.arange(ROWS)
    columns = {"number": at, "colour": np.where(at % 2, "red", "blue"), "size": 1.5 * at, "weight": at.astype(float)}
    pd.DataFrame(columns).to_parquet(path)
    return path


@pytest.fixture
def home(tmp_path: Path, table: Path, server: processes.Service) -> Path:
    """A home in which the paints are registered, and their model is watched at the address of the real server."""
    folder = tmp_path / "home"
    model = {"name": "paint", "uri": "none"}
    spec = MonitorSpec.parse({"model": model, "baseline": {"source": "local://paint?version=1&split=train"}})
    LocalFeatureStore(folder / "features").register_training_data("paint", 1, table, paint_model.SCHEMA)
    engine = connect(f"sqlite:///{folder / 'pegel.db'}")
    give_tables(engine)
    Registry(engine).put(spec)
    engine.dispose()
    port = urlsplit(server.url).port
    assert port is not None
    document = replace(EndpointDocument.of(spec), server_port=port, port=port)
    (folder / "endpoints" / "paint-v1").mkdir(parents=True)
    write_document(folder / "endpoints" / "paint-v1" / "endpoint.json", document)
    return folder


def run(*arguments: object) -> int:
    """Run the command; return its exit code."""
    with pytest.raises(SystemExit) as ended:
        main(["traffic", *map(str, arguments)])
    assert isinstance(ended.value.code, int)
    return ended.value.code


def sent_to(sink: sinks.Sink) -> list[dict[str, Any]]:
    """Return the rows that a sink was sent, in the order in which they came, by name."""
    rows = [row for _, body in sink.got for row in json.loads(body)["instances"]]
    assert all(isinstance(row, dict) for row in rows)
    return rows


def far_columns(row: dict[str, Any]) -> list[str]:
    """Return the columns in which a paint lies outside the table, whether its weight was moved by 1,000 or not."""
    last = ROWS - 1
    inside = {
        "number": 0 <= row["number"] <= last,
        "size": 0 <= row["size"] <= 1.5 * last,
        "weight": 0 <= row["weight"] % 1000 <= last,
    }
    return [name for name, is_inside in inside.items() if not is_inside]


@pytest.mark.parametrize("which", ["paint", "paint/1"])
def test_a_table_goes_to_a_model_by_its_name(
    home: Path, table: Path, capsys: pytest.CaptureFixture[str], which: str
) -> None:
    """Every row is answered once; what the model does not take is not sent, so nothing is refused."""
    code = run(table, "--to", which, "--rate", 200, "--home", home)
    said = capsys.readouterr().out

    assert 0 == code
    assert f"{ROWS} requests sent to " in said
    assert f"{ROWS} answered, 0 refused, 0 failed ({ROWS} x 200)" in said
    assert "answered in p50 " in said


@pytest.mark.parametrize("address", ["v1/models/paint-v1:predict", "v2/models/paint-v1/infer"])
def test_registered_rows_go_to_any_address_in_its_protocol(
    home: Path, server: processes.Service, capsys: pytest.CaptureFixture[str], address: str
) -> None:
    """The end of an address tells the protocol; the table is the one that is registered, and begins again."""
    options = ("--rate", 200, "--rows", ROWS + 5, "--json", "--home", home)
    code = run("paint", "--to", f"{server.url}/{address}", *options)
    told = json.loads(capsys.readouterr().out)

    assert (0, ROWS + 5, {"200": ROWS + 5}) == (code, told["answered"], told["answers"])
    assert {"p50", "p95", "p99", "max"} == told["latency_ms"].keys()


def test_what_the_model_says_of_a_wrong_row_is_told(
    home: Path, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A text where a number belongs is refused by the model, whose own sentence is shown once."""
    code = run(table, "--to", "paint", "--set", "size=large", "--rate", 200, "--home", home)
    shown = capsys.readouterr()

    assert 1 == code, shown
    assert f"0 answered, {ROWS} refused, 0 failed ({ROWS} x 400)" in shown.out
    assert 1 == shown.err.count("400: instances[0].size: expected a number or null; given: text")


def test_a_silent_address_is_a_failure_of_every_row(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody listens there: counted, told once, exit code 1."""
    code = run(table, "--to", "http://127.0.0.1:9/v1/models/paint:predict", "--rate", 200)
    shown = capsys.readouterr()

    assert 1 == code
    assert f"0 answered, 0 refused, {ROWS} failed ({ROWS} x not reached)" in shown.out
    assert "not reached: nobody listens there" in shown.err


def test_changes_are_put_into_the_rows(table: Path, sink: sinks.Sink) -> None:
    """Numbers are multiplied, then moved by units or standard deviations; a column is set; one has no value."""
    columns = [part for name in ("colour", "size", "weight", "number") for part in ("--column", name)]
    changes = ("--scale", "size=2", "--shift", "size=+1sd", "--shift", "weight=-3", "--set", "colour=green")
    code = run(table, "--to", f"{sink.url}m:predict", "--rate", 500, *columns, *changes, "--missing", "number")
    deviation = np.std(1.5 * np.arange(ROWS))
    rows = sorted(sent_to(sink), key=lambda row: row["weight"])

    assert 0 == code
    assert [pytest.approx(3.0 * at + deviation) for at in range(ROWS)] == [row["size"] for row in rows]
    assert [at - 3.0 for at in range(ROWS)] == [row["weight"] for row in rows]
    assert {("green", None)} == {(row["colour"], row["number"]) for row in rows}


def test_a_share_of_the_rows_is_changed_by_chance_and_the_same_each_time(table: Path, sink: sinks.Sink) -> None:
    """Two runs change the same rows; about so many of them as were asked for."""
    options = ("--to", f"{sink.url}m:predict", "--rate", 2_000, "--rows", 200, "--set", "colour=green", "--share", 0.3)
    runs = []
    for _ in range(2):
        sink.got.clear()
        assert 0 == run(table, *options)
        runs.append(Counter(row["number"] for row in sent_to(sink) if row["colour"] == "green"))

    assert runs[0] == runs[1]
    assert 40 <= runs[0].total() <= 80


def test_what_cannot_keep_up_with_the_rate_is_told(sink: sinks.Sink) -> None:
    """Behind slow answers only so many requests wait, and the summary says how late they were sent."""
    sink.delay_s = 0.6
    counts = AnswerCounts()
    loop = OpenLoop(1_000.0, under_way=1)
    asyncio.run(send(sink.url, [REQUEST] * 3, loop, counts))

    assert counts.behind_s >= 1.1
    assert "expected 1000 a second; requests were sent up to 1." in summary(counts, sink.url, loop)
    assert "2 requests waited while 1 had no answer, so the server cannot keep up" in summary(counts, sink.url, loop)
    assert (3, 3) == (counts.sent, counts.answered)


def test_a_machine_that_cannot_send_as_fast_is_not_taken_for_a_slow_server() -> None:
    """Late without having waited for answers is late here; half a second of it is no word worth."""
    loop = OpenLoop(2_000.0)
    late, punctual = (AnswerCounts(sent=10, sending_s=5.0, behind_s=behind) for behind in (3.0, 0.5))

    assert "expected 2000 a second; requests were sent up to 3.0 s late: this machine" in summary(late, "x", loop)
    assert "late" not in summary(punctual, "x", loop)
    assert "late" not in summary(late, "x", ClosedLoop(2))


def test_headers_go_with_each_request(table: Path, sink: sinks.Sink) -> None:
    """A client says who it is in a header of its choice; a value may have `=` and blanks."""
    headers = ("--header", "X-Client-Id=branch = 7", "--header", "x-trace=1")

    assert 0 == run(table, "--to", f"{sink.url}m:predict", "--rate", 500, "--rows", 3, *headers)
    assert [("branch = 7", "1")] * 3 == [(sent["X-Client-Id"], sent["x-trace"]) for sent, _ in sink.got]
    assert 3 == len({sent["Ce-Id"] for sent, _ in sink.got})


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        (["X-Client-Id"], "expected NAME=VALUE in ASCII such as X-Client-Id=shop, given 'X-Client-Id'"),
        (["X-Client-Id="], "expected NAME=VALUE"),
        (["X Client=shop"], "expected NAME=VALUE"),
        (["X-Client-Id=one\r\nX-Other: two"], "expected NAME=VALUE"),
        (["content-LENGTH=1"], "given 'content-LENGTH', which each request has of its own"),
        (["Ce-Id=1"], "given 'Ce-Id', which each request has of its own"),
        (["X-Client-Id=one", "x-client-id=two"], "expected each name once, given 'x-client-id' twice"),
    ],
)
def test_headers_that_no_client_sends_are_refused(
    table: Path, sink: sinks.Sink, capsys: pytest.CaptureFixture[str], headers: list[str], reason: str
) -> None:
    """What is no header, breaks its line, stands twice, or makes the request is refused, and nothing is sent."""
    given = [part for header in headers for part in ("--header", header)]

    code, said = run(table, "--to", f"{sink.url}m:predict", *given), capsys.readouterr().err

    assert (2, True, True) == (code, said.startswith("--header: "), reason in said)
    assert [] == sink.got


def test_a_time_and_a_rate_are_so_many_rows(table: Path, sink: sinks.Sink) -> None:
    """Half a second at 30 a second are 15 rows: the table begins again."""
    assert 0 == run(table, "--to", f"{sink.url}m:predict", "--rate", 30, "--for", "0.5s")
    assert 15 == len(sent_to(sink))


def test_the_rate_is_that_of_the_requests_however_long_their_answers_take(sink: sinks.Sink) -> None:
    """Between five requests are four gaps; a single one has no rate."""
    sink.delay_s = 0.3
    few, single = AnswerCounts(), AnswerCounts()
    loop = OpenLoop(20.0)
    asyncio.run(send(sink.url, [REQUEST] * 5, loop, few))
    asyncio.run(send(sink.url, [REQUEST], loop, single))

    assert (few.sent - 1) / few.sending_s == few.rate
    assert few.sending_s <= few.seconds - sink.delay_s
    assert (None, None) == (single.rate, single.to_json()["rate"])
    assert "1 request sent to" in summary(single, sink.url, loop)
    assert "a second" not in summary(single, sink.url, loop)


def test_nothing_is_sent_when_the_time_is_over(sink: sinks.Sink) -> None:
    """A server that cannot keep up with the rate is not sent the rows that are left, and the summary counts them."""
    sink.delay_s = 0.2
    counts = AnswerCounts()
    loop = OpenLoop(5_000.0, under_way=2)
    asyncio.run(send(sink.url, [REQUEST] * 1_000, loop, counts, seconds=0.2))
    counts.unsent = 1_000 - counts.sent

    assert 2 <= counts.sent <= 8
    assert counts.sent == counts.answered
    assert f"{1_000 - counts.sent} requests of those that were due not sent" in summary(counts, sink.url, loop)


def test_answers_are_waited_for_a_bounded_time(sink: sinks.Sink) -> None:
    """What has no answer by then has failed: it is not left out of the counts."""
    sink.delay_s = 5.0
    counts = AnswerCounts()
    asyncio.run(send(sink.url, [REQUEST] * 2, OpenLoop(100.0), counts, within_s=0.1))

    assert (2, 0, 2) == (counts.sent, counts.under_way, counts.failed)
    assert "0 answered, 0 refused, 2 failed (2 x not in time)" in summary(counts, sink.url, OpenLoop(100.0))


@pytest.mark.parametrize("alias", ["itself", "link", "hard link", "in a folder"])
def test_the_log_is_never_the_table(
    table: Path, sink: sinks.Sink, capsys: pytest.CaptureFixture[str], alias: str
) -> None:
    """By whatever name it is called, the table is as it was, and nothing was sent."""
    before, log, sent = table.read_bytes(), table.with_name("answers"), table
    if alias == "link":
        log.symlink_to(table)
    elif alias == "hard link":
        log.hardlink_to(table)
    else:
        log = table
        sent = table.parent if alias == "in a folder" else table
    code = run(sent, "--to", f"{sink.url}m:predict", "--log", log)

    assert (2, [], before) == (code, sink.got, table.read_bytes())
    assert "--log: expected a file that is not read, given " in capsys.readouterr().err


def test_a_log_that_stands_there_is_kept_until_all_is_known_to_be_right(
    table: Path, sink: sinks.Sink, tmp_path: Path
) -> None:
    """An option that is refused costs no answers of an earlier run."""
    log = tmp_path / "answers"
    log.write_text("of yesterday")
    code = run(table, "--to", f"{sink.url}m:predict", "--log", log, "--shift", "colour=1")

    assert (2, "of yesterday") == (code, log.read_text())


@pytest.mark.parametrize("option", ["--skip", "--rows"])
def test_any_number_of_rows_can_be_named(table: Path, sink: sinks.Sink, option: str) -> None:
    """More than any machine counts: the table begins again, so what is left out is a part of a round."""
    number = 10**20 + 1
    assert 0 == run(table, "--to", f"{sink.url}m:predict", "--rate", 50, "--for", "0.1s", option, number)
    # Requests of an open loop may overtake each other.
    assert (number % ROWS if option == "--skip" else 0) == min(row["number"] for row in sent_to(sink))


def test_times_and_truth_values_are_written_as_json_has_them(tmp_path: Path, sink: sinks.Sink) -> None:
    """Times are ISO 8601, truth values JSON's own, what is missing is null, and codes of a CSV are numbers."""
    path = tmp_path / "events.parquet"
    frame = {"at": pd.to_datetime(["2026-03-01T10:00:00Z", None]), "paid": [True, False], "x": [np.nan, 2.0]}
    pd.DataFrame(frame).to_parquet(path)
    assert 0 == run(path, "--to", f"{sink.url}m:predict", "--rate", 5)

    assert [
        {"at": "2026-03-01T10:00:00+00:00", "paid": True, "x": None},
        {"at": None, "paid": False, "x": 2.0},
    ] == sent_to(sink)


def test_a_watched_model_is_sent_its_training_data_where_no_table_is_named(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each registered row once, by as many connections as were asked for."""
    code = run("--to", "paint", "--connections", 3, "--json", "--home", home)
    printed = json.loads(capsys.readouterr().out)

    assert (0, ROWS, {"200": ROWS}) == (code, printed["sent"], printed["answers"])


def test_an_address_alone_does_not_say_what_is_sent(sink: sinks.Sink, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody knows what the model behind it was trained on."""
    code = run("--to", f"{sink.url}m:predict")

    assert (2, []) == (code, sink.got)
    assert "expected a table whose rows are sent, given none" in capsys.readouterr().err


def test_what_is_put_in_on_purpose_begins_later_and_is_counted_and_logged(
    table: Path, sink: sinks.Sink, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From 0.2 s on at 200 a second, from the 41st request: what the log says of each is what the server got."""
    log = tmp_path / "answers"
    changes = ("--shift", "weight=+1000", "--outliers", "20%", "--duplicates", "10%", "--after", "0.2s")
    options = ("--to", f"{sink.url}m:predict", "--rate", 200, "--for", "1s", *changes, "--log", log, "--json")
    assert 0 == run(table, *options)
    printed = json.loads(capsys.readouterr().out)
    lines = sorted(map(json.loads, log.read_text().splitlines()), key=lambda line: str(line["due"]))
    got = {headers["Ce-Id"]: json.loads(body)["instances"][0] for headers, body in sink.got}
    copies = [line for line in lines if line["copy"]]
    outliers = {line["id"]: line["outliers"] for line in lines if line["outliers"]}

    assert (200, 200, 200) == (printed["sent"], len(lines), len(sink.got))
    assert not any(line["changed"] or line["outliers"] or line["copy"] for line in lines[:40])
    assert 160 == printed["changed"] + printed["copies"] == sum(line["changed"] for line in lines) + len(copies)
    assert printed["outliers"] == len(outliers)
    assert 5 <= len(copies) <= 40
    assert 200 - len(copies) == len(got)
    assert outliers == {name: columns for name, row in got.items() if (columns := far_columns(row))}
    assert lines[40]["due"] == printed["changes_from"]


@pytest.mark.parametrize("headers", [{"Pegel-Event-Id": "e-7"}, {}])
def test_the_log_says_under_which_id_an_event_is_told(
    table: Path, sink: sinks.Sink, tmp_path: Path, headers: dict[str, str]
) -> None:
    """A proxy draws ids of its own, and answers them: by these outliers are found again. Other servers say none."""
    sink.headers = headers
    assert 0 == run(table, "--to", f"{sink.url}m:predict", "--rows", 3, "--log", tmp_path / "answers", "--rate", 100)
    lines = [json.loads(line) for line in (tmp_path / "answers").read_text().splitlines()]

    assert [headers.get("Pegel-Event-Id")] * 3 == [line["event_id"] for line in lines]


@pytest.mark.parametrize("loop", [("--rate", 500), ("--connections", 2)])
def test_a_log_without_room_costs_neither_requests_nor_the_summary(
    table: Path, sink: sinks.Sink, capsys: pytest.CaptureFixture[str], loop: tuple[object, ...]
) -> None:
    """Where no line can be written each request is sent and counted, and what the log lacks is told."""
    code = run(table, "--to", f"{sink.url}m:predict", "--rows", 60, *loop, "--log", "/dev/full", "--json")
    printed = capsys.readouterr()

    assert (1, 60) == (code, len(sink.got))
    assert (60, 0) == (json.loads(printed.out)["answered"], json.loads(printed.out)["under_way"])
    assert "--log: 60 answers could not be written to /dev/full: No space left on device" in printed.err


def test_rows_are_lists_for_a_server_that_knows_no_names(table: Path, sink: sinks.Sink) -> None:
    """The values stand in the order of the columns that were chosen."""
    order = ("--column", "weight", "--column", "colour", "--as-list")
    assert 0 == run(table, "--to", f"{sink.url}m:predict", "--rows", 2, *order)
    assert [[0.0, "blue"], [1.0, "red"]] == [json.loads(body)["instances"][0] for _, body in sink.got]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--shift", "size"], "--shift: expected COLUMN=CHANGE such as amount=+1sd"),
        (["--shift", "size=1sdd"], "given 'size=1sdd'"),
        (["--shift", "size=1e400"], "given 'size=1e400'"),
        (["--scale", "size=1e400"], "given 'size=1e400'"),
        (["--shift", "colour=1"], "expected numeric columns (number, size, weight), given colour"),
        (["--set", "sise=1"], "Did you mean `size`?"),
        (["--column", "colur"], "Did you mean `colour`?"),
        (["--share", "0"], "--share: expected more than 0 and at most 1"),
        (["--share", "half"], "--share: expected a part such as 5% or 0.05, at most 1, given 'half'"),
        (["--outliers", "120%"], "--outliers: expected a part such as 5% or 0.05, at most 1, given '120%'"),
        (["--outliers", "5%", "--column", "colour"], "--outliers: expected a column whose numbers vary, given none"),
        (["--duplicates", "0.6"], "--duplicates: expected a part such as 5% or 0.05, at most 0.5"),
        (["--after", "0s"], "--after: expected a time such as 90s"),
        (["--rate", "5", "--connections", "2"], "expected --rate (requests a second, whatever the answers) or"),
        (["--log", "/nowhere/answers"], "--log: expected a file that can be written, given /nowhere/answers"),
        (["--for", "soon"], "--for: expected a time such as 90s"),
        (["--rate", "0"], "--rate: expected more than 0"),
        (["--scale", "size=2", "--scale", "size=3"], "given 'size' twice"),
    ],
)
def test_what_is_not_meant_is_refused_before_anything_is_sent(
    table: Path, sink: sinks.Sink, capsys: pytest.CaptureFixture[str], options: list[str], sentence: str
) -> None:
    """Exit code 2 and one sentence with what was expected."""
    code = run(table, "--to", f"{sink.url}m:predict", *options)
    said = capsys.readouterr().err

    assert (2, []) == (code, sink.got)
    assert sentence in said
    assert "Nothing was sent." in said


def test_names_that_nothing_answers_to_are_told_with_the_nearest(
    home: Path, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A model, a table and an address without a protocol: each is one sentence."""
    codes = [
        run(table, "--to", "paimt", "--home", home),
        run("pain", "--to", "paint", "--home", home),
        run(table, "--to", "http://127.0.0.1:9/", "--home", home),
        run(table, "--to", "http://127.0.0.1:9/v2/models/m/infer", "--as-list", "--home", home),
    ]
    said = capsys.readouterr().err

    assert [2, 1, 2, 2] == codes
    assert 2 == said.count("Did you mean `paint`?")
    assert "expected an address that ends with :predict or /infer" in said
    assert "--as-list: expected an address of protocol v1" in said


@pytest.mark.parametrize("body", [b"<html>Welcome</html>", b'{"predictions": "nope"}', b"null", b""])
def test_an_answer_without_a_prediction_has_failed(
    table: Path, sink: sinks.Sink, capsys: pytest.CaptureFixture[str], body: bytes
) -> None:
    """A server that says 200 to everything does not look like a model that answers."""
    sink.body = body
    code = run(table, "--to", f"{sink.url}m:predict", "--rate", 200, "--rows", 3, "--json")
    told = json.loads(capsys.readouterr().out)

    assert (1, 0, 3, {"no prediction": 3}) == (code, told["answered"], told["failed"], told["answers"])
    assert told["said"]["no prediction"].startswith("status 200 with ")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_with_the_summary(table: Path, sink: sinks.Sink, number: signal.Signals) -> None:
    """What was sent so far is told, what waits for an answer is not waited for; exit code 130."""
    options = ("--to", f"{sink.url}m:predict", "--rate", "50", "--for", "10m")
    paths = {"PYTHONPATH": os.pathsep.join(sys.path)}
    pipe, environment = subprocess.PIPE, os.environ | paths
    with subprocess.Popen(
        [*PEGEL, str(table), *options], stdout=pipe, stderr=pipe, env=environment, text=True
    ) as sender:
        try:
            wait_until(lambda: len(sink.got) >= 5, within_s=60)
            sender.send_signal(number)
            out, err = sender.communicate(timeout=30)
        finally:
            sender.kill()

    waits = "sending for 600 s, 30,000 requests at most, then waiting for answers, 30 s at most\n"

    assert (130, waits) == (sender.returncode, err)
    assert "requests sent to http://127.0.0.1:" in out
    assert " answered, 0 refused, 0 failed" in out


def test_a_summary_that_standard_output_does_not_take_is_on_standard_error(table: Path, sink: sinks.Sink) -> None:
    """All was sent: what came of it is worth more than the file it was to go to."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [*PEGEL, str(table), "--to", f"{sink.url}m:predict", "--rate", "500"]
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, env=environment, text=True, check=False, timeout=60
        )

    assert (74, ROWS) == (ended.returncode, len(sink.got))
    assert f"{ROWS} answered, 0 refused, 0 failed" in ended.stderr
    assert "Traceback" not in ended.stderr
