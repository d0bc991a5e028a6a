"""Train a classifier that says how urgent a support ticket is, and how sure it is of that."""

from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

rng, rows = np.random.default_rng(1), 12_000
tickets = pd.DataFrame({"words": rng.gamma(3.0, 40.0, rows).round(), "attachments": rng.poisson(0.4, rows)})
tickets["open_tickets"] = rng.poisson(3.0, rows)
heat = tickets.words / 100 + tickets.attachments + tickets.open_tickets / 3 + rng.normal(0, 0.4, rows)
priority = np.select([heat > 3.5, heat > 2.2], ["urgent", "normal"], "low")

train, later, known, _ = train_test_split(tickets, priority, test_size=0.5, random_state=0)
model = make_pipeline(StandardScaler(), LogisticRegression())
# Of each training row, what a model says that did not see it: the class, and its probability.
probabilities = cross_val_predict(model, train, known, method="predict_proba")
model.fit(train, known)
answers = {"priority": model.classes_[probabilities.argmax(axis=1)], "priority_probability": probabilities.max(axis=1)}

Path("model").mkdir(exist_ok=True)
joblib.dump(model, "model/model.joblib")
train.assign(**answers).to_parquet("train.parquet")
later.to_parquet("later.parquet")
