"""Write down rows of the past with what the server answered, and rows that come later."""

import numpy as np
import pandas as pd
from serve import kilowatts

rng, rows = np.random.default_rng(4), 8_000
turbines = pd.DataFrame({"wind": rng.weibull(2.0, rows) * 8, "angle": rng.normal(0, 8, rows)}).round(2)
past, later = turbines[: rows // 2], turbines[rows // 2 :]
past.assign(kilowatts=kilowatts(past.wind, past.angle)).to_parquet("past.parquet")
later.to_parquet("later.parquet")
