"""How training data in Hopsworks are named: `hopsworks://demo/delays_view/1?td=3&split=train`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from pegel.errors import InvalidSpec
from pegel.spec.outside_text import quoted

SCHEME = "hopsworks"
_NAME = re.compile(r"[A-Za-z0-9_][-A-Za-z0-9_]{0,62}")
"""Of a project, a feature view, a model or a column: what Hopsworks takes as one."""
_VERSION = re.compile(r"[1-9][0-9]{0,8}")
_SPLITS = ("train", "validation", "test")
_KNOWN = {"td", "split", "model", "predictions"}
_EXAMPLE = "hopsworks://demo/delays_view/1?td=3&split=train"


@dataclass(frozen=True, slots=True, kw_only=True)
class HopsworksRef:
    """A training dataset of a feature view.

    `training_dataset`: its version; None means the one with which Hopsworks' registry says the model was trained.
    `split`: None where the dataset has none. `model`: what the registry calls the model; "" means as the spec does.
    `predictions`: columns of the dataset that hold what the model predicted, and so are no inputs.
    """

    project: str
    feature_view: str
    version: int
    training_dataset: int | None = None
    split: str | None = None
    model: str = ""
    predictions: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> HopsworksRef:
        """Read the written form. Raises InvalidSpec.

        Names are letters, digits, `_` and inner `-`; versions are whole numbers from 1; nothing is said
        twice, no column either.
        """
        try:
            parts = urlsplit(text)
            pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        except ValueError:
            raise _refused(text) from None
        asked, path = dict(pairs), unquote(parts.path).strip("/").split("/")
        if parts.scheme != SCHEME or len(path) != 2 or len(asked) != len(pairs) or "#" in text:  # noqa: PLR2004
            raise _refused(text)
        view, version = path
        td, split, model = asked.get("td"), asked.get("split"), asked.get("model", "")
        predictions = tuple(asked["predictions"].split(",")) if "predictions" in asked else ()
        names = (parts.netloc, view, *predictions, *([model] if "model" in asked else []))
        versions = (version, *([] if td is None else [td]))
        if (
            not asked.keys() <= _KNOWN
            or not all(map(_NAME.fullmatch, names))
            or not all(map(_VERSION.fullmatch, versions))
            or split not in (None, *_SPLITS)
            or len(set(predictions)) != len(predictions)
            or not text.isprintable()  # of line ends and tabs `urlsplit` knows nothing: they would be left out
        ):
            raise _refused(text)
        return cls(
            project=parts.netloc,
            feature_view=view,
            version=int(version),
            training_dataset=None if td is None else int(td),
            split=split,
            model=model,
            predictions=predictions,
        )

    def __str__(self) -> str:
        said = {
            "td": self.training_dataset,
            "split": self.split,
            "model": self.model or None,
            "predictions": ",".join(self.predictions) or None,
        }
        query = urlencode({name: value for name, value in said.items() if value is not None}, safe=",")
        return f"{SCHEME}://{self.project}/{self.feature_view}/{self.version}{'?' if query else ''}{query}"


def is_hopsworks(source: str) -> bool:
    """Say whether training data are named as those of Hopsworks.

    >>> is_hopsworks("hopsworks://demo/delays_view/1"), is_hopsworks("local://delays")
    (True, False)
    """
    return source.strip().partition(":")[0].lower() == SCHEME


def _refused(text: str) -> InvalidSpec:
    return InvalidSpec(
        f"baseline.source: given {quoted(text)}: expected hopsworks://PROJECT/FEATURE_VIEW/VERSION?td=3&split=train, "
        f"for example {_EXAMPLE}; split is one of {', '.join(_SPLITS)}"
    )
