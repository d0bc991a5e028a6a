"""A look from outside at every process of a system while it runs: where it listens, and what it was told."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

LOOK_EVERY_S = 2.0


@dataclass(slots=True)
class Seen:
    """What was seen of the processes of one home."""

    listening: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Command line -> the addresses it listened on."""
    variables: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Command line -> the names of its environment variables."""

    def look(self, home: Path) -> None:
        """Look at every process that names the home, and at what these have started.

        Whoever looks takes part in the system's time: parents and sockets are read once for all processes.
        """
        own: dict[int, psutil.Process] = {}
        children: dict[int, list[psutil.Process]] = defaultdict(list)
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                children[process.ppid()].append(process)
                words = [*process.cmdline(), *process.environ().values(), process.cwd()]
                if any(str(home) in word for word in words):
                    own[process.pid] = process
        found = list(own.values())
        while found:
            started = [each for each in children[found.pop().pid] if each.pid not in own]
            own |= {each.pid: each for each in started}
            found += started
        addresses: dict[int | None, set[str]] = defaultdict(set)
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr:
                addresses[connection.pid].add(connection.laddr.ip.removeprefix("::ffff:"))
        for process in own.values():
            with suppress(psutil.Error):
                command = " ".join(process.cmdline())
                self.variables[command] |= set(process.environ())
                if process.pid in addresses:
                    self.listening[command] |= addresses[process.pid]


@contextmanager
def watching(home: Path) -> Iterator[Seen]:
    """Look every two seconds, beside whatever happens meanwhile."""
    seen, over = Seen(), threading.Event()

    def work() -> None:
        while not over.wait(LOOK_EVERY_S):
            seen.look(home)

    watcher = threading.Thread(daemon=True, target=work)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()


@pytest.fixture(scope="session")
def watch() -> Callable[[Path], AbstractContextManager[Seen]]:
    """Watch the system of a home for a while."""
    return watching
