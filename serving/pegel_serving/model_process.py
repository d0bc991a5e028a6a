"""A model is loaded and asked in a process of its own: whatever it does to that process is told, and ends nothing else.

The process is forked off a server that has loaded the libraries and no model. What it prints, on both outputs, is kept
in a file; only a few lines of that are shown.
"""

from __future__ import annotations

import dataclasses
import json
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path

from pegel.errors import PegelError, PermanentError
from pegel.spec.outside_text import shown
from pegel.spec.plain_numbers import how_many

LIMIT_S = 600.0
"""Seconds that a model may take to be loaded and to answer."""
WORD_S = 10.0
"""Seconds between two words about a model that is still waited for."""
_SHOWN_LINES = 5
_SHOWN_BYTES = 4096
"""Lines and bytes that are shown of what a model prints, at most."""
_FINDINGS, _PRINTED = "findings.json", "printed.txt"

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["pegel_serving.model_command", "pegel_serving.model_init"])


@dataclasses.dataclass
class Findings:
    """What there is to say about a model: lines for people, and every problem as one sentence."""

    lines: list[str] = dataclasses.field(default_factory=list)
    problems: list[str] = dataclasses.field(default_factory=list)


def apart(
    work: Callable[[], Findings],
    tell: Callable[[str], None],
    *,
    limit_s: float = LIMIT_S,
    word_s: float = WORD_S,
) -> Findings:
    """Do `work`, which can be pickled, in a process of its own, and return its findings.

    `tell` is given a word every `word_s` seconds. Raises PermanentError with the message of whatever PegelError the
    work raises, where the process ends without findings, and where it takes longer than `limit_s`; then it is killed.
    """
    with _ended_by_sigterm(), tempfile.TemporaryDirectory(prefix="pegel-model-") as name:
        place = Path(name)
        process = _CONTEXT.Process(target=_do, args=(work, place))
        process.start()
        try:
            ended = _wait(process, tell, limit_s, word_s)
        finally:
            process.kill()
            process.join()
        if not ended:
            given = f"given one that took longer{_last_printed(place)}"
            raise PermanentError(
                f"expected a model that loads and answers within {limit_s:g} s, {given}. Its process was killed."
            )
        return _findings(place, process.exitcode)


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Let a request to end do what Ctrl-C does: the model's process ends, and its files go."""
    if threading.current_thread() is not threading.main_thread():
        # Signals are the main thread's affair.
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _wait(process: BaseProcess, tell: Callable[[str], None], limit_s: float, word_s: float) -> bool:
    """Wait until the process has ended, for `limit_s` at most. Returns whether it has."""
    begun = time.monotonic()
    while (left := begun + limit_s - time.monotonic()) > 0:
        process.join(min(word_s, left))
        if process.exitcode is not None:
            return True
        tell(f"the model has been loading or answering for {time.monotonic() - begun:.0f} s (limit: {limit_s:g} s)")
    return False


def _findings(place: Path, code: int | None) -> Findings:
    """Read what the process has left. Raises PermanentError."""
    try:
        content = json.loads((place / _FINDINGS).read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        raise PermanentError(
            f"expected a model that answers, given one that ended the process that loads and asks it, with {_end(code)}"
            f"{_last_printed(place)}. It would end its server, too."
        ) from None
    if error := content.get("error"):
        raise PermanentError(error)
    findings = Findings(content["lines"], content["problems"])
    findings.lines += _first_printed(place)
    return findings


def _end(code: int | None) -> str:
    if code is None or code >= 0:
        return f"exit code {code}"
    hint = " (memory may have run out)" if -code == signal.SIGKILL else ""
    return f"the signal {signal.Signals(-code).name}{hint}"


def _first_printed(place: Path) -> list[str]:
    """Return how much the process has printed, and the first lines of it; nothing if it has not."""
    path = place / _PRINTED
    with path.open("rb") as file:
        first = file.read(_SHOWN_BYTES).decode(errors="replace").splitlines()[:_SHOWN_LINES]
    size = path.stat().st_size
    if not size:
        return []
    return [f"printed  {how_many(size, 'byte')}, which begin with", *(f"         {shown(line)}" for line in first)]


def _last_printed(place: Path) -> str:
    """Return the last lines that the process has printed, for the end of a sentence; nothing if it has not."""
    path = place / _PRINTED
    if not path.exists() or not (size := path.stat().st_size):
        return ""
    with path.open("rb") as file:
        file.seek(max(0, size - _SHOWN_BYTES))
        lines = file.read().decode(errors="replace").splitlines()[-_SHOWN_LINES:]
    return f"; the last it printed: {' / '.join(shown(line.strip()) for line in lines)}"


def _do(work: Callable[[], Findings], place: Path) -> None:
    """Do the work in this process, leave its findings in a file and end."""
    # Copies of the reader's table go where they are removed however this process ends.
    tempfile.tempdir = str(place)
    _keep_output(place / _PRINTED)
    try:
        content = dataclasses.asdict(work())
    except PegelError as error:
        content = {"error": str(error)}
    partly = place / f"{_FINDINGS}.part"
    partly.write_text(json.dumps(content), encoding="ascii")
    sys.stdout.flush()
    sys.stderr.flush()
    partly.rename(place / _FINDINGS)
    os._exit(0)  # threads of the model are not waited for


def _keep_output(path: Path) -> None:
    """Let whatever this process prints, from whichever library, go to a file; it is asked nothing by a terminal."""
    kept = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for ours, theirs in ((nothing, 0), (kept, 1), (kept, 2)):
        os.dup2(ours, theirs)
