"""A local mail box that speaks SMTP: every mail becomes one file, nothing leaves the machine.

`python -m pegel_local.system.mailsink FOLDER PORT`, run from the serving environment.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from pegel.spec.outside_text import shown
from pegel_local.machine.ports import LOOPBACK
from pegel_local.processes.private_files import private_folder

MOST_BYTES = 16 << 20
"""Of one mail."""
MOST_MAILS = 1_000
"""Kept at most: whoever reaches loopback can send mails here, and no more than these fill the disk."""


class MailBox:
    """Writes each accepted mail to `<nanoseconds>.eml` below a folder, whole or not at all."""

    def __init__(self, folder: Path) -> None:
        """Use `folder`, which is created."""
        self._folder = folder
        private_folder(folder)

    async def handle_DATA(  # noqa: N802 - the name aiosmtpd calls
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Keep one mail, and only then accept it."""
        if sum(1 for _ in self._folder.glob("*.eml")) >= MOST_MAILS:
            return f"452 {MOST_MAILS:,} mails are kept here; remove some from {self._folder}"
        content = envelope.original_content or b""
        name = f"{time.time_ns()}.eml"
        scratch = self._folder / f".{name}"
        scratch.write_bytes(content)
        scratch.rename(self._folder / name)
        print(f"kept {name} for {shown(', '.join(envelope.rcpt_tos))}", flush=True)  # noqa: T201 - the service's log
        return "250 OK"


async def serve(folder: Path, port: int) -> None:
    """Accept mails until SIGTERM."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    box = MailBox(folder)
    server = await loop.create_server(
        lambda: SMTP(box, hostname="localhost", data_size_limit=MOST_BYTES, loop=loop), LOOPBACK, port
    )
    print(f"ready on port {port}", flush=True)  # noqa: T201 - the service's log
    async with server:
        await stopped.wait()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
