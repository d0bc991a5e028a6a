"""Objects as YAML, as people read them and as `kubectl` takes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml

from pegel.manifests.objects import Manifest

WIDTH = 120


class _Plain(yaml.SafeDumper):
    """Writes out what stands in two places in both: a reader need not look for the first."""

    def ignore_aliases(self, data: Any) -> bool:
        """Never refer to another place."""
        del data
        return True


def yaml_text(manifests: Iterable[Manifest]) -> str:
    """Return objects as one stream of documents, their fields in the order in which they were made."""
    return yaml.dump_all(manifests, Dumper=_Plain, sort_keys=False, width=WIDTH, allow_unicode=True)
