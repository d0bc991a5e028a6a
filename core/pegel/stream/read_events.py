"""Events among records, whoever wrote them: messages of the inference log of Hopsworks become what others log."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pegel.data.events import EventAttributes
from pegel.data.hopsworks_avro import Message, read_messages
from pegel.errors import InvalidPayload
from pegel.stream.wire_records import Numbers, RecordAttributes, Records, attributes_of

Messages = dict[int, tuple[Message, ...]]
"""By place of their record."""


def events_of(records: Records) -> tuple[Records, RecordAttributes]:
    """Return records as events, in their order, and what they say. Whoever looks at records reads them by this.

    What has no id may be a message of Hopsworks: then time, headers and body are those of the message, and the record's
    own are not looked at again. A record with a request and its response is two events, one after the other, which have
    one offset; one with what a failed request came back with is none. Of any other record without an id it is told why
    it is no event.
    """
    said = attributes_of(records.keys, records.headers)
    messages, errors = _messages(records, [at for at, name in enumerate(said.ids) if not name])
    if not messages and not errors:
        return records, said
    counts = np.ones(len(records), dtype=np.int64)
    counts[list(messages)] = [len(each) for each in messages.values()]
    of_record = np.repeat(np.arange(len(records)), counts)
    first = np.cumsum(counts) - counts
    read = _spread(records, of_record)
    places = {int(first[at]) + each: one for at, own in messages.items() for each, one in enumerate(own)}
    for at, message in places.items():
        read.times_us[at], read.headers[at], read.bodies[at] = message.time_us, message.headers, message.body
    of_messages = attributes_of([b""] * len(places), [message.headers for message in places.values()])
    attributes: list[EventAttributes | InvalidPayload] = [*said.attributes, *of_messages.attributes, *errors.values()]
    ids, codes = [said.ids[at] for at in of_record.tolist()], said.codes[of_record]
    for at, name in zip(places, of_messages.ids, strict=True):
        ids[at] = name
    codes[list(places)] = of_messages.codes + len(said.attributes)
    codes[first[list(errors)]] = np.arange(len(attributes) - len(errors), len(attributes))
    return read, RecordAttributes(ids, codes, attributes)


def _messages(records: Records, places: list[int]) -> tuple[Messages, dict[int, InvalidPayload]]:
    """Return the messages at some places, and by place why another record there is none."""
    messages: Messages = {}
    errors = {}
    for at in places:
        place = "/".join(map(str, (*records.address, records.offsets[at])))
        try:
            messages[at] = read_messages(records.bodies[at], int(records.times_us[at]), place)
        except InvalidPayload as error:
            errors[at] = error
    return messages, errors


def _spread(records: Records, of_record: Numbers) -> Records:
    """Return a copy with a place for each event; `of_record`: which record it is from."""
    chosen = of_record.tolist()
    return replace(
        records,
        offsets=records.offsets[of_record],
        times_us=records.times_us[of_record],
        keys=[records.keys[at] for at in chosen],
        bodies=[records.bodies[at] for at in chosen],
        headers=[records.headers[at] for at in chosen],
    )
