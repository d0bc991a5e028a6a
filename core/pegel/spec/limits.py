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
STANDS_STILL_AFTER = timedelta(seconds=30)
"""Time without progress after which people are told that nothing moves, before anything is done about it: a batch takes
seconds at most."""
WEDGED_AFTER = timedelta(seconds=120)
"""Time without progress, although the driver says that it lives, after which its stream counts as wedged."""
FIRST_BATCH_WITHIN = timedelta(seconds=600)
"""The same while a driver has not committed any batch: steps of its start, each of which is progress, among them a JVM
that starts Spark; then a batch that starts Spark's workers, loads every baseline, reads what has come while nobody
watched, and often shares the machine with whatever starts beside it. Ended too early it would begin anew each time and
never commit; one that hangs is found a few minutes later."""
START_WITHIN = timedelta(seconds=600)
"""Time until a driver's first word: an interpreter, its libraries, the database; seconds, but minutes on a machine that
does twenty other things. From then on it says each step, and what counts is that these go on, see
`FIRST_BATCH_WITHIN`."""
NOT_WATCHED_FOR = timedelta(minutes=5)
"""How long a group may be without a driver that watches it before people are mailed: a restart takes a minute."""
NOT_JUDGED_FOR = NOT_WATCHED_FOR
"""The same of a model whose events cannot be counted or judged: a database that was away takes a minute."""
BEHIND_BY, BEHIND_FOR = timedelta(minutes=5), timedelta(minutes=10)
"""Age of the newest event that a driver with a backlog has read, at which it counts as behind, and how long it may be:
after a restart or an outage it reads what came meanwhile."""
QUIET_AT_LEAST, QUIETER_THAN_EVER = timedelta(minutes=15), 2.0
"""A model is without traffic where nothing has come for so long, and for so many times as long as the longest it was
quiet in the newest `QUIET_WINDOWS` windows: what has nights or weekends within them is not missed in one."""
QUIET_WINDOWS = 2_000
NO_TRAFFIC_FOR = timedelta(minutes=0)
"""How long that may be so: the silence itself is long enough."""
RECORDS_LOST_FOR = timedelta(minutes=0)
"""How long records may be lost before people are mailed: it is final."""
OPEN_LEDGER_FOR = timedelta(minutes=10)
"""How long a minute of the ledger may stay open before people are mailed: what arrived counts with the next batch."""
LABELS_LATE_FOR = timedelta(minutes=0)
TRAFFIC_FELL_FOR = timedelta(minutes=0)
"""How long that may be so before people are mailed: days and hours are long enough."""
DISK_FILLS_FOR = timedelta(minutes=10)
"""How long a disk may be nearly full: what is written for a moment goes again."""
REFRESHED_EVERY, REFRESH_LATE_BY = timedelta(days=1), timedelta(days=1)
"""How often `baseline_refresh` looks at a model, and how late it may be before its baseline counts as old: as long as
the job of a baseline may take."""
UNREFRESHED_FOR = timedelta(days=180)
"""Age at which a baseline counts as old whose spec says that no refresh looks at it: half a year of seasons."""
BASELINE_OLD_FOR = timedelta(hours=1)
"""How long that may be so before people are mailed: after an outage the refresh that was missed runs first."""
REFRESH_REFUSED_FOR = timedelta(minutes=0)
"""How long a refresh may be refused before people are mailed: its own tries are behind it."""
ASKED_FOR = timedelta(days=1)
"""How long a person who was asked about a new baseline may think before that counts as no refresh."""
REPEATED_BY_DAYS = timedelta(days=1)
"""What goes by days is repeated at most so often, whatever a spec says of alerts."""
UNREACHABLE_FOR = timedelta(minutes=15)
"""How long an addressee may not be reached before others are told: servers that are restarted take minutes."""
STOP_GRACE = timedelta(seconds=30)
"""How long anything may take to finish its batch before it is ended."""
SERVICE_GRACE = timedelta(seconds=10)
"""How long a service without batches (logger, proxy, model server, mail box) may take to end."""

LONGEST_QUIET = timedelta(days=31)
"""How long a person may have an alert or a model be quiet: who forgets about it is reminded within a month."""

RECORDS_KEPT = timedelta(days=7)
"""For how long the broker holds records of a topic that we make; whoever reads them later finds a gap, and says so."""
OLDEST_RECORD = timedelta(days=400)
"""A record dated longer ago is in no window: more than the longest one, and than any broker keeps records. Topics are
made so that brokers refuse it, because Spark ends on times that a calendar has no room for."""

ANSWER_WITHIN = timedelta(seconds=60)
"""How long an answer is waited for, in event time: as long as our endpoints let a model take, and longer than anybody
who waits for a prediction does. An answer that takes longer counts as missing."""

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
CLUSTER_ANSWERS_WITHIN = timedelta(seconds=15)
"""How long a cluster's API server may take for one answer: its admission webhooks have ten seconds."""
CLUSTER_PATIENCE = timedelta(seconds=10)
"""How long one request waits in all where the cluster is too busy and asks to wait; then it is tried a minute later."""
JOB_WITHIN = timedelta(hours=24)
"""How long a job of a cluster that ends, as a baseline's, may take; then it is ended."""
TRIGGERER_LATE_BY = timedelta(seconds=30)
"""How much later than a trigger's own limit Airflow's scheduler gives up on a triggerer that does not answer."""
GONE_WITHIN = timedelta(seconds=30)
"""How long an object of a cluster that was deleted may stay while its own controller clears up."""
ENDPOINT_SETTLES_WITHIN = timedelta(minutes=10)
"""How long a changed endpoint is left to whoever changed it: onboarding registers the monitor after the endpoint."""

APPROVAL_WITHIN = timedelta(days=3)
"""How long a person may take to say whether a new baseline is promoted: a weekend. Then the current one stays, and the
next refresh asks again."""
