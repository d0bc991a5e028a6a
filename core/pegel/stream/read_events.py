"""Events among records, whoever wrote them: messages of the inference log of Hopsworks become what others log."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pegel.data.events import EventAttributes
from pegel.data.hopsworks_avro import Message, read_message
from pegel.errors import InvalidPayload
from pegel.stream.wire_records import RecordAttributes, Records, attributes_of


def events_of(records: Records) -> tuple[Records, RecordAttributes]:
    """Return records as events, each at its place, and what they say. Whoever looks at records reads them by this.

    What has no id may be a message of Hopsworks: then time, headers and body are those of the message, and the record's
    own are not looked at again. Of any other record without an id it is told why it is none.
    """
    said = attributes_of(records.keys, records.headers)
    messages, errors = _messages(records, [at for at, name in enumerate(said.ids) if not name])
    if not messages and not errors:
        return records, said
    times_us, headers, bodies = records.times_us.copy(), list(records.headers), list(records.bodies)
    for at, message in messages.items():
        times_us[at], headers[at], bodies[at] = message.time_us, message.headers, message.body
    of_messages = attributes_of([b""] * len(messages), [message.headers for message in messages.values()])
    attributes: list[EventAttributes | InvalidPayload] = [*said.attributes, *of_messages.attributes, *errors.values()]
    ids, codes = list(said.ids), said.codes.copy()
    for at, name in zip(messages, of_messages.ids, strict=True):
        ids[at] = name
    codes[list(messages)] = of_messages.codes + len(said.attributes)
    codes[list(errors)] = np.arange(len(attributes) - len(errors), len(attributes))
    read = replace(records, times_us=times_us, headers=headers, bodies=bodies)
    return read, RecordAttributes(ids, codes, attributes)


def _messages(records: Records, places: list[int]) -> tuple[dict[int, Message], dict[int, InvalidPayload]]:
    """Return the messages at some places, and by place why another record there is none."""
    messages, errors = {}, {}
    for at in places:
        try:
            messages[at] = read_message(records.bodies[at], int(records.times_us[at]))
        except InvalidPayload as error:
            errors[at] = error
    return messages, errors
