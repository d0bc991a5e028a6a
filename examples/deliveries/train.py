"""Train a pipeline that says how many hours a delivery takes, from when, by what and where to it was ordered."""

from pathlib import Path

import cloudpickle
import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.linear_model import Ridge
from sklearn.model_selection import cross_val_predict, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

CARRIERS, ZONES = ["bike", "van", "truck"], ["inner", "outer", "country"]


def hour_and_weekday(times: pd.DataFrame) -> np.ndarray:
    """Return as numbers what matters of the time of each row."""
    ordered = times["ordered"].dt
    return np.column_stack([ordered.hour, ordered.weekday])


rng, rows = np.random.default_rng(3), 12_000
minutes = np.sort(rng.integers(0, 60 * 24 * 28, rows))
deliveries = pd.DataFrame({"ordered": pd.Timestamp("2026-09-01") + pd.to_timedelta(minutes, unit="min")})
deliveries["carrier"] = pd.Categorical(rng.choice(CARRIERS, rows, p=[0.3, 0.5, 0.2]), categories=CARRIERS)
deliveries["zone"] = rng.choice(ZONES, rows, p=[0.5, 0.3, 0.2])
deliveries["weight"] = rng.lognormal(1.0, 0.7, rows).round(1)
far = deliveries.zone.map({"inner": 2.0, "outer": 5.0, "country": 20.0})
late = np.where(deliveries.ordered.dt.hour > 17, 12.0, 0.0)
hours = far + late + deliveries.weight / 10 + rng.exponential(2.0, rows)

train, later, known, _ = train_test_split(deliveries, hours, test_size=0.5, random_state=0)
model = make_pipeline(
    make_column_transformer(
        (FunctionTransformer(hour_and_weekday), ["ordered"]),
        (OneHotEncoder(handle_unknown="ignore"), ["carrier", "zone"]),
        (StandardScaler(), ["weight"]),
    ),
    Ridge(),
)
answers = cross_val_predict(model, train, known)
model.fit(train, known)

Path("model").mkdir(exist_ok=True)
# A function of this file is none of the model server's: cloudpickle keeps it with the model.
with Path("model/model.joblib").open("wb") as file:
    cloudpickle.dump(model, file)
train.assign(hours=answers).to_parquet("train.parquet")
later.to_parquet("later.parquet")
