"""Every limit of the two doors, logger and proxy, with its reason. `docs/doors.md` lists them under Limits.

Both doors are open to whoever reaches their port, so each thing that a stranger chooses has a bound: letters, bytes,
time, connections. A limit is inclusive: exactly so much passes.
"""

from __future__ import annotations

BODY_BYTES = 1_000_000
"""Of one body. Kafka takes records of 1 MB unless told otherwise: a larger one could be answered, never judged.
A model server parses about 2 MB of JSON a second, and everybody else waits that long."""
ANSWERS_PER_REQUEST = 4
"""How many times larger than the largest request an answer may be: rows may be wider when they come out. One that is
larger than the largest request reaches the client, but not the logger: monitoring must not cost anybody an answer."""
HELD_BYTES = 256 << 20
"""Of all bodies, requests and answers, that a proxy holds at the same time, until the model server or the client has
taken them; beyond, who has been taking an answer for longest is cut off."""
READING_BYTES = 64 << 20
"""Of all bodies that a process is reading at the same time; beyond, what has been read for longest is given up."""
HEADER_BYTES = 16_384
"""Of the request line and all headers together, as most servers allow."""
ID_BYTES = 256
"""Of an event's id, and of a client's: the usual ones have 36."""
SOURCE_BYTES = 1024
"""Of `ce-source`, which may be an address."""
METADATA_BYTES = 4096
"""Of what a proxy copies from request headers into `Ce-Metadata`. More is left out, so that the event is never refused
for the sake of headers that a client chose."""

HEADERS_WITHIN_S = 10.0
"""From the first byte of a request, or from the connection, to the end of its headers."""
BODY_WITHIN_S = 30.0
"""From there to the end of its body."""
WRITE_WITHIN_S = 60.0
"""From the moment at which a part of an answer waits for its client to the last byte that it takes. The largest answer,
of 4 MB, is in time at 70 kB a second; a usual one fits into the buffers of the system and waits for nobody."""
PIECE_BYTES = 65_536
"""In which a large answer is handed to its connection, where two of them may wait: what waits longer is held."""
READ_AHEAD_BYTES = 65_536
"""Of the system's buffer of one connection to the model server. What is there, the process takes at once, before it is
counted: with the usual buffers whole answers of megabytes, on each of 100 connections."""
SERVER_CONNECTIONS = 100
"""From a proxy to its model server, at the same time, and as many for calls that are sent a second time; who comes
later waits for one."""
SERVER_IDLE_S = 1.0
"""How long such a connection is kept between two calls: shorter than any usual server keeps it (2 s gunicorn, 5 s
uvicorn and Node), because one that the server closes just then costs a second try."""
IDLE_S = 75
"""How long a connection is kept open between two requests: longer than the pools of usual clients keep theirs."""
CONNECTIONS = 1000
"""At the same time. Beyond, whoever has been sending a request for longest is cut off, then who is idle longest: an
honest request is there within milliseconds. Then who has been taking an answer for longest, then who may have
hung up."""

LOST_AT_ONCE = 100_000
"""Events that one notice of an agent may say were lost: a long outage takes several. A forged one can claim no more."""
REQUESTS_TRACED = 10
"""Requests that a proxy traces in a second, whoever asks; the others pass untraced. Three spans each."""
EVENTS_TRACED = 100
"""Events that a logger traces in a second: those of several proxies, two of each request."""
OLDEST_DAYS = 7
"""How old an event may be: no window waits longer for late events, so an older one could be judged nowhere."""
CLOCK_SLACK_S = 1.0
"""How far ahead an event's time may be without being counted as such; its record is never dated later than now."""
