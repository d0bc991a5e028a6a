"""What all tests share: the limits of drawn examples, slices of the long tests, a receiver of spans."""

from __future__ import annotations

import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from pegel.testing import TraceReceiver

# What the tests of several rooms use.
sys.path.insert(0, str(Path(__file__).parent / "lib"))

# How long an example takes says something about the machine, nothing about the code. Examples that are the same ones
# each time find a mistake the first time or never: a third of the usual number is enough of them.
settings.register_profile("pegel", deadline=None, derandomize=True, max_examples=25)
settings.register_profile("drawn anew", deadline=None, print_blob=True)


@pytest.fixture
def span_receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[TraceReceiver]:
    """A receiver of spans, which whatever begins to trace from now on sends to: this process, and those it starts."""
    from pegel.testing import TraceReceiver

    with TraceReceiver() as listening:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", listening.endpoint)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
        yield listening


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--slice K/N`: every Nth of the tests chosen, from the Kth on, by a hash of their names."""
    parser.addoption("--slice", default="1/1", help="K/N: keep one Nth of the tests, the same ones each time")
    parser.addoption(
        "--golden", action="store_true", help="write golden files anew: manifests, the unreleased version's state"
    )
    parser.addoption("--anew", action="store_true", help="draw other examples of the property tests than the last time")


def pytest_configure(config: pytest.Config) -> None:
    """Draw the same examples each time, so that a red run is red for what was changed; or others, where asked to.

    A shell starts what it puts in the background deaf to Ctrl-C, and the programs that tests start would inherit that.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    settings.load_profile("drawn anew" if config.getoption("--anew") else "pegel")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the tests of the slice."""
    given = str(config.getoption("--slice"))
    match = re.fullmatch(r"([1-9]\d*)/([1-9]\d*)", given)
    if not match or int(match[1]) > int(match[2]):
        message = f"--slice: expected K/N with K from 1 to N, given {given!r}; nothing was run"
        raise pytest.UsageError(message)
    kept: list[pytest.Item] = []
    dropped: list[pytest.Item] = []
    for item in items:
        (kept if crc32(item.nodeid.encode()) % int(match[2]) == int(match[1]) - 1 else dropped).append(item)
    items[:] = kept
    if dropped:
        config.hook.pytest_deselected(items=dropped)
