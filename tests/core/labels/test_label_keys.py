"""Keys of labels are told as those of rows are, so that what is private is joined and never read."""

from __future__ import annotations

import orjson
import pytest

from pegel.data.keyed_hash import KeyedHash
from pegel.labels.kept_labels import kept
from pegel.labels.label_arrays import Arrival
from pegel.labels.label_keys import EntityKeys, LabelKeys
from pegel.online.private_keys import PrivateKeys
from pegel.spec.monitor_spec import MonitorSpec

pytestmark = pytest.mark.environments("pyarrow")
SECRET = "a secret of more than 16 bytes"  # noqa: S105  of this test alone
SPEC = MonitorSpec.parse(
    {
        "model": {"name": "delays", "uri": "m"},
        "baseline": {"source": "local://delays"},
        "online": {"source": "local://v", "keys": ["a", "b", "c"], "features": ["f"], "private": ["b"]},
        "archive": {"private": ["c"]},
        "labels": {"source": "topic", "match": "entity"},
    }
)


def test_parts_are_those_of_archived_rows() -> None:
    """What the endpoint or the archive hashes is hashed, as they do it."""
    keys, hashed = EntityKeys.of(SPEC, SECRET), KeyedHash(SECRET)
    _, b, _ = PrivateKeys(["a", "b", "c"], ["b"], SECRET).told('["1","2","3"]')

    assert ["1", b, hashed.of("c", "3")] == orjson.loads(keys.key(["1", "2", "3"]))


def test_no_private_part_is_kept() -> None:
    """A label that is kept has hashes alone where its spec says that a part is private."""
    body = orjson.dumps(
        {
            "model": "delays",
            "entity": {"a": "ada", "b": "bob", "c": "cy"},
            "time": "2026-11-29T00:00Z",
            "label": 1,
        }
    )
    (labels,) = kept(body, Arrival(0, 0, 9), LabelKeys.of_specs([SPEC], SECRET)).labels.values()

    assert [True, False, False] == [name in labels.key[0] for name in ("ada", "bob", "cy")]


def test_without_a_secret_labels_are_held_back() -> None:
    """It is said, rather than that raw values are kept, or hashes that match nothing; other models' are taken."""
    other = MonitorSpec.parse(
        {"model": {"name": "other", "uri": "m"}, "baseline": {"source": "local://x"}, "labels": {"source": "topic"}}
    )
    keys = LabelKeys.of_specs([SPEC, other])
    entity = {"entity": {"a": "1", "b": "2", "c": "3"}, "time": "2026-11-29T00:00Z"}
    sent = [{"model": "delays", **entity, "label": 1}, {"model": "other", "event_id": "e", "label": 1}]
    found = kept(orjson.dumps(sent), Arrival(0, 0, 9), keys)

    assert (["other/1"], ()) == (list(found.labels), found.aside)
    assert ["delays/1"] == list(keys.held)
    assert keys.held["delays/1"].startswith("PEGEL_ENTITY_SECRET: expected 16 bytes or more, because keys of labels")
