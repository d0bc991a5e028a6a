"""TLS in front of a PostgreSQL server that was built without it, as a proxy of a database does it."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from certificates import Certificates

ASKS_FOR_GSS = 80_877_104
"""What a client may ask for before it asks for TLS (PostgreSQL, Frontend/Backend Protocol: GSSENCRequest)."""


class TlsFront:
    """Listens on a port of the loopback address, and hands on what it deciphers to a server's Unix socket."""

    def __init__(self, server: Path, certificates: Certificates) -> None:
        """Listen; nobody is answered before the context is entered."""
        self._server = server
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificates.server)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        """Answer."""
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Answer nobody any more."""
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._answer, args=(client,), daemon=True).start()

    def _answer(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client, socket.socket(socket.AF_UNIX) as server:
            while struct.unpack(">ii", client.recv(8, socket.MSG_WAITALL))[1] == ASKS_FOR_GSS:
                client.sendall(b"N")
            client.sendall(b"S")
            with self._context.wrap_socket(client, server_side=True) as secured:
                server.connect(str(self._server))
                back = threading.Thread(target=_hand_on, args=(server, secured), daemon=True)
                back.start()
                _hand_on(secured, server)
                back.join()


def _hand_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
