"""An answer, or the end of patience: whoever answers byte by byte holds up nobody else."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")


def within(seconds: float, ask: Callable[[], Answer]) -> Answer:
    """Return what `ask` returns. Raises what it raises, TimeoutError where it takes longer: it is left to itself then.

    The limit of a socket begins anew with each byte: who answers byte by byte would hold up what others are told.
    """
    answers, errors = list[Answer](), list[Exception]()

    def run() -> None:
        try:
            answers.append(ask())
        except Exception as error:  # noqa: BLE001  it is raised by who waits
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(max(0.0, seconds))
    if errors:
        raise errors[0]
    if not answers:
        raise TimeoutError(f"no answer within {seconds:.3g} s")
    return answers[0]
