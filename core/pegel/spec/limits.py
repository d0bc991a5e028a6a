"""How long is too long: the one set of limits by which driver, status, page and reconcile judge what runs."""

from __future__ import annotations

from datetime import timedelta

HEARTBEAT_EVERY = timedelta(seconds=2)
"""How often a driver says that it lives."""
STALE_AFTER = timedelta(seconds=60)
"""Age at which a heartbeat no longer proves life: thirty missed ones, or a long pause of a busy machine."""
SPEAKS_WITHIN = 2 * HEARTBEAT_EVERY
"""How long a driver that fell silent is still listened for before it is ended: after the database was away, every last
heartbeat is as old as that."""
WEDGED_AFTER = timedelta(seconds=120)
"""Time without progress, although the driver says that it lives, after which its stream counts as wedged."""
FIRST_BATCH_WITHIN = timedelta(seconds=600)
"""The same while a driver has not committed any batch: its first one starts Spark's workers, loads every baseline,
reads what has come while nobody watched, and often shares the machine with whatever starts beside it. Ended too early
it would begin anew each time and never commit; one that hangs is found a few minutes later."""
START_WITHIN = timedelta(seconds=180)
"""Time until the first heartbeat: a JVM, a session, the first batch."""
STOP_GRACE = timedelta(seconds=30)
"""How long anything may take to finish its batch before it is ended."""
SERVICE_GRACE = timedelta(seconds=10)
"""How long a service without batches (logger, proxy, model server, mail box) may take to end."""

LONGEST_QUIET = timedelta(days=31)
"""How long a person may have an alert or a model be quiet: who forgets about it is reminded within a month."""

OLDEST_RECORD = timedelta(days=400)
"""A record dated longer ago is in no window: more than the longest one, and than any broker keeps records. Topics are
made so that brokers refuse it, because Spark ends on times that a calendar has no room for."""

FREE_RESTARTS = 3
"""Tries in a row without waiting; a hiccup of the machine deserves no delay."""
FIRST_WAIT = timedelta(minutes=1)
"""Wait after the free tries; it doubles with each further one."""
LONGEST_WAIT = timedelta(minutes=30)
"""Where that doubling ends."""
FORGIVEN_AFTER = timedelta(hours=1)
"""Tries further apart than this do not belong together: what was started was healthy in between."""

ENDPOINT_ANSWERS_WITHIN = timedelta(seconds=2)
"""How long one endpoint may take to say whether it is ready; a loaded one answers in milliseconds."""
ENDPOINTS_SEEN_WITHIN = timedelta(seconds=15)
"""How long looking at all endpoints may take; the others are looked at a minute later. A quarter of that minute."""
ENDPOINTS_AT_ONCE = 16
"""Endpoints that are asked at the same time."""
ENDPOINT_SETTLES_WITHIN = timedelta(minutes=10)
"""How long a changed endpoint is left to whoever changed it: onboarding registers the monitor after the endpoint."""
