"""Traffic is sent as stated: so many requests, each with an id of its own, no faster than the rate."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest
import sinks

from pegel_serving import request_traffic

ROWS = [["red", 1.0, None], ["blue", 2.0, 3.0]]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Two instances, gzipped."""
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress(b"\n".join(json.dumps(row).encode() for row in ROWS)))
    return path


def test_a_file_begins_again_when_it_is_used_up(file: Path) -> None:
    """Skipping counts on through the end as well."""
    assert [*ROWS, ROWS[0]] == list(islice(request_traffic.read(file), 3))
    assert [ROWS[1], ROWS[0]] == list(islice(request_traffic.read(file, skip=3), 2))


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    """There is nothing to begin again with."""
    path = tmp_path / "empty.jsonl"
    path.write_text("\n")

    with pytest.raises(ValueError, match="no instance"):
        next(request_traffic.read(path))


def test_every_instance_is_one_request_with_an_id_of_its_own(sink: sinks.Sink) -> None:
    """The report lists the ids in the order of sending and counts the statuses."""
    report = asyncio.run(request_traffic.send(sink.url, ROWS * 5, rate=500.0))
    sent = {headers["ce-id"]: json.loads(body) for headers, body in sink.got}

    assert Counter({"200": 10}) == report.statuses
    assert [{"instances": [row]} for row in ROWS * 5] == [sent[event_id] for event_id in report.ids]
    assert 10 == len(report.latencies_ms)


def test_it_is_no_faster_than_the_rate(sink: sinks.Sink) -> None:
    """The last of eleven requests at 20 a second leaves half a second after the first."""
    report = asyncio.run(request_traffic.send(sink.url, [ROWS[0]] * 11, rate=20.0))

    assert report.seconds >= 0.5


def test_requests_under_way_are_bounded(sink: sinks.Sink) -> None:
    """Behind an answer that does not come, only so many requests wait."""
    sink.delay_s = 0.2
    report = asyncio.run(request_traffic.send(sink.url, [ROWS[0]] * 6, rate=1000.0, in_flight=2))

    assert report.seconds >= 0.6


def test_errors_are_counted_not_raised(sink: sinks.Sink) -> None:
    """A refusal and a silent server are results like any other."""
    sink.status = 503
    refused = asyncio.run(request_traffic.send(sink.url, ROWS, rate=100.0))
    silent = asyncio.run(request_traffic.send("http://127.0.0.1:9/", ROWS, rate=100.0))

    assert Counter({"503": 2}) == refused.statuses
    assert Counter({"no_answer": 2}) == silent.statuses
    assert silent.percentile_ms(0.5) is None


def test_the_command_reports_as_json(sink: sinks.Sink, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 0 only if every request was answered 200."""
    options = ["--url", sink.url, "--file", str(file), "--count", "3", "--rate", "100", "--json"]
    good = request_traffic.main(options)
    report = json.loads(capsys.readouterr().out)
    sink.status = 500
    bad = request_traffic.main(options[:-1])

    assert (0, 1) == (good, bad)
    assert (3, {"200": 3}, 3) == (report["sent"], report["statuses"], len(report["ids"]))
    assert "3 x 500" in capsys.readouterr().out
