"""One finding of the doctor, and how checks are run: at the same time, and none waits for another."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from pegel.errors import PegelError
from pegel.spec.outside_text import LONGEST_SENTENCE, shown
from pegel.spec.settings import Settings


class Health(StrEnum):
    """How what was looked at is. Only `ok` and `warning` let a deployment count as well."""

    OK = "ok"
    WARNING = "warning"
    """It works, and may not do what is expected, or could not be looked at for want of a login."""
    BAD = "bad"
    UNKNOWN = "unknown"
    """The check itself failed, or took too long."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What one check found. `sentence`: what is so; `remedy`: the next command or step, empty where all is well."""

    check: str
    health: Health
    sentence: str
    remedy: str = ""

    @property
    def good(self) -> bool:
        """Say whether nothing has to be done about it now."""
        return self.health in {Health.OK, Health.WARNING}


Check = Callable[[Settings], Iterable[Diagnosis]]


def ok(check: str, sentence: str) -> Diagnosis:
    """Return that something is well."""
    return Diagnosis(check, Health.OK, sentence)


def warning(check: str, sentence: str, remedy: str = "") -> Diagnosis:
    """Return that something works and is to be known."""
    return Diagnosis(check, Health.WARNING, sentence, remedy)


def bad(check: str, sentence: str, remedy: str) -> Diagnosis:
    """Return that something is wrong, and what to do."""
    return Diagnosis(check, Health.BAD, sentence, remedy)


def examine(checks: Mapping[str, Check], settings: Settings, *, within_s: float) -> list[Diagnosis]:
    """Run every check at once and return what each found, in their order.

    One that raises or has not ended after `within_s` seconds is a finding itself and holds up no other. What hangs is
    left behind in a thread that does not keep the process.
    """
    found: dict[str, list[Diagnosis]] = {name: [] for name in checks}
    ended = set[str]()

    def run(name: str, check: Check) -> None:
        try:
            # One by one: what was found before it hung is told.
            for one in check(settings):
                found[name].append(one)
        except PegelError as error:
            found[name].append(bad(name, _text(error), "do what the sentence says, then run `pegel doctor` again"))
        except Exception as error:  # noqa: BLE001  whatever a check trips over, the others are told
            sentence = f"could not be checked: {type(error).__name__}: {_text(error)}"
            found[name].append(Diagnosis(name, Health.UNKNOWN, sentence, "report it with this sentence"))
        ended.add(name)

    threads = {
        name: threading.Thread(target=run, args=(name, check), name=f"doctor {name}", daemon=True)
        for name, check in checks.items()
    }
    for thread in threads.values():
        thread.start()
    deadline = time.monotonic() + within_s
    for thread in threads.values():
        thread.join(max(0.0, deadline - time.monotonic()))
    late = f"no answer within {within_s:g} s; the other checks went on"
    remedy = "see whether it answers elsewhere: a firewall drops what nobody answers"
    # Looked up first: what comes late may come while this is read.
    hanging = {name: [] if name in ended else [Diagnosis(name, Health.UNKNOWN, late, remedy)] for name in checks}
    told = [one for name in checks for one in (*found[name], *hanging[name])]
    return _told_once(told)


def _told_once(found: list[Diagnosis]) -> list[Diagnosis]:
    """Return the findings, each reason at the first check that it stopped; later ones point there."""
    first = dict[str, str]()
    told = list[Diagnosis]()
    for one in found:
        # Nobody knows whether what did not answer in time has one reason.
        check = first.setdefault(one.sentence, one.check) if one.health is Health.BAD else one.check
        sentence = f"not looked at, for the reason that stands at `{check}`"
        told.append(one if check == one.check else Diagnosis(one.check, Health.UNKNOWN, sentence))
    return told


def _text(error: BaseException) -> str:
    return shown(" ".join(str(error).splitlines()) or type(error).__name__, LONGEST_SENTENCE)
