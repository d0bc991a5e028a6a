"""What a process of the Spark room says as JSON, for what collects the logs of pods."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SAYS = """
import logging, warnings, structlog
from pegel.spec.settings import LogFormat
from pegel_spark import logs
logs.configure(LogFormat.JSON)
structlog.get_logger().info("own", number=3, folder=__import__("pathlib").Path("/x"))
logging.getLogger("a.library").warning("of %s", "another")
warnings.warn("careful")
raise ValueError("two\\nlines")
"""

FINDS_NO_ROOM = """
import sys, structlog
from pegel.spec.settings import LogFormat
from pegel_spark import logs
logs.configure(LogFormat.JSON)
structlog.get_logger().info("own")
sys.stderr.write(logs._json_lines._word_of_refused())
"""


def test_everything_a_process_says_is_one_object_a_line() -> None:
    """Its own lines, those of libraries, warnings, and the error that ends it; standard error stays empty."""
    done = subprocess.run([sys.executable, "-c", SAYS], capture_output=True, text=True, timeout=60, check=False)
    said = [json.loads(line) for line in done.stdout.splitlines()]

    assert (1, "") == (done.returncode, done.stderr)
    assert ["info", "warning", "warning", "error"] == [line["level"] for line in said]
    assert [("own", 3, "/x"), ("of another", None, None)] == [
        (line["event"], line.get("number"), line.get("folder")) for line in said[:2]
    ]
    assert "a.library" == said[1]["logger"]
    assert "careful" in said[2]["event"]
    assert said[3]["exception"].endswith("ValueError: two\nlines")
    assert 4 == sum("timestamp" in line for line in said)


def test_json_lines_that_find_no_room_are_counted_in_json() -> None:
    """The sentence about them is an object as well, and the process goes on."""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-c", FINDS_NO_ROOM],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )

    assert (0, "1 lines before this one could not be written") == (done.returncode, json.loads(done.stderr)["event"])
