"""What strangers may send to the two doors, drawn from a seed: each kind says how many it tried and what came back.

None of it may be a prediction that counts, except that of `hidden_predictions`, whose number is known: so what is
counted in the windows can be compared exactly.
"""

from __future__ import annotations

import asyncio
from random import Random

from attempts import Doors, Tried
from connection_abuses import many_at_once, slow_clients, slow_readers
from logger_abuses import foreign_flood, odd_attributes, odd_bodies, odd_names, odd_notices, odd_times
from proxy_abuses import doubled_headers, forbidden_calls, hidden_predictions, odd_predictions, oversized
from record_abuses import odd_records

ABUSES = {
    odd_names: 300,
    odd_attributes: 300,
    odd_times: 300,
    odd_bodies: 60,
    foreign_flood: 300,
    oversized: 20,
    forbidden_calls: 300,
    odd_predictions: 100,
    hidden_predictions: 60,
    many_at_once: 100,
    doubled_headers: 100,
    odd_notices: 60,
    slow_clients: 900,
    slow_readers: 60,
    odd_records: 200,
}
"""Each kind, and how many of it make one round."""


async def abuse(doors: Doors, *, seed: int, share: float) -> list[Tried]:
    """Send a share of a round of every kind, all kinds at once."""
    sending = []
    for kind, most in ABUSES.items():
        # a generator of its own for each kind, so that more of one changes no other
        sending.append(kind(Random(f"{seed} {kind.__name__}"), doors, max(10, round(most * share))))
    return list(await asyncio.gather(*sending))
