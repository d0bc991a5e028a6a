"""The command line of what both doors bound alike; the reasons are in `door_limits`."""

from __future__ import annotations

import argparse

from pegel_serving import door_limits
from pegel_serving.bounded_http import ConnectionLimits


def add_options(parser: argparse.ArgumentParser) -> None:
    """Let a command line move the limits of connections, and of the bodies that are being read."""
    seconds: dict[str, tuple[float, str]] = {
        "--headers-within": (door_limits.HEADERS_WITHIN_S, "seconds to the end of the headers, then cut off"),
        "--body-within": (door_limits.BODY_WITHIN_S, "seconds to the end of the body, then 408"),
        "--write-within": (door_limits.WRITE_WITHIN_S, "seconds to take an answer, then cut off"),
    }
    for option, (default, meaning) in seconds.items():
        parser.add_argument(option, type=float, default=default, help=meaning)
    parser.add_argument("--idle", type=int, default=door_limits.IDLE_S, help="seconds between two requests")
    parser.add_argument(
        "--reading-mib",
        type=int,
        default=door_limits.READING_BYTES >> 20,
        help="most memory of all bodies that are being read; the one that has been read for longest is given up (503)",
    )
    parser.add_argument("--max-connections", type=int, default=door_limits.CONNECTIONS, help="at the same time")


def add_traces(parser: argparse.ArgumentParser, default: float, what: str) -> None:
    """Let a command line say how many clients that ask for a trace get one; `OTEL_*` variables say where it goes."""
    parser.add_argument(
        "--traced-per-second",
        type=float,
        default=default,
        help=f"most {what} that are traced in a second, of those that ask for it; 0: none",
    )


def connection_limits(options: argparse.Namespace) -> ConnectionLimits:
    """Return what the options say of connections."""
    return ConnectionLimits(
        headers_within_s=options.headers_within,
        body_within_s=options.body_within,
        write_within_s=options.write_within,
        idle_s=options.idle,
        connections=options.max_connections,
    )
