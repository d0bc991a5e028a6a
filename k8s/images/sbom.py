"""What is installed beside this interpreter, as CycloneDX 1.6: the software bill of materials of an image.

Java archives that come inside a distribution, as pyspark's do, are that distribution's; those that were added are told.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from importlib.util import find_spec
from pathlib import Path
from typing import Any

STORES = Path(__file__).resolve().parents[2] / "requirements" / "store-jars.lock"


def component(distribution: Distribution) -> dict[str, Any]:
    """Return one distribution, by the package URL under which scanners know it."""
    name, version = distribution.metadata["Name"], distribution.version
    licence = distribution.metadata.get("License-Expression")
    return {
        "type": "library",
        "name": name,
        "version": version,
        "purl": f"pkg:pypi/{name.lower().replace('_', '-')}@{version}",
        **({"licenses": [{"expression": licence}]} if licence else {}),
    }


def archives() -> Iterator[dict[str, Any]]:
    """Yield each pinned archive of an object store that was added to pyspark's."""
    spec = find_spec("pyspark")
    added = Path(spec.origin).parent / "jars" if spec is not None and spec.origin else Path()
    for line in STORES.read_text(encoding="utf-8").splitlines():
        coordinate, _, digest = line.partition(" ")
        group, _, rest = coordinate.partition(":")
        name, _, version = rest.partition(":")
        if version and (added / f"{name}-{version}.jar").exists():
            yield {
                "type": "library",
                "group": group,
                "name": name,
                "version": version,
                "purl": f"pkg:maven/{group}/{name}@{version}",
                "hashes": [{"alg": "SHA-256", "content": digest}],
            }


def bill() -> dict[str, Any]:
    """Return the whole bill, in the order of names, so that equal images have equal bills."""
    components = sorted([*map(component, distributions()), *archives()], key=lambda each: each["name"].lower())
    return {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": components}


if __name__ == "__main__":
    json.dump(bill(), sys.stdout, indent=1)
    sys.stdout.write("\n")
