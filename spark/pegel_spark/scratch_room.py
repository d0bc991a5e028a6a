"""Is there room for what Spark puts on disk? Without it no session starts and no batch begins."""

from __future__ import annotations

import errno
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pegel_spark.job import Job

NEEDED_BYTES = 8 * 1024 * 1024
"""What must fit: a batch's task descriptions and the documents of some baselines."""
NO_ROOM = frozenset((errno.ENOSPC, errno.EDQUOT))


@dataclass(slots=True)
class ScratchRoom:
    """The folder of a driver's temporary files; it is made once there is room."""

    job: Job
    _folder: Path | None = None

    def folder(self) -> Path:
        """Return the folder. Raises OSError when it cannot be made, or nothing fits into it or the system's."""
        if self._folder is None:
            self._folder = self.job.new_scratch()
        # Sockets and what the Java side is started with stand in the system's folder.
        for place in (self._folder, Path(tempfile.gettempdir())):
            disk = os.statvfs(place)
            free = disk.f_bavail * disk.f_frsize
            if free < NEEDED_BYTES:
                raise OSError(errno.ENOSPC, f"{free:,} bytes are free, {NEEDED_BYTES:,} are needed", str(place))
        return self._folder


def lacks_room(error: BaseException) -> bool:
    """Say whether an error is that of a disk without room, or of a user who may not have more of it."""
    return isinstance(error, OSError) and error.errno in NO_ROOM
