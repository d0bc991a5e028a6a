"""How a table of labels is named: as one of training data is, but for what pins or divides it.

A feature group of Hopsworks is `hopsworks://PROJECT/FEATURE_GROUP/VERSION`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from pegel.errors import InvalidSpec
from pegel.spec.hopsworks_reference import is_hopsworks
from pegel.spec.outside_text import quoted
from pegel.spec.table_reference import TableRef

LABEL_FORMS: Final = (
    "parquet:/folder",
    "delta:/folder",
    "iceberg:s3a://bucket/folder",
    "iceberg://CATALOG/NAMESPACE.TABLE",
    "jdbc://DATABASE/TABLE",
    "hopsworks://PROJECT/FEATURE_GROUP/VERSION",
)
_FEATURE_GROUP = re.compile(
    r"(?i:hopsworks)://(?P<project>[A-Za-z0-9_][-A-Za-z0-9_]{0,62})/(?P<name>[A-Za-z0-9_][-A-Za-z0-9_]{0,62})"
    r"/(?P<version>[1-9][0-9]{0,8})"
)


@dataclass(frozen=True, slots=True)
class FeatureGroupRef:
    """A version of a feature group of Hopsworks."""

    project: str
    name: str
    version: int

    def __str__(self) -> str:
        return f"hopsworks://{self.project}/{self.name}/{self.version}"


def parse_label_table(text: str) -> TableRef | FeatureGroupRef:
    """Read the address of a table of labels. Raises InvalidSpec.

    A pinned table would never have a new label, and what the columns are, the section `labels` says.
    """
    if is_hopsworks(text):
        group = _FEATURE_GROUP.fullmatch(text)
        if group is None:
            raise InvalidSpec(
                f"labels.source: given {quoted(text)}: expected {LABEL_FORMS[-1]}, a feature group and nothing behind "
                f"its version"
            )
        return FeatureGroupRef(group["project"], group["name"], int(group["version"]))
    try:
        table = TableRef.parse(text)
    except InvalidSpec as error:
        raise InvalidSpec(str(error).replace("baseline.source: ", "labels.source: ", 1)) from None
    if table.pin is not None or table.predictions or table.without or table.categories:
        raise InvalidSpec(
            f"labels.source: given {quoted(text)}: expected the address of the table alone, as in {LABEL_FORMS[0]}; "
            f"the columns are those that the section `labels` names, and what is pinned has no new labels"
        )
    return table
