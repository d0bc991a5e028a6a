"""How entities are told outside of their endpoint."""

from __future__ import annotations

import pytest

from pegel.data.entity_keys import entity_key
from pegel.data.keyed_hash import PREFIX
from pegel.errors import SetupError
from pegel.online.private_keys import PrivateKeys

SECRET = "a secret of 16 b"  # noqa: S105
NAMES = ("person", "place")


def test_only_private_parts_are_hashed() -> None:
    """A private part is a hash that says so, every other part is what it was; the same entity has the same hash."""
    told = PrivateKeys(NAMES, ["person"], SECRET)
    person, place = told.told(entity_key(["ada", "ORD"]))

    assert person.startswith(PREFIX)
    assert (len(PREFIX) + 32, "ORD") == (len(person), place)
    assert [person, place] == told.told(entity_key(["ada", "ORD"]))


def test_a_hash_depends_on_secret_value_and_name() -> None:
    """Another secret, another value, and the same value under another name have other hashes."""
    both = PrivateKeys(NAMES, NAMES, SECRET)
    hashes = {
        *both.told(entity_key(["ada", "ada"])),
        *both.told(entity_key(["bob", "bob"])),
        *PrivateKeys(NAMES, NAMES, SECRET + "!").told(entity_key(["ada", "ada"])),
    }

    assert 6 == len(hashes)


def test_without_private_keys_no_secret_is_needed() -> None:
    """Entities that are not private are told as they are."""
    assert ["ada", "ORD"] == PrivateKeys(NAMES, [], "").told(entity_key(["ada", "ORD"]))


@pytest.mark.parametrize("secret", ["", "fifteen bytes!!"])
def test_a_short_secret(secret: str) -> None:
    """A secret that could be guessed is refused, and not shown."""
    with pytest.raises(SetupError, match=f"at least 16 bytes, because keys are private, given {len(secret)}"):
        PrivateKeys(NAMES, ["person"], secret)
