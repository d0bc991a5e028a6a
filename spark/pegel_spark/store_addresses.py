"""What an address of an object store is called by whom."""

from __future__ import annotations


def hadoop_address(address: str) -> str:
    """Return an address as Hadoop's file systems know it; others call the same store `s3`."""
    return f"s3a{address[2:]}" if address.startswith("s3://") else address
