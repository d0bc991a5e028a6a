"""Train a regressor that says for how much a house will be sold, in thousands of euros."""

from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.model_selection import cross_val_predict, train_test_split

rng, rows = np.random.default_rng(2), 8_000
houses = pd.DataFrame({"area": rng.lognormal(4.7, 0.3, rows).round(), "year": rng.integers(1900, 2026, rows)})
houses["rooms"] = (houses.area / 25 + rng.normal(0, 0.8, rows)).clip(1).round()
houses["station_km"] = rng.exponential(2.0, rows).round(1)
price = 2.5 * houses.area * (1 + np.exp(-houses.station_km / 4)) + (houses.year - 1900) / 2 + rng.normal(0, 30, rows)

train, later, known, _ = train_test_split(houses, price, test_size=0.5, random_state=0)
model = GradientBoostingRegressor(random_state=0)
answers = cross_val_predict(model, train, known)
model.fit(train, known)

Path("model").mkdir(exist_ok=True)
joblib.dump(model, "model/model.joblib")
train.assign(price=answers.round(1)).to_csv("train.csv", index=False)
later.to_csv("later.csv", index=False)
