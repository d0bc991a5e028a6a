"""How a table of labels is named: as one of training data is, but for what pins or divides it."""

from __future__ import annotations

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
)


def parse_label_table(text: str) -> TableRef:
    """Read the address of a table of labels. Raises InvalidSpec.

    A pinned table would never have a new label, and what the columns are, the section `labels` says.
    """
    if is_hopsworks(text):
        raise InvalidSpec(
            f"labels.source: given {quoted(text)}: Hopsworks is not asked for labels; name the feature group by the "
            f"address of its Delta files, as in delta:s3a://bucket/folder"
        )
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
