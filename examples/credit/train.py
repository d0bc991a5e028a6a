"""Train a model that says which applications for a loan are granted, and another one that says so as often."""

from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier


def applications(rng: np.random.Generator, rows: int) -> pd.DataFrame:
    """Draw applications in the order of their time; one customer in ten asks again, for another sum."""
    drawn = pd.DataFrame({"amount": rng.lognormal(9.0, 0.6, rows), "months": rng.integers(6, 85, rows)})
    drawn["income"] = rng.lognormal(7.9, 0.4, rows)
    drawn["debt"] = rng.gamma(1.5, 4_000, rows)
    drawn["savings"] = rng.lognormal(8.0, 1.2, rows)
    drawn["age"] = rng.integers(18, 76, rows)
    drawn["employed"] = rng.gamma(2.0, 40, rows)
    drawn["visits"] = rng.gamma(4.0, 3.0, rows)  # to the web page, on which hardly anything depends
    times = rng.choice([1, 2, 3], rows, p=[0.9, 0.07, 0.03])
    drawn = drawn.loc[drawn.index.repeat(times)][:rows].reset_index(drop=True)
    again = drawn.duplicated(["income", "debt"])
    drawn.loc[again, "amount"] *= rng.uniform(0.85, 1.15, again.sum())
    return drawn.round(0)


def granted(rng: np.random.Generator, asked: pd.DataFrame) -> np.ndarray:
    """Return what a person decided about each."""
    monthly = asked.amount / asked.months + asked.debt / 60
    trust = np.log1p(asked.savings) / 4 + np.log1p(asked.employed) / 5 - 6.0 * monthly / asked.income
    trust += 0.006 * asked.visits - np.where(asked.age < 25, 0.7, 0.0)
    return np.where(trust + rng.logistic(0, 0.3, len(asked)) > 2.1, "yes", "no")


rng, day = np.random.default_rng(8), 48_000
model = HistGradientBoostingClassifier(max_iter=40, max_leaf_nodes=8, learning_rate=0.2)
# Each has learnt from customers of its own: the other one is no better and no worse, and not the same.
for place in ("other", "model"):
    learnt = applications(rng, day // 2)
    Path(place).mkdir(exist_ok=True)
    joblib.dump(model.fit(learnt, granted(rng, learnt)), f"{place}/model.joblib")

# One day of applications that the model has not learnt from, with its answers.
past = applications(rng, day)
probabilities = model.predict_proba(past)
past["granted"] = model.classes_[probabilities.argmax(axis=1)]
past["granted_probability"] = probabilities.max(axis=1)
asked = pd.Timestamp("2026-09-07") + pd.to_timedelta(np.linspace(0, 86_399, day), unit="s")
past["asked"] = asked.astype("datetime64[us]")
past.to_parquet("past.parquet")
applications(rng, 6_000).to_parquet("holdout.parquet")
applications(rng, day).to_parquet("later.parquet")
