"""Small fitted models of the kinds that people bring, and the tables they were fitted on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from pegel.data.columns import Field, Kind, Role, Schema
from pegel_serving.metadata import MODEL_FILE, Metadata

ROWS = 60
CHANNELS = ["web", "mail", "chat"]
"""In an order that is not that of the alphabet: a category's code depends on it."""
TICKET_FIELDS = (
    Field("opened", Kind.CATEGORICAL),
    Field("channel", Kind.CATEGORICAL),
    Field("language", Kind.CATEGORICAL),
    Field("paid", Kind.CATEGORICAL),
    Field("words", Kind.NUMERIC),
)
TICKET_TYPES: dict[str, Any] = {"opened": "time", "channel": CHANNELS, "paid": "truth"}
URGENT = Field("urgent", Kind.CATEGORICAL, Role.PREDICTION)


def tickets() -> pd.DataFrame:
    """Return support tickets by the hour, the later half urgent; every fourth has no language."""
    at = np.arange(ROWS)
    return pd.DataFrame(
        {
            "opened": pd.Timestamp("2026-03-01") + pd.to_timedelta(at, "h"),
            "channel": pd.Categorical(np.array(CHANNELS)[at % 3], categories=CHANNELS),
            "language": np.where(at % 4 == 0, np.nan, np.array(["de", "en", "fr"], dtype=object)[at % 3]),
            "paid": at % 2 == 0,
            "words": at % 7,
            "urgent": np.where(at < ROWS // 2, "no", "yes"),
        }
    )


def tickets_model() -> Pipeline:
    """Return a pipeline that takes times, categories, texts, truth values and integers from a frame by name."""
    ticks = FunctionTransformer(pd.DataFrame.astype, kw_args={"dtype": "int64"})
    text = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(sparse_output=False))
    columns = ColumnTransformer(
        [
            ("time", make_pipeline(ticks, StandardScaler()), ["opened"]),
            ("channel", OneHotEncoder(sparse_output=False), ["channel"]),
            ("language", text, ["language"]),
            ("rest", StandardScaler(), ["words", "paid"]),
        ]
    )
    rows = tickets()
    return Pipeline([("columns", columns), ("classes", LogisticRegression())]).fit(
        rows.drop(columns="urgent"), rows["urgent"]
    )


def trees_model() -> HistGradientBoostingClassifier:
    """Return trees that take categories by the type of a frame's column; they know no other sign of them."""
    rows = tickets()[["channel", "words"]]
    return HistGradientBoostingClassifier(max_iter=5, min_samples_leaf=2).fit(rows, rows["channel"] == "mail")


def two_outputs_model() -> LinearRegression:
    """Return width and height as twice and three times of what is given, in a frame of the columns b and a."""
    rows = pd.DataFrame({"b": [0.0, 1.0, 0.0], "a": [0.0, 0.0, 1.0]})
    return LinearRegression().fit(rows, np.column_stack([2 * rows["a"], 3 * rows["b"]]))


class Moody(LinearRegression):  # type: ignore[misc]  # scikit-learn ships no types
    """A model that fails for a reason of its own."""

    def predict(self, X: Any) -> Any:  # noqa: N803  scikit-learn's name
        """Never answer."""
        raise RuntimeError(f"no licence for today\nnor for {len(X)} rows")


class NamelessColumns(BaseEstimator, TransformerMixin):  # type: ignore[misc]
    """A transformer that somebody wrote: it takes a column by its name, and keeps no names."""

    def fit(self, X: Any, y: Any = None) -> NamelessColumns:  # noqa: ARG002, N803  scikit-learn's names
        """Learn nothing."""
        return self

    def transform(self, X: Any) -> Any:  # noqa: N803
        """Return lengths as numbers."""
        return X[["length"]].to_numpy()


class DaysOfTheYear(BaseEstimator, TransformerMixin):  # type: ignore[misc]
    """A transformer that somebody wrote: it counts days from a time without a zone."""

    def fit(self, X: Any, y: Any = None) -> DaysOfTheYear:  # noqa: ARG002, N803
        """Keep the names."""
        self.feature_names_in_ = np.array(X.columns, dtype=object)
        return self

    def transform(self, X: Any) -> Any:  # noqa: N803
        """Return days; pandas raises where one time has a zone and the other has none."""
        return (X["opened"] - pd.Timestamp("2026-01-01")).dt.days.to_numpy().reshape(-1, 1)


def ages_model() -> Pipeline:
    """Return the days since the new year."""
    rows = pd.DataFrame({"opened": pd.to_datetime(["2026-01-02", "2026-01-03"])})
    return make_pipeline(DaysOfTheYear(), LinearRegression()).fit(rows, [1.0, 2.0])


def texts_model() -> Pipeline:
    """Return a pipeline on texts: mails that say buy are spam."""
    return make_pipeline(CountVectorizer(), DecisionTreeClassifier()).fit(
        ["buy now", "see you", "buy"], ["yes", "no", "yes"]
    )


def nameless_model() -> Pipeline:
    """Return a pipeline that needs a frame and does not say so: twice the length."""
    rows = pd.DataFrame({"name": ["a", "b"], "length": [1.0, 2.0]})
    return make_pipeline(NamelessColumns(), LinearRegression()).fit(rows, [2.0, 4.0])


def write(folder: Path, model: Any, metadata: Metadata) -> Path:
    """Write a model's folder."""
    folder.mkdir()
    joblib.dump(model, folder / MODEL_FILE)
    metadata.write(folder)
    return folder


def write_tickets(folder: Path, *, probabilities: bool = True) -> Path:
    """Write the pipeline on tickets, the probability of its answer watched if it is asked for."""
    watched = (URGENT, Field("urgent_probability", Kind.NUMERIC, Role.PREDICTION))
    schema = Schema((*TICKET_FIELDS, *watched[: 1 + probabilities]))
    return write(folder, tickets_model(), Metadata("tickets", 1, schema, TICKET_TYPES, probabilities))


def write_two_outputs(folder: Path) -> Path:
    """Write the model of two outputs; a request lists `a` first, the model was fitted with `b` first."""
    names = (Field("a", Kind.NUMERIC), Field("b", Kind.NUMERIC))
    outputs = tuple(Field(name, Kind.NUMERIC, Role.PREDICTION) for name in ("width", "height"))
    return write(folder, two_outputs_model(), Metadata("boxes", 1, Schema((*names, *outputs))))


def write_moody(folder: Path) -> Path:
    """Write the model that fails."""
    schema = Schema((Field("a", Kind.NUMERIC), Field("price", Kind.NUMERIC, Role.PREDICTION)))
    return write(folder, Moody().fit([[0.0], [1.0]], [0.0, 1.0]), Metadata("moody", 1, schema))


def write_trees(folder: Path) -> Path:
    """Write the trees, whose labels are truth values."""
    schema = Schema(
        (
            Field("channel", Kind.CATEGORICAL),
            Field("words", Kind.NUMERIC),
            Field("mail", Kind.CATEGORICAL, Role.PREDICTION),
        )
    )
    return write(folder, trees_model(), Metadata("trees", 1, schema, {"channel": CHANNELS}))
