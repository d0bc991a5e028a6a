"""What the abuse tests share: the tools of the serving tests, and those that live beside these."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
for folder in (HERE / "lib", HERE.parent / "serving" / "lib"):
    sys.path.insert(0, str(folder))
