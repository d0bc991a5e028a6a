"""Where the `pegel` command begins: whoever interrupts it while it is being loaded gets no traceback either."""

from __future__ import annotations

import os
import sys


def main(arguments: list[str] | None = None) -> None:
    """Run one command and end the process with its exit code."""
    try:
        from pegel.cli.command_line import run  # noqa: PLC0415  it takes a second, in which Ctrl-C is no defect

        code = run(arguments)
    except KeyboardInterrupt:
        code = 130
    _leave_closed_output()
    sys.exit(code)


def _leave_closed_output() -> None:
    """Write out what is left for standard output; if it takes nothing more, let Python's own end not complain again."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


if __name__ == "__main__":
    main()
