"""Events that are looked at together: of one monitor and pane, with the same attributes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pegel.data.client_hashes import client_hashes
from pegel.data.events import EventAttributes, EventType, identities
from pegel.data.look_up_faults import LookUpFault
from pegel.data.wire import PREDICTOR
from pegel.stream.counting_plan import MonitorPlan, Times
from pegel.stream.partial import Ids
from pegel.stream.wire_records import Address, Numbers, Records, alike

Place = tuple[str, int]
"""A monitor's key, and the start of a pane in microseconds since the epoch."""


@dataclass(frozen=True, slots=True)
class EventGroup:
    """Events of one type, component, fault of their look-up and pane; all fields but these have one length.

    `places`: where they stand among the records at hand. `times_us`: event times to go by; `is_own`: whether that is
    the one on the record. `ids`: what their senders called them; `identities`: what copies of them share.
    """

    type: EventType
    component: str
    look_up: LookUpFault | None
    places: Numbers
    times_us: Numbers
    is_own: NDArray[np.bool_]
    ids: list[bytes]
    identities: Ids
    bodies: list[bytes]
    address: Address
    offsets: Numbers
    """Where each of them is on the partition of that address."""
    clients: Ids | None = None
    """A hash of who asked, 0 where nobody says; None where it is not looked at."""

    def chosen(self, which: NDArray[np.bool_]) -> EventGroup:
        """Return some of them."""
        keep = np.flatnonzero(which).tolist()
        return replace(
            self,
            places=self.places[which],
            times_us=self.times_us[which],
            is_own=self.is_own[which],
            ids=[self.ids[at] for at in keep],
            identities=self.identities[which],
            bodies=[self.bodies[at] for at in keep],
            offsets=self.offsets[which],
            clients=None if self.clients is None else self.clients[which],
        )

    def told_id(self, at: int) -> str:
        """Return under which id one is told: a transformer logs other rows under the id of its predictor's."""
        name = self.ids[at].decode(errors="replace")
        return name if self.component == PREDICTOR else f"{name} ({self.component})"


def by_pane(
    records: Records,
    times: Times,
    ids: list[bytes],
    attributes: EventAttributes,
    places: Numbers,
    *,
    monitor: MonitorPlan,
) -> Iterator[tuple[Place, MonitorPlan, EventGroup]]:
    """Yield events with the same attributes by the pane that they lie in."""
    own = times[places]
    for pane, within in alike(own - own % monitor.step_us):
        chosen = places[within]
        at = chosen.tolist()
        names = [ids[place] for place in at]
        group = EventGroup(
            type=attributes.type,
            component=attributes.component,
            look_up=attributes.look_up,
            places=chosen,
            times_us=times[chosen],
            is_own=times[chosen] == records.times_us[chosen],
            ids=names,
            identities=identities(names, attributes.type, attributes.component),
            bodies=[records.bodies[place] for place in at],
            address=records.address,
            offsets=records.offsets[chosen],
            clients=_clients(records, at, attributes, monitor),
        )
        yield (monitor.key, pane), monitor, group


def _clients(records: Records, places: list[int], attributes: EventAttributes, monitor: MonitorPlan) -> Ids | None:
    if monitor.client_header is None or attributes.type is not EventType.REQUEST:
        return None
    heads = ((records.keys[at], records.headers[at]) for at in places)
    return client_hashes(heads, monitor.client_header, monitor.private.hashed)
