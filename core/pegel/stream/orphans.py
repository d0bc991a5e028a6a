"""Orphans: responses whose request never came, or came after its window was final.

A pane's responses are looked at when it is about to be forgotten, once. A request may lie in an earlier pane than its
response, which is forgotten before: what it answers there is noted in the later pane then.

::

    panes     [ r1    r2 )[ a2        )     a2 answers r2; once the first pane goes, the second one knows of a2
                          ^ forgotten ^ forgotten later: a2 is matched, although r2 is no longer kept
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

import numpy as np

from pegel.data.instants import EPOCH, MILLISECOND, MINUTE
from pegel.stream.panes import Pane
from pegel.stream.partial import RESPONSE, Ids, no_ids


def orphans(panes: Mapping[datetime, Pane], leaving: Collection[datetime], reach: timedelta) -> dict[datetime, int]:
    """Count the orphans of the panes that are `leaving`, by minute; `panes` are all that are kept, these included.

    A request without rows, or one that cannot be read, was there all the same. It is looked for in panes that begin at
    most `reach` after the last one that leaves: later ones hold none of these, unless a clock jumped that far.
    """
    if not leaving:
        return {}
    last = max(leaving)
    asked = _asked(pane for start, pane in panes.items() if start <= last + reach)
    going = [panes[start] for start in leaving]
    every = np.concatenate([pane.responses for pane in going])
    times = [np.where(panes[start].answered_at, panes[start].answered_at, _in_ms(start)) for start in leaving]
    responses, first = np.unique(every, return_index=True)
    matched = np.concatenate([pane.matched for pane in going])
    alone = ~np.isin(responses >> RESPONSE, asked) & ~np.isin(responses, matched)
    minutes = np.concatenate(times)[first[alone]] // _in_ms(EPOCH + MINUTE)
    counted = zip(*np.unique(minutes, return_counts=True), strict=True)
    return {EPOCH + int(minute) * MINUTE: int(count) for minute, count in counted}


def matched_later(
    panes: Mapping[datetime, Pane], leaving: Collection[datetime], reach: timedelta
) -> dict[datetime, Ids]:
    """Return, by pane that stays, its responses to requests in panes that are `leaving`.

    Looked at are panes that begin at most `reach` after the last one that leaves.
    """
    last = max(leaving, default=None)
    staying = [start for start in panes if last is not None and start not in leaving and start <= last + reach]
    if not staying:
        return {}
    responses = [panes[start].responses for start in staying]
    is_matched = np.isin(np.concatenate(responses) >> RESPONSE, _asked(panes[start] for start in leaving))
    parts = np.split(is_matched, np.cumsum([own.size for own in responses])[:-1])
    matched = {start: own[part] for start, own, part in zip(staying, responses, parts, strict=True)}
    return {start: own for start, own in matched.items() if own.size}


def _asked(panes: Iterable[Pane]) -> Ids:
    """Return what requests share with their responses, of every request in the panes."""
    ids = [no_ids()]
    for pane in panes:
        ids += [pane.requests, pane.empty, pane.rejected]
    every = np.concatenate(ids)
    shared: Ids = every[every & RESPONSE != RESPONSE] >> RESPONSE
    return shared


def _in_ms(instant: datetime) -> int:
    return (instant - EPOCH) // MILLISECOND
