"""Traffic is sent as stated: so many requests, each with an id of its own, no faster than the rate."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import sinks

from pegel_local.sending import file_traffic, open_loop

Sent = tuple[list[open_loop.Request], open_loop.AnswerCounts]
ROWS = [["red", 1.0, None], ["blue", 2.0, 3.0]]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Two instances, gzipped."""
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress(b"\n".join(json.dumps(row).encode() for row in ROWS)))
    return path


def test_a_file_begins_again_when_it_is_used_up(file: Path) -> None:
    """Skipping counts on through the end as well."""
    assert [*ROWS, ROWS[0]] == list(islice(file_traffic.read(file), 3))
    assert [ROWS[1], ROWS[0]] == list(islice(file_traffic.read(file, skip=3), 2))


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    """There is nothing to begin again with."""
    path = tmp_path / "empty.jsonl"
    path.write_text("\n")

    with pytest.raises(ValueError, match="no instance"):
        next(file_traffic.read(path))


def send(sink_url: str, rows: list[Any], rate: float, *, under_way: int = 64) -> Sent:
    """Send one request for each row; return the requests and what came of them."""
    counts, sent = open_loop.AnswerCounts(), file_traffic.requests(iter(rows), count=len(rows))
    asyncio.run(open_loop.send(sink_url, sent, rate=rate, counts=counts, under_way=under_way))
    return sent, counts


def test_every_instance_is_one_request_with_an_id_of_its_own(sink: sinks.Sink) -> None:
    """Each id leads to the body that was sent under it, and the statuses are counted."""
    sent, counts = send(sink.url, ROWS * 5, 500.0)
    got = {headers["Ce-Id"]: json.loads(body) for headers, body in sink.got}

    assert Counter({"200": 10}) == counts.statuses
    assert [{"instances": [row]} for row in ROWS * 5] == [got[request.identity] for request in sent]
    assert 10 == len(counts.latencies_ms)


def test_it_is_no_faster_than_the_rate(sink: sinks.Sink) -> None:
    """The last of eleven requests at 20 a second leaves half a second after the first."""
    _, counts = send(sink.url, [ROWS[0]] * 11, 20.0)

    assert counts.seconds >= 0.5


def test_requests_under_way_are_bounded(sink: sinks.Sink) -> None:
    """Behind an answer that does not come, only so many requests wait."""
    sink.delay_s = 0.2
    _, counts = send(sink.url, [ROWS[0]] * 6, 1000.0, under_way=2)

    assert counts.seconds >= 0.6


def test_errors_are_counted_not_raised(sink: sinks.Sink) -> None:
    """A refusal and a silent server are results like any other."""
    sink.status = 503
    _, refused = send(sink.url, ROWS, 100.0)
    _, silent = send("http://127.0.0.1:9/", ROWS, 100.0)

    assert Counter({"503": 2}) == refused.statuses
    assert Counter({open_loop.NO_ANSWER: 2}) == silent.statuses
    assert {} == silent.percentiles_ms()


def test_the_program_reports_as_json(sink: sinks.Sink, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Several instances go into one request where that is asked for; exit code 0 only if all were answered 200."""
    options = ["--url", sink.url, "--file", str(file), "--count", "3", "--rate", "100", "--rows", "2"]
    good = file_traffic.main(options)
    report = json.loads(capsys.readouterr().out)
    sink.status = 500
    bad = file_traffic.main(options)

    assert (0, 1) == (good, bad)
    assert [{"instances": ROWS}] * 3 == [json.loads(body) for _, body in sink.got[:3]]
    assert (3, {"200": 3}, 3) == (report["sent"], report["statuses"], len(set(report["ids"])))
    assert {"500": 3} == json.loads(capsys.readouterr().out)["statuses"]
