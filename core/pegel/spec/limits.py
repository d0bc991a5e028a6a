"""How long is too long: the one set of limits by which driver, status, page and reconcile judge what runs."""

from __future__ import annotations

from datetime import timedelta

HEARTBEAT_EVERY = timedelta(seconds=2)
"""How often a driver says that it lives."""
STALE_AFTER = timedelta(seconds=60)
"""Age at which a heartbeat no longer proves life: thirty missed ones, or a long pause of a busy machine."""
WEDGED_AFTER = timedelta(seconds=120)
"""Time without progress, although the driver says that it lives, after which its stream counts as wedged."""
START_WITHIN = timedelta(seconds=180)
"""Time until the first heartbeat: a JVM, a session, the first batch."""
STOP_GRACE = timedelta(seconds=30)
"""How long anything may take to finish its batch before it is ended."""
SERVICE_GRACE = timedelta(seconds=10)
"""How long a service without batches (logger, proxy, model server, mail box) may take to end."""
