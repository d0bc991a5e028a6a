"""The keys by which labels of a model are matched, told as the rows' are: what is private is hashed first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pegel.data.entity_keys import entity_key
from pegel.data.keyed_hash import NO_SECRET, KeyedHash
from pegel.data.private_fields import PrivateFields
from pegel.errors import SetupError
from pegel.spec.monitor_spec import MonitorSpec


@dataclass(frozen=True, slots=True)
class EntityKeys:
    """The parts of an entity's key by name, in order; none where labels are matched by event.

    `at_endpoint`: those that leave the endpoint as a hash. `private`: what archived rows hold in place of a value.
    """

    names: tuple[str, ...] = ()
    at_endpoint: frozenset[str] = frozenset()
    private: PrivateFields = field(default_factory=PrivateFields)
    hashed: KeyedHash = NO_SECRET

    @classmethod
    def of(cls, spec: MonitorSpec, secret: str) -> EntityKeys:
        """Return those of a spec. Raises SetupError where a key is private and nobody could hash it."""
        names, hashed = spec.label_keys, KeyedHash(secret)
        own = {name: way for name, way in spec.archive.private.items() if name in names}
        keys = cls(names, frozenset(spec.online.private) & {*names}, PrivateFields(own, hashed), hashed)
        if (keys.at_endpoint or own) and not hashed.is_safe:
            raise SetupError(
                f"PEGEL_ENTITY_SECRET: expected 16 bytes or more, because keys of labels of {spec.key} are private. No "
                "label was taken."
            )
        return keys

    def told(self, name: str, text: str) -> str:
        """Return what stands in archived rows for a part of a key."""
        return self.hashed.of(name, text) if name in self.at_endpoint else str(self.private.told(name, text))

    def key(self, parts: Sequence[str]) -> str:
        """Return the key of an entity, of parts in the order of names. Raises ValueError for one that is too long."""
        return entity_key([self.told(name, part) for name, part in zip(self.names, parts, strict=True)])


@dataclass(frozen=True, slots=True)
class LabelKeys:
    """The keys of each model version that takes labels from a topic, by the key of the model version.

    `held`: model versions whose labels are held back, and why; they are read once their keys can be told.
    """

    of: Mapping[str, EntityKeys]
    held: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_specs(cls, specs: Sequence[MonitorSpec], secret: str = "") -> LabelKeys:
        """Return those of specs of one namespace; where a key is private and there is no secret, labels are held."""
        of: dict[str, EntityKeys] = {}
        held: dict[str, str] = {}
        for spec in specs:
            if spec.labels.by_topic:
                try:
                    of[spec.key] = EntityKeys.of(spec, secret)
                except SetupError as error:
                    held[spec.key] = f"{error} What is on the topic is read once there is one."
        return cls(of, held)

    def only(self, key: str) -> LabelKeys:
        """Return those of one model version that has some."""
        return LabelKeys({key: self.of[key]})
