"""Up to which offset everything of a partition is done, so that nothing is lost when the worker begins again there."""

from __future__ import annotations

from pegel.stream.wire_records import Address


class SafeOffsets:
    """Remembers what was read, and which records of it are still being worked on. Not for several threads."""

    def __init__(self) -> None:
        """Know of no partition."""
        self._next: dict[Address, int] = {}
        self._held: dict[Address, set[int]] = {}

    def read(self, address: Address, offset: int) -> None:
        """Note that a record was read; unless it is held it is done with."""
        self._next[address] = offset + 1

    def hold(self, address: Address, offset: int) -> None:
        """Keep the safe offset at or below a record that was read."""
        self._held.setdefault(address, set()).add(offset)

    def release(self, address: Address, offset: int) -> None:
        """Let go of a record; of one that is not held nothing happens."""
        self._held.get(address, set()).discard(offset)

    def safe(self) -> dict[Address, int]:
        """Return for each partition the first offset that is still to be read again after a restart."""
        return {address: min(self._held.get(address) or {after}) for address, after in self._next.items()}

    def forget(self, address: Address) -> None:
        """Drop a partition that another reader has now."""
        self._next.pop(address, None)
        self._held.pop(address, None)
