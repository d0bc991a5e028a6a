"""Ports on the loopback address: free ones are chosen, taken ones are named."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from pathlib import Path

from pegel.errors import SetupError
from pegel.notebook.naming import reason
from pegel_local.processes.private_files import write_json

LOOPBACK = "127.0.0.1"


def free_ports(count: int) -> list[int]:
    """Return `count` different ports that nothing listens on now. All are held until all are chosen."""
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(count)]
    try:
        for each in sockets:
            each.bind((LOOPBACK, 0))
        return [int(each.getsockname()[1]) for each in sockets]
    finally:
        for each in sockets:
            each.close()


def require_free(port: int, purpose: str) -> int:
    """Return `port` if it can be listened on. Raises SetupError naming the port and who wanted it."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Servers set this too; without it a port of a connection closed a moment ago would count as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            raise SetupError(
                f"port {port} for the {purpose} is taken ({error.strerror}). "
                f"Stop what listens there, or leave the port out: a free one is chosen."
            ) from error
    return port


def answers(port: int, timeout: float = 0.5) -> bool:
    """Say whether something accepts connections on `port`."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=timeout):
            return True
    except OSError:
        return False


def known(file: Path) -> dict[str, int]:
    """Return the ports that `settle` chose last time; empty before the first. Raises SetupError if it is damaged."""
    if not file.exists():
        return {}
    try:
        return {str(purpose): int(port) for purpose, port in json.loads(file.read_bytes()).items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise SetupError(
            f"expected the ports that were chosen last time in {file}, given {reason(error)}. Nothing was started. "
            f"Remove that file, and free ones are chosen."
        ) from error


def settle(file: Path, purposes: tuple[str, ...], wanted: Mapping[str, int]) -> dict[str, int]:
    """Return a port for each purpose: the wanted one, else the one chosen last time if it is free, else a free one.

    The choice is kept in `file`. Raises SetupError when a wanted port is taken.
    """
    before = known(file)
    spare = dict(zip(purposes, free_ports(len(purposes)), strict=True))
    chosen = {}
    for purpose in purposes:
        if purpose in wanted:
            chosen[purpose] = require_free(wanted[purpose], purpose)
        else:
            last = before.get(purpose)
            chosen[purpose] = last if last is not None and is_free(last) else spare[purpose]
    write_json(file, chosen)
    return chosen


def is_free(port: int) -> bool:
    """Say whether `port` can be listened on now."""
    try:
        require_free(port, "trial")
    except SetupError:
        return False
    return True
