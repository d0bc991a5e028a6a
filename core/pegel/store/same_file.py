"""A SQLite file that was moved, replaced or deleted under an engine: its open connections would go on with the old one.

They would read what nobody writes any more, and write what nobody will read. So whoever takes a connection out of the
pool is told: where another file is there by now it is connected to; where none is, that is said, and none is made.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Engine

from pegel.errors import Unavailable
from pegel.spec.outside_text import shown

_KEY = "pegel file"


def keep_to_file(engine: Engine, file: Path) -> None:
    """Have every connection of `engine` be one of what is at `file` now.

    Taking one raises Unavailable while nothing is there, if something was once.
    """
    watch = _Watch(file)
    event.listen(engine, "do_connect", watch.before_connecting)
    event.listen(engine, "connect", watch.connected)
    event.listen(engine, "checkout", watch.taken)


@dataclass
class _Watch:
    file: Path
    was_there: bool = False

    def before_connecting(self, *_about: Any) -> None:
        """Connecting makes a file that is not there, which a first connection may do."""
        if self.was_there and _identity(self.file) is None:
            raise self._gone()

    def connected(self, _connection: Any, record: Any) -> None:
        self.was_there = True
        record.info[_KEY] = _identity(self.file)

    def taken(self, _connection: Any, record: Any, _proxy: Any) -> None:
        found = _identity(self.file)
        if found is None:
            raise self._gone()
        if found != record.info[_KEY]:
            message = f"{self.file} is another file by now"
            raise sa.exc.DisconnectionError(message)

    def _gone(self) -> Unavailable:
        return Unavailable(
            f"the file of the database {shown(str(self.file))} is not there any more: it was moved or deleted. The "
            f"transaction left nothing behind; trying again helps once it, or another, is there."
        )


def _identity(file: Path) -> tuple[int, int] | None:
    """Return device and inode; None where no file is, or none that this process may look at."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
